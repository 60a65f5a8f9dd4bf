import re

def emails(messages, pattern):
    found = 0
    for message in messages:
        if re.match(pattern, message.sender):
            found += 1
    return found

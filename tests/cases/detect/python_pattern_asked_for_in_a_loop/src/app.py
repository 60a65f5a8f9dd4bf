import re

def emails(messages, pattern):
    found = 0
    for message in messages:
        if re.match(pattern, message.sender):
            found += 1
    return found


def numbers(texts):
    return [t for t in texts if re.search(r"[0-9]+", t, flags=re.ASCII)]

import re

def filters(rules):
    compiled = []
    for rule in rules:
        compiled.append(re.compile(rule.pattern))
    return compiled

import re

def filters(rules):
    compiled = []
    for rule in rules:
        compiled.append(re.compile(rule.pattern))
    return compiled


def named(texts, name):
    return [t for t in texts if re.search(f"^{name} ", t)]


def flatten(lists):
    out = []
    for x in lists:
        out = out + x
    return out


def in_place(lists):
    out = []
    for x in lists:
        out += x
    return out


def calls(lists):
    out = []
    for x in lists:
        out = out + sorted(x)
    return out


def known(seen, x):
    return x in seen


def find(orders, ident):
    return next((o for o in orders if o.id == ident), None)


def check(orders, values):
    seen = []
    for v in values:
        if not known(seen, v):
            seen.append(v)
            find(orders, v)
    return seen


KINDS = ["cup", "plate", "lamp", "pan"]


def kinds(names):
    n = 0
    for name in names:
        if name in KINDS:
            n += 1
    return n


def literals(names):
    n = 0
    for name in names:
        if name in ["p", "q"]:
            n += 1
    return n


def split(lines):
    found = []
    for line in lines:
        parts = list(line)
        if "error" in parts:
            found.append(parts)

def member(tags, tag):
    tags.append(tag)
    return tag in tags

def of_each(orders, tag):
    for order in orders:
        if member(order.tags, tag):
            yield order


def made_anew(orders):
    for order in orders:
        tags = [tag for tag in order.tags]
        if order.main_tag in tags:
            yield order

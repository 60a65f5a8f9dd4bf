
def each_its_own(orders):
    for order in orders:
        order.text += "."


def anew(orders):
    for order in orders:
        text = order.name
        text += order.number
        yield text


def words(a):
    b = ""
    for x in a:
        b += x
    return b


def write(journal, orders):
    for order in orders:
        journal.text += f"{order.number}"


class Page:

    def add(self, part):
        self.text = self.text + part


def plain(orders):
    text = ""
    for order in orders:
        if order.total:
            text = text + order.line
    return text


def render(page, orders):
    for order in orders:
        page.add(order.line)

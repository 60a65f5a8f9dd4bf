
class Store:
    def __init__(self):
        self.items = []
        self.queue = []

    def add(self, item):
        if item not in self.items:
            self.items.append(item)

    def take(self):
        return self.queue.pop(0)


def work(store, items):
    store.queue = list(items)
    for item in items:
        store.add(item)
        store.take()

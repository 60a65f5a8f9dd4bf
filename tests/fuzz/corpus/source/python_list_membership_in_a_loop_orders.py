def find_duplicates(batch):
    seen = []
    for order in batch:
        if order.id not in seen:   # "x in seen"
            seen.append(order.id)
    return seen

def price(batch):
    total = 0
    for o in batch:
        total += o.price
    return total

while True:
    find_duplicates(load())
    price(load())

def find_duplicates(batch):
    seen = set()
    for order in batch:
        if order.id not in seen:
            seen.add(order.id)
    return seen

while True:
    find_duplicates(load())

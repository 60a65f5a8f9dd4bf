import json


def each_line(file):
    orders = []
    for line in file:
        orders.append(json.loads(line))
    return orders


def each_message(queue):
    while queue:
        handle(json.loads(queue.pop()))


def from_socket(reader):
    while True:
        order = json.loads(reader.text)
        if not reader.advance():
            return


text = "{}"


def changing():
    global text
    text = receive()
    return json.loads(text)


def parameter(body):
    return json.loads(body)


def next_of(messages):
    for _ in range(100):
        handle(json.loads(next(messages)))


from .state import newest

twice = "{}"
twice = read()


def of_another_module():
    return json.loads(newest)


def of_a_module_that_changed_it():
    return json.loads(twice)

import json

rates_text = open("rates.json").read()


def tariff():
    return json.loads(rates_text)


def price(order):
    rates = tariff()
    return sum(order) * (1 + rates["vat"])

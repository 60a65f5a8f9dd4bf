"""A small order service, written in a hurry: it takes in batches of orders, throws out the repeated
ones, prices the rest and writes a journal of them. It works; it is slow.

usage: orders.py [SECONDS]     (default: until it is killed)
"""
# SPDX-License-Identifier: BSD-2-Clause
import json
import os
import random
import sys
import time
from dataclasses import dataclass, field

BATCH = 2900
COUNTRIES = ("DE", "AT", "FR", "NL", "PL")
TARIFF = """{
    "currency": "EUR",
    "vat": {"DE": 0.19, "AT": 0.20, "FR": 0.20, "NL": 0.21, "PL": 0.23},
    "shipping": [
        {"up_to_kg": 1, "DE": 3.99, "AT": 7.49, "FR": 8.99, "NL": 6.99, "PL": 9.49},
        {"up_to_kg": 2, "DE": 4.99, "AT": 8.49, "FR": 9.99, "NL": 7.99, "PL": 10.99},
        {"up_to_kg": 5, "DE": 5.99, "AT": 9.99, "FR": 11.99, "NL": 8.99, "PL": 12.99},
        {"up_to_kg": 10, "DE": 6.49, "AT": 10.99, "FR": 12.99, "NL": 9.99, "PL": 13.99},
        {"up_to_kg": 15, "DE": 7.49, "AT": 11.99, "FR": 13.99, "NL": 10.99, "PL": 14.99},
        {"up_to_kg": 20, "DE": 8.49, "AT": 13.99, "FR": 15.99, "NL": 11.99, "PL": 16.99},
        {"up_to_kg": 31, "DE": 9.99, "AT": 16.99, "FR": 18.99, "NL": 14.99, "PL": 19.99}
    ]
}"""


@dataclass
class Order:
    number: str
    country: str
    lines: list
    total: float = 0.0


@dataclass
class Journal:
    text: str = ""
    totals: dict = field(default_factory=dict)


def make_catalogue(rng):
    things = ["cup", "plate", "lamp", "chair", "shelf", "carpet", "pan", "blanket"]
    looks = ["blue", "oak", "enamel", "woollen", "folding", "large", "glazed", "plain"]
    names = [f"{look} {thing} {rng.randrange(10000):04}" for thing in things for look in looks]
    return [{"name": n, "price": rng.randrange(199, 9999) / 100, "kg": rng.random()} for n in names]


def receive_orders(rng, catalogue, first_number):
    """One order in eight is sent twice by impatient customers."""
    orders = []
    for i in range(BATCH):
        if orders and rng.random() < 0.125:
            orders.append(rng.choice(orders))
            continue
        lines = rng.choices(catalogue, k=6)
        orders.append(Order(f"ORD-2024-{first_number + i:010}", rng.choice(COUNTRIES), lines))
    return orders


def drop_duplicates(orders):
    seen = []
    unique = []
    for order in orders:
        if order.number in seen:
            continue
        seen.append(order.number)
        unique.append(order)
    return unique


def load_tariff():
    return json.loads(TARIFF)


def shipping(tariff, country, kg):
    for row in tariff["shipping"]:
        if kg <= row["up_to_kg"]:
            return row[country]
    return tariff["shipping"][-1][country]


def price_order(order):
    tariff = load_tariff()
    goods = kg = 0
    for line in order.lines:
        goods += line["price"]
        kg += line["kg"]
    net = goods + shipping(tariff, order.country, kg)
    order.total = round(net * (1 + tariff["vat"][order.country]), 2)


def write_journal(journal, orders):
    for order in orders:
        items = ", ".join(line["name"] for line in order.lines)
        journal.text += f"{order.number} {order.country} {order.total:10.2f} {items}\n"


def summarize(journal, orders):
    for order in orders:
        key = (order.country, order.lines[0]["name"])
        journal.totals[key] = journal.totals.get(key, 0) + order.total


def process_orders(orders):
    journal = Journal()
    unique = drop_duplicates(orders)
    for order in unique:
        price_order(order)
    write_journal(journal, unique)
    summarize(journal, unique)
    return len(unique), journal


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else float("inf")
    rng = random.Random(20240229)
    catalogue = make_catalogue(rng)
    received = done = 0
    print("pid", os.getpid(), flush=True)
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        orders = receive_orders(rng, catalogue, received)
        count, _ = process_orders(orders)
        received += len(orders)
        done += count
    took = time.monotonic() - start
    print(f"{received / took:.0f} orders per second, {100 * done / received:.1f} % of them done")


if __name__ == "__main__":
    main()

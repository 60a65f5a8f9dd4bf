"""Reads "case value" lines and prints each case's median, quartiles and ratio to the first case."""
# SPDX-License-Identifier: BSD-2-Clause
import statistics
import sys


def read(lines):
    cases = {}
    for line in lines:
        name, value = line.rsplit(None, 1)
        cases.setdefault(name, []).append(float(value))
    return cases


def spread(values):
    """The first and third quartile; both the value itself when there is only one."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def main(unit):
    cases = read(sys.stdin)
    if not cases:
        sys.exit("no figures")
    first = statistics.median(next(iter(cases.values())))
    print(f"  {'':28} {'median':>10} {'quartiles':>21} {'IQR/median':>11} {'ratio':>8} {'n':>4}   [{unit}]")
    for name, values in cases.items():
        median, (low, high) = statistics.median(values), spread(values)
        noise = (high - low) / median if median else 0
        print(f"  {name:28} {median:10.4g} {low:10.4g} {high:10.4g} {noise:10.1%} "
              f"{median / first if first else 0:8.4f} {len(values):4}")


main(sys.argv[1])

"""Python code whose time is known: 70 % in work_70, 30 % in work_30, measured by itself.

Calls go through a C function (sorted's key) and a generator, from a thread of its own, while other
threads hold no GIL (zlib). Prints the measured share of work_70 at the end.
"""
import sys
import threading
import time
import zlib


def spin(n):
    s = 0
    for i in range(n):
        s += i * i  # hot line
    return s


def work_70(n):
    return spin(7 * n)


def work_30(n):
    return spin(3 * n)


class Chooser:
    def choose(self, which):
        return work_70(400) if which else work_30(400)


def both():
    chooser = Chooser()
    for which in (True, False):
        start = time.thread_time()
        yield chooser.choose(which)
        spent[which] += time.thread_time() - start


def deeper(depth, key):
    return deeper(depth - 1, key) if depth else key(0)


def key_function(_):
    return sum(both())


def worker():
    while time.monotonic() < end:
        sorted([1, 2, 3], key=lambda x: deeper(200, key_function))


def compressor():
    data = bytes(range(256)) * 4000
    while time.monotonic() < end:
        zlib.compress(data, 6)


spent = {True: 0.0, False: 0.0}
end = time.monotonic() + float(sys.argv[1])
sys.setrecursionlimit(5000)
threads = [threading.Thread(target=f, name=f.__name__) for f in (worker, compressor)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(spent[True] / (spent[True] + spent[False]))

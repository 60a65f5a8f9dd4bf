#!/bin/bash
# Source lines with their cost: C, C++ and Python alike; sources that are missing or changed.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
behave=$(realpath -m "$B")/workloads/behave

# part FILE [WHAT] CODE: a Python expression over the first part `p`, its lines `line[number]` and
# the texts `cost` (text of a line: its total) that must hold.
part() {
	local code=${*: -1}
	"$ASSAY" annotate --json "${@:1:$#-1}" >"$WORK/part.json" || return 1
	python3 - "$WORK/part.json" "$code" <<'END'
import json, sys
p = json.load(open(sys.argv[1]))
line = {l["line"]: l for l in p["lines"]}
cost = {(l["text"] or "").strip(): l["total"] for l in p["lines"]}
print({k: v for k, v in p.items() if k not in ("quality", "others")})
sys.exit(not eval(sys.argv[2]))
END
}
# Everything a person sees fits into the columns, tabs expanded.
fits() { # COLUMNS ARG...
	COLUMNS=$1 "$ASSAY" annotate "${@:2}" >"$WORK/text" || return 1
	python3 - "$1" "$WORK/text" <<'END'
import sys, unicodedata
for row in open(sys.argv[2], encoding="utf-8").read().split("\n"):
    n = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in row)
    if n > int(sys.argv[1]) or "\t" in row or "\x1b" in row:
        sys.exit(f"{n} columns: {row!r}")
END
}
says() { # TEXT ARG...
	"$ASSAY" annotate "${@:2}" | tr -s ' \n' ' ' | tee "$WORK/said" | grep -qF -- "$1" || { cat "$WORK/said" && return 1; }
}

mkdir "$WORK/src"
cat >"$WORK/src/hot.c" <<'END'
#include <stdint.h>
#include <time.h>

volatile uint64_t sink;

__attribute__((noinline)) static void cheap(void)
{
	for (int i = 0; i < 10000; i++)
		sink = sink * 31 + 7; /* one part */
}

__attribute__((noinline)) static void dear(void)
{
	for (int i = 0; i < 90000; i++)
		sink = sink * 31 + 7; /* nine parts: 漢字 */
}

int main(void)
{
	while (clock() < 8 * CLOCKS_PER_SEC) {
		cheap();
		dear();
	}
	return 0;
}
END
gcc -g -O1 "$WORK/src/hot.c" -o "$WORK/hot"
check "a C program is recorded" "$ASSAY" record -q -F 499 -o "$WORK/c.assay" -- "$WORK/hot"
check "without a name the hottest function is shown first" part "$WORK/c.assay" \
	'p["function"] == "dear" and p["source"] == "recorded"'
check "its lines have the cost that they have" part "$WORK/c.assay" dear \
	'0.75 < sum(l["self"] for l in p["lines"]) < 0.99 and p["lines"][0]["text"] is not None'
check "a line's interval is around its share" part "$WORK/c.assay" dear \
	'all(l["self_low"] <= l["self"] <= l["self_high"] for l in p["lines"] if l["samples"] > 20)'
check "a line has what it calls in its total" part "$WORK/c.assay" main \
	'0.75 < cost["dear();"] < 0.99 and 0.03 < cost["cheap();"] < 0.2'
check "a source file shows all its functions" part "$WORK/c.assay" hot.c \
	'p["function"] is None and p["file"].endswith("/src/hot.c") and "dear();" in cost and any("nine parts" in t for t in cost)'
check "a line of a file shows what is around it" part "$WORK/c.assay" hot.c:23 \
	'13 <= min(line) and max(line) <= 33 and "dear();" in cost'
check "focus makes a part the whole" part "$WORK/c.assay" dear --focus dear 'p["total"] > 0.999'
for columns in 40 71 80 100 130; do
	check "in $columns columns nothing is wider" fits "$columns" "$WORK/c.assay"
done
check_exit 2 "a name that is not there is refused" "$ASSAY" annotate "$WORK/c.assay" no_such_function
check "and how to find names is told" bash -c '"$1" annotate "$2" nix 2>&1 | grep -q "assay report"' - "$ASSAY" "$WORK/c.assay"

# ---- sources that are not there ----

check "a program is recorded without sources" "$ASSAY" record -q --no-source -d 2 -F 499 -o "$WORK/bare.assay" -- "$WORK/hot"
check "its lines have costs but no text" part "$WORK/bare.assay" dear \
	'p["source"] == "missing" and len(line) > 0 and all(l["text"] is None and l["total"] > 0 for l in p["lines"])'
check "and it is told how to get it" says "--source-path" "$WORK/bare.assay" dear
check "with a folder the text is there" part "$WORK/bare.assay" dear --source-path "$WORK/src" \
	'p["source"] == "recorded" and any("nine parts" in t for t in cost)'
check_exit 5 "a folder that is not there is refused" "$ASSAY" annotate "$WORK/bare.assay" --source-path "$WORK/nix"
touch "$WORK/src/hot.c"
check "a program older than its source is recorded" "$ASSAY" record -q -d 2 -F 499 -o "$WORK/newer.assay" -- "$WORK/hot"
check "its changed source is not shown" part "$WORK/newer.assay" dear \
	'p["source"] == "newer_than_code" and all(l["text"] is None for l in p["lines"])'
check "and it is told why" says "changed after the program was built" "$WORK/newer.assay" dear

# ---- other languages ----

cat >"$WORK/hot.cc" <<'END'
#include <ctime>
#include <vector>
namespace shop {
template <typename T> struct Basket {
	std::vector<T> items;
	__attribute__((noinline)) long weigh(long sum) const
	{
		for (const T &item : items)
			sum = sum * 31 + static_cast<long>(item);
		return sum;
	}
};
}
int main()
{
	shop::Basket<int> basket;
	basket.items.assign(100000, 7);
	volatile long sum = 0;
	while (clock() < 2 * CLOCKS_PER_SEC)
		sum = basket.weigh(sum);
}
END
g++ -g -O1 "$WORK/hot.cc" -o "$WORK/hotcc"
check "a C++ program is recorded" "$ASSAY" record -q -F 499 -o "$WORK/cc.assay" -- "$WORK/hotcc"
check "a method is found by its bare name" part "$WORK/cc.assay" weigh \
	'p["function"].startswith("shop::Basket<int>::weigh(") and p["self"] > 0.8 and any("item" in t for t in cost)'

cat >"$WORK/hot.py" <<'END'
import time


def spin(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def main():
    while time.process_time() < 3:
        spin(20000)


main()
END
check "a Python program is recorded" "$ASSAY" record -q -F 499 -o "$WORK/py.assay" -- python3 "$WORK/hot.py"
check "its hot line is marked with its cost" part "$WORK/py.assay" spin \
	'cost["total += i * i % 7"] > 0.4 and p["file"].endswith("hot.py") and p["source"] == "recorded"'
check "its caller's line has the total" part "$WORK/py.assay" hot.py 'cost["spin(20000)"] > 0.8'

start "$behave" spin
check "a live target is annotated" part -p "$PID" -d 1 work 'p["function"] == "work" and p["self"] > 0.9'
finish

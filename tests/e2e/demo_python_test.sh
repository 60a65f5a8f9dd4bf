#!/bin/bash
# The order service in Python, on the distribution's interpreter: its three faults are found at their
# lines whatever its functions are called, are gone when they are mended, and a healthy program has
# none.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
python=/usr/bin/python3
service=tests/workloads/orders.py

# diagnosed NAME SCRIPT: records SCRIPT for 10 s to NAME.assay and diagnoses it to NAME.json.
diagnosed() {
	start "$python" "$2"
	sleep 0.5
	"$ASSAY" record -q -p "$PID" -d 10 -F 999 -o "$WORK/$1.assay" >/dev/null
	kill "$PID"
	wait "$PID" 2>/dev/null
	"$ASSAY" diagnose "$WORK/$1.assay" --json >"$WORK/$1.json"
}

# ask NAME EXPRESSION over findings and top, the (kind, function, line, severity) of the first three.
ask() {
	"$python" - "$WORK/$1.json" "$2" <<'END'
import json, sys
findings = json.load(open(sys.argv[1]))["findings"]
top = [(f["kind"], f["function"], f["line"], f["severity"]) for f in findings[:3]]
def band(low):
    return "critical" if low > 0.5 else "high" if low > 0.2 else "medium" if low > 0.1 else "low"
for f in findings:
    print(f["kind"], f["severity"], f["function"], f["line"], f["impact"],
          f["fixes"][0]["title"] if f["fixes"] else "no fix")
sys.exit(not eval(sys.argv[2]))
END
}
line_of() { grep -nF "$1" "$service" | cut -d: -f1; }
fix() { echo "any(f['kind'] == '$1' and '$2' in f['fixes'][0]['title'] for f in findings[:3])"; }

search=$(line_of 'in seen')
parse=$(line_of 'json.loads(')
append=$(line_of '.text += ')

# ---- found, under any name ----

mkdir "$WORK/renamed" "$WORK/mended" "$WORK/searching"
rename=() number=0
for name in $(sed -n 's/^def \([a-z_]*\).*/\1/p' "$service"); do
	rename+=(-e "s/\\b$name\\b/f$((++number))/g")
	declare "f_$name=f$number"
done
sed "${rename[@]}" "$service" >"$WORK/renamed/program.py"
diagnosed orders "$service"
diagnosed renamed "$WORK/renamed/program.py"
# shellcheck disable=SC2154
while read -r name duplicates tariff journal; do
	check "the three first findings are the three faults, at their lines, in $name" ask "$name" \
		"{t[:3] for t in top} == {('algorithmic_complexity', '$duplicates', $search), ('repeated_work', '$tariff', $parse), ('copy_bound', '$journal', $append)}"
	check "their severity is the band of the impact, not capped, in $name" ask "$name" \
		"all(f['severity'] == band(f['impact_low']) for f in findings[:3])"
done <<END
orders drop_duplicates load_tariff write_journal
renamed $f_drop_duplicates $f_load_tariff $f_write_journal
END
check "a set is the fix of the search" ask orders "$(fix algorithmic_complexity 'keep seen as a set')"
check "parsing it once is the fix of the repeated work" ask orders "$(fix repeated_work functools.lru_cache)"
check "joining it once is the fix of the copies" ask orders "$(fix copy_bound 'join() them once')"
check "nothing else is above medium" ask orders \
	"all(f['severity'] in ('low', 'medium') for f in findings[3:])"

# ---- mended, one and all ----

set_for_list=(-e 's/seen = \[\]/seen = set()/' -e 's/seen\.append/seen.add/')
sed "${set_for_list[@]}" "$service" >"$WORK/searching/orders.py"
sed "${set_for_list[@]}" -e 's/^def load_tariff/@__import__("functools").lru_cache\n&/' \
	-e 's/text: str = ""/text: list = field(default_factory=list)/' \
	-e 's/text += \(.*\)/text.append(\1)/' "$service" >"$WORK/mended/orders.py"
check "the mended programs are others" bash -c \
	'! cmp -s "$1" "$2/searching/orders.py" && ! cmp -s "$2/searching/orders.py" "$2/mended/orders.py"' - "$service" "$WORK"
diagnosed searching "$WORK/searching/orders.py"
check "with a set, the search is gone and the two others stay" ask searching \
	"{t[0] for t in top[:2]} == {'repeated_work', 'copy_bound'} and all(f['kind'] != 'algorithmic_complexity' for f in findings)"
check "verify accepts the set" bash -c '
	"$1" plan "$2/orders.assay" -o "$2/plan.json" >/dev/null &&
	step=$("$3" -c "import json, sys; print([s[\"order\"] for s in json.load(open(sys.argv[1]))[\"steps\"] if \"|drop_duplicates\" in s[\"match\"][\"key\"]][0])" "$2/plan.json") &&
	"$1" verify "$2/plan.json" "$2/searching.assay" --step "$step"' - "$ASSAY" "$WORK" "$python"
step=$("$python" -c 'import json, sys
for s in json.load(open(sys.argv[1]))["steps"]:
    if "|drop_duplicates" in s["match"]["key"]: print(s["validation"]["command"])' "$WORK/plan.json" | head -1)
# A copy that runs under the service's own command line, and a newer program on the same interpreter.
mkdir -p "$WORK/again/tests/workloads"
cp "$WORK/searching/orders.py" "$WORK/again/$service"
start env -C "$WORK/again" "$python" "$service"
mended_pid=$PID
sleep 0.5
start "$python" -c 'while True: pass'
other_pid=$PID
check "the check of the set, run as it is printed, finds the service again and accepts" env -C "$WORK" \
	PATH="$(dirname "$ASSAY"):$PATH" bash -c "$step"
check "it recorded the service and not the newest program of the interpreter" bash -c \
	'"$1" report "$2/after.assay" --json | grep -q drop_duplicates' - "$ASSAY" "$WORK"
kill "$mended_pid" "$other_pid"
diagnosed mended "$WORK/mended/orders.py"
check "mended, it has none of them and nothing above medium" ask mended \
	"all(f['kind'] not in ('algorithmic_complexity', 'repeated_work') and f['severity'] in ('low', 'medium') and not f['fixes'] for f in findings)"

# ---- a program that does its work ----

cat >"$WORK/healthy.py" <<'END'
import collections
import json
import re

WORD = re.compile(r"[a-z]+")


def primes(limit):
    sieve = bytearray([1]) * limit
    found = []
    for n in range(2, limit):
        if sieve[n]:
            found.append(n)
            for multiple in range(n * n, limit, n):
                sieve[multiple] = 0
    return found


def messages(n):
    return [json.dumps({"id": i, "text": f"message {i} of {n}", "tags": ["a", "b"]}) for i in range(n)]


def read_all(texts):
    known, counts = set(), collections.Counter()
    for text in texts:
        message = json.loads(text)
        if message["id"] in known:
            continue
        known.add(message["id"])
        counts.update(WORD.findall(message["text"]))
    return counts


def group(numbers):
    groups = {}
    for n in numbers:
        groups.setdefault(n % 97, []).append(n)
    return {g: sorted(ns, reverse=True)[:3] for g, ns in groups.items()}


def report(groups):
    lines = []
    for number, largest in groups.items():
        lines.append(f"{number}: {largest}")
    return "\n".join(lines)


round = 0
while True:
    round += 1
    numbers = primes(60000 + round)
    read_all(messages(4000 + round))
    report(group(numbers * 5))
END
diagnosed healthy "$WORK/healthy.py"
check "a healthy program has no fault" ask healthy \
	"findings and all(f['kind'] not in ('algorithmic_complexity', 'repeated_work') and f['severity'] in ('low', 'medium') and not f['fixes'] for f in findings)"

# ---- make demo ----

check "the demonstration shows the Python service after the C one" bash -c \
	'DEMO_SECONDS=5 tests/workloads/demo.sh >"$1" && grep -q "orders.py), pid" "$1" && grep -q "keep seen as a set" "$1"' - \
	"$WORK/demo.out"
check "it leaves its recording, plan and page too" \
	bash -c '[[ -s $1/orders_py.assay && -s $1/plan_py.json && -s $1/flame_py.html ]]' - "$B/demo"
demo_pid=$(sed -n 's/.*orders.py), pid \([0-9]*\).*/\1/p' "$WORK/demo.out")
check "it leaves no Python service running" bash -c '[[ -n $1 && ! -e /proc/$1 ]]' - "$demo_pid"
finish

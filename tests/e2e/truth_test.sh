#!/bin/bash
# What assay says is what happened: against a workload that times itself, and against perf.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"

# shares FILE BY: "NAME SHARE" of every row's self share.
shares() {
	"$ASSAY" report "$1" --by "$2" --json | python3 -c '
import json, os, sys
for row in json.load(sys.stdin)["rows"]:
    print((os.path.basename(row["module"]) if sys.argv[1] == "module" else row["function"]) or "-", row["self"])' "$2"
}

# agree POINTS FILE_A FILE_B: all names of FILE_A have the same share in FILE_B, within POINTS.
agree() {
	python3 - "$@" <<'END'
import sys
def read(path):
    return {f[0]: float(f[1]) for f in (line.rsplit(None, 1) for line in open(path)) if len(f) == 2}
points, a, b = float(sys.argv[1]), read(sys.argv[2]), read(sys.argv[3])
print(sys.argv[2], a, sys.argv[3], b, sep="\n")
assert a, "nothing to compare"
sys.exit(any(abs(share - b.get(name, 0)) * 100 > points for name, share in a.items()))
END
}

# ---- against the workload's own clock ----

start "$B/workloads/truth" 11.5
truth=$PID
sleep 0.5
check "a capture of 10 s at 999 Hz ends well" "$ASSAY" record -p "$truth" -d 10 -F 999 -o "$WORK/truth.assay"
wait "$truth"
grep spend_ "$WORK/started.out" >"$WORK/truth.txt"
shares "$WORK/truth.assay" function >"$WORK/assay.txt"
check "a split of 80 to 20 is found within two points" agree 2 "$WORK/truth.txt" "$WORK/assay.txt"
check "the measured rate is the rate that was asked for, within 3 percent" python3 - <(
	"$ASSAY" report "$WORK/truth.assay" --json
) <<'END'
import json, sys
q = json.load(open(sys.argv[1]))["quality"]
print(q)
assert abs(q["rate_hz"]["had"] / q["rate_hz"]["asked"] - 1) < 0.03
assert q["stacks_whole"] > 0.99 and q["lost"]["total"] == 0
END

# ---- against perf, on the same seconds of the same process ----

perf_shares() { # FILE SORT_KEY
	perf report -i "$1" --no-children --stdio -g none -F "overhead,$2" 2>/dev/null |
		sed -n 's/^ *\([0-9.]*\)%  *\(\[[.k]\] \)\?\([^ ].*[^ ]\) *$/\3 \1/p' |
		awk '{ share = $NF; sub(/ [^ ]*$/, ""); print $0, share / 100 }'
}

both() { # NAME COMMAND...: records the command with assay and perf at the same time
	local name=$1 pid
	shift
	start "$@"
	pid=$PID
	sleep 0.3
	perf record -q -F 999 -e cpu-clock --call-graph fp -p "$pid" -o "$WORK/$name.data" -- sleep 8 \
		>"$WORK/perf.out" 2>&1 &
	PIDS+=("$!")
	local perf=$!
	"$ASSAY" record -q -p "$pid" -d 8 -F 999 -o "$WORK/$name.assay" >/dev/null
	wait "$perf"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

both own "$B/workloads/truth" 12
perf_shares "$WORK/own.data" sym | awk '$NF > 0.02' >"$WORK/perf.txt"
shares "$WORK/own.assay" function >"$WORK/assay.txt"
check "perf and assay agree on the functions of a program, within two points" \
	agree 2 "$WORK/perf.txt" "$WORK/assay.txt"

both service "$B/workloads/orders"
perf_shares "$WORK/service.data" dso | sed 's/^\[kernel.kallsyms\]/[kernel]/' |
	awk '$NF > 0.02' >"$WORK/perf.txt"
shares "$WORK/service.assay" module >"$WORK/assay.txt"
check "perf and assay agree on the libraries of a service, within two points" \
	agree 2 "$WORK/perf.txt" "$WORK/assay.txt"

# perf knows no callers above a libc that keeps no frame pointers; assay does.
check "the caller of a hot library function has its share too" python3 - <(
	"$ASSAY" report "$WORK/service.assay" --json
) <<'END'
import json, sys
rows = {r["function"]: r for r in json.load(open(sys.argv[1]))["rows"]}
for name, low in ("find_duplicates", 0.25), ("email_is_valid", 0.15), ("write_receipt", 0.08):
    print(name, rows[name]["total"])
    assert rows[name]["total"] > low
assert rows["main"]["total"] > 0.98
END
finish

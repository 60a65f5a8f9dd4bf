# Python frames: whole stacks, names, lines and shares, on the distribution's interpreter.
. "$(dirname "$0")/tap.sh"

python=/usr/bin/python3
start $python tests/workloads/python_truth.py 12
sleep 1
"$ASSAY" record -p $PID -d 9 -F 1499 -o "$WORK/p.assay" >"$WORK/record.out" 2>&1
wait $PID
truth=$(cat "$WORK/started.out")
"$ASSAY" report "$WORK/p.assay" --json >"$WORK/p.json"
"$ASSAY" report "$WORK/p.assay" --by line --json >"$WORK/l.json"
"$ASSAY" export "$WORK/p.assay" --to folded -o "$WORK/p.folded" >/dev/null

ask() { # EXPRESSION over rows, quality, total(name)
	$python - "$WORK/p.json" "$WORK/l.json" "$WORK/p.folded" "$truth" "$1" <<'P'
import json, sys
functions, lines = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
quality, truth = functions["quality"], float(sys.argv[4])
def total(name):
    return sum(r["total"] for r in functions["rows"] if r["function"] == name)
stacks = [(s.split(";"), int(n)) for s, n in
          (l.rstrip("\n").rsplit(" ", 1) for l in open(sys.argv[3]))]
print({k: v for k, v in quality.items() if k != "lost"}, total("work_70"), total("work_30"), truth)
sys.exit(not eval(sys.argv[5]))
P
}

check "a recording of a Python program is written" test -s "$WORK/p.assay"
check "at least 99.5 % of its stacks are whole" ask 'quality["stacks_whole"] >= 0.995'
check "shares of two functions are within 2 points of what the program measured" \
	ask 'abs(total("work_70") / (total("work_70") + total("work_30")) - truth) < 0.02'
check "the hot line is found in its file" ask \
	'any((r["file"] or "").endswith("python_truth.py") and r["line"] == 15 and r["function"] == "spin" and r["total"] > 0.3 for r in lines["rows"])'
check "methods have their qualified name" ask 'total("Chooser.choose") > 0.3'
check "a C function that calls back into Python stands between its caller and its callee" ask \
	'any("worker" in s and "deeper" in s and s.index("worker") < s.index("deeper") - 1 for s, n in stacks)'
check "recursion of 200 Python calls is whole" ask 'max(s.count("deeper") for s, n in stacks) == 201'
check "threads that have released the GIL have their Python frames" ask \
	'sum(n for s, n in stacks if "compressor" in s and "spin" not in s) > 0.2 * sum(n for s, n in stacks)'
finish

#!/bin/bash
# The order service: its three faults are found whatever its functions are called, every check of
# the plan runs as printed, a mended program is accepted, and the same program again never is.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
workloads=$PWD/$B/workloads
export PATH=$PWD/$B:$PATH

# Starts a variant under the name that the plan knows, from a folder of its own.
start_as_orders() { # VARIANT
	mkdir -p "$WORK/$1"
	cp "$workloads/$1" "$WORK/$1/orders"
	start "$WORK/$1/orders"
	sleep 0.3
}
stop() {
	kill "$PID" 2>/dev/null
	wait "$PID" 2>/dev/null
}

# finds FILE FUNCTION KIND...: one of the three first findings is in FUNCTION, of one of the KINDs.
finds() {
	python3 - "$@" <<'END'
import json, sys
findings = json.load(open(sys.argv[1]))["findings"]
for f in findings:
    print(f["kind"], f["function"], f["severity"], f["impact"])
sys.exit(not any(f["function"] == sys.argv[2] and f["kind"] in sys.argv[3:] for f in findings[:3]))
END
}

start "$B/workloads/orders"
"$ASSAY" record -q -p "$PID" -d 10 -F 999 -o "$WORK/orders.assay" >/dev/null
stop
start "$B/workloads/orders_renamed"
"$ASSAY" record -q -p "$PID" -d 10 -F 999 -o "$WORK/renamed.assay" >/dev/null
stop

check "a diagnosis is made" "$ASSAY" diagnose "$WORK/orders.assay"
"$ASSAY" diagnose "$WORK/orders.assay" --json >"$WORK/orders.json"
"$ASSAY" diagnose "$WORK/renamed.assay" --json >"$WORK/renamed.json"
while read -r file duplicates email receipt; do
	check "the search through all that was seen is found in $file" \
		finds "$WORK/$file.json" "$duplicates" algorithmic_complexity
	check "the pattern that is compiled for each order is found in $file" \
		finds "$WORK/$file.json" "$email" repeated_work
	check "the text that is copied for each line is found in $file" \
		finds "$WORK/$file.json" "$receipt" copy_bound
done <<'END'
orders find_duplicates email_is_valid write_receipt
renamed f5 f3 f13
END
check "names change nothing about the kinds and their order; severity is the band of the impact" python3 - "$WORK"/{orders,renamed}.json <<'END'
import json, sys
a, b = (json.load(open(p))["findings"][:3] for p in sys.argv[1:])
def band(low):
    return "critical" if low > 0.5 else "high" if low > 0.2 else "medium" if low > 0.1 else "low"
print([(f["kind"], f["severity"], f["impact_low"]) for f in a + b])
assert [f["kind"] for f in a] == [f["kind"] for f in b]
assert {f["kind"] for f in a} == {"algorithmic_complexity", "repeated_work", "copy_bound"}
assert all(f["severity"] == band(f["impact_low"]) for f in a + b)
END

# ---- the plan, and its checks exactly as printed ----

check "a plan is made" env -C "$WORK" assay plan orders.assay -o plan.json
python3 - "$WORK/plan.json" >"$WORK/steps" <<'END'
import json, sys
for s in json.load(open(sys.argv[1]))["steps"]:
    print(s["order"], s["match"]["key"].split("|")[-1], s["validation"]["command"])
END
check "the plan has a step for each fault" \
	bash -c 'for f in find_duplicates email_is_valid write_receipt; do grep -q " $f " "$1" || exit 1; done' - \
	"$WORK/steps"

# Which step of the plan mends a function wholly: the others may be decided either way.
accepted() { # STEP: the verdict of the last check
	python3 - "$WORK/check.json" "$1" <<'END'
import json, sys
steps = json.load(open(sys.argv[1]))["steps"]
print(json.dumps(steps, indent=1))
sys.exit(not any(str(s["order"]) == sys.argv[2] and s["verdict"] == "accepted" for s in steps))
END
}

declare -A variant=([find_duplicates]=duplicates [email_is_valid]=validation [write_receipt]=receipts)
declare -A seen=()
while read -r step function command; do
	[[ -n ${variant[$function]:-} ]] || continue
	start_as_orders "orders_fixed_${variant[$function]}"
	check "the check of step $step runs as it is printed ($function)" \
		bash -c 'cd "$1" && bash -c "$2"; (( $? == 0 || $? == 1 || $? == 7 )) && [[ -s after.assay ]]' - \
		"$WORK" "$command"
	stop
	[[ -z ${seen[$function]:-} ]] || continue
	seen[$function]=1
	(cd "$WORK" && assay verify plan.json after.assay --step "$step" --json >check.json)
	check "the mended $function is accepted" accepted "$step"
done <"$WORK/steps"

for round in 1 2 3; do
	start_as_orders orders
	"$ASSAY" record -q -p "$PID" -d 6 -F 999 -f -o "$WORK/placebo.assay" >/dev/null
	stop
	"$ASSAY" verify "$WORK/plan.json" "$WORK/placebo.assay" --json >"$WORK/placebo.json"
	check "the same program again is never accepted (round $round)" python3 - "$?" "$WORK/placebo.json" <<'END'
import json, sys
result = json.load(open(sys.argv[2]))
print(json.dumps(result, indent=1))
assert sys.argv[1] in ("1", "7") and result["steps"]
assert all(s["verdict"] != "accepted" for s in result["steps"])
END
done

# ---- make demo ----

check "the demonstration runs and tells where its files are" bash -c \
	'DEMO_SECONDS=5 tests/workloads/demo.sh >"$1" && grep -q "$2/demo/plan.json" "$1"' - "$WORK/demo.out" "$B"
check "it leaves a recording, a plan and a page" \
	bash -c '[[ -s $1/orders.assay && -s $1/plan.json && -s $1/flame.html ]]' - "$B/demo"
demo_pid=$(sed -n 's/.*running as pid \([0-9]*\).*/\1/p' "$WORK/demo.out")
check "it leaves no service running" bash -c '[[ -n $1 && ! -e /proc/$1 ]]' - "$demo_pid"
finish

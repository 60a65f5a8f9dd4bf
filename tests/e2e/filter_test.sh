#!/bin/bash
# Targets by name and by control group: of equal programs only those that fit are sampled; --focus.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
REC=$WORK/r.assay
GROUPS_MADE=()
remove_groups() {
	local g i
	for i in "${PIDS[@]}"; do kill -9 "$i" 2>/dev/null; done
	for i in 1 2 3 4 5 6 7 8 9 10; do # a killed process leaves its group a moment later
		for g in "${GROUPS_MADE[@]}"; do rmdir "$g/below" "$g" 2>/dev/null; done
		sleep 0.05
	done
	cleanup
}
trap remove_groups EXIT

# only FILE PIDS: exactly these processes have samples, and enough.
only() {
	"$ASSAY" report "$1" --by thread --json >"$WORK/rows.json" || return 1
	python3 - "$WORK/rows.json" "$2" <<'END'
import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
pids = {r["pid"] for r in rows if r["samples"]}
print([(r["pid"], r["tid"], r["comm"], r["samples"]) for r in rows])
sys.exit(not (pids == {int(p) for p in sys.argv[2].split()} and sum(r["samples"] for r in rows) > 15))
END
}
record() { "$ASSAY" record -q -f -d 2 -F 499 -o "$REC" "$@"; }

cp "$B/workloads/behave" "$WORK/one_name"
cp "$B/workloads/behave" "$WORK/other_name"
start "$WORK/one_name" spin
one=$PID
start "$WORK/other_name" spin
other=$PID

# ---- by name ----

check "processes of a name are recorded" record --comm one_name
check "and no others" only "$REC" "$one"
check "processes of the other name are recorded" record --comm other_name
check "and no others than these" only "$REC" "$other"
check_exit 4 "a part of a name is no name" "$ASSAY" record -q -f -d 0.5 --comm one_nam -o "$REC"
check_exit 2 "a name longer than the kernel keeps is refused" "$ASSAY" record -q -f -d 1 --comm a_name_that_is_long -o "$REC"
check_exit 2 "a name and the whole machine are two targets" "$ASSAY" record -q -f -d 1 --comm one_name -a -o "$REC"
check_exit 2 "a name and a process are two targets" "$ASSAY" record -q -f -d 1 --comm one_name -p "$one" -o "$REC"

cp "$B/workloads/behave" "$WORK/late_name"
(sleep 0.7 && exec "$WORK/late_name" spin 5) &
late=$!
PIDS+=("$late")
check "a name that comes later is recorded" record --comm late_name
check "from when it comes" only "$REC" "$late"
kill "$late" 2>/dev/null

cat >"$WORK/threads.py" <<'END'
import ctypes, threading, time
def spin(name):
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
    while True:
        sum(range(1000))
for name in (b"wanted", b"unwanted"):
    threading.Thread(target=spin, args=(name,)).start()
END
start python3 "$WORK/threads.py"
sleep 0.3
check "threads of a name are recorded" record --comm wanted
check "and not the other threads of their process" bash -c \
	'"$1" report "$2" --by thread --json | python3 -c "
import json, sys
rows = [r for r in json.load(sys.stdin)[\"rows\"] if r[\"samples\"]]
print(rows)
sys.exit(not (len(rows) == 1 and rows[0][\"comm\"] == \"wanted\"))"' - "$ASSAY" "$REC"
kill -9 "$PID"

# ---- by control group ----

group_tests() { # HIERARCHY-DIRECTORY SENTENCE-ENDING
	local root=$1 which=$2 group=$1/assay-test-$$
	mkdir -p "$group/below" && GROUPS_MADE+=("$group") && echo "$one" >"$group/below/cgroup.procs" || return 1
	check "the processes of a group are recorded, $which" record --cgroup "$group/below"
	check "and no others, $which" only "$REC" "$one"
	check "groups below it count, $which" record --cgroup "$group"
	check "and only these, $which" only "$REC" "$one"
	echo "$other" >"$group/cgroup.procs"
	check "a process that has entered the group is recorded, $which" record --cgroup "$group"
	check "with those below, $which" only "$REC" "$one $other"
	check "but not for the group below, $which" record --cgroup "$group/below"
	check "whose processes are others, $which" only "$REC" "$one"
	echo "$other" >"$root/cgroup.procs"
}
v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
v1=$(awk '$3 == "cgroup" && $4 ~ /(^|,)cpu(,|$)/ { print $2; exit }' /proc/mounts)
if [[ -n $v2 ]]; then
	group_tests "$v2" "version 2"
	check "a path as in /proc/PID/cgroup names the group" record --cgroup "$(sed -n 's/^0:://p' "/proc/$one/cgroup")"
	check "and is that group" only "$REC" "$one"
else
	skip "control groups, version 2" "feature: cgroup2"
fi
if [[ -n $v1 ]]; then
	group_tests "$v1" "version 1"
else
	skip "control groups, version 1" "feature: cgroup1"
fi
check_exit 4 "a group that is not there is refused" "$ASSAY" record -q -f -d 1 --cgroup /no/such/group -o "$REC"
check_exit 4 "a folder that is no group is refused" "$ASSAY" record -q -f -d 1 --cgroup "$WORK" -o "$REC"

# ---- what later commands make of it ----

cat >"$WORK/slow_lens.c" <<'END'
#include <string.h>
#include <time.h>
static char text[1 << 16];
int main(void)
{
	volatile unsigned long n = 0;
	memset(text, 'x', sizeof(text) - 1);
	while (clock() < 20 * CLOCKS_PER_SEC)
		for (unsigned int i = 0; i < strlen(text) && i < 100; i++)
			n += (unsigned char)text[i];
	return 0;
}
END
gcc -O0 -g "$WORK/slow_lens.c" -o "$WORK/slow_lens"
start "$WORK/slow_lens"
check "a program with a finding is recorded by its name" \
	"$ASSAY" record -q -f -d 6 -F 999 --comm slow_lens -o "$WORK/p.assay"
kill "$PID"
check "its plan's check records the same name again" bash -c \
	'"$1" plan --json "$2" | tee /dev/stderr | grep -q -- "assay record --comm .*slow_lens"' - "$ASSAY" "$WORK/p.assay"

# ---- focus ----

focused() { # COMMAND ARG...: the JSON says to what it was narrowed
	"$ASSAY" "$@" --json | python3 -c '
import json, sys
f = json.load(sys.stdin)["focus"]
print(f)
sys.exit(not (f["function"] == "main" and 0 < f["share"] <= 1))'
}
for c in "diagnose" "flame -o $WORK/f.html" "export --to folded -o $WORK/f.folded"; do
	# shellcheck disable=SC2086
	check "${c%% *} narrows to a function" focused $c "$WORK/p.assay" --focus main
done
check "the export has no other stacks" bash -c \
	'"$1" export "$2/p.assay" --to folded --focus strlen -o "$2/s.folded" >/dev/null && [[ -s $2/s.folded ]] && ! grep -v strlen "$2/s.folded"' - "$ASSAY" "$WORK"
check_exit 2 "a function that is not there is refused" "$ASSAY" flame "$WORK/p.assay" --focus no_such_function -o "$WORK/f.html"
finish

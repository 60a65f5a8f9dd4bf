#!/bin/bash
# What can be profiled, and every way in which a capture can end.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
behave=$PWD/$B/workloads/behave
REC=$WORK/r.assay

# rows FILE BY CODE: a Python expression over `rows` (by BY) and `q` (the quality) that must hold.
rows() {
	"$ASSAY" report "$1" --by "$2" --json >"$WORK/rows.json" || return 1
	python3 - "$WORK/rows.json" "$3" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
rows, q = report["rows"], report["quality"]
total = {r.get("function"): r["total"] for r in rows if "function" in r}
for r in rows[:12]:
    print({k: v for k, v in r.items() if v is not None})
print({k: v for k, v in q.items() if k != "notes"})
sys.exit(not eval(sys.argv[2]))
END
}
stop() {
	kill "$@" 2>/dev/null
	wait "$@" 2>/dev/null
}
# Waits until the recording has something in it that is committed.
await_recording() {
	for _ in $(seq 100); do
		[[ -n $(sqlite3 "file:$1?mode=ro" 'select 1 from sample limit 1' 2>/dev/null) ]] && return 0
		sleep 0.1
	done
	return 1
}

# ---- a command ----

check_exit 0 "a command is started, profiled and waited for" "$ASSAY" record -o "$REC" -- "$behave" spin 2
check "the command's function has the time" rows "$REC" function 'total["work"] > 0.9'
check "a command is profiled from its first instruction on" rows "$REC" function '"_start" in total or "_dl_start" in total'
check_exit 0 "a command's own failure is not assay's" "$ASSAY" record -f -o "$REC" -- bash -c "$behave spin 1; exit 9"
"$ASSAY" record -f -o "$REC" --json -- bash -c "$behave spin 1; exit 9" >"$WORK/child.json"
check "a command's exit code is told" python3 -c \
	'import json, sys; assert json.load(open(sys.argv[1]))["child"]["exit_code"] == 9' "$WORK/child.json"
check_exit 0 "a command that outlives the duration is ended" "$ASSAY" record -f -d 1 -o "$REC" -- "$behave" spin 60
check "and is not left running" bash -c '! pgrep -f "^$1 spin 60" >/dev/null' - "$behave"
check_exit 0 "a command that only forks is profiled with its children" \
	"$ASSAY" record -f -o "$REC" -F 999 -- "$behave" fork_storm 2
check "the children's work is there" rows "$REC" function 'total["work"] > 0.3'
check_exit 0 "a program of a twentieth of a second is profiled" \
	"$ASSAY" record -f -F 999 -o "$REC" -- "$behave" short_lived
check "and most of its stacks are whole" rows "$REC" function 'q["samples"] >= 3 and q["stacks_whole"] > 0.5'

# ---- running processes ----

start "$behave" late_thread 5
check "a process that sleeps at first is recorded" "$ASSAY" record -f -p "$PID" -d 3 -F 999 -o "$REC"
check "a thread created during the capture is in it" rows "$REC" function 'total["late_thread_works"] > 0.9'
check "it has a row of its own" rows "$REC" thread 'any(r["tid"] != r["pid"] and r["samples"] > 20 for r in rows)'
stop "$PID"

start "$behave" late_child 5
check "a process that will fork is recorded" "$ASSAY" record -f -p "$PID" -d 3 -F 999 -o "$REC"
check "a child forked during the capture is in it" rows "$REC" function 'total["child_works"] > 0.9'
check "as a process of its own" rows "$REC" thread "any(r['pid'] != $PID and r['samples'] > 20 for r in rows)"
stop "$PID"

start "$behave" threads 60 40
check "a process with forty threads is recorded" "$ASSAY" record -f -p "$PID" -d 4 -F 999 -o "$REC"
check "all forty threads are in it" rows "$REC" thread 'len([r for r in rows if r["samples"] > 0]) >= 40'
stop "$PID"

start "$behave" thread_churn 60
check "a process whose threads come and go is recorded" "$ASSAY" record -f -p "$PID" -d 2 -F 999 -o "$REC"
check "its short threads' work is there" rows "$REC" function 'total["thread_is_short"] > 0.5'
stop "$PID"

start "$behave" spin
one=$PID
start "$behave" recursion 60 300
two=$PID
check "two processes are recorded at once" "$ASSAY" record -f -p "$one,$two" -d 2 -F 499 -o "$REC"
check "both are in it" rows "$REC" thread "{$one, $two} <= {r['pid'] for r in rows}"
check "a stack of three hundred calls is whole" rows "$REC" function \
	'total["recurse"] > 0.2 and total["_start"] > 0.99 and q["stacks_whole"] > 0.95'
check "the whole machine is recorded" "$ASSAY" record -f -a -d 2 -F 499 -o "$REC"
check "both are in that too" rows "$REC" thread "{$one, $two} <= {r['pid'] for r in rows}"
stop "$one" "$two"

start "$behave" syscalls
check "a process that only makes system calls is recorded" "$ASSAY" record -f -p "$PID" -d 2 -F 999 -o "$REC"
check "kernel functions stand above its own in one stack" \
	rows "$REC" function 'total["syscalls"] > 0.9 and any("[kernel]" in r["module"] and r["self"] > 0.01 for r in rows)'
stop "$PID"

cat >"$WORK/names.cc" <<'END'
#include <string>
#include <vector>
namespace shop {
template <typename T> struct Basket {
	std::vector<T> items;
	__attribute__((noinline)) long weigh(const std::string &unit) const
	{
		long sum = static_cast<long>(unit.size());
		for (int round = 0; round < 20000; round++)
			for (const T &item : items)
				sum = sum * 31 + static_cast<long>(item);
		return sum;
	}
};
}
int main()
{
	shop::Basket<int> basket;
	basket.items.assign(1000, 7);
	volatile long sum = 0;
	for (;;)
		sum = sum + basket.weigh("kg");
}
END
g++ -O1 -g "$WORK/names.cc" -o "$WORK/names"
start "$WORK/names"
check "a C++ program is recorded" "$ASSAY" record -f -p "$PID" -d 2 -F 499 -o "$REC"
check "its names are written as C++ writes them" rows "$REC" function \
	'any((f or "").startswith("shop::Basket<int>::weigh(") and t > 0.9 for f, t in total.items())'
stop "$PID"

# ---- rates ----

start "$behave" spin
max=$(cat /proc/sys/kernel/perf_event_max_sample_rate)
check "one sample a second is enough for a recording" "$ASSAY" record -f -p "$PID" -d 8 -F 1 -o "$REC"
check "and gives at most one a second" rows "$REC" function '1 <= q["samples"] <= 9'
check "the highest rate that the kernel allows is taken" "$ASSAY" record -f -p "$PID" -d 2 -F "$max" -o "$REC"
check "what could not be kept at that rate is counted" rows "$REC" function \
	'q["samples"] > 1000 and q["lost"]["total"] >= 0 and q["rate_hz"]["asked"] == '"$max"
check_exit 2 "a higher rate is refused" "$ASSAY" record -f -p "$PID" -d 1 -F "$((max + 1))" -o "$WORK/no.assay"

# ---- ends ----

"$ASSAY" record -q -f -p "$PID" -o "$REC" >/dev/null &
recorder=$!
await_recording "$REC"
sleep 1
kill -INT "$recorder"
wait "$recorder"
check "Ctrl-C ends a capture with exit 0" test $? = 0
check "and keeps it" rows "$REC" function 'q["samples"] > 5 and not q["unfinished"] and total["work"] > 0.9'
check "a finished recording is one file" bash -c '[[ $(ls "$1"* | wc -l) == 1 ]]' - "$REC"

rm -f "$REC"
"$ASSAY" record -q -F 499 -p "$PID" -o "$REC" >/dev/null 2>&1 &
recorder=$!
PIDS+=("$recorder")
await_recording "$REC"
sleep 1
kill -KILL "$recorder"
wait "$recorder" 2>/dev/null
check "a killed recorder leaves a recording that can be read" \
	rows "$REC" function 'q["samples"] > 20 and q["unfinished"] and total["work"] > 0.9'
check "and diagnosed" "$ASSAY" diagnose "$REC"
stop "$PID"

start "$behave" spin 2
check_exit 0 "a target that ends is the end of the capture" timeout 20 "$ASSAY" record -f -p "$PID" -o "$REC"
check "and what it did is kept" rows "$REC" function 'total["work"] > 0.9'
finish

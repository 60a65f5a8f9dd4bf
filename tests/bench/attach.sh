#!/bin/bash
# How long it takes from the exec of assay until all sampling events are on.
#
# A launcher notes CLOCK_MONOTONIC right before it becomes assay; the recording tells the moment
# when the last event was enabled. Both clocks are the same one.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-20}

# attach_ms TARGET...: one attachment in milliseconds.
attach_ms() {
	rm -f "$WORK"/a.assay*
	python3 -c '
import os, sys, time
with open(sys.argv[1], "w") as f:
    f.write(str(time.clock_gettime_ns(time.CLOCK_MONOTONIC)))
os.execv(sys.argv[2], sys.argv[2:])' \
		"$WORK/before" "$ASSAY" record -q -d 1 -F 999 -o "$WORK/a.assay" "$@" >/dev/null
	sqlite3 "$WORK/a.assay" "select value from fact where name = 'attached_monotonic_ns'" |
		awk -v before="$(cat "$WORK/before")" '{ printf "%.3f\n", ($1 - before) / 1e6 }'
}

echo "attach: milliseconds from exec to attached, $rounds times each"
start "$B/workloads/behave" spin
spin=$PID
start "$B/workloads/behave" idle_threads 100000 100
threads=$PID
sleep 0.3
for ((i = 0; i < rounds; i++)); do
	echo "one thread (-p) $(attach_ms -p "$spin")"
	echo "the machine (-a) $(attach_ms -a)"
	echo "a command (--) $(attach_ms -- "$B/workloads/behave" spin 1)"
	echo "100 threads (-p) $(attach_ms -p "$threads")"
done >"$WORK/figures"
table ms <"$WORK/figures"

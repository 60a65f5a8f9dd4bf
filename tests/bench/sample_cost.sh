#!/bin/bash
# What one sample costs in the sampling program: the kernel's own BPF statistics, per run.
#
# The statistics themselves cost a little, which they count: an empty program on the same kind of
# event, measured in the same run, shows that floor, and the net figure is without it. The timer interrupt
# around the program is not in these figures; slowdown.sh has all of it.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-5}
seconds=${BENCH_SECONDS:-5}

bpf_stats_on
start "$B/workloads/orders"
sleep 0.3
python3 tests/bench/floor.py "$PID" 999 &
PIDS+=("$!")
sleep 3
read -r floor runs < <(bpf_cost bench_empty)
kill "$!"
stop
printf 'sample_cost: floor of the statistics %.0f ns (an empty program, %d runs)\n' "$floor" "$runs"

# One capture of the pid $2 at the rate $1: nanoseconds a run.
cost() {
	rm -f "$WORK"/c.assay*
	"$ASSAY" record -q -p "$2" -d "$seconds" -F "$1" -o "$WORK/c.assay" >/dev/null &
	local recorder=$!
	sleep "$(awk -v s="$seconds" 'BEGIN { print s * 0.8 }')"
	bpf_cost 'oncpu_(loop|bounded)' | cut -d ' ' -f 1
	wait "$recorder"
}
for what in "orders" "behave recursion 100000 100" "behave syscalls"; do
	# shellcheck disable=SC2086
	start "$B"/workloads/$what
	sleep 0.3
	for ((i = 0; i < rounds; i++)); do
		for rate in 99 999; do
			echo "${what%% 1*} at $rate Hz $(cost "$rate" "$PID")"
		done
	done
	stop
done >"$WORK/figures"
echo "gross, as the kernel counts:"
table "ns a sample" <"$WORK/figures"
echo "net of the floor:"
awk -v floor="$floor" '{ v = $NF; $NF = ""; print $0 v - floor }' "$WORK/figures" | table "ns a sample"

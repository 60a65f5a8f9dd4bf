# Sourced by the benchmarks: where things are, a scratch folder, and an end that leaves nothing.
# SPDX-License-Identifier: BSD-2-Clause
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
B=${B:-build}
ASSAY=$PWD/$B/assay
WORK=$(mktemp -d)
PIDS=()
stats_before=
cleanup() {
	local p
	for p in "${PIDS[@]}"; do kill -CONT "$p" 2>/dev/null && kill "$p" && wait "$p" 2>/dev/null || true; done
	[[ -z $stats_before ]] || echo "$stats_before" >/proc/sys/kernel/bpf_stats_enabled
	rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if [[ $(id -u) != 0 ]]; then
	echo "$(basename "$0"): needs root, as profiling does" >&2
	exit 3
fi
# Starts a command in the background; sets PID.
start() {
	"$@" >"$WORK/started.out" 2>&1 &
	PID=$!
	PIDS+=("$PID")
}
# Ends the command that was started last.
stop() {
	kill "$PID" 2>/dev/null || true
	wait "$PID" 2>/dev/null || true
}
table() { # UNIT: of "case value" lines
	python3 tests/bench/table.py "$1"
}
# Lets the kernel measure its BPF programs until the benchmark ends.
bpf_stats_on() {
	stats_before=$(cat /proc/sys/kernel/bpf_stats_enabled)
	echo 1 >/proc/sys/kernel/bpf_stats_enabled
}
# bpf_cost NAME_PATTERN: "nanoseconds-per-run runs" of the loaded programs whose name matches.
bpf_cost() {
	bpftool prog show -j | python3 -c '
import json, re, sys
ns = runs = 0
for p in json.load(sys.stdin):
    if re.fullmatch(sys.argv[1], p.get("name", "")):
        ns += p.get("run_time_ns", 0)
        runs += p.get("run_cnt", 0)
if not runs:
    sys.exit("no program called " + sys.argv[1] + " has run")
print(ns / runs, runs)' "$1"
}

#!/bin/bash
# What a program loses while it is profiled: a fixed amount of work, alone, under assay, under perf.
#
# All cases take turns, so that whatever else the machine does falls on all of them. The work times
# itself from its own start to its own end: starting the profiler is not in the figures. Where the
# effect is smaller than the noise, believe the computed figure: cost per sample, measured at a rate
# high enough to show it, times the rate.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-9}
work=${BENCH_WORK:-60000}
probe_hz=10000
fixed=$B/workloads/fixed_work

# once CASE COMMAND...: "CASE wall cpu" of one run of the work under a command.
once() {
	local name=$1
	shift
	"$@" 2>/dev/null | awk -v name="$name" 'NF == 2 && $1 + 0 > 0 && !seen++ { print name, $1, $2 }'
}
under_assay() { # HZ
	once "assay at $1 Hz" "$ASSAY" record -q -f -F "$1" -o "$WORK/s.assay" -- "$fixed" "$work"
}
under_perf() { # HZ
	once "perf -g at $1 Hz" perf record -q -g -e cpu-clock -F "$1" -o "$WORK/s.data" -- "$fixed" "$work"
}

have_perf=$(perf record -q -e cpu-clock -o "$WORK/s.data" -- true >/dev/null 2>&1 && echo yes || true)
[[ $have_perf ]] || echo "slowdown: perf does not work here and is left out"
for ((i = 0; i < rounds; i++)); do
	once none "$fixed" "$work"
	for rate in 99 999 "$probe_hz"; do
		under_assay "$rate"
		[[ -z $have_perf ]] || under_perf "$rate"
	done
done >"$WORK/figures"

echo "slowdown: seconds for the same work, $rounds rounds in turns"
echo "on the CPU:"
awk '{ $(NF - 1) = ""; print }' "$WORK/figures" | tr -s ' ' | table s
echo "on the wall:"
awk '{ $NF = ""; print }' "$WORK/figures" | tr -s ' ' | table s
python3 - "$WORK/figures" "$probe_hz" <<'END'
import statistics, sys
cases = {}
for line in open(sys.argv[1]):
    name, wall, cpu = line.rsplit(None, 2)
    cases.setdefault(name, []).append(float(cpu))
median = {name: statistics.median(values) for name, values in cases.items()}
hz = int(sys.argv[2])
print("computed from the cost of a sample (interrupt and program), measured at %d Hz:" % hz)
for tool in "assay", "perf -g":
    slow = median.get("%s at %d Hz" % (tool, hz))
    if not slow:
        continue
    # In `slow` seconds of CPU there were slow * hz samples, which took what is above none.
    each = (slow - median["none"]) / (slow * hz)
    print("  %-10s %6.2f us a sample   %s" % (tool, each * 1e6, "   ".join(
        "%+.2f %% at %d Hz" % (100 * each * rate, rate) for rate in (99, 999))))
END

#!/bin/bash
# Runs every benchmark (or those whose name contains $1). Figures depend on the machine and on what
# else it does: each table shows its own noise.
# SPDX-License-Identifier: BSD-2-Clause
set -u
cd "$(dirname "$0")/../.." || exit 1
export B=${B:-build}
bad=0
echo "$(uname -sr), $(nproc) CPUs, $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)"
echo "load $(cut -d ' ' -f 1-3 /proc/loadavg) when the benchmarks began"
for bench in tests/bench/*.sh; do
	name=$(basename "$bench" .sh)
	[[ $name == run || $name == lib || $name != *"${1:-}"* ]] && continue
	echo
	bash "$bench" || { echo "$name ended with status $?" && bad=1; }
done
exit "$bad"

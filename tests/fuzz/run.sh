#!/bin/bash
# Runs each given fuzz target for FUZZ_SECONDS (default 60), starting from its corpus in
# tests/fuzz/corpus/NAME, with the flags in tests/fuzz/NAME.options if there are any. One line per
# target; inputs that broke something are kept under build/fuzz-findings/NAME. Exit 1 when there are.
set -u
here=$(cd "$(dirname "$0")" && pwd)
found=${FUZZ_FINDINGS:-build/fuzz-findings}
bad=0
(($#)) || { echo "usage: $0 FUZZ_TARGET..." >&2; exit 2; }
for target in "$@"; do
	name=$(basename "$target" _fuzz)
	keep=$found/$name work=$(mktemp -d)
	mkdir -p "$keep"
	before=$(find "$keep" -type f | wc -l)
	seeds=()
	[[ -d $here/corpus/$name ]] && seeds=("$here/corpus/$name")
	options=()
	[[ -e $here/$name.options ]] && mapfile -t options <"$here/$name.options"
	"$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$keep/" "${options[@]}" "$work" "${seeds[@]}" \
		>"$keep.log" 2>&1
	rc=$?
	new=$(($(find "$keep" -type f | wc -l) - before))
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$keep.log")
	printf '%-4s %-16s %10s runs %4d findings\n' "$( ((rc || new)) && echo FAIL || echo ok)" \
		"$name" "${runs:-0}" "$new"
	if ((rc || new)); then
		bad=1
		grep -E -m3 '^(==.*ERROR|SUMMARY|.*runtime error)' "$keep.log" || tail -3 "$keep.log"
	fi
	rm -rf "$work"
done
exit "$bad"

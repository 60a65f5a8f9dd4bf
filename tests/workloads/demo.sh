#!/bin/bash
# The demonstration: a slow order service, first in C and then in Python, is profiled for ten seconds
# while it runs; its diagnosis, the plan, and the pictures come from that one recording. Run it with
# `make demo`.
# SPDX-License-Identifier: BSD-2-Clause
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
assay=$B/assay
out=$B/demo
seconds=${DEMO_SECONDS:-10}
python=${PYTHON:-/usr/bin/python3}
service=

stop_service() { [[ -z $service ]] || kill "$service" 2>/dev/null || true; }
trap stop_service EXIT
trap 'exit 130' INT TERM HUP

say() { printf '\n$ %s\n' "$*"; }
show() {
	say "$@"
	"$@"
}

# demonstrate SUFFIX TEXT COMMAND...: TEXT tells of the service, with its pid for %d.
demonstrate() {
	local suffix=$1 text=$2 recording=$out/orders$1.assay
	shift 2
	rm -f "$recording" "$out/plan$suffix.json" "$out/flame$suffix.html"
	"$@" >"$out/orders$suffix.log" &
	service=$!
	# shellcheck disable=SC2059
	printf "$text\n" "$service"
	show "$assay" record -p "$service" -d "$seconds" -F 999 -o "$recording"
	stop_service
	wait "$service" 2>/dev/null || true
	service=

	show "$assay" diagnose "$recording"
	show "$assay" plan "$recording"
	"$assay" plan "$recording" -o "$out/plan$suffix.json" >/dev/null
	"$assay" flame "$recording" -o "$out/flame$suffix.html" >/dev/null
}

left() {
	printf '  %-30s %s\n' \
		"$out/orders$1.assay" "the recording: assay report, flame, export (or sqlite3)" \
		"$out/plan$1.json" "the plan: assay verify checks a later recording against it" \
		"$out/flame$1.html" "the flame graph: open it in a browser"
}

mkdir -p "$out"
demonstrate "" \
	'A small order service (tests/workloads/orders.c) is running as pid %d. It is slow. Why?' \
	"$B/workloads/orders"
if [[ -x $python ]]; then
	printf '\n'
	demonstrate _py \
		'The same in Python (tests/workloads/orders.py), pid %d, is slow for reasons of its own.' \
		"$python" tests/workloads/orders.py
else
	printf '\nThe same in Python is left out: there is no %s (apt-get install python3).\n' "$python"
fi

printf '\nWhat is left to look at:\n'
left ""
[[ ! -x $python ]] || left _py

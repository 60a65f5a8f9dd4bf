#!/bin/bash
# The demonstration: a slow order service is profiled for ten seconds while it runs, then its
# diagnosis, the plan, and the pictures come from that one recording. Run it with `make demo`.
# SPDX-License-Identifier: BSD-2-Clause
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
assay=$B/assay
out=$B/demo
seconds=${DEMO_SECONDS:-10}
service=

stop_service() { [[ -z $service ]] || kill "$service" 2>/dev/null || true; }
trap stop_service EXIT
trap 'exit 130' INT TERM HUP

say() { printf '\n$ %s\n' "$*"; }
show() {
	say "$@"
	"$@"
}

mkdir -p "$out"
rm -f "$out"/orders.assay "$out"/plan.json "$out"/flame.html
"$B/workloads/orders" >"$out/orders.log" &
service=$!
printf 'A small order service (tests/workloads/orders.c) is running as pid %d. It is slow. Why?\n' "$service"

show "$assay" record -p "$service" -d "$seconds" -F 999 -o "$out/orders.assay"
stop_service
wait "$service" 2>/dev/null || true
service=

show "$assay" diagnose "$out/orders.assay"
show "$assay" plan "$out/orders.assay"
"$assay" plan "$out/orders.assay" -o "$out/plan.json" >/dev/null
"$assay" flame "$out/orders.assay" -o "$out/flame.html" >/dev/null

printf '\nWhat is left to look at:\n'
printf '  %-27s %s\n' \
	"$out/orders.assay" "the recording: assay report, flame, export (or sqlite3)" \
	"$out/plan.json" "the plan: assay verify checks a later recording against it" \
	"$out/flame.html" "the flame graph: open it in a browser"

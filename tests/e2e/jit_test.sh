#!/bin/bash
# Just-in-time compiled code: named by what Node writes for profilers, process by process.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
cd "$WORK" || exit 1 # V8 leaves logs where it runs

if ! command -v node >/dev/null; then
	skip "JIT code of Node has names" "node is not installed"
	finish
fi
for name in apples pears plums; do
	cat >"$WORK/$name.js" <<END
function $name(n) {
  let s = 0;
  for (let i = 0; i < n; i++)
    s += i % 7;
  return s;
}
const end = Date.now() + 1000 * Number(process.argv[2]);
while (Date.now() < end) $name(1e5);
END
done

# share RECORDING FUNCTION FILE: the function's share in that file, from 0 to 100.
share() {
	"$ASSAY" report "$WORK/$1.assay" --json | python3 -c "
import json, sys
rows = json.load(sys.stdin)['rows']
print(int(100 * sum(r['self'] for r in rows if (r['function'], r['file']) == ('$2', '$3'))))"
}
# within LOW HIGH NUMBER
within() {
	echo "$3, expected $1 to $2"
	(($3 >= $1 && $3 <= $2))
}

start node --no-turbo-inlining --perf-basic-prof "$WORK/apples.js" 20
one=$PID
start node --no-turbo-inlining --perf-basic-prof "$WORK/pears.js" 20
two=$PID
sleep 1
"$ASSAY" record -q -p "$one,$two" -d 3 -F 199 -o "$WORK/two.assay" >/dev/null 2>&1
kill "$one" "$two"
rm -f "/tmp/perf-$one.map" "/tmp/perf-$two.map"
check "of two programs each keeps its own names: the first" \
	within 25 75 "$(share two apples "$WORK/apples.js")"
check "of two programs each keeps its own names: the second" \
	within 25 75 "$(share two pears "$WORK/pears.js")"

"$ASSAY" record -q -o "$WORK/ended.assay" -- node --no-turbo-inlining --perf-basic-prof "$WORK/plums.js" 2 >/dev/null 2>&1
rm -f "/tmp/perf-$(sqlite3 "$WORK/ended.assay" 'SELECT pid FROM process LIMIT 1').map"
check "the names of a command that has ended are read" within 70 100 "$(share ended plums "$WORK/plums.js")"

# Its own pid namespace and its own /tmp, as in a container.
cat >"$WORK/inside.sh" <<'END'
mount -t tmpfs none /tmp && cp /proc/self/fd/3 /tmp/plums.js && cd /tmp && exec node --no-turbo-inlining --perf-basic-prof /tmp/plums.js 20
END
if unshare -mpf --mount-proc true 2>/dev/null; then
	start unshare -mpf --mount-proc bash "$WORK/inside.sh" 3<"$WORK/plums.js"
	sleep 1.5
	"$ASSAY" record -q -p "$(pgrep -P "$PID")" -d 3 -o "$WORK/inside.assay" >/dev/null 2>&1
	check "a program in a container is named by the map that only it can see" \
		within 70 100 "$(share inside plums /tmp/plums.js)"
	kill -9 "$(pgrep -P "$PID")" 2>/dev/null
else
	skip "a program in a container is named by the map that only it can see" "no namespaces here"
fi

"$ASSAY" record -q -o "$WORK/nameless.assay" -- node "$WORK/plums.js" 2 >/dev/null 2>&1
one_row() {
	"$ASSAY" report "$WORK/nameless.assay" | tee /dev/stderr | grep -c '\[jit\]' | grep -qx 1
}
check "code without names is one row, [jit]" one_row
finish

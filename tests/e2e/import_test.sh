#!/bin/bash
# Other tools' profiles become recordings that every command takes; our own come back alike.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
export HOME=$WORK PPROF_TMPDIR=$WORK GOCACHE=$WORK/go GOFLAGS=-mod=mod
REC=$WORK/r.assay

rows() { # FILE BY CODE: an expression over `rows`, `total` (by function) and `q` that must hold
	"$ASSAY" report "$1" --by "$2" --json >"$WORK/rows.json" || return 1
	python3 - "$WORK/rows.json" "$3" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
rows, q = report["rows"], report["quality"]
total = {r.get("function"): r["total"] for r in rows}
for r in rows[:8]:
    print({k: v for k, v in r.items() if v is not None})
print({k: v for k, v in q.items() if k != "notes"})
sys.exit(not eval(sys.argv[2]))
END
}
# The reports of two recordings are the same but for intervals.
same_report() { # A B BY
	"$ASSAY" report "$1" --by "$3" --json >"$WORK/a.json" && "$ASSAY" report "$2" --by "$3" --json >"$WORK/b.json" || return 1
	python3 - "$WORK/a.json" "$WORK/b.json" <<'END'
import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:])
cut = lambda rows: sorted(json.dumps({k: v for k, v in r.items() if not k.endswith(("_low", "_high")) and k != "on_cpu_ns"},
                                     sort_keys=True) for r in rows)
for key in ("total", "samples", "seconds"):
    assert a[key] == b[key], (key, a[key], b[key])
x, y = cut(a["rows"]), cut(b["rows"])
for p, q in zip(x, y):
    assert p == q, (p, q)
assert len(x) == len(y) > 0
assert any(r["self_low"] is not None for r in a["rows"])
assert all(r["self_low"] is None for r in b["rows"]), "an imported share has an interval"
assert b["quality"]["weights_imported"] and a["quality"]["lost"]["total"] == b["quality"]["lost"]["total"]
END
}
every_command_takes_it() { # FILE
	"$ASSAY" report "$1" >/dev/null && "$ASSAY" diagnose "$1" && "$ASSAY" plan "$1" >/dev/null &&
		"$ASSAY" flame "$1" -o "$WORK/x.html" && "$ASSAY" export "$1" --to pprof -o "$WORK/again.pb.gz" &&
		"$ASSAY" export "$1" --to folded -o - >/dev/null
}

cat >"$WORK/mixed.py" <<'END'
import time, zlib
def spin(n):
    return sum(i * i for i in range(n))
def main():
    data = bytes(range(256)) * 400
    while time.process_time() < 6:
        spin(3000)
        zlib.compress(data, 6)
main()
END
check "a program with Python, C and kernel frames is recorded" "$ASSAY" record -q -F 499 -o "$REC" -- python3 "$WORK/mixed.py"
check "it is exported to pprof" "$ASSAY" export "$REC" --to pprof -o "$WORK/r.pb.gz"
check "and imported again, its format found" "$ASSAY" import "$WORK/r.pb.gz" -o "$WORK/back.assay"
for by in function line file module thread; do
	check "the report by $by is the same" same_report "$REC" "$WORK/back.assay" "$by"
done
check "every command takes an imported recording" every_command_takes_it "$WORK/back.assay"
check "a folder's worth of names: the default is the file's first part" \
	bash -c 'cd "$2" && "$1" import r.pb.gz -f >/dev/null && [[ -s r.assay ]]' - "$ASSAY" "$WORK"
check_exit 8 "an existing recording is not overwritten" "$ASSAY" import "$WORK/r.pb.gz" -o "$WORK/back.assay"
check "but with --force" "$ASSAY" import -f "$WORK/r.pb.gz" -o "$WORK/back.assay"

# ---- go tool pprof ----

check "go tool pprof writes our file anew" bash -c 'cd "$1" && go tool pprof -proto -symbolize=none -output=go.pb.gz r.pb.gz' - "$WORK"
check "what it wrote is imported" "$ASSAY" import -f "$WORK/go.pb.gz" -o "$WORK/go.assay"
check "and has the same functions" python3 - "$ASSAY" "$WORK/back.assay" "$WORK/go.assay" <<'END'
import json, subprocess, sys
def functions(f):
    report = json.loads(subprocess.run([sys.argv[1], "report", "--json", f], stdout=subprocess.PIPE, check=True).stdout)
    return report["total"], sorted((r["function"], r["samples"], r["value"]) for r in report["rows"] if r["samples"])
a, b = functions(sys.argv[2]), functions(sys.argv[3])
assert a == b, (a, b)
END
mkdir -p "$WORK/prog"
cat >"$WORK/prog/main.go" <<'END'
package main

import (
	"os"
	"runtime/pprof"
	"time"
)

//go:noinline
func burn(n int) (s int) {
	for i := 0; i < n; i++ {
		s = s*31 + i
	}
	return
}

func main() {
	f, _ := os.Create(os.Args[1])
	pprof.StartCPUProfile(f)
	for start := time.Now(); time.Since(start) < 2*time.Second; {
		burn(100000)
	}
	pprof.StopCPUProfile()
	f.Close()
	heap, _ := os.Create(os.Args[2])
	pprof.WriteHeapProfile(heap)
	heap.Close()
}
END
check "a Go program writes its own profiles" bash -c 'cd "$1/prog" && go run main.go ../cpu.pb.gz ../heap.pb.gz' - "$WORK"
check "Go's CPU profile is imported" "$ASSAY" import "$WORK/cpu.pb.gz" -o "$WORK/cpu.assay"
check "its hot function has the time" rows "$WORK/cpu.assay" function 'total["main.burn"] > 0.8 and q["rate_hz"]["had"] == 100'
check "and its line" rows "$WORK/cpu.assay" line 'any(r["function"] == "main.burn" and r["line"] in (11, 12) for r in rows)'
check "which is annotated with the source beside it" bash -c \
	'"$1" annotate "$2/cpu.assay" burn --source-path "$2/prog" | grep -q "s = s\*31 + i"' - "$ASSAY" "$WORK"
check_exit 5 "a heap profile is refused" "$ASSAY" import "$WORK/heap.pb.gz" -o "$WORK/heap.assay"
check "and leaves no file behind" test ! -e "$WORK/heap.assay"

# ---- folded ----

printf 'main;work;inner 30\nmain;idle 10\n' >"$WORK/x.folded"
check "folded stacks are imported" "$ASSAY" import "$WORK/x.folded" -o "$WORK/x.assay"
check "with their shares" rows "$WORK/x.assay" function 'total["work"] == 0.75 and total["main"] == 1 and q["samples"] == 40'
check "from standard input too" bash -c '"$1" import - -o "$2/in.assay" <"$2/x.folded"' - "$ASSAY" "$WORK"

# ---- bad files ----

head -c 100 "$WORK/r.pb.gz" >"$WORK/cut.pb.gz"
check_exit 5 "a file that is cut short is refused" "$ASSAY" import "$WORK/cut.pb.gz" -o "$WORK/no.assay"
check_exit 5 "a file that is not there is refused" "$ASSAY" import "$WORK/nix" -o "$WORK/no.assay"
check_exit 5 "prose is refused" "$ASSAY" import README.md -o "$WORK/no.assay"
check_exit 5 "text is no pprof file" "$ASSAY" import --from pprof "$WORK/x.folded" -o "$WORK/no.assay"
check_exit 2 "an unknown format is refused" "$ASSAY" import --from jpeg "$WORK/x.folded" -o "$WORK/no.assay"
check_exit 2 "a format that can only be written is refused" "$ASSAY" import --from html "$WORK/x.folded" -o "$WORK/no.assay"
check "none of them left a file behind" test ! -e "$WORK/no.assay"
finish

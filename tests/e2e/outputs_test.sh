#!/bin/bash
# What leaves assay: read by other tools, parsed as JSON, and harmless whatever names it carries.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
behave=$PWD/$B/workloads/behave

start "$B/workloads/orders"
"$ASSAY" record -q -p "$PID" -d 6 -F 499 -o "$WORK/orders.assay" >/dev/null
kill "$PID"

# ---- other tools ----

check "a profile for pprof is written" "$ASSAY" export "$WORK/orders.assay" --to pprof -o "$WORK/orders.pb.gz"
check "go tool pprof reads it" bash -c \
	'go tool pprof -top -sample_index=cpu "$1" >"$2" 2>&1 && cat "$2" && grep -q "find_duplicates" "$2"' - \
	"$WORK/orders.pb.gz" "$WORK/pprof.out"
check "and shows the same shares as assay" python3 - "$WORK/pprof.out" <(
	"$ASSAY" report "$WORK/orders.assay" --json
) <<'END'
import json, sys
theirs = {}
for line in open(sys.argv[1]):
    f = line.split()
    if len(f) >= 6 and f[4].endswith("%"):
        theirs[f[5]] = float(f[4][:-1]) / 100
ours = {r["function"]: r["total"] for r in json.load(open(sys.argv[2]))["rows"]}
for name in "find_duplicates", "email_is_valid", "write_receipt", "main":
    print(name, theirs[name], ours[name])
    assert abs(theirs[name] - ours[name]) < 0.002
END
check "folded stacks are written" "$ASSAY" export "$WORK/orders.assay" --to folded -o "$WORK/orders.folded"
check "each line of them is a stack and a count" bash -c '[[ -s $1 ]] && ! grep -vE "^.+ [0-9]+$" "$1"' - "$WORK/orders.folded"
check "the sqlite3 shell adds up the same total" python3 - <(
	sqlite3 "$WORK/orders.assay" 'select sum(value) from sample'
) <("$ASSAY" report "$WORK/orders.assay" --json) <<'END'
import json, sys
ours = json.load(open(sys.argv[2]))["total"]
theirs = float(open(sys.argv[1]).read())
print(ours, theirs)
assert abs(theirs / ours - 1) < 1e-6
END
check "the sqlite3 shell finds the hottest functions by a view" bash -c \
	'sqlite3 "$1" "select * from function_self limit 5" | tee /dev/stderr | grep -q .' - "$WORK/orders.assay"
check "the recording passes sqlite's own check" bash -c \
	'[[ $(sqlite3 "$1" "pragma integrity_check; pragma foreign_key_check") == ok ]]' - "$WORK/orders.assay"

# ---- JSON ----

"$ASSAY" plan "$WORK/orders.assay" -o "$WORK/plan.json" >/dev/null
json() { # SENTENCE KEYS COMMAND...: prints one JSON object that has KEYS, and nothing on stderr
	local name=$1 keys=$2
	shift 2
	"$@" >"$WORK/out.json" 2>"$WORK/err.txt"
	check "$name" python3 - "$WORK/out.json" "$WORK/err.txt" "$keys" <<'END'
import json, sys
def no_nan(text):
    raise ValueError("JSON has no " + text)
value = json.load(open(sys.argv[1]), parse_constant=no_nan)
print(list(value))
assert open(sys.argv[2]).read() == ""
assert set(sys.argv[3].split()) <= set(value)
END
}
for by in function line file module thread; do
	json "a report by $by is JSON" "kind unit total seconds rows quality" \
		"$ASSAY" report "$WORK/orders.assay" --by "$by" --json
done
json "a diagnosis is JSON" "findings quality" "$ASSAY" diagnose "$WORK/orders.assay" --json
json "a plan is JSON" "steps estimated_total_improvement baseline quality" "$ASSAY" plan "$WORK/orders.assay" --json
json "a verdict is JSON" "steps" "$ASSAY" verify "$WORK/plan.json" "$WORK/orders.assay" --json
json "what doctor says is JSON" "ready features kernel_release" "$ASSAY" doctor --json
start "$behave" spin
json "what record did is JSON" "file seconds samples quality" \
	"$ASSAY" record -p "$PID" -d 1 -o "$WORK/json.assay" --json
json "a live diagnosis is JSON" "findings" "$ASSAY" diagnose -p "$PID" -d 1 --json
kill "$PID"
cp "$WORK/orders.assay" "$WORK/same.assay"
check "the same recording gives the same words" bash -c \
	'cmp <("$1" diagnose "$2" --json) <("$1" diagnose "$3" --json)' - "$ASSAY" "$WORK"/{orders,same}.assay

# ---- hostile names ----

# A program whose path, function, source file, arguments and thread name all want to take over.
evil=$WORK/$'e\033[31m\n<b>"\x9b'
mkdir "$evil"
cat >"$evil/e.c" <<'END'
#include <stdint.h>
#include <sys/prctl.h>
static volatile uint64_t sink;
__attribute__((noinline)) void attack(void) __asm__("evil____________________________________");
#line 1 "/tmp/\033[2Jsource\n<img src=x>.c"
void attack(void)
{
	for (int i = 0; i < 1000000; i++)
		sink = sink * 6364136223846793005u + 1;
}
int main(void)
{
	prctl(PR_SET_NAME, "\033[31m<b>\n\"x\a");
	for (;;)
		attack();
}
END
gcc -O1 -g "$evil/e.c" -o "$evil/prog"
# No assembler takes such a name: it is put into the file afterwards.
python3 - "$evil/prog" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
new = b"evil\033]0;owned\a\n<script>alert(1)</script>"
old = b"evil".ljust(len(new), b"_")
assert old in data
open(sys.argv[1], "wb").write(data.replace(old, new))
END
start "$evil/prog" $'arg\033[31m' $'two\nlines'
sleep 0.3
check "a program with hostile names is recorded" "$ASSAY" record -p "$PID" -d 2 -F 499 -o "$WORK/evil.assay"
cp "$WORK/check.out" "$WORK/evil.record"
check "its work is there under its true name" python3 - <("$ASSAY" report "$WORK/evil.assay" --json) <<'END'
import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
print(rows[:2])
assert any("evil\x1b]0;owned\a\n<script>" in (r["function"] or "") and r["self"] > 0.5 for r in rows)
END
"$ASSAY" diagnose -p "$PID" -d 1 >"$WORK/evil.live" 2>&1
kill "$PID"
harmless() { # FILE...: nothing but printable text, newlines and tabs
	python3 - "$@" <<'END'
import sys
bad = [c for c in map(chr, (*range(0x20), *range(0x7f, 0xa0), 0x202e, 0x2066)) if c not in "\n\t"]
for path in sys.argv[1:]:
    text = open(path, "rb").read().decode("utf-8")
    assert text.strip(), path + " is empty"
    assert not any(c in text for c in bad), (path, [hex(ord(c)) for c in bad if c in text])
END
}
for by in function line file module thread; do
	"$ASSAY" report "$WORK/evil.assay" --by "$by" >"$WORK/evil.$by" 2>&1
	check "a report by $by shows them harmlessly" harmless "$WORK/evil.$by"
	check "and in one line each ($by)" bash -c '! grep -qE "^(<script|<b>|<img)" "$1"' - "$WORK/evil.$by"
done
"$ASSAY" diagnose "$WORK/evil.assay" >"$WORK/evil.diagnose" 2>&1
"$ASSAY" plan "$WORK/evil.assay" >"$WORK/evil.plan" 2>&1
"$ASSAY" plan "$WORK/evil.assay" --md >"$WORK/evil.md" 2>&1
"$ASSAY" record -v -f -q -d 1 -o "$WORK/evil2.assay" -- "$evil/prog" >"$WORK/evil.verbose" 2>&1
for what in record live diagnose plan md verbose; do
	check "so does $what" harmless "$WORK/evil.$what"
done
check "Markdown carries no markup of theirs" bash -c '! grep -q "<script>" "$1"' - "$WORK/evil.md"
if script -qec true /dev/null >"$WORK/pty" 2>&1; then
	check "a terminal is shown no raw bytes either" bash -c \
		'script -qec "\"$1\" report \"$2\"" /dev/null | tee "$3" | LC_ALL=C grep -q "evil" &&
			! LC_ALL=C grep -qE $'"'"'\033\\](0|2);|\a|\033\\[2J'"'"' "$3"' - "$ASSAY" "$WORK/evil.assay" "$WORK/evil.tty"
else
	skip "a terminal is shown no raw bytes either" "no pseudo-terminals here: $(head -1 "$WORK/pty")"
fi
for what in diagnose plan; do
	json "their $what is still JSON" quality "$ASSAY" "$what" "$WORK/evil.assay" --json
	check "without a raw control character ($what)" harmless "$WORK/out.json"
done
"$ASSAY" flame "$WORK/evil.assay" -o "$WORK/evil.html" >/dev/null
check "their page holds no script of theirs" bash -c '! grep -q "<script>alert" "$1" && [[ -s $1 ]]' - "$WORK/evil.html"
check "folded stacks of them are still one stack a line" bash -c \
	'"$1" export "$2" --to folded -o - >"$3" && ! grep -vE "^.+ [0-9]+$" "$3"' - \
	"$ASSAY" "$WORK/evil.assay" "$WORK/evil.folded"
check "pprof reads them too" bash -c \
	'"$1" export "$2" --to pprof -o "$3" && go tool pprof -top "$3" 2>&1 | grep -q evil' - \
	"$ASSAY" "$WORK/evil.assay" "$WORK/evil.pb"
finish

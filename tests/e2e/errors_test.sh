#!/bin/bash
# Whatever goes wrong: the right exit code, one line that says what and what to do, and no crash.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"
behave=$PWD/$B/workloads/behave

# fails CODE SENTENCE COMMAND...: ends with CODE, prints nothing on stdout and one clean line on stderr.
fails() {
	local want=$1 name=$2 rc
	shift 2
	n=$((n + 1))
	timeout 60 "$@" >"$WORK/check.out" 2>"$WORK/check.err"
	rc=$?
	if ((rc == want)) && [[ ! -s $WORK/check.out && $(wc -l <"$WORK/check.err") == 1 ]] &&
		grep -q '^assay: .\{10,\}' "$WORK/check.err" && ! LC_ALL=C grep -q '[[:cntrl:]]' "$WORK/check.err"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name (exit $rc, expected $want)"
		sed 's/^/# /' "$WORK/check.out" "$WORK/check.err" | cat -v | head -20
		bad=1
	fi
}
# says SENTENCE PATTERN: what the last failure said.
says() {
	check "$1" grep -qi -- "$2" "$WORK/check.err"
}

start "$behave" spin
pid=$PID
OUT=$WORK/out.assay

# ---- wrong usage: 2 ----

fails 2 "an unknown command is wrong usage" "$ASSAY" profile
fails 2 "an unknown option is wrong usage" "$ASSAY" record -p "$pid" --speed 9
says "and the option is named" -- --speed
fails 2 "a missing target is wrong usage" "$ASSAY" record -d 1
fails 2 "two targets are wrong usage" "$ASSAY" record -a -p "$pid"
fails 2 "an empty command is wrong usage" "$ASSAY" record --
fails 2 "a process id that is none is wrong usage" "$ASSAY" record -p 12x
fails 2 "a negative process id is wrong usage" "$ASSAY" record -p -1
fails 2 "a rate that is no number is wrong usage" "$ASSAY" record -p "$pid" -F fast
fails 2 "a rate of zero is wrong usage" "$ASSAY" record -p "$pid" -F 0
fails 2 "an endless duration is wrong usage" "$ASSAY" record -p "$pid" -d inf
fails 2 "an option without its value is wrong usage" "$ASSAY" record -p "$pid" -d
fails 2 "a report of nothing is wrong usage" "$ASSAY" report
fails 2 "a report by something unknown is wrong usage" "$ASSAY" report "$OUT" --by colour
fails 2 "an unknown format is wrong usage" "$ASSAY" export "$OUT" --to elf -o "$WORK/x"
fails 2 "one file too many is wrong usage" "$ASSAY" report "$OUT" "$OUT"

# ---- the target: 4 ----

dead=$(bash -c 'echo $BASHPID')
fails 4 "a process that is gone cannot be profiled" "$ASSAY" record -p "$dead" -d 1 -o "$OUT"
says "and is named" "$dead"
fails 4 "of two processes, the one that is gone is named" "$ASSAY" record -p "$pid,$dead" -d 1 -o "$OUT"
says "by its number" "$dead"
fails 4 "a kernel thread cannot be profiled as a process" "$ASSAY" record -p 2 -d 1 -o "$OUT"
bash -c 'sleep 0.1 & exec sleep 60' &
zombie_parent=$!
PIDS+=("$zombie_parent")
sleep 0.5
zombie=$(pgrep -P "$zombie_parent" -r Z)
fails 4 "a process that has ended and was not collected is gone" "$ASSAY" record -p "${zombie:-0}" -d 1 -o "$OUT"
kill "$zombie_parent"
fails 4 "a command that does not exist is no target" "$ASSAY" record -o "$OUT" -- /nowhere/program
fails 4 "a command that may not be executed is no target" "$ASSAY" record -o "$OUT" -- /etc/passwd
start "$behave" sleeper
fails 4 "a target that never ran gives no recording" "$ASSAY" record -p "$PID" -d 1 -F 1 -o "$OUT"
kill "$PID"
check "no failure leaves a file behind" test ! -e "$OUT"

# ---- permission and kernel: 3 ----

# What nobody may not read lies in a folder that nobody may enter: a copy they may run.
mkdir -m 755 "$WORK/bin" && chmod 755 "$WORK" && cp "$ASSAY" "$WORK/bin/assay"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fails 3 "without permission nothing is profiled" "${nobody[@]}" "$WORK/bin/assay" record -p "$pid" -d 1 -o /dev/null -f
says "and the way to get it is told" "root"
fails 3 "without permission no command is profiled either" "${nobody[@]}" "$WORK/bin/assay" diagnose -- true
check_exit 3 "doctor without permission says that profiling does not work" "${nobody[@]}" "$WORK/bin/assay" doctor
if grep -q ' /proc ' /proc/mounts && unshare -m true 2>/dev/null; then
	mkdir "$WORK/empty"
	fails 3 "on a kernel without BTF nothing is profiled" unshare -m bash -c \
		'mount --bind "$1" /sys/kernel/btf && exec "$2" record -p "$3" -d 1 -o "$4"' - \
		"$WORK/empty" "$ASSAY" "$pid" "$OUT"
	says "and BTF is named" "BTF"
	fails 3 "without any of the capabilities, root is refused too" \
		setpriv --bounding-set=-all --inh-caps=-all "$ASSAY" record -p "$pid" -d 1 -o "$OUT"
fi

# ---- input: 5 ----

"$ASSAY" record -q -p "$pid" -d 1.5 -F 499 -o "$WORK/good.assay" >/dev/null
fails 5 "a recording that is not there cannot be read" "$ASSAY" report "$WORK/nothing.assay"
: >"$WORK/empty.assay"
echo '<html>no recording</html>' >"$WORK/text.assay"
sqlite3 "$WORK/foreign.assay" 'create table orders(id); insert into orders values (1)'
head -c 5000 "$WORK/good.assay" >"$WORK/short.assay"
head -c 40000 "$WORK/good.assay" >"$WORK/half.assay"
cp "$WORK/good.assay" "$WORK/newer.assay"
sqlite3 "$WORK/newer.assay" 'pragma user_version = 999'
cp "$WORK/good.assay" "$WORK/corrupt.assay"
dd if=/dev/urandom of="$WORK/corrupt.assay" bs=4096 seek=1 count=8 conv=notrunc status=none
cp "$WORK/good.assay" "$WORK/loop.assay"
sqlite3 "$WORK/loop.assay" 'update stack set parent_id = id' 2>/dev/null ||
	sqlite3 "$WORK/loop.assay" 'update stack set parent = id'
mkdir "$WORK/folder.assay"
mkfifo "$WORK/fifo.assay"
for kind in empty text foreign short half newer corrupt loop folder fifo; do
	for command in report diagnose; do
		fails 5 "a recording that is $kind is refused by $command" "$ASSAY" "$command" "$WORK/$kind.assay"
	done
done
fails 5 "a newer recording is refused by plan" "$ASSAY" plan "$WORK/newer.assay"
says "as newer" "newer"
fails 5 "a corrupt recording is refused by flame" "$ASSAY" flame "$WORK/corrupt.assay" -o "$WORK/x.html"
fails 5 "a corrupt recording is refused by export" "$ASSAY" export "$WORK/corrupt.assay" --to pprof -o "$WORK/x.pb"
check "and nothing is written" test ! -e "$WORK/x.html" -a ! -e "$WORK/x.pb"
fails 5 "a plan that is not there cannot be verified" "$ASSAY" verify "$WORK/nothing.json" "$WORK/good.assay"
echo '{"steps": [{"order": "x"}' >"$WORK/bad.json"
fails 5 "a plan that is no JSON is refused" "$ASSAY" verify "$WORK/bad.json" "$WORK/good.assay"
echo '[1, 2]' >"$WORK/bad.json"
fails 5 "a plan that is other JSON is refused" "$ASSAY" verify "$WORK/bad.json" "$WORK/good.assay"
fails 5 "a hostile file name is shown harmlessly" "$ASSAY" report "$WORK/"$'\033[31m\n<b>.assay'

# ---- output: 8 ----

fails 8 "an existing recording is not overwritten" "$ASSAY" record -p "$pid" -d 1 -o "$WORK/good.assay"
says "and the option that would is named" "force"
check "and it is as it was" "$ASSAY" report "$WORK/good.assay"
fails 8 "a folder that does not exist takes no recording" "$ASSAY" record -p "$pid" -d 1 -o "$WORK/no/x.assay"
fails 8 "a folder that does not exist takes no page" "$ASSAY" flame "$WORK/good.assay" -o "$WORK/no/x.html"
fails 8 "a folder that does not exist takes no plan" "$ASSAY" plan "$WORK/good.assay" -o "$WORK/no/plan.json"
fails 8 "a full disk is told of an export" "$ASSAY" export "$WORK/good.assay" --to folded -o /dev/full
check_exit 8 "a full disk is told of standard output" bash -c '"$1" report "$2" >/dev/full' - "$ASSAY" "$WORK/good.assay"
mkdir "$WORK/small"
if mount -t tmpfs -o size=1m tmpfs "$WORK/small" 2>/dev/null; then
	head -c 600k /dev/zero >"$WORK/small/ballast"
	start "$behave" threads 60 40
	fails 8 "a full disk ends a capture" "$ASSAY" record -q -a -F 4999 -d 20 -o "$WORK/small/x.assay"
	says "and the file is named" "x.assay"
	check "what was committed before can be read" "$ASSAY" report "$WORK/small/x.assay"
	rm -f "$WORK"/small/x.assay*
	head -c 1m /dev/zero >"$WORK/small/ballast" 2>/dev/null
	fails 8 "a disk that is full at the start takes no recording" "$ASSAY" record -q -p "$pid" -d 1 -o "$WORK/small/y.assay"
	kill "$PID"
	umount "$WORK/small"
fi
kill "$pid"
finish

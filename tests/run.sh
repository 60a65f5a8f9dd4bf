#!/bin/bash
# Runs every test program and end-to-end script (or those whose path contains $1), reads their TAP,
# and ends with "N passed, N failed, N skipped". Exit 1 when anything failed.
#
# A test may skip only for a kernel feature, and names it: "ok 3 - text # SKIP feature: NAME". When
# `assay doctor` says that feature works here, the skip counts as a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
export B
only=${1:-}
log=$B/test-logs
rm -rf "$log" && mkdir -p "$log"
passed=0 failed=0 skipped=0
works=" $("$B/assay" doctor --json 2>/dev/null | tr -d ' \n' | grep -o '"name":"[^"]*","works":true' |
	sed 's/"name":"//; s/".*//' | tr '\n' ' ') "

run() { # NAME COMMAND...
	local name=$1 out rc bad=0
	shift
	[[ -z $only || $name == *"$only"* ]] || return 0
	out=$log/${name//\//_}.tap
	timeout -k 10 "${TEST_TIMEOUT:-600}" "$@" >"$out" 2>"$out.err" </dev/null
	rc=$?
	local p f s
	# cmocka writes a skipped test as "not ok N # SKIP name".
	s=$(grep -cE '^(not )?ok .*# SKIP' "$out")
	p=$(grep '^ok ' "$out" | grep -vc '# SKIP')
	f=$(grep '^not ok ' "$out" | grep -vc '# SKIP')
	while read -r feature; do
		if [[ $works == *" $feature "* ]]; then
			echo "not ok - skipped for '$feature', which doctor says works" >>"$out"
			f=$((f + 1)) s=$((s - 1))
		fi
	done < <(sed -n 's/.*# SKIP feature: *\([a-z0-9_]*\).*/\1/p' "$out")
	if ((rc != 0 && f == 0)) || ((p + f + s == 0)); then
		echo "not ok - $name ended with status $rc after $p passed" >>"$out"
		f=$((f + 1))
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	((f)) && bad=1
	printf '%-4s %-44s %4d passed %3d failed %3d skipped\n' "$( ((bad)) && echo FAIL || echo ok)" "$name" "$p" "$f" "$s"
	if ((bad)); then
		grep -A12 '^not ok' "$out" | head -60
		tail -25 "$out.err"
	fi
	grep '# SKIP' "$out" | sed 's/^/     /'
}

while read -r t; do
	run "${t#"$B"/tests/}" env CMOCKA_MESSAGE_OUTPUT=TAP "$t"
done < <(find "$B/tests" -name '*_test' -type f | sort)
for t in tests/cases/*/run.sh tests/e2e/*_test.sh; do
	[[ -e $t ]] && run "${t#tests/}" bash "$t"
done
echo
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))

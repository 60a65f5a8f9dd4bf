# Sourced by the end-to-end scripts: TAP output and a scratch folder that is removed at the end.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
B=${B:-build}
ASSAY=$(realpath -m "$B")/assay
WORK=$(mktemp -d)
PIDS=()
n=0 bad=0
cleanup() {
	local p
	for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done
	rm -rf "$WORK"
}
trap cleanup EXIT
# Starts a command in the background and remembers its pid for the end; sets PID.
start() {
	"$@" >"$WORK/started.out" 2>&1 &
	PID=$!
	PIDS+=("$PID")
}
# check SENTENCE COMMAND...: one test; the command's exit status decides.
check() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$WORK/check.out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$WORK/check.out" | head -40
		bad=1
	fi
}
# check_exit CODE SENTENCE COMMAND...: the command must end with CODE.
check_exit() {
	local want=$1 name=$2 rc
	shift 2
	n=$((n + 1))
	"$@" >"$WORK/check.out" 2>"$WORK/check.err"
	rc=$?
	if ((rc == want)); then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name (exit $rc, expected $want)"
		sed 's/^/# /' "$WORK/check.out" "$WORK/check.err" | head -40
		bad=1
	fi
}
skip() { # SENTENCE REASON
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}
finish() {
	echo "1..$n"
	exit "$bad"
}

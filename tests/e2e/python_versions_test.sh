# Python frames on CPython 3.9, 3.13, 3.14 and 3.15, from the Debian suites that have them: whole
# stacks, names, lines and shares. Each runs in a folder of its own, which is fetched once.
. "$(dirname "$0")/tap.sh"
. tests/vm/debian.sh

mounted=
unmount() {
	[[ -n $mounted ]] && umount -l "$mounted"
	mounted=
}
trap 'unmount; cleanup' EXIT

# Prints why it cannot be had and fails, or makes sure that build/python/VERSION holds it.
unpack() { # SUITE VERSION
	local suite=$1 v=$2 root=build/python/$2 p
	[[ -e $root/.complete ]] && return 0
	debian_index "$suite" || { echo "the index of $suite cannot be fetched"; return 1; }
	rm -rf "$root"
	# Libraries have other names in other suites: those that are missing are not of this suite.
	for p in libc6 libgcc-s1 libcrypt1 libexpat1 zlib1g libffi7 libffi8 libssl1.1 libssl3t64 \
		libbz2-1.0 liblzma5 libzstd1 "libpython$v-minimal" "libpython$v-stdlib"; do
		debian_unpack "$suite" "$p" "$root"
	done >/dev/null 2>&1
	debian_unpack "$suite" "python$v-minimal" "$root" ||
		{ echo "$suite has no python$v-minimal to fetch"; return 1; }
	[[ -e $root/lib ]] || ln -s usr/lib "$root/lib"
	[[ -e $root/lib64 ]] || ln -s usr/lib64 "$root/lib64"
	mkdir -p "$root/proc"
	chroot "$root" "/usr/bin/python$v" -c 'import threading, zlib' ||
		{ echo "python$v of $suite does not start here"; return 1; }
	touch "$root/.complete"
}

ask() { # EXPRESSION over rows, quality, total(names...), stacks
	/usr/bin/python3 - "$WORK" "$1" <<'P'
import json, sys
folder = sys.argv[1]
functions, lines = (json.load(open(f"{folder}/{f}.json")) for f in ("function", "line"))
quality, truth = functions["quality"], float(open(folder + "/truth").read())
def total(*names):
    return sum(r["total"] for r in functions["rows"] if r["function"] in names)
stacks = [(s.split(";"), int(n)) for s, n in
          (l.rstrip("\n").rsplit(" ", 1) for l in open(folder + "/folded"))]
deepest = max(s.count("deeper") for s, n in stacks)
seventy = total("work_70") / ((total("work_70") + total("work_30")) or 1)
print({k: quality[k] for k in ("samples", "stops", "stacks_whole", "lost")}, "deepest", deepest, "work_70", seventy,
      "measured", truth)
sys.exit(not eval(sys.argv[2]))
P
}

measure() { # VERSION: leaves $WORK/{function,line}.json, folded, truth
	local v=$1 root=build/python/$1
	rm -f "$WORK"/{p.assay,function.json,line.json,folded,truth}
	cp tests/workloads/python_truth.py "$root/"
	mount -t proc proc "$root/proc" || return 1
	mounted=$root/proc
	start chroot "$root" "/usr/bin/python$v" /python_truth.py 9
	sleep 1
	"$ASSAY" record -p "$PID" -d 7 -F 1499 -o "$WORK/p.assay" || return 1
	wait "$PID"
	cp "$WORK/started.out" "$WORK/truth"
	unmount
	for by in function line; do
		"$ASSAY" report "$WORK/p.assay" --by $by --json >"$WORK/$by.json" || return 1
	done
	"$ASSAY" export "$WORK/p.assay" --to folded -o "$WORK/folded"
}

# Other work on the machine can shift what the program measures of itself: one more try is fair.
shares_agree() {
	ask 'abs(seventy - truth) < 0.02' && return
	measure "$1"
	unmount
	ask 'abs(seventy - truth) < 0.02'
}

while read -r v suite; do
	if ! why=$(unpack "$suite" "$v" 2>/dev/null); then
		skip "CPython $v is profiled" "$why"
		continue
	fi
	check "CPython $v is recorded" measure "$v"
	unmount
	check "CPython $v: at least 99.5 % of the stacks are whole" ask 'quality["stacks_whole"] >= 0.995'
	check "CPython $v: shares of two functions are within 2 points of what the program measured" \
		shares_agree "$v"
	check "CPython $v: the hot line is found in its file" ask \
		'any((r["file"] or "").endswith("python_truth.py") and r["line"] == 15 and r["function"] == "spin" and r["total"] > 0.3 for r in lines["rows"])'
	check "CPython $v: methods are named" ask 'total("Chooser.choose", "choose") > 0.3'
	check "CPython $v: recursion of 200 Python calls is whole" ask 'deepest == 201'
done <<'V'
3.9 bullseye
3.13 trixie
3.14 sid
3.15 sid
V
finish

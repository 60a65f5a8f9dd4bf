#!/bin/bash
# Profiles known programs on other kernels, booted in qemu without hardware help: 5.10 and 6.1 of
# Debian's security suites and the newest of trixie-backports or sid. What is fetched stays under
# build/vm. TAP, as the end-to-end scripts. Timing means nothing there: only correctness is tested.
. "$(dirname "$0")/../e2e/tap.sh"
. tests/vm/debian.sh
VM=build/vm

# Prints the newest version of a suite's kernel package: NAME-VERSION-cloud-amd64.
newest() { # SUITE PATTERN
	awk '{ print $1 }' "$DEBIAN_CACHE/$1.index" | grep -E "^$2-cloud-amd64\$" | sort -V | tail -1
}

# Prints the path of a kernel image, or why there is none (status 1).
kernel() { # PATTERN SUITE...
	local pattern=$1 suite best='' best_suite='' package image
	shift
	for suite in "$@"; do
		debian_index "$suite" 2>/dev/null || continue
		package=$(newest "$suite" "$pattern")
		if [[ -n $package && $(printf '%s\n' "$best" "$package" | sort -V | tail -1) == "$package" ]]; then
			best=$package best_suite=$suite
		fi
	done
	if [[ -z $best ]]; then # without the index, one from before will do
		best=$(ls "$VM" 2>/dev/null | grep -E "^$pattern-cloud-amd64\$" | sort -V | tail -1)
		[[ -n $best ]] || { echo "no $pattern-cloud-amd64 in $*"; return 1; }
	fi
	if [[ ! -e $VM/$best/.complete ]]; then
		rm -rf "${VM:?}/$best"
		debian_unpack "$best_suite" "$best" "$VM/$best" >/dev/null 2>&1 ||
			{ echo "$best cannot be fetched"; return 1; }
		touch "$VM/$best/.complete"
	fi
	# From 7.0 on the image is with the modules.
	image=$(find "$VM/$best" -name 'vmlinuz*' -type f | head -1)
	[[ -n $image ]] || { echo "$best has no kernel image"; return 1; }
	echo "$image"
}

# The root file system: assay, what it profiles, and the libraries of both.
rootfs() {
	local root=$WORK/root f
	mkdir -p "$root"/{bin,usr/bin,usr/lib,proc,sys,dev,lib64}
	cp /bin/busybox "$root/bin/"
	"$root/bin/busybox" --list | while read -r f; do ln -s busybox "$root/bin/$f" 2>/dev/null; done
	cp "$ASSAY" "$B/vm/deep" /usr/bin/python3.11 "$root/usr/bin/" || return 1
	for f in "$ASSAY" /usr/bin/python3.11; do ldd "$f"; done | grep -o '/[^ ]*' | sort -u |
		while read -r f; do mkdir -p "$root${f%/*}" && cp -L "$f" "$root$f"; done
	(cd /usr/lib && tar c --exclude=test --exclude=idlelib --exclude=lib2to3 --exclude=pydoc_data \
		--exclude=ensurepip --exclude='config-*' --exclude=asyncio python3.11) | tar x -C "$root/usr/lib"
	cp tests/workloads/python_truth.py "$root/"
	install -m 755 tests/vm/guest.sh "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$WORK/root.cpio.gz"
}

boot() { # IMAGE: leaves the guest's files in $WORK/out
	rm -rf "$WORK/out"
	mkdir "$WORK/out"
	# la57 and cx16 off: qemu 7.2 mistranslates them at times. tsc: 5.10 and 6.1 distrust it else.
	timeout 300 qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max,la57=off,cx16=off -smp 2 \
		-m 2048 -kernel "$1" -initrd "$WORK/root.cpio.gz" \
		-append "console=ttyS0 rdinit=/init panic=-1 quiet clocksource=tsc tsc=reliable" \
		-nodefaults -no-user-config -display none -no-reboot \
		-serial file:"$WORK/console" -serial file:"$WORK/sent" || { tail -20 "$WORK/console"; return 1; }
	base64 -d "$WORK/sent" | tar xz -C "$WORK/out" || { tail -20 "$WORK/console"; return 1; }
}

exits() { # NAME: the capture's exit code is 0
	cat "$WORK/out/$1.out" "$WORK/out/$1.err" 2>/dev/null
	[[ $(cat "$WORK/out/$1.exit") == 0 ]]
}

ask() { # NAME EXPRESSION over report, quality, total(name), stacks, share(test)
	[[ -s $WORK/out/$1.folded ]] || { echo "there is no such recording"; return 1; }
	/usr/bin/python3 - "$WORK/out/$1" "$2" <<'P'
import json, sys
report = json.load(open(sys.argv[1] + ".json"))
quality = report["quality"]
def total(name):
    return sum(r["total"] for r in report["rows"] if r["function"] == name)
stacks = [(s.split(";"), int(n)) for s, n in
          (l.rstrip("\n").rsplit(" ", 1) for l in open(sys.argv[1] + ".folded"))]
def share(test):
    return sum(n for s, n in stacks if test(s)) / (sum(n for s, n in stacks) or 1)
print({k: v for k, v in quality.items() if k != "lost"})
print([(r["function"], round(r["total"], 3)) for r in report["rows"][:12]])
sys.exit(not eval(sys.argv[2]))
P
}

whole='quality["samples"] > 100 and quality["stacks_whole"] >= 0.99'
chain='share(lambda s: s.count("sp_frame") == 21 and s.count("fp_frame") == 20)'

# The first samples of new code come before its tables, and building those takes many times as long
# in an emulator: hence 98 % where programs are not known before the sampling begins.
profile_all() { # LABEL
	check "$1: doctor finds that all works that profiling needs" exits doctor
	check "$1: a native program is recorded" exits native
	check "$1: at least 99 % of native stacks are whole" ask native "$whole"
	check "$1: the chain of 41 calls without frame pointers is complete" ask native "$chain > 0.95"
	check "$1: work in user mode and below a system call are both found" \
		ask native 'total("burn") > 0.1 and total("ask_kernel") > 0.05'
	check "$1: a Python program is recorded" exits python
	check "$1: at least 99 % of Python stacks are whole" ask python "$whole"
	check "$1: Python functions are named, and C between them keeps its place" ask python \
		'total("spin") > 0.1 and share(lambda s: "worker" in s and "deeper" in s and s.index("worker") < s.index("deeper") - 1) > 0.1'
	check "$1: recursion of 200 Python calls is whole" \
		ask python 'max(s.count("deeper") for s, n in stacks) == 201'
	check "$1: the whole machine is recorded" exits all
	check "$1: at least 98 % of the machine's stacks are whole" ask all \
		'quality["samples"] > 50 and quality["stacks_whole"] >= 0.98 and total("burn") > 0.05'
	check "$1: a command is recorded from its start" exits command
	check "$1: at least 98 % of the command's stacks are whole" ask command \
		"${whole/0.99/0.98} and $chain > 0.9"
}

check "the guest's root file system is made" rootfs
while read -r label pattern suites; do
	[[ -z ${1:-} || $label == "$1" ]] || continue
	# shellcheck disable=SC2086 # several suites
	if ! image=$(kernel "$pattern" $suites); then
		skip "Linux $label: known programs are profiled" "$image"
		continue
	fi
	release=${image#"$VM"/linux-*-}
	release=${release%%/*}
	check "Linux $release boots and ends" boot "$image"
	check "Linux $release: it is the kernel that runs" grep -qxF "$release" "$WORK/out/release"
	profile_all "Linux $release"
	[[ -z ${KEEP:-} ]] || { mkdir -p "$KEEP" && cp -r "$WORK/out" "$WORK/console" "$KEEP/"; }
done <<'K'
5.10 linux-image-5\.10\.[-0-9.+a-z]+ bullseye-security
6.1 linux-image-6\.1\.[-0-9.+a-z]+ bookworm-security
7 linux-binary-7\.[-0-9.+a-z]+ trixie-backports sid
K
finish

#!/bin/sh
# Runs as /init in the guest: profiles known programs, sends everything to the second serial port
# as a tar file in base64, and turns the machine off.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
export PATH=/bin:/usr/bin HOME=/
mkdir -p /tmp /out
cd /out

uname -r >release
assay doctor --json >doctor.json 2>doctor.err
echo $? >doctor.exit

# capture NAME TARGET...: a recording, its exit code, its report and its folded stacks.
capture() {
	name=$1
	shift
	assay record -v -o /tmp/$name.assay "$@" >$name.out 2>&1
	echo $? >$name.exit
	assay report /tmp/$name.assay --json >$name.json 2>>$name.out
	assay export /tmp/$name.assay --to folded -o $name.folded >>$name.out 2>&1
	rm -f /tmp/$name.assay
}

deep 60 &
native=$!
sleep 1
capture native -p $native -d 5 -F 199
capture all -a -d 15
kill $native
python3.11 /python_truth.py 60 >/dev/null &
python=$!
sleep 5
capture python -p $python -d 8 -F 199
kill $python
capture command -d 30 -- deep 10

stty -F /dev/ttyS1 raw
tar cz . | base64 >/dev/ttyS1
poweroff -f

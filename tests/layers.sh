#!/bin/bash
# Checks that every room under user/ includes only what its layer allows, and that only collect
# knows libbpf. The table is the one of ARCHITECTURE.md.
cd "$(dirname "$0")/.." || exit 1
bad=0
allowed() {
	case $1 in
	base) echo base ;;
	stats) echo base stats ;;
	elf) echo base elf ;;
	proc) echo base elf proc ;;
	profile) echo base stats profile ;;
	unwind) echo base elf unwind wire ;;
	symbolize) echo base elf proc profile unwind symbolize ;;
	collect) echo base proc unwind collect wire ;;
	recording) echo base profile recording ;;
	detect) echo base stats profile detect ;;
	plan) echo base stats profile detect plan ;;
	formats) echo base stats profile detect plan formats ;;
	capture) echo base stats elf proc profile unwind symbolize collect recording capture wire ;;
	cli) echo base stats elf proc profile unwind symbolize collect recording detect plan formats capture cli ;;
	*) echo "" ;;
	esac
}
for room in user/*/; do
	room=$(basename "$room")
	[[ $room == install ]] && continue
	ok=" $(allowed "$room") "
	while IFS=: read -r file included; do
		if [[ $ok != *" $included "* ]]; then
			echo "layers: $file includes $included/, which the room '$room' may not"
			bad=1
		fi
	done < <(grep -rHoE '#include "[a-z_]+/' "user/$room" --include='*.[ch]' | sed 's/#include "//; s,/$,,')
done
if grep -rlE '#include <(bpf/|linux/bpf)' user --include='*.[ch]' | grep -v '^user/collect/'; then
	echo "layers: only user/collect may include libbpf"
	bad=1
fi
[[ $bad == 0 ]] && echo "layers: ok"
exit $bad

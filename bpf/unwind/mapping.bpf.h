/* From an address to the file it comes from: the process's sorted mappings. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_MAPPING_H
#define BPF_UNWIND_MAPPING_H

#include "unwind/state.bpf.h"

/* Executable mappings of all processes, slice by slice. Written by user space through mmap; a
 * slice is complete before unwind_processes points to it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} unwind_mappings SEC(".maps")
__weak;

/* The slice of each process, by pid. Written by user space; preallocated. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_process);
} unwind_processes SEC(".maps")
__weak;

/* Remembers the slice of the walk's process; without one every frame is a miss. */
static __always_inline void process_find(struct walk *w)
{
	__u32 pid = w->pid;
	struct unwind_process *process = bpf_map_lookup_elem(&unwind_processes, &pid);

	if (process)
		w->process = *process;
	else
		w->process = (struct unwind_process){ 0 };
}

/* Finds the mapping of w->ip (a return address belongs to the call before it). */
static __always_inline bool mapping_find(struct walk *w)
{
	__u64 ip = (w->ip & WIRE_FRAME_ADDRESS) - !(w->frame_flags & WIRE_FRAME_EXACT);
	volatile __u32 *low = &w->low, *high = &w->high;

	if (ip >= w->mapping.start && ip < w->mapping.end)
		return true;
	*low = w->process.first;
	*high = w->process.first + w->process.count;
	/* The last mapping whose start is not above ip. */
	for (int i = 0; i < UNWIND_PROCESS_MAPPINGS_BITS + 1; i++) {
		__u32 l = *low, h = *high, middle = l + ((h - l) >> 1);

		if (l >= h)
			break;
		struct unwind_mapping *m = bpf_map_lookup_elem(&unwind_mappings, &middle);
		if (!m)
			return false;
		if (m->start <= ip)
			*low = middle + 1;
		else
			*high = middle;
	}
	__u32 found = *low - 1;
	if (*low == w->process.first)
		return false;
	struct unwind_mapping *m = bpf_map_lookup_elem(&unwind_mappings, &found);
	if (!m || ip < m->start || ip >= m->end)
		return false;
	w->mapping = *m;
	return true;
}

#endif

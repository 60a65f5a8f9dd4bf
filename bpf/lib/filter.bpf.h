/* Which processes are wanted. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_LIB_FILTER_H
#define BPF_LIB_FILTER_H

#include "lib/compat.bpf.h"

/* Set by user space before loading; one for all programs. */
const volatile struct wire_config assay_config __weak = {};

/* Processes to sample, by pid (tgid), when assay_config.filter_targets is set. Written by user
 * space at the start and by the fork and exit programs; preallocated, since a sample may interrupt.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_TARGETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps")
__weak;

static __always_inline bool is_target(__u32 pid)
{
	if (assay_config.filter_targets)
		return bpf_map_lookup_elem(&targets, &pid) != NULL;
	return pid != assay_config.own_pid;
}

#endif

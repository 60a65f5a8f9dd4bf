/* The limits and the read-only configuration that user space sets before the programs load. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef WIRE_CONFIG_H
#define WIRE_CONFIG_H

enum {
	WIRE_USER_FRAMES = 1024,
	WIRE_KERNEL_FRAMES = 127,
	WIRE_TARGETS_MAX = 16384,
};

struct wire_config {
	__u32 filter_targets; /* 1: only processes in the `targets` map are sampled */
	__u32 own_pid;       /* assay's own process, never sampled under -a unless it is a target */
	__u32 has_task_regs; /* the kernel has bpf_task_pt_regs() */
	__u32 cpu_count;     /* possible CPUs */
	__u64 thread_size;   /* bytes of a kernel stack, for kernels without bpf_task_pt_regs() */
	__u64 pt_regs_padding; /* bytes above the user registers on the kernel stack */
};

_Static_assert(sizeof(struct wire_config) == 32, "wire_config is part of the contract");

#endif

/* The limits and the read-only configuration that user space sets before the programs load. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef WIRE_CONFIG_H
#define WIRE_CONFIG_H

enum {
	WIRE_USER_FRAMES = 1024,
	WIRE_KERNEL_FRAMES = 127,
	WIRE_TARGETS_MAX = 16384,
};

/* Which samples are wanted besides those of the processes in the `targets` map. */
enum wire_filter {
	WIRE_FILTER_NONE,
	WIRE_FILTER_COMM,   /* of a thread or process called `comm` */
	WIRE_FILTER_CGROUP, /* of the control group `cgroup_id` and the groups below it */
};

enum {
	WIRE_COMM_BYTES = 16,   /* TASK_COMM_LEN, with the NUL */
	WIRE_CGROUP_V2 = 255,   /* cgroup_subsystem of the unified hierarchy */
	WIRE_CGROUP_LEVELS = 32 /* of nested groups that are looked at */
};

struct wire_config {
	__u32 filter_targets; /* 1: only processes in the `targets` map are sampled */
	__u32 own_pid;       /* assay's own process, never sampled under -a unless it is a target */
	__u32 has_task_regs; /* the kernel has bpf_task_pt_regs() */
	__u32 ring_wake_bytes; /* with more than this waiting, the reader is woken */
	__u64 thread_size;     /* bytes of a kernel stack, for kernels without bpf_task_pt_regs() */
	__u64 pt_regs_padding; /* bytes above the user registers on the kernel stack */
	__u32 filter;          /* enum wire_filter */
	__u32 cgroup_subsystem;     /* index of css_set.subsys (cgroup v1), or WIRE_CGROUP_V2 */
	__u64 cgroup_id;            /* inode number of the group's directory */
	char comm[WIRE_COMM_BYTES]; /* padded with NULs */
	__u32 python;               /* 1: Python frames are looked for */
	__u32 pad;
};

_Static_assert(sizeof(struct wire_config) == 72, "wire_config is part of the contract");

#endif

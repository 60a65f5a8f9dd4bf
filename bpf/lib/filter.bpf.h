/*
 * Which processes and which samples are wanted.
 *
 * is_target() is asked of processes, so that their births, programs and mappings are known;
 * is_wanted() of the current task, before its stack is walked. With a name or a control group every
 * process is a target, since a thread may take the name or enter the group later.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_LIB_FILTER_H
#define BPF_LIB_FILTER_H

#include "lib/config.bpf.h"

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

static __always_inline bool has_comm(struct task_struct *task)
{
	__u64 comm[WIRE_COMM_BYTES / sizeof(__u64)] = { 0 };
	const volatile __u64 *wanted = (const volatile __u64 *)assay_config.comm;

	/* The kernel keeps NULs behind the name, but only one is promised: compare up to it. */
	bpf_probe_read_kernel_str(comm, sizeof(comm), task->comm);
	return comm[0] == wanted[0] && comm[1] == wanted[1];
}

/* The task's group in the hierarchy that is asked for. */
static __always_inline struct cgroup *task_cgroup(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	if (assay_config.cgroup_subsystem == WIRE_CGROUP_V2)
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_probe_read_kernel(&css, sizeof(css),
		(void *)set + bpf_core_field_offset(set->subsys) +
			assay_config.cgroup_subsystem * sizeof(css));
	return BPF_CORE_READ(css, cgroup);
}

/* Whether the task is in the group or in one below it. Group ids are inode numbers. */
static __always_inline bool in_cgroup(struct task_struct *task)
{
	struct cgroup *group = task_cgroup(task);

	for (int level = 0; level < WIRE_CGROUP_LEVELS && group; level++) {
		if (BPF_CORE_READ(group, kn, id) == assay_config.cgroup_id)
			return true;
		struct cgroup_subsys_state *parent = BPF_CORE_READ(group, self.parent);

		group = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
	}
	return false;
}

/* Whether the current task's samples are wanted; asked of targets only. */
static __always_inline bool is_wanted(struct task_struct *task)
{
	if (assay_config.filter == WIRE_FILTER_COMM)
		return has_comm(task) || has_comm(BPF_CORE_READ(task, group_leader));
	if (assay_config.filter == WIRE_FILTER_CGROUP)
		return in_cgroup(task);
	return true;
}

#endif

/*
 * Which processes come, change and go while we listen?
 *
 * Hooks: sched_process_fork, _exec, _exit (tp_btf); no cost between such events, about a
 * microsecond for each. Keeps the set of target processes complete under fork, and tells user
 * space in the same ring buffer as the samples, so that the order is that of the events.
 * Kernel floor: 5.10. Reads and writes `targets` and `unwind_processes`; writes `records`,
 * `losses`.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "unwind/mapping.bpf.h"

static __always_inline void emit_process(__u32 type, struct task_struct *task, __u32 parent_pid)
{
	struct wire_process_event event = {
		.type = type,
		.pid = task->tgid,
		.tid = task->pid,
		.parent_pid = parent_pid,
		.time_ns = bpf_ktime_get_ns(),
		.start_ns = task_start_ns(task),
	};

	bpf_probe_read_kernel(event.comm, sizeof(event.comm), task->comm);
	/* A new program has no unwind tables until user space has seen its mappings. */
	emit_now(&event, sizeof(event), LOSS_PROCESS_EVENT, type == WIRE_EXEC);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = child->tgid, parent_pid = parent->tgid, one = 1;

	/* New threads are known by their samples. */
	if (pid == parent_pid || !is_target(parent_pid))
		return 0;
	if (assay_config.filter_targets && bpf_map_update_elem(&targets, &pid, &one, BPF_ANY))
		count_loss(LOSS_TARGETS_FULL);
	/* A child has its parent's mappings: its first samples unwind as well as the parent's. */
	struct unwind_process *mappings = bpf_map_lookup_elem(&unwind_processes, &parent_pid);
	if (mappings) {
		struct unwind_process copy = *mappings;

		bpf_map_update_elem(&unwind_processes, &pid, &copy, BPF_ANY);
	}
	emit_process(WIRE_FORK, child, parent_pid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task)
{
	__u32 pid = task->tgid;

	if (!is_target(pid))
		return 0;
	bpf_map_delete_elem(&unwind_processes, &pid);
	emit_process(WIRE_EXEC, task, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	__u32 pid = task->tgid;

	if (!is_target(pid))
		return 0;
	/* The last thread of a process has brought signal->live to zero before this point. */
	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	emit_process(WIRE_EXIT, task, 0);
	if (assay_config.filter_targets)
		bpf_map_delete_elem(&targets, &pid);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

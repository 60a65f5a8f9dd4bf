/* What differs between kernels 5.10 and 7.2, one accessor per difference. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_LIB_COMPAT_H
#define BPF_LIB_COMPAT_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire/config.h"

/* The registers of a perf event's context: 64-bit words in the order of the x86-64 ABI (struct
 * user_regs_struct of <sys/user.h>). The verifier takes only whole words at constant offsets. */
enum context_register { CONTEXT_BP = 4, CONTEXT_IP = 16, CONTEXT_CS = 17, CONTEXT_SP = 19 };

#define context_register(ctx, n) (((volatile __u64 *)(ctx))[n])

/* task_struct.start_boottime was real_start_time before 5.5 (commit cf25e24db61c); 5.10 and later
 * have it, so the accessor is plain. */
static __always_inline __u64 task_start_ns(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

/* What pthread_self() returns in the current task: the thread pointer (fs base on x86-64). */
static __always_inline __u64 task_thread_pointer(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread.fsbase);
}

/*
 * The user-mode registers of the current task, saved where it entered the kernel.
 * bpf_task_pt_regs() came with 5.15 (commit dd6e10fbd9fb). Before, they are found at the top of
 * the kernel stack, whose size user space tells (config.thread_size).
 */
static __always_inline int task_user_regs(
	const volatile struct wire_config *config, struct task_struct *task, struct pt_regs *regs)
{
	if (config->has_task_regs &&
		bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		struct pt_regs *at = (struct pt_regs *)bpf_task_pt_regs(
			(struct task_struct *)bpf_get_current_task_btf());

		return bpf_probe_read_kernel(regs, sizeof(*regs), at);
	}
	__u64 top =
		(__u64)BPF_CORE_READ(task, stack) + config->thread_size - config->pt_regs_padding;

	return bpf_probe_read_kernel(regs, sizeof(*regs), (void *)(top - sizeof(*regs)));
}

#endif

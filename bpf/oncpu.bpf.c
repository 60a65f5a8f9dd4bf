/*
 * Who is on the CPU, and on behalf of which callers?
 *
 * Hook: perf event (CPU clock), one run per sample. Takes the kernel stack when the CPU was in the
 * kernel, walks the user stack (unwind/walk.bpf.h), sends one record of variable length.
 * Two entry programs over the same steps: oncpu_loop uses bpf_loop() (5.17), oncpu_bounded a
 * bounded loop over a global function, for kernels from 5.10; user space loads one of them.
 *
 * Nesting: samples of one CPU do not interrupt each other (the kernel refuses to nest BPF programs
 * of perf events), so one scratch per CPU is enough; other program types must use their own.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "unwind/walk.bpf.h"

#define PF_KTHREAD 0x00200000

/* How often the program ran, target or not; with the events' own counts this tells what the
 * kernel skipped. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} oncpu_runs SEC(".maps");

static __always_inline void count_run(void)
{
	__u32 zero = 0;
	__u64 *runs = bpf_map_lookup_elem(&oncpu_runs, &zero);

	if (runs)
		(*runs)++;
}

/* Appends the kernel stack behind the user frames; returns the number of its frames. */
static __always_inline __u32 kernel_stack(struct bpf_perf_event_data *ctx, struct walk *w)
{
	__u32 n = w->frame_count;

	if (n > WIRE_USER_FRAMES)
		return 0;
	long bytes = bpf_get_stack(ctx, &w->frames[n], WIRE_KERNEL_FRAMES * sizeof(__u64), 0);

	if (bytes <= 0) {
		count_loss(LOSS_KERNEL_STACK);
		return 0;
	}
	return (__u32)bytes / sizeof(__u64);
}

/* Walks the user stack of a sample taken in user mode or in the kernel on its behalf. */
static __always_inline void user_stack(struct bpf_perf_event_data *ctx, struct walk *w,
	struct task_struct *task, bool kernel_mode, bool has_loop)
{
	if (!kernel_mode) {
		w->ip = context_register(ctx, CONTEXT_IP);
		w->sp = context_register(ctx, CONTEXT_SP);
		w->fp = context_register(ctx, CONTEXT_BP);
	} else if (!task_user_regs(&assay_config, task, &w->regs)) {
		w->ip = w->regs.ip;
		w->sp = w->regs.sp;
		w->fp = w->regs.bp;
	} else {
		w->stop = STOP_NO_REGISTERS;
		return;
	}
	walk_run(w, WALK_ONCPU, has_loop);
}

static __always_inline int oncpu(struct bpf_perf_event_data *ctx, bool has_loop)
{
	__u64 pid_tid = bpf_get_current_pid_tgid();

	count_run();
	/* Pid 0 is the idle task. */
	if (!pid_tid || !is_target(pid_tid >> 32))
		return 0;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	if (!is_wanted(task))
		return 0;
	struct walk *w = walk_scratch_get(WALK_ONCPU);
	if (!w) {
		count_loss(LOSS_SCRATCH);
		return 0;
	}
	bool kernel_mode = !(context_register(ctx, CONTEXT_CS) & 3);
	bool kthread = BPF_CORE_READ(task, flags) & PF_KTHREAD;

	w->sample.type = WIRE_SAMPLE;
	w->sample.flags =
		(kernel_mode ? WIRE_SAMPLE_KERNEL_MODE : 0) | (kthread ? WIRE_SAMPLE_KTHREAD : 0);
	w->sample.time_ns = bpf_ktime_get_ns();
	w->sample.start_ns = task_start_ns(task);
	w->sample.pid = pid_tid >> 32;
	w->sample.tid = (__u32)pid_tid;
	w->sample.cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(w->sample.comm, sizeof(w->sample.comm));

	walk_init(w, w->sample.pid);
	if (kthread)
		w->stop = STOP_KTHREAD;
	else
		user_stack(ctx, w, task, kernel_mode, has_loop);
	w->sample.stop = w->stop;
	w->sample.user_frames = w->frame_count;
	w->sample.kernel_frames = kernel_mode ? kernel_stack(ctx, w) : 0;

	__u64 size = sizeof(w->sample) +
		     ((__u64)w->sample.user_frames + w->sample.kernel_frames) * sizeof(__u64);
	if (size <= sizeof(w->sample) + sizeof(w->frames))
		emit(w, size, LOSS_RING_FULL);
	return 0;
}

SEC("perf_event")
int oncpu_loop(struct bpf_perf_event_data *ctx)
{
	return oncpu(ctx, true);
}

SEC("perf_event")
int oncpu_bounded(struct bpf_perf_event_data *ctx)
{
	return oncpu(ctx, false);
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

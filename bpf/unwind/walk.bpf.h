/*
 * The walk: from the registers of a thread to the addresses of its callers.
 *
 * One step per frame. Each step first asks where the address lies (mapping.bpf.h), then lets the
 * table of that file say how to find the caller (native.bpf.h); without a table it goes on by
 * frame pointer (frame_pointer.bpf.h) and marks what it found as guessed. Another way to find
 * callers (an interpreter's frames) is one more file and one more line in walk_step().
 *
 * Python's frames come between (python.bpf.h).
 *
 *   walk_init --> [ record frame -> find mapping -> rule -> caller's ip, sp, fp ] --> stop reason
 *
 * W1  sp grows strictly with every step, so the walk ends even on hostile stacks.
 * W2  All stack memory is read through one window of WINDOW_BYTES that never crosses a page, so
 *     that a read does not fault where the stack itself would not (window.bpf.h).
 * W3  Loop-carried values live in map memory behind volatile: the verifier then sees the same
 *     unknown scalars in every iteration and its states merge.
 *
 * Cost: about 0.8 us + 50 ns a frame. Kernel floor: 5.10.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_WALK_H
#define BPF_UNWIND_WALK_H

#include "unwind/state.bpf.h"
#include "unwind/window.bpf.h"
#include "unwind/frame_pointer.bpf.h"
#include "unwind/mapping.bpf.h"
#include "unwind/native.bpf.h"
#include "unwind/python.bpf.h"

/* Readies @w for a walk in process @pid; the caller then sets ip, sp and fp. */
static __always_inline void walk_init(struct walk *w, __u32 pid)
{
	w->pid = pid;
	w->frame_count = 0;
	w->frame_flags = WIRE_FRAME_EXACT;
	w->window_start = 0;
	w->mapping.start = w->mapping.end = 0;
	w->python_stop = 0;
	w->python_new = 0;
	w->python_window_start = 0;
	w->stop = STOP_DEPTH;
	process_find(w);
	w->python_state = PYTHON_GONE;
	if (assay_config.python)
		python_start(w);
}

/* One frame. Returns 1 to end the walk (w->stop says why), 0 to go on. */
static __always_inline long walk_step(struct walk *w)
{
	__u32 n = w->frame_count;

	if (n >= WIRE_USER_FRAMES)
		return 1;
	if (assay_config.python && w->python_state == PYTHON_SCANNING)
		return python_step(w);
	w->frames[n] = (w->ip & WIRE_FRAME_ADDRESS) | w->frame_flags;
	w->frame_count = n + 1;

	__u64 sp_before = w->sp, ip_before = w->ip;
	long end;

	if (!mapping_find(w)) {
		/* Nothing executable is known here: never a caller, but a leaf may be brand new. */
		w->stop = STOP_NO_MAPPING;
		end = n ? 1 : frame_pointer_step(w);
	} else if (!w->mapping.file) {
		end = frame_pointer_step(w);
	} else {
		end = native_step(w);
	}
	if (end)
		return 1;
	if (w->sp <= sp_before && n) {
		w->stop = STOP_NOT_UP;
		return 1;
	}
	if (assay_config.python)
		python_enter(w, ip_before, sp_before, w->sp);
	return 0;
}

/* For bpf_loop(). */
static long walk_loop_step(__u32 i, struct walk **w)
{
	return walk_step(*w);
}

/* For bounded loops: verified once on its own, so it takes nothing but a scalar. */
__attribute__((noinline)) int walk_bounded_step(__u32 slot)
{
	struct walk *w = bpf_map_lookup_elem(&walk_scratch, &slot);

	return w ? (int)walk_step(w) : 1;
}

/* A step takes one native frame or collects one Python frame. */
enum { WALK_STEPS = 2 * WIRE_USER_FRAMES };

/* Walks until an end: w->frame_count frames in w->frames, and w->stop. */
static __always_inline void walk_run(struct walk *w, __u32 slot, bool has_loop)
{
	if (has_loop) {
		bpf_loop(WALK_STEPS, walk_loop_step, &w, 0);
	} else {
		for (int i = 0; i < WALK_STEPS; i++)
			if (walk_bounded_step(slot))
				break;
	}
}

#endif

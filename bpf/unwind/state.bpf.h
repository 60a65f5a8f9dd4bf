/* What a walk keeps between steps, and the memory it lives in. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_STATE_H
#define BPF_UNWIND_STATE_H

#include "lib/compat.bpf.h"
#include "wire/loss.h"
#include "wire/python.h"
#include "wire/record.h"
#include "wire/unwind.h"

enum {
	WINDOW_BYTES = 1024,
	WALK_FRAMES = WIRE_USER_FRAMES + WIRE_KERNEL_FRAMES + 1,
};

/* The record under construction and the state of the walk that fills it. */
struct walk {
	struct wire_sample sample;
	__u64 frames[WALK_FRAMES]; /* user frames, then kernel frames */

	__u64 ip, sp, fp;
	__u64 frame_flags; /* WIRE_FRAME_* of the frame that ip belongs to */
	__u32 frame_count;
	__u32 pid;
	__u32 stop; /* enum stop_reason */

	__u32 low, high;               /* of the binary search under way (W3) */
	struct unwind_process process; /* where the process's mappings are; count 0 = not known */
	struct unwind_mapping mapping; /* the mapping of ip, kept for the next frame */

	__u32 python_state; /* enum python_state */
	__u32 python_stop;  /* why Python frames are missing: enum stop_reason, 0 = they are not */
	__u32 python_new;   /* code objects sent with this sample */
	__u32 python_count; /* frames of the segment so far */
	__u32 python_natives; /* native frames since the last Python frame */
	__u64 python_frame;   /* the next to collect */
	__u64 python_anchor;  /* what the segment's native frame has on the C stack; 0 = nothing */
	__u64 python_window_start;

	__u64 window_start; /* address of window[0]; 0 = empty */
	__u8 window[WINDOW_BYTES];
	__u8 python_window[WINDOW_BYTES];
	__u64 python_words[2 * PYTHON_SEGMENT_FRAMES];
	struct pt_regs regs;
};

enum python_state {
	PYTHON_SCANNING, /* a segment is being collected */
	PYTHON_READY,    /* it waits for its native frame */
	PYTHON_GONE,     /* no Python, no more of it, or it cannot be read */
};

/* A sample can interrupt a program of another type, so each type has its own slot. */
enum walk_slot {
	WALK_ONCPU,
	WALK_SLOT_COUNT,
};

/* Scratch memory for walks, by enum walk_slot: too big for the BPF stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WALK_SLOT_COUNT);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct walk));
} walk_scratch SEC(".maps")
__weak;

static __always_inline struct walk *walk_scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&walk_scratch, &slot);
}

#endif

/*
 * The step by frame pointer: [fp] holds the caller's frame pointer, [fp + 8] the return address.
 *
 * Right only in code that keeps frame pointers, and never for a leaf before its prologue is done:
 * what it finds is marked as guessed unless user space marked the file as built that way.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_FRAME_POINTER_H
#define BPF_UNWIND_FRAME_POINTER_H

#include "unwind/window.bpf.h"

static __always_inline long frame_pointer_step(struct walk *w)
{
	__u64 fp = w->fp, caller_fp, return_address;

	if (!fp) {
		w->stop = STOP_FP_ZERO;
		return 1;
	}
	if (fp < w->sp || fp - w->sp > (1ULL << 27) || (fp & 7)) {
		w->stop = STOP_FP_ORDER;
		return 1;
	}
	if (window_read(w, fp, &caller_fp) || window_read(w, fp + 8, &return_address)) {
		w->stop = STOP_STACK_READ;
		return 1;
	}
	if (return_address < 4096 || return_address >> 57) {
		w->stop = STOP_FP_CODE;
		return 1;
	}
	w->ip = return_address;
	w->sp = fp + 16;
	w->fp = caller_fp;
	w->frame_flags = WIRE_FRAME_GUESSED;
	return 0;
}

#endif

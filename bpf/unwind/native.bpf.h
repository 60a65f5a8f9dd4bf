/*
 * The native step: what the compiler wrote into .eh_frame, as rows (wire/unwind.h).
 *
 * A row gives the canonical frame address (CFA: the caller's sp); the return address is the word
 * below it, the caller's frame pointer is where the row says.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_NATIVE_H
#define BPF_UNWIND_NATIVE_H

#include "unwind/frame_pointer.bpf.h"
#include "unwind/window.bpf.h"

/* Files with tables, by number. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_file);
} unwind_files SEC(".maps")
__weak;

/* The rows of every 4 KiB page of text of all files. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_page);
} unwind_pages SEC(".maps")
__weak;

/* The rows, in shards of one big value each: growing adds a shard, searching is one lookup. */
struct unwind_shard {
	struct unwind_row rows[UNWIND_SHARD_ROWS];
};

struct unwind_shard_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct unwind_shard));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct unwind_shard_map);
} unwind_shards SEC(".maps")
__weak;

/* The row in force at @pc of the walk's file; rule UNWIND_NONE where there is none. */
static __always_inline struct unwind_row row_find(struct walk *w, __u64 vaddr)
{
	struct unwind_row none = { 0 };
	__u32 file_number = w->mapping.file, zero = 0;
	volatile __u32 *low = &w->low, *high = &w->high;

	struct unwind_file *file = bpf_map_lookup_elem(&unwind_files, &file_number);
	if (!file || vaddr < file->base)
		return none;
	__u64 pc = vaddr - file->base;
	if (pc >> UNWIND_PAGE_BITS >= file->pages)
		return none;
	__u32 number = file->first_page + (__u32)(pc >> UNWIND_PAGE_BITS);
	struct unwind_page *page = bpf_map_lookup_elem(&unwind_pages, &number);
	if (!page)
		return none;
	__u32 shard_number = page->first / UNWIND_SHARD_ROWS;
	__u32 first = page->first % UNWIND_SHARD_ROWS;
	void *shard_map = bpf_map_lookup_elem(&unwind_shards, &shard_number);
	if (!shard_map)
		return none;
	struct unwind_shard *shard = bpf_map_lookup_elem(shard_map, &zero);
	if (!shard)
		return none;
	*low = first;
	*high = first + page->count;
	/* The last row whose pc is not above ours; the page's first row is never above. */
	for (int i = 0; i < UNWIND_PAGE_ROWS_BITS + 1; i++) {
		__u32 a = *low, b = *high, middle = a + ((b - a) >> 1);

		if (a >= b)
			break;
		if (shard->rows[middle & (UNWIND_SHARD_ROWS - 1)].pc <= (__u32)pc)
			*low = middle + 1;
		else
			*high = middle;
	}
	__u32 found = *low - 1;
	if (*low == first)
		return none;
	return shard->rows[found & (UNWIND_SHARD_ROWS - 1)];
}

/* Restores all three registers from the signal frame at sp: the kernel's rt_sigframe begins with
 * the return address (already popped), then struct ucontext; gregs start 40 bytes into it. */
static __always_inline long signal_step(struct walk *w)
{
	enum { UCONTEXT_GREGS = 40, GREG_RBP = 10, GREG_RSP = 15, GREG_RIP = 16 };
	__u64 gregs = w->sp + UCONTEXT_GREGS, ip, sp, fp;

	if (window_read(w, gregs + GREG_RBP * 8, &fp) ||
		window_read(w, gregs + GREG_RSP * 8, &sp) ||
		window_read(w, gregs + GREG_RIP * 8, &ip)) {
		w->stop = STOP_STACK_READ;
		return 1;
	}
	w->ip = ip;
	w->sp = sp;
	w->fp = fp;
	w->frame_flags = WIRE_FRAME_EXACT;
	return 0;
}

static __always_inline long native_step(struct walk *w)
{
	__u64 lookup_ip = w->ip - !(w->frame_flags & WIRE_FRAME_EXACT);
	struct unwind_row row = row_find(w, lookup_ip - w->mapping.bias);
	__u64 cfa, return_address, caller_fp = w->fp;

	switch (row.rule) {
	case UNWIND_SP:
		cfa = w->sp + (__s64)row.cfa * 8;
		break;
	case UNWIND_FP:
		cfa = w->fp + (__s64)row.cfa * 8;
		break;
	case UNWIND_PLT:
		cfa = w->sp + 8 + ((w->ip & 15) >= (__u64)row.cfa ? 8 : 0);
		break;
	case UNWIND_DEREF_FP:
	case UNWIND_DEREF_SP: {
		__u64 at = (row.rule == UNWIND_DEREF_FP ? w->fp : w->sp) + (__s64)row.cfa * 8;

		if (window_read(w, at, &cfa)) {
			w->stop = STOP_STACK_READ;
			return 1;
		}
		cfa += row.rule == UNWIND_DEREF_SP ? 8 : 0;
		break;
	}
	case UNWIND_SIGNAL:
		return signal_step(w);
	case UNWIND_END:
		w->stop = STOP_END;
		return 1;
	case UNWIND_NONE: /* code that no table describes, as V8 puts into node: it keeps fp */
		return frame_pointer_step(w);
	default:
		w->stop = STOP_UNSUPPORTED;
		return 1;
	}
	if (window_read(w, cfa - 8, &return_address)) {
		w->stop = STOP_STACK_READ;
		return 1;
	}
	if (row.fp == UNWIND_FP_LOST) {
		caller_fp = 0;
	} else if (row.fp != UNWIND_FP_SAME) {
		__u64 at = row.fp == UNWIND_FP_AT_FP ? w->fp : cfa + (__s64)row.fp * 8;

		if (window_read(w, at, &caller_fp)) {
			w->stop = STOP_STACK_READ;
			return 1;
		}
	}
	if (!return_address) {
		w->stop = STOP_END;
		return 1;
	}
	w->ip = return_address;
	w->sp = cfa;
	w->fp = caller_fp;
	w->frame_flags = 0;
	return 0;
}

#endif

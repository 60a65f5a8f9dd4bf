/* Reading stack memory: one copied window, since the fixed cost of a read is what counts. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_WINDOW_H
#define BPF_UNWIND_WINDOW_H

#include "unwind/state.bpf.h"

/* Reads the 8-byte word at @address into @ret. The window is refilled from the address upwards,
 * where the callers' frames are, but stays within one page (W2). Returns 0 or -EFAULT. */
static __always_inline long window_read(struct walk *w, __u64 address, __u64 *ret)
{
	__u64 offset = address - w->window_start;

	if (!w->window_start || offset > WINDOW_BYTES - 8) {
		__u64 start = address & ~7ULL, page_end = (address | 4095) + 1;

		if (start + WINDOW_BYTES > page_end)
			start = page_end - WINDOW_BYTES;
		if (bpf_probe_read_user(w->window, WINDOW_BYTES, (void *)start)) {
			w->window_start = 0;
			return bpf_probe_read_user(ret, 8, (void *)address);
		}
		w->window_start = start;
		offset = address - start;
		if (offset > WINDOW_BYTES - 8) /* a misaligned word across the page's end */
			return bpf_probe_read_user(ret, 8, (void *)address);
	}
	offset &= WINDOW_BYTES - 1;
	if (offset > WINDOW_BYTES - 8)
		return -14;
	*ret = *(__u64 *)(w->window + offset);
	return 0;
}

#endif

/* The one way out: the ring buffer, and the counters of what did not fit. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_LIB_EMIT_H
#define BPF_LIB_EMIT_H

#include "lib/config.bpf.h"
#include "wire/loss.h"
#include "wire/record.h"

/* Records in the order they were taken. Written by all programs, read by user space every 100 to
 * 250 ms; sized at load for the sampling rate. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} records SEC(".maps")
__weak;

/* Losses by enum loss_counter. Written by all programs, summed by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps")
__weak;

static __always_inline void count_loss(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&losses, &counter);

	if (n)
		(*n)++;
}

/* Sends @size bytes. The reader polls; it is woken when the buffer has become half full, or when
 * @wake says that this record should not wait. */
static __always_inline void emit_now(void *record, __u64 size, __u32 loss, bool wake)
{
	if (bpf_ringbuf_output(
		    &records, record, size, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		count_loss(loss);
}

static __always_inline void emit(void *record, __u64 size, __u32 loss)
{
	emit_now(record, size, loss,
		bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > assay_config.ring_wake_bytes);
}

#endif

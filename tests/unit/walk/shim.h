/*
 * What the kernel gives the walk, given by user space: bpf/unwind/ then compiles natively, so that
 * its steps run on memory that a test has recorded or made up, under sanitizers.
 *
 * Maps are arrays, user memory is a list of regions, and a read succeeds only within one region.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef TESTS_WALK_SHIM_H
#define TESTS_WALK_SHIM_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/config.h"

/* ---- in the place of lib/config.bpf.h ---- */
#define BPF_LIB_CONFIG_H

static const struct wire_config assay_config = { .python = 1 };

/* ---- in the place of lib/compat.bpf.h ---- */
#define BPF_LIB_COMPAT_H

#define SEC(name)
#define __uint(name, value)  int(*name)[value]
#define __type(name, value)  __typeof__(value) *name
#define __array(name, value) __typeof__(value) *name[]
#undef __always_inline
#define __always_inline       inline __attribute__((always_inline))
#define __weak                __attribute__((weak))
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))

struct pt_regs {
	__u64 words[21];
};
struct task_struct;

/* ---- memory ---- */

struct shim_region {
	__u64 start, bytes;
	const uint8_t *at;
};

enum { SHIM_REGIONS_MAX = 4, SHIM_MAPS_MAX = 16 };

/* A map is known by its address; the inner maps of an array of maps are their own only value. */
struct shim_map {
	const void *map;
	uint8_t *values;
	size_t value_bytes, count;
	bool of_maps; /* values are pointers to inner maps */
};

static struct {
	struct shim_region regions[SHIM_REGIONS_MAX];
	int region_count;
	struct shim_map maps[SHIM_MAPS_MAX];
	int map_count;
	__u64 thread_pointer;
	__u64 records, record_bytes; /* sent */
	__u64 reads, faults;
} shim;

static inline void shim_region_add(__u64 start, const void *at, __u64 bytes)
{
	if (shim.region_count == SHIM_REGIONS_MAX)
		abort();
	shim.regions[shim.region_count++] = (struct shim_region){ start, bytes, at };
}

static inline void shim_map_add(
	const void *map, void *values, size_t value_bytes, size_t count, bool of_maps)
{
	if (shim.map_count == SHIM_MAPS_MAX)
		abort();
	shim.maps[shim.map_count++] = (struct shim_map){ map, values, value_bytes, count, of_maps };
}

/* ---- helpers ---- */

static inline long bpf_probe_read_user(void *to, __u32 bytes, const void *from)
{
	__u64 address = (__u64)from;

	shim.reads++;
	for (int i = 0; i < shim.region_count; i++) {
		const struct shim_region *r = &shim.regions[i];

		if (address >= r->start && bytes <= r->bytes &&
			address - r->start <= r->bytes - bytes) {
			memcpy(to, r->at + (address - r->start), bytes);
			return 0;
		}
	}
	shim.faults++;
	memset(to, 0, bytes);
	return -EFAULT;
}

static inline long bpf_probe_read_kernel(void *to, __u32 bytes, const void *from)
{
	memcpy(to, from, bytes);
	return 0;
}

static inline void *bpf_map_lookup_elem(const void *map, const void *index)
{
	__u32 i = *(const __u32 *)index;

	for (int m = 0; m < shim.map_count; m++) {
		const struct shim_map *s = &shim.maps[m];

		if (s->map == map) {
			void *value = i < s->count ? s->values + i * s->value_bytes : NULL;

			return value && s->of_maps ? *(void **)value : value;
		}
		if (s->of_maps) /* is it one of its inner maps? */
			for (size_t k = 0; k < s->count; k++)
				if (((void **)s->values)[k] == map)
					return i ? NULL : (void *)map;
	}
	return NULL;
}

static inline long bpf_map_update_elem(void *map, const void *index, const void *value, __u64 flags)
{
	return -E2BIG; /* caches only: what cannot be kept is looked for again */
}

static inline __u64 bpf_ringbuf_query(void *map, __u64 what)
{
	return 0;
}

static inline long bpf_ringbuf_output(void *map, const void *record, __u64 bytes, __u64 flags)
{
	volatile uint8_t sum = 0;

	for (__u64 i = 0; i < bytes; i++) /* under ASan: all of it must be ours */
		sum += ((const uint8_t *)record)[i];
	shim.records++;
	shim.record_bytes += bytes;
	return 0;
}

static inline __u64 bpf_get_current_pid_tgid(void)
{
	return 1ULL << 32 | 1;
}

static inline __u64 bpf_get_current_task(void)
{
	return 0;
}

static inline __u64 task_thread_pointer(const struct task_struct *task)
{
	return shim.thread_pointer;
}

#define bpf_loop(count, step, context, flags)                                \
	do {                                                                 \
		for (__u32 i_ = 0; i_ < (count) && !step(i_, context); i_++) \
			;                                                    \
	} while (0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "unwind/walk.bpf.h"
#pragma GCC diagnostic pop

#endif

/* A growing array: `VEC(struct frame) frames;`, vec_push(&frames, f), frames.at[i], frames.n. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define VEC(type)                  \
	struct {                   \
		type *at;          \
		uint32_t n;        \
		uint32_t capacity; \
	}

/* Makes room for @n elements of @size bytes; returns false when memory is out. */
static inline bool vec_grow(void **at, uint32_t *capacity, uint64_t n, size_t size)
{
	if (n <= *capacity)
		return true;
	uint64_t want = *capacity ? *capacity : 16;
	while (want < n)
		want *= 2;
	if (want > UINT32_MAX)
		return false;
	void *grown = reallocarray(*at, want, size);
	if (!grown)
		return false;
	*at = grown;
	*capacity = (uint32_t)want;
	return true;
}

#define vec_reserve(v, count) vec_grow((void **)&(v)->at, &(v)->capacity, (count), sizeof(*(v)->at))

/* Appends one element: 0 or -ENOMEM. */
#define vec_push(v, ...)                                                          \
	({                                                                        \
		int push_ = vec_reserve((v), (uint64_t)(v)->n + 1) ? 0 : -ENOMEM; \
		if (!push_)                                                       \
			(v)->at[(v)->n++] = (__VA_ARGS__);                        \
		push_;                                                            \
	})

#define vec_each(it, v)                                                                  \
	for (__typeof__((v)->at + 0) it = (v)->at, it##_end = (v)->n ? it + (v)->n : it; \
		it < it##_end; it++)

/* Frees the array and leaves it empty. */
#define vec_done(v)                         \
	({                                  \
		free((v)->at);              \
		(v)->at = NULL;             \
		(v)->n = (v)->capacity = 0; \
	})

#endif

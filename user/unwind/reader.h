/* Reading DWARF's numbers from bounded bytes: what runs over the end reads zeros and is remembered.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef UNWIND_READER_H
#define UNWIND_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline uint64_t read_bytes(struct reader *r, unsigned int n)
{
	uint64_t value = 0;

	if ((size_t)(r->end - r->at) < n) {
		r->bad = true;
		r->at = r->end;
		return 0;
	}
	for (unsigned int i = 0; i < n; i++)
		value |= (uint64_t)r->at[i] << (8 * i);
	r->at += n;
	return value;
}

static inline uint64_t read_uleb(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned int shift = 0;; shift += 7) {
		uint64_t byte = read_bytes(r, 1);

		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

static inline int64_t read_sleb(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned int shift = 0;;) {
		uint64_t byte = read_bytes(r, 1);

		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (shift < 64 && byte & 0x40)
			value |= ~0ULL << shift;
		return (int64_t)value;
	}
}

#endif

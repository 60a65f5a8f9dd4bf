/* Reads a perf map from its end. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/perf_map.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_BYTES_MAX = 4096 };

struct line {
	uint64_t start, size;
	const char *name;
	uint32_t name_bytes;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes a number, with or without 0x, and the space behind it. */
static bool take_number(const char **at, const char *end, uint64_t *ret)
{
	const char *s = *at;
	int digits = 0;

	if (end - s > 2 && s[0] == '0' && (s[1] | 0x20) == 'x')
		s += 2;
	for (*ret = 0; s < end && hex_digit(*s) >= 0 && digits <= 16; s++, digits++)
		*ret = *ret << 4 | (uint64_t)hex_digit(*s);
	if (!digits || digits > 16 || s == end || *s != ' ')
		return false;
	*at = s + 1;
	return true;
}

static bool parse_line(const char *at, const char *end, struct line *ret)
{
	if (!take_number(&at, end, &ret->start) || !take_number(&at, end, &ret->size))
		return false;
	if (end > at && end[-1] == '\r')
		end--;
	if (at == end || !ret->size || ret->size > UINT64_MAX - ret->start)
		return false;
	ret->name = at;
	ret->name_bytes = end - at < NAME_BYTES_MAX ? (uint32_t)(end - at) : NAME_BYTES_MAX;
	return true;
}

static int name_line(struct jit_names *j, const struct line *line)
{
	char scratch[JIT_SCRATCH_BYTES];
	uint32_t index;
	int r = 0;

	while (!r && jit_names_take(j, line->start, line->start + line->size, &index)) {
		struct worker_place place = jit_name_split(line->name, line->name_bytes, scratch);

		r = j->place(j->context, index, &place, 1);
	}
	return r;
}

int perf_map_read(struct jit_names *j, const char *text, size_t n)
{
	const char *end = n ? memrchr(text, '\n', n) : NULL;
	int r = 0;

	while (!r && end && j->left) {
		const char *before = end > text ? memrchr(text, '\n', (size_t)(end - text)) : NULL;
		struct line line;

		if (parse_line(before ? before + 1 : text, end, &line))
			r = name_line(j, &line);
		end = before;
	}
	return r;
}

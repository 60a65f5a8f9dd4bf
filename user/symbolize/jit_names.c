/* Hands every address out once, and takes V8's names apart. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/jit_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int jit_names_init(struct jit_names *j, const uint64_t *addresses, uint32_t count)
{
	*j = (struct jit_names){ .addresses = addresses, .count = count, .left = count };
	j->next = calloc((size_t)count + 1, sizeof(*j->next));
	if (!j->next)
		return -ENOMEM;
	for (uint32_t i = 0; i <= count; i++)
		j->next[i] = i;
	return 0;
}

void jit_names_done(struct jit_names *j)
{
	free(j->next);
	j->next = NULL;
}

/* The first unnamed address at or behind number @i; halves the way for whoever comes next. */
static uint32_t unnamed(struct jit_names *j, uint32_t i)
{
	while (j->next[i] != i) {
		j->next[i] = j->next[j->next[i]];
		i = j->next[i];
	}
	return i;
}

int jit_names_take(struct jit_names *j, uint64_t start, uint64_t end, uint32_t *ret_index)
{
	uint32_t low = 0, high = j->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (j->addresses[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	low = unnamed(j, low);
	if (low == j->count || j->addresses[low] >= end)
		return 0;
	j->next[low] = low + 1;
	j->left--;
	*ret_index = low;
	return 1;
}

/* ---- Names of V8 ----------------------------------------------------------------------------- */

/* The length of "JS:*" and the like in front of a JavaScript function; 0 = it is none. */
static uint32_t v8_prefix(const char *name, uint32_t n)
{
	static const char *const kinds[] = {
		"JS:", "LazyCompile:", "Function:", "Eval:", "Script:"
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		uint32_t length = (uint32_t)strlen(kinds[i]);

		if (n <= length || memcmp(name, kinds[i], length) != 0)
			continue;
		/* The tier: interpreted, baseline, middle, optimised. */
		return length + (memchr("~^+*", name[length], 4) != NULL);
	}
	return 0;
}

/* Where the file begins, behind a space; @n when there is none. */
static uint32_t file_start(const char *name, uint32_t n)
{
	static const char *const schemes[] = { "/", "file://", "node:" };

	for (uint32_t i = 0; i + 1 < n; i++)
		for (size_t k = 0; name[i] == ' ' && k < 3; k++) {
			size_t length = strlen(schemes[k]);

			if (n - i - 1 > length && !memcmp(name + i + 1, schemes[k], length))
				return i + 1;
		}
	return n;
}

/* Cuts ":NUMBER" off the end of the @n bytes; false leaves them. */
static bool cut_number(const char *text, uint32_t *n, uint32_t *ret)
{
	uint32_t at = *n, value = 0, weight = 1;

	while (at && text[at - 1] >= '0' && text[at - 1] <= '9' && *n - at < 9) {
		value += (uint32_t)(text[--at] - '0') * weight;
		weight *= 10;
	}
	if (at == *n || !at || text[at - 1] != ':')
		return false;
	*n = at - 1;
	*ret = value;
	return true;
}

struct worker_place jit_name_split(const char *name, uint32_t n, char scratch[JIT_SCRATCH_BYTES])
{
	uint32_t prefix = v8_prefix(name, n), line = 0, column = 0;
	const char *rest = name + prefix;
	uint32_t length = n - prefix, file = file_start(rest, length);

	if (!prefix || file == length)
		return (struct worker_place){ .function = name, .function_bytes = n };
	struct worker_place place = { .function = rest,
		.function_bytes = file - 1,
		.file = rest + file,
		.file_bytes = length - file };
	if (cut_number(place.file, &place.file_bytes, &column))
		cut_number(place.file, &place.file_bytes, &line);
	if (place.file_bytes > 7 && !memcmp(place.file, "file://", 7)) {
		place.file += 7;
		place.file_bytes -= 7;
	}
	if (!place.function_bytes) {
		place.function = scratch;
		place.function_bytes =
			(uint32_t)snprintf(scratch, JIT_SCRATCH_BYTES, "(anonymous:%u)", line);
	}
	return place;
}

/* Cleans the paths that compilers put together from a directory and an include. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "base/strbuf.h"
#include "symbolize/symbolize.h"

/* Drops the last component of @out behind byte @start; false when there is none that may go. */
static bool drop_last(struct strbuf *out, size_t start, bool absolute)
{
	size_t at = out->length;

	if (at == start)
		return absolute; /* "/.." is "/" */
	while (at > start && out->text[at - 1] != '/')
		at--;
	if (out->length - at == 2 && !memcmp(out->text + at, "..", 2))
		return false;
	out->length = at > start ? at - 1 : at;
	out->text[out->length] = 0;
	return true;
}

void source_path(struct strbuf *out, const char *path, size_t n)
{
	bool absolute = n && path[0] == '/';

	if (absolute)
		strbuf_putc(out, '/');
	size_t start = out->length;
	for (size_t i = 0; i < n && !out->oom;) {
		size_t length = 0;

		while (i + length < n && path[i + length] != '/')
			length++;
		bool here = length == 0 || (length == 1 && path[i] == '.');
		bool up = length == 2 && path[i] == '.' && path[i + 1] == '.';
		if (!here && !(up && drop_last(out, start, absolute))) {
			if (out->length > start)
				strbuf_putc(out, '/');
			strbuf_add(out, path + i, length);
		}
		i += length + 1;
	}
}

/* Foreign source text: every question about every line ends, in bounds, whatever the text is. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detect/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const files[] = { "a.c", "a.py" };
	char *text = malloc(n + 1);

	if (!text)
		return 0;
	memcpy(text, data, n);
	text[n] = 0;
	for (int i = 0; i < 2; i++) {
		struct source *s;
		struct source_search search;
		struct source_call call;
		struct source_concat concat;
		char name[SOURCE_NAME_BYTES];
		uint32_t first, last;
		if (source_parse(text, 1, files[i], &s))
			continue;
		for (uint32_t line = 1; line < 40; line++) {
			source_search(s, line, "a", &search);
			source_compares(s, line);
			source_concat(s, line, &concat);
			source_loop_depth(s, line);
			source_loop_lines(s, line, &first, &last);
			for (uint32_t k = 0; k < 3 && source_called(s, line, k, name); k++)
				source_call(s, line, name, &call);
		}
		source_free(s);
	}
	free(text);
	return 0;
}

/* Foreign folded stacks: whatever is read is a sound profile that is written and read again. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>

#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct profile *p = NULL, *again = NULL;
	struct error err = { 0 };
	char *text = NULL;
	size_t length;

	if (format_folded.read((const char *)data, n, &p, &err))
		return 0;
	if (profile_check(p, &err))
		abort();
	FILE *out = open_memstream(&text, &length);
	if (!out || format_folded.write(p, SAMPLE_ON_CPU, out, &err))
		abort();
	fclose(out);
	/* A file whose counts are all zero is written as an empty one. */
	if (length && format_folded.read(text, length, &again, &err))
		abort();
	profile_free(again);
	profile_free(p);
	free(text);
	return 0;
}

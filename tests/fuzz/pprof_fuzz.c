/* Foreign pprof files: whatever is read is a sound profile that is written and read back alike. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>

#include "formats/formats.h"
#include "formats/pprof_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct sums {
	uint64_t count;
	int64_t value;
};

static struct sums sums_of(const struct profile *p)
{
	struct sums sums = { 0 };

	vec_each (s, &p->samples) {
		sums.count += s->count;
		sums.value += s->value;
	}
	return sums;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct profile *p = NULL, *again = NULL;
	struct error err = { 0 };
	char *bytes = NULL;
	size_t length;

	pprof_is((const char *)data, n);
	if (pprof_read((const char *)data, n, &p, &err))
		return 0;
	if (profile_check(p, &err))
		abort();
	FILE *out = open_memstream(&bytes, &length);
	if (!out || format_pprof.write(p, SAMPLE_ON_CPU, out, &err))
		abort();
	fclose(out);
	if (!pprof_is(bytes, length) || pprof_read(bytes, length, &again, &err))
		abort();
	/* Without a rate only counts are written. */
	struct sums before = sums_of(p), after = sums_of(again);
	if (before.count && before.count != after.count)
		abort();
	if (p->capture.rate_had_hz > 0 && before.value != after.value)
		abort();
	profile_free(again);
	profile_free(p);
	free(bytes);
	return 0;
}

/* Any bytes as a perf map. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>

#include "symbolize/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { COUNT = 64 };

static int check(void *context, uint32_t index, const struct worker_place *place, uint32_t n)
{
	uint32_t *times = context;

	if (n != 1 || index >= COUNT || ++times[index] > 1 || !place->function_bytes)
		abort();
	for (uint32_t i = 0; i < place->file_bytes; i++)
		(void)*(volatile const char *)&place->file[i];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint64_t asked[COUNT] = { 0 };
	uint32_t times[COUNT] = { 0 };
	struct jit_names j;

	for (uint32_t i = 1; i < COUNT; i++)
		asked[i] = i < COUNT / 2 ? 0x1000 + i * 4 : UINT64_MAX - COUNT + i;
	if (jit_names_init(&j, asked, COUNT))
		return 0;
	j.place = check;
	j.context = times;
	perf_map_read(&j, (const char *)bytes, n);
	jit_names_done(&j);
	return 0;
}

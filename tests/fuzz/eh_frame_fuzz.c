/* Foreign call frame information: whatever is built is a sorted table that answers everywhere. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>

#include "unwind/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct unwind_table *t)
{
	if (t->first_row[0] != 0 || t->first_row[t->pages] != t->rows_n)
		abort();
	for (uint32_t page = 0; page < t->pages; page++) {
		uint32_t i = t->first_row[page], end = t->first_row[page + 1];

		if (i >= end || t->rows[i].pc != page << UNWIND_PAGE_BITS)
			abort();
		while (++i < end)
			if (t->rows[i].pc <= t->rows[i - 1].pc ||
				t->rows[i].pc >> UNWIND_PAGE_BITS != page ||
				t->rows[i].rule > UNWIND_UNSUPPORTED)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct unwind_section section = { data, n, 0x4000 };
	struct unwind_table *t = NULL;
	struct error err;

	if (unwind_table_build(&section, &t, &err))
		return 0;
	check(t);
	/* Every row is found at its own address, and nothing is read beyond the table. */
	for (uint32_t i = 0; i < t->rows_n; i += 1 + t->rows_n / 4096)
		if (unwind_table_find(t, t->base + t->rows[i].pc).pc != t->rows[i].pc)
			abort();
	unwind_table_find(t, t->base - 1);
	unwind_table_find(t, t->base + ((uint64_t)t->pages << UNWIND_PAGE_BITS));
	unwind_table_find(t, UINT64_MAX);
	unwind_table_free(t);
	return 0;
}

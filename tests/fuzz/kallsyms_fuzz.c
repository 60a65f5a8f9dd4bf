/* Any text as kallsyms. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct kallsyms *k = NULL;
	struct error err;
	uint64_t address = 0;

	if (kallsyms_parse((const char *)bytes, n, &k, &err))
		return 0;
	memcpy(&address, bytes, n < 8 ? n : 8);
	const uint64_t asked[] = { 0, address, UINT64_MAX, 0xffffffff81000000 };
	for (int i = 0; i < 4; i++) {
		const struct kallsyms_symbol *s = kallsyms_find(k, asked[i]);

		if (s &&
			(asked[i] < s->start || asked[i] >= s->end || !s->name[0] || !s->module[0]))
			abort();
	}
	kallsyms_free(k);
	return 0;
}

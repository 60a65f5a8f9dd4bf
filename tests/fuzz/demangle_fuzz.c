/* Any text as a symbol's name. Short ones only (demangle.options): long ones may rightly take all
 * the memory there is, which is why the worker has limits. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct strbuf out = { 0 };
	char *name = malloc(n + 1);

	memcpy(name, bytes, n);
	name[n] = 0;
	demangle(&out, name);
	if (name[0] &&
		(!out.length || (out.length > DEMANGLE_OUTPUT_BYTES && strcmp(out.text, name))))
		abort();
	strbuf_done(&out);
	free(name);
	return 0;
}

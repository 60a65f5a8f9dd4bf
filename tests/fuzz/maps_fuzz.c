/* Lines of a hostile /proc/PID/maps: what is taken for a mapping is one, and stays in its line. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proc_mapping m;
	char *line = malloc(n + 1); /* exactly as long as it is, so that a read beyond it shows */

	if (!line)
		return 0;
	memcpy(line, data, n);
	line[n] = 0;
	size_t length = strlen(line);
	if (proc_mapping_parse(line, &m)) {
		if (m.start >= m.end || m.path < line || m.path > line + length)
			abort();
		if (strlen(m.path) > length)
			abort();
	}
	free(line);
	return 0;
}

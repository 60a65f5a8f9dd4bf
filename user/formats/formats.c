/* The table of formats. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/formats.h"

#include <errno.h>
#include <string.h>

static const struct format_ops *const formats[] = {
	&format_folded,
	&format_pprof,
	&format_html,
};

enum { FORMAT_COUNT = sizeof(formats) / sizeof(formats[0]) };

const struct format_ops *format_at(size_t i)
{
	return i < FORMAT_COUNT ? formats[i] : NULL;
}

const struct format_ops *format_find(const char *name)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

int format_flush(FILE *out, struct error *err)
{
	errno = 0;
	if (!fflush(out) && !ferror(out))
		return 0;
	int code = errno ? errno : EIO;

	error_exit(err, EXIT_OUTPUT, -code, "the output cannot be written: %s", strerror(code));
	error_hint(err, "check the free space and the permissions of its folder");
	return -code;
}

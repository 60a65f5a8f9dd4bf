/* A table of a profile for people: aligned, as wide as the terminal, with what it can be trusted.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_REPORT_TEXT_H
#define FORMATS_REPORT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "profile/profile.h"
#include "profile/table.h"

struct report_style {
	uint32_t width; /* terminal columns; 0 = 80. At least 40 are used */
	bool colour;    /* ANSI colours; under-sampled rows are grey, else marked with "?" */
	uint32_t limit; /* rows; 0 = all */
};

/* Adds the table with a heading and the quality paragraph to @out. Columns that do not fit are left
 * out from the right (place, then total). All names are escaped and cut by columns, for which
 * LC_CTYPE must be set. 0 or -ENOMEM. */
int report_text(const struct profile *p, const struct table *table,
	const struct report_style *style, struct strbuf *out, struct error *err);

/* Adds one paragraph, wrapped to @style->width: how many samples, how whole, how named, what was
 * lost, and what to do about it. 0 or -ENOMEM. */
int quality_text(const struct profile *p, enum sample_kind kind, const struct report_style *style,
	struct strbuf *out, struct error *err);

#endif

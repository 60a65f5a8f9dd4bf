/* Annotated source for people: each line with its cost, never wider than the terminal. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_ANNOTATE_TEXT_H
#define FORMATS_ANNOTATE_TEXT_H

#include "base/strbuf.h"
#include "formats/annotate.h"
#include "formats/report_text.h"

/* Adds the parts with a heading each and the quality paragraph to @out. ">" marks the lines of a
 * part that cost most, "?" those with too few samples; tabs become columns, all text is escaped and
 * cut to @style->width, for which LC_CTYPE must be set. 0 or -ENOMEM. */
int annotate_text(const struct annotation *a, const struct report_style *style, struct strbuf *out,
	struct error *err);

#endif

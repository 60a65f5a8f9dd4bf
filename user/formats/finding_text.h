/* Findings for a person at a terminal: what is slow, where, why, and what to do. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_FINDING_TEXT_H
#define FORMATS_FINDING_TEXT_H

#include "base/strbuf.h"
#include "detect/detect.h"
#include "formats/report_text.h"
#include "plan/plan.h"

/* Adds the diagnosis to @out: a heading, the findings, what the plan promises (@plan may be NULL),
 * and the quality where it is not good. At most @style->width columns (0 = 80); @style->limit
 * findings are told in full (0 = all). 0 or -ENOMEM. */
int finding_text(const struct findings *f, const struct plan *plan,
	const struct report_style *style, struct strbuf *out, struct error *err);

#endif

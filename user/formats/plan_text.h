/* Plans and verdicts for a person at a terminal. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_PLAN_TEXT_H
#define FORMATS_PLAN_TEXT_H

#include "base/strbuf.h"
#include "formats/report_text.h"
#include "plan/plan.h"
#include "plan/verify.h"

/* Adds the plan to @out, at most @style->width columns wide except for commands, which stay on one
 * line so that they can be copied. 0 or -ENOMEM. */
int plan_text(const struct plan *p, const struct report_style *style, struct strbuf *out,
	struct error *err);

/* Adds a verdict for each step. 0 or -ENOMEM. */
int verify_text(const struct verify_result *r, const struct report_style *style, struct strbuf *out,
	struct error *err);

#endif

/* A plan as Markdown, for a ticket. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_PLAN_MD_H
#define FORMATS_PLAN_MD_H

#include "base/strbuf.h"
#include "plan/plan.h"

/* Adds the plan to @out. Names of the profile are escaped: they can make no markup, no HTML and no
 * links. 0 or -ENOMEM. */
int plan_md(const struct plan *p, struct strbuf *out, struct error *err);

#endif

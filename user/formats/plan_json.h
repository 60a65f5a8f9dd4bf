/*
 * A plan as JSON, which verify reads back: {steps[{order, finding, title, fix, gain{metric, low,
 * high}, complexity, risk, prerequisites[], validation{command, expect}, rollback, rollout,
 * match{key, with[], share, n, dispersion}}], estimated_total_improvement[{metric, low, high}],
 * implementation_complexity, risk_level, prerequisites[], validation_strategy[],
 * baseline{recording_id, target, options{rate_hz, seconds, attach_mode}, machine, seconds,
 * kinds{on_cpu{samples, seconds, dispersion}}, mix[{key, share}], work{metric, value} | null},
 * quality}.
 *
 * finding is the finding's id, fix {category, title, text, removable{low, high, reason}}. match.key
 * is "|file|function", or "module||function" without source; with holds the functions that the
 * step's cost is also found in; share is that of all of them together. mix divides the baseline
 * between functions in the same way.
 *
 * A verdict: {verdict, mix{p, moved} | null, steps[{order, title, verdict, reason,
 * promised{metric, low, high}, gain{metric, value, low, high} | null, share_before, share_after,
 * more_seconds}]}.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_PLAN_JSON_H
#define FORMATS_PLAN_JSON_H

#include <json-c/json.h>

#include "plan/plan.h"
#include "plan/verify.h"

/* The caller owns the results; NULL = out of memory. */
struct json_object *plan_json(const struct plan *p);
struct json_object *verify_json(const struct verify_result *r);

#endif

/*
 * Findings as JSON: {target, seconds, samples, no_bounds, hot_functions_left_out, findings[],
 * quality}.
 *
 * A finding: {id, kind, severity, impact, impact_low, impact_high, confidence, function, file,
 * line, module, thread, container, description, evidence{name: {value, unit}}, fixes[{category,
 * title, text, gain{metric, low, high}}], snippet{file, first_line, hot_line, text}}. Shares are
 * 0..1; bounds are null when there are none (no_bounds says why). thread is {pid, tid, comm}, null
 * when there are several; snippet is null without source.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_FINDING_JSON_H
#define FORMATS_FINDING_JSON_H

#include <json-c/json.h>

#include "detect/detect.h"

/* The caller owns the result; NULL = out of memory. */
struct json_object *findings_json(const struct findings *f);

#endif

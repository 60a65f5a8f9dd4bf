/*
 * Annotated source as JSON.
 *
 * {function, file, module, source, self, self_low, self_high, total, total_low, total_high,
 * samples, lines[], others[], matched, kind, unit, quality}: the hottest part, and in `others` the
 * further ones with the same keys up to `lines`. `function` is null for a source file, `source` one
 * of annotate_source_name(). Lines: {line, text, self, self_low, self_high, total, total_low,
 * total_high, samples}; `text` is null where it is not known.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_ANNOTATE_JSON_H
#define FORMATS_ANNOTATE_JSON_H

#include <json-c/json.h>

#include "formats/annotate.h"

/* See above. Caller owns it; NULL = out of memory. */
struct json_object *annotate_json(const struct annotation *a);

#endif

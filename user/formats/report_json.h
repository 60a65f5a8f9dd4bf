/*
 * A table of a profile as JSON, and the quality object that every answer from a profile carries.
 *
 * Report: {kind, unit, by, total, samples, seconds, focus, rows[], quality}. `total` is the value
 * of all samples in `unit`, `focus` null or {function, share}. Shares are 0..1 of `total`; bounds
 * (95 %) are null where there are none. Rows by function, line, file, module: {function, file,
 * line, module, self, self_low, self_high, total, total_low, total_high, value, samples, calls,
 * per_call_ns}; `value` is the row's self value in `unit`, `samples` its self samples; calls are
 * null unless traced. Rows by thread: {pid, tid, comm, group, wall_ns, on_cpu_ns, on_cpu_measured,
 * run_queue_ns, blocked_ns, unaccounted_ns, samples, self, self_low, self_high}; `group` is the
 * process's name, times that were not measured are null.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_REPORT_JSON_H
#define FORMATS_REPORT_JSON_H

#include <json-c/json.h>

#include "profile/profile.h"
#include "profile/table.h"

/* A JSON string that is written through text_json (safe in terminals' logs and HTML scripts); null
 * for an empty text. NULL when memory is out, which is also how json-c spells null. */
struct json_object *json_text(const char *s);

/* {verdict, notes[], samples, cut, lost{total, reasons[{name, text, count}]}, stops[{name,
 * samples}], stacks_whole, stacks_named, frames_named, buckets, rate_hz{asked, had}, attach_mode,
 * machine, kernel_release, features_missing[], weights_imported, unfinished}. Shares are null
 * without samples, facts that were not recorded are null. Caller owns it; NULL = out of memory. */
struct json_object *quality_json(const struct profile *p, enum sample_kind kind);

/* The report (see above). @focus: the name the table was narrowed to, or NULL. @limit: rows at
 * most, 0 = all. Caller owns it; NULL = out of memory. */
struct json_object *report_json(
	const struct profile *p, const struct table *table, const char *focus, uint32_t limit);

#endif

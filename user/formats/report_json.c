/* A table of a profile as JSON, and the quality object that every answer from a profile carries. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/report_json.h"

#include <json-c/printbuf.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "formats/report_quality.h"

static void json_putp(struct json_object **o)
{
	json_object_put(*o);
}

static int write_text(struct json_object *o, struct printbuf *out, int level, int flags)
{
	CLEANUP_STRBUF struct strbuf b = { 0 };

	text_json(&b, json_object_get_string(o));
	if (b.oom)
		return -1;
	return printbuf_memappend(out, strbuf_cstr(&b), (int)b.length);
}

struct json_object *json_text(const char *s)
{
	struct json_object *o = s && *s ? json_object_new_string(s) : NULL;

	if (o)
		json_object_set_serializer(o, write_text, NULL, NULL);
	return o;
}

/* Adds @value (taken over; NULL = null) under a constant @name. False when memory is out. */
static bool put(struct json_object *o, const char *name, struct json_object *value)
{
	if (!json_object_object_add_ex(o, name, value, JSON_C_OBJECT_ADD_CONSTANT_KEY))
		return true;
	json_object_put(value);
	return false;
}

static bool append(struct json_object *array, struct json_object *value)
{
	if (value && !json_object_array_add(array, value))
		return true;
	json_object_put(value);
	return false;
}

/* Written with @decimals and without trailing zeros, not with all 17 digits of the double. */
static struct json_object *number(double value, int decimals)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.*f", decimals, value);

	while (n > 2 && text[n - 1] == '0' && text[n - 2] != '.')
		text[--n] = 0;
	return json_object_new_double_s(value, text);
}

/* Six decimals are a millionth: finer than any interval here. */
static struct json_object *share(double value, bool known)
{
	return known ? number(value, 6) : NULL;
}

static struct json_object *rate(double hz)
{
	return hz > 0 ? number(hz, 2) : NULL;
}

static struct json_object *whole(uint64_t value)
{
	return json_object_new_uint64(value);
}

/* ---- Quality --------------------------------------------------------------------------------- */

static struct json_object *lost_json(const struct profile *p, uint64_t total)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();
	struct json_object *reasons = json_object_new_array();

	if (!o || !put(o, "total", whole(total)) || !put(o, "reasons", reasons) || !reasons)
		return NULL;
	vec_each (l, &p->lost) {
		struct json_object *row = json_object_new_object();

		if (!append(reasons, row) ||
			!put(row, "name", json_text(profile_str(p, l->name))) ||
			!put(row, "text", json_text(profile_str(p, l->text))) ||
			!put(row, "count", whole(l->count)))
			return NULL;
	}
	return STEAL(o);
}

static struct json_object *stops_json(const struct profile *p, const struct profile_quality *q)
{
	CLEANUP(json_putp) struct json_object *stops = json_object_new_array();

	if (!stops)
		return NULL;
	vec_each (s, &q->stops) {
		struct json_object *row = json_object_new_object();

		if (!append(stops, row) || !put(row, "name", json_text(profile_str(p, s->name))) ||
			!put(row, "samples", whole(s->count)))
			return NULL;
	}
	return STEAL(stops);
}

/* The words of @text, which are parted by any of @separators. */
static struct json_object *words_json(const char *text, const char *separators)
{
	CLEANUP(json_putp) struct json_object *words = json_object_new_array();
	CLEANUP(freep) char *copy = strdup(text ? text : "");
	char *rest = copy;

	if (!words || !copy)
		return NULL;
	for (char *word; (word = strsep(&rest, separators));)
		if (*word && !append(words, json_text(word)))
			return NULL;
	return STEAL(words);
}

static struct json_object *rate_json(const struct profile_capture *c)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();

	if (!o || !put(o, "asked", rate(c->rate_asked_hz)) || !put(o, "had", rate(c->rate_had_hz)))
		return NULL;
	return STEAL(o);
}

static bool put_facts(struct json_object *o, const struct profile *p)
{
	static const char *const names[] = { "attach_mode", "machine", "kernel_release" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!put(o, names[i], json_text(profile_fact_find(p, names[i]))))
			return false;
	struct json_object *missing = words_json(profile_fact_find(p, "features_missing"), ", ");
	return missing && put(o, "features_missing", missing);
}

static bool put_verdict(
	struct json_object *o, const struct profile *p, const struct profile_quality *q)
{
	CLEANUP_STRBUF struct strbuf notes = { 0 };
	enum quality_grade grade = quality_judge(p, q, &notes);
	struct json_object *lines = words_json(strbuf_cstr(&notes), "\n");

	return !notes.oom && put(o, "verdict", json_text(quality_grade_name(grade))) && lines &&
	       put(o, "notes", lines);
}

struct json_object *quality_json(const struct profile *p, enum sample_kind kind)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();
	CLEANUP(profile_quality_done) struct profile_quality q = { 0 };

	if (!o || profile_quality(p, kind, &q))
		return NULL;
	bool any = q.samples > 0;
	uint64_t cut = q.samples - (uint64_t)llround(q.stacks_whole * (double)q.samples);
	struct json_object *lost = lost_json(p, q.lost), *stops = stops_json(p, &q);
	struct json_object *rates = rate_json(&p->capture);
	bool built = lost && stops && rates;
	bool added = put_verdict(o, p, &q) && put(o, "samples", whole(q.samples)) &&
		     put(o, "cut", whole(cut));
	added = put(o, "lost", lost) && added;
	added = put(o, "stops", stops) && added;
	added = put(o, "rate_hz", rates) && added;
	added = added && put(o, "stacks_whole", share(q.stacks_whole, any)) &&
		put(o, "stacks_named", share(q.stacks_named, any)) &&
		put(o, "frames_named", share(q.frames_named, any)) &&
		put(o, "buckets", whole(q.buckets)) && put_facts(o, p) &&
		put(o, "weights_imported", json_object_new_boolean(p->capture.weights_imported)) &&
		put(o, "unfinished", json_object_new_boolean(p->capture.unfinished));
	return built && added ? STEAL(o) : NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool put_bounds(struct json_object *o, const struct table_row *r, bool total)
{
	return put(o, total ? "total" : "self", share(total ? r->total : r->self, true)) &&
	       put(o, total ? "total_low" : "self_low",
		       share(total ? r->total_low : r->self_low, r->has_bounds)) &&
	       put(o, total ? "total_high" : "self_high",
		       share(total ? r->total_high : r->self_high, r->has_bounds));
}

static bool put_place(struct json_object *o, const struct profile *p, const struct table *t,
	const struct table_row *r)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };
	bool has_function = t->by == TABLE_BY_FUNCTION || t->by == TABLE_BY_LINE;

	if (has_function)
		table_row_name(p, t, r, &name);
	return !name.oom && put(o, "function", json_text(strbuf_cstr(&name))) &&
	       put(o, "file", json_text(profile_str(p, r->file))) &&
	       put(o, "line", r->line ? whole(r->line) : NULL) &&
	       put(o, "module", json_text(profile_str(p, p->modules.at[r->module].path)));
}

static struct json_object *place_row(
	const struct profile *p, const struct table *t, const struct table_row *r)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();

	if (!o || !put_place(o, p, t, r) || !put_bounds(o, r, false) || !put_bounds(o, r, true) ||
		!put(o, "value", json_object_new_int64(r->self_value)) ||
		!put(o, "samples", whole(r->self_count)) || !put(o, "calls", NULL) ||
		!put(o, "per_call_ns", NULL))
		return NULL;
	return STEAL(o);
}

static struct json_object *thread_row(
	const struct profile *p, const struct table *t, const struct table_row *r)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();
	const struct profile_thread *thread = &p->threads.at[r->thread];
	const struct profile_process *process = &p->processes.at[thread->process];
	bool known = thread->on_cpu_ns || t->kind == SAMPLE_ON_CPU;
	uint64_t on_cpu_ns = thread->on_cpu_ns ? thread->on_cpu_ns : (uint64_t)r->self_value;

	if (!o || !put(o, "pid", whole(process->pid)) || !put(o, "tid", whole(thread->tid)) ||
		!put(o, "comm", json_text(profile_str(p, thread->comm))) ||
		!put(o, "group", json_text(profile_str(p, process->comm))) ||
		!put(o, "wall_ns", NULL) || !put(o, "on_cpu_ns", known ? whole(on_cpu_ns) : NULL) ||
		!put(o, "on_cpu_measured", json_object_new_boolean(thread->on_cpu_ns != 0)) ||
		!put(o, "run_queue_ns", NULL) || !put(o, "blocked_ns", NULL) ||
		!put(o, "unaccounted_ns", NULL) || !put(o, "samples", whole(r->self_count)) ||
		!put_bounds(o, r, false))
		return NULL;
	return STEAL(o);
}

static bool put_focus(struct json_object *o, const struct table *t, const char *focus)
{
	struct json_object *f = focus ? json_object_new_object() : NULL;

	if (!put(o, "focus", f) || (focus && !f))
		return false;
	return !f || (put(f, "function", json_text(focus)) &&
			     put(f, "share", share(t->focus_share, true)));
}

struct json_object *report_json(
	const struct profile *p, const struct table *t, const char *focus, uint32_t limit)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();
	struct json_object *rows = json_object_new_array();

	if (!o || !put(o, "kind", json_text(sample_kind_name(t->kind))) ||
		!put(o, "unit", json_text(sample_kind_unit(t->kind))) ||
		!put(o, "by", json_text(table_by_name(t->by))) ||
		!put(o, "total", json_object_new_int64(t->value)) ||
		!put(o, "samples", whole(t->count)) || !put(o, "seconds", number(t->seconds, 3)) ||
		!put_focus(o, t, focus)) {
		json_object_put(rows);
		return NULL;
	}
	if (!put(o, "rows", rows) || !rows)
		return NULL;
	for (uint32_t i = 0; i < t->rows.n && (!limit || i < limit); i++) {
		const struct table_row *r = &t->rows.at[i];

		if (!append(rows,
			    t->by == TABLE_BY_THREAD ? thread_row(p, t, r) : place_row(p, t, r)))
			return NULL;
	}
	struct json_object *quality = quality_json(p, t->kind);
	return quality && put(o, "quality", quality) ? STEAL(o) : NULL;
}

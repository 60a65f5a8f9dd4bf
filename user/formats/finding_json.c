/* Findings in the order they have: by impact. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/finding_json.h"

#include "base/cleanup.h"
#include "formats/json_build.h"
#include "formats/report_json.h"

static struct json_object *evidence(struct json_build *b, const struct finding *f)
{
	struct json_object *o = build_object(b);

	vec_each (e, &f->evidence) {
		struct json_object *row = build_object(b);
		build_number(b, row, "value", e->value);
		build_string(b, row, "unit", e->unit);
		build_add(b, o, e->name, row);
	}
	return o;
}

static struct json_object *fixes(struct json_build *b, const struct finding *f)
{
	struct json_object *array = build_array(b);

	vec_each (fix, &f->fixes) {
		struct json_object *o = build_object(b), *gain = build_object(b);
		build_string(b, o, "category", fix_category_name(fix->category));
		build_string(b, o, "title", fix->title);
		build_string(b, o, "text", fix->text);
		build_string(b, gain, "metric", metric_name(fix->metric));
		build_share(b, gain, "low", fix->gain_low);
		build_share(b, gain, "high", fix->gain_high);
		build_add(b, o, "gain", gain);
		build_append(b, array, o);
	}
	return array;
}

static struct json_object *thread(struct json_build *b, const struct profile *p, uint32_t index)
{
	const struct profile_thread *t = &p->threads.at[index];
	struct json_object *o = build_object(b);

	build_integer(b, o, "pid", p->processes.at[t->process].pid);
	build_integer(b, o, "tid", t->tid);
	build_text(b, o, "comm", profile_str(p, t->comm));
	return o;
}

static struct json_object *snippet(
	struct json_build *b, const struct profile *p, const struct snippet *s)
{
	struct json_object *o = build_object(b);

	build_string(b, o, "file", profile_str(p, s->file));
	build_integer(b, o, "first_line", s->first_line);
	build_integer(b, o, "hot_line", s->hot_line);
	build_string(b, o, "text", s->text);
	return o;
}

static void bound(
	struct json_build *b, struct json_object *o, const char *name, bool has, double value)
{
	if (has)
		build_share(b, o, name, value);
	else
		build_null(b, o, name);
}

static struct json_object *finding(
	struct json_build *b, const struct findings *all, const struct finding *f)
{
	const struct profile *p = all->profile;
	const struct function_row *row = &all->functions.at[f->function_id];
	CLEANUP(freep) char *name = findings_function_name(all, f->function_id);
	struct json_object *o = build_object(b);

	b->oom |= !name;
	build_string(b, o, "id", f->id);
	build_string(b, o, "kind", finding_kind_name(f->kind));
	build_string(b, o, "severity", severity_name(f->severity));
	build_share(b, o, "impact", f->impact);
	bound(b, o, "impact_low", f->has_bounds, f->impact_low);
	bound(b, o, "impact_high", f->has_bounds, f->impact_high);
	build_share(b, o, "confidence", f->confidence);
	build_string(b, o, "function", name);
	build_text(b, o, "file", profile_str(p, row->file));
	if (f->line)
		build_integer(b, o, "line", f->line);
	else
		build_null(b, o, "line");
	build_text(b, o, "module", profile_str(p, p->modules.at[row->module].path));
	build_add(b, o, "thread", f->thread ? thread(b, p, f->thread) : NULL);
	build_null(b, o, "container");
	build_string(b, o, "description", f->description);
	build_add(b, o, "evidence", evidence(b, f));
	build_add(b, o, "fixes", fixes(b, f));
	build_add(b, o, "snippet", f->snippet.file ? snippet(b, p, &f->snippet) : NULL);
	return o;
}

struct json_object *findings_json(const struct findings *f)
{
	const struct profile *p = f->profile;
	struct json_build b = { 0 };
	struct json_object *o = build_object(&b), *array = build_array(&b);
	struct json_object *quality = quality_json(p, SAMPLE_ON_CPU);

	b.oom |= !quality;
	vec_each (one, &f->list)
		build_append(&b, array, finding(&b, f, one));
	build_text(&b, o, "target", profile_fact_find(p, "target"));
	build_number(&b, o, "seconds", (double)p->capture.duration_ns / 1e9);
	build_number(&b, o, "samples", f->total);
	build_text(&b, o, "no_bounds", f->no_bounds);
	build_integer(&b, o, "hot_functions_left_out", f->hot_left_out);
	build_add(&b, o, "findings", array);
	build_add(&b, o, "quality", quality);
	return build_end(&b, o);
}

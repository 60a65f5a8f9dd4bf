/* The plan's contract, key by key. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/plan_json.h"

#include "base/cleanup.h"
#include "formats/json_build.h"
#include "formats/report_json.h"

static struct json_object *gain(struct json_build *b, enum metric metric, double low, double high)
{
	struct json_object *o = build_object(b);

	build_string(b, o, "metric", metric_name(metric));
	build_share(b, o, "low", low);
	build_share(b, o, "high", high);
	return o;
}

static struct json_object *fix(struct json_build *b, const struct fix *f)
{
	struct json_object *o = build_object(b), *removable = build_object(b);

	build_string(b, o, "category", fix_category_name(f->category));
	build_string(b, o, "title", f->title);
	build_string(b, o, "text", f->text);
	build_share(b, removable, "low", f->removable_low);
	build_share(b, removable, "high", f->removable_high);
	build_string(b, removable, "reason", f->reason);
	build_add(b, o, "removable", removable);
	return o;
}

/* The key of function @id as JSON text; NULL (and oom) when memory is out. */
static void key_add(struct json_build *b, const struct plan *p, struct json_object *o,
	const char *name, uint32_t id)
{
	CLEANUP(freep) char *key = findings_function_key(p->findings, id);

	b->oom |= !key;
	if (json_object_is_type(o, json_type_array))
		build_append_text(b, o, key ? key : "");
	else
		build_string(b, o, name, key);
}

static struct json_object *match(
	struct json_build *b, const struct plan *p, const struct plan_step *s)
{
	struct json_object *o = build_object(b), *with = build_array(b);

	key_add(b, p, o, "key", s->functions.at[0]);
	for (uint32_t i = 1; i < s->functions.n; i++)
		key_add(b, p, with, NULL, s->functions.at[i]);
	build_add(b, o, "with", with);
	build_share(b, o, "share", s->share);
	build_number(b, o, "n", s->n);
	build_number(b, o, "dispersion", s->dispersion);
	return o;
}

static struct json_object *step(
	struct json_build *b, const struct plan *p, const struct plan_step *s)
{
	struct json_object *o = build_object(b), *before = build_array(b);
	struct json_object *validation = build_object(b);

	vec_each (text, &s->prerequisites)
		build_append_text(b, before, *text);
	build_string(b, validation, "command", s->command);
	build_string(b, validation, "expect", s->expect);
	build_integer(b, o, "order", s->order);
	build_string(b, o, "finding", s->finding->id);
	build_string(b, o, "title", s->fix->title);
	build_add(b, o, "fix", fix(b, s->fix));
	build_add(b, o, "gain", gain(b, s->fix->metric, s->fix->gain_low, s->fix->gain_high));
	build_string(b, o, "complexity", s->fix->complexity);
	build_string(b, o, "risk", s->fix->risk);
	build_add(b, o, "prerequisites", before);
	build_add(b, o, "validation", validation);
	build_string(b, o, "rollback", s->fix->rollback);
	build_string(b, o, "rollout", s->fix->rollout);
	build_add(b, o, "match", match(b, p, s));
	return o;
}

static struct json_object *kinds(struct json_build *b, const struct plan *p)
{
	const struct profile_capture *c = &p->findings->profile->capture;
	struct json_object *o = build_object(b), *on_cpu = build_object(b);
	double seconds = (double)c->on_cpu_ns / 1e9;

	if (seconds <= 0 && c->rate_had_hz > 0)
		seconds = p->total_samples / c->rate_had_hz;
	build_number(b, on_cpu, "samples", p->total_samples);
	build_number(b, on_cpu, "seconds", seconds);
	build_number(b, on_cpu, "dispersion", p->dispersion);
	build_add(b, o, "on_cpu", on_cpu);
	return o;
}

static struct json_object *baseline(struct json_build *b, const struct plan *p)
{
	const struct profile *profile = p->findings->profile;
	struct json_object *o = build_object(b), *options = build_object(b), *mix = build_array(b);
	struct json_object *work = p->work_metric ? build_object(b) : NULL;

	build_number(b, options, "rate_hz", p->rate_hz);
	build_number(b, options, "seconds", p->seconds);
	build_text(b, options, "attach_mode", profile_fact_find(profile, "attach_mode"));
	vec_each (row, &p->mix) {
		struct json_object *one = build_object(b);
		key_add(b, p, one, "key", row->function);
		build_share(b, one, "share", row->share);
		build_append(b, mix, one);
	}
	if (work) {
		build_string(b, work, "metric", p->work_metric);
		build_number(b, work, "value", p->work_value);
	}
	build_string(b, o, "recording_id", p->recording_id);
	build_string(b, o, "target", p->target);
	build_add(b, o, "options", options);
	build_text(b, o, "machine", profile_fact_find(profile, "machine"));
	build_number(b, o, "seconds", p->seconds);
	build_add(b, o, "kinds", kinds(b, p));
	build_add(b, o, "mix", mix);
	build_add(b, o, "work", work);
	return o;
}

struct json_object *plan_json(const struct plan *p)
{
	struct json_build b = { 0 };
	struct json_object *o = build_object(&b), *steps = build_array(&b),
			   *total = build_array(&b);
	struct json_object *before = build_array(&b), *strategy = build_array(&b);
	struct json_object *quality = quality_json(p->findings->profile, SAMPLE_ON_CPU);

	b.oom |= !quality;
	vec_each (s, &p->steps)
		build_append(&b, steps, step(&b, p, s));
	vec_each (t, &p->total)
		build_append(&b, total, gain(&b, t->metric, t->low, t->high));
	vec_each (text, &p->prerequisites)
		build_append_text(&b, before, *text);
	vec_each (text, &p->validation_strategy)
		build_append_text(&b, strategy, *text);
	build_add(&b, o, "steps", steps);
	build_add(&b, o, "estimated_total_improvement", total);
	build_string(&b, o, "implementation_complexity", p->complexity);
	build_string(&b, o, "risk_level", p->risk);
	build_add(&b, o, "prerequisites", before);
	build_add(&b, o, "validation_strategy", strategy);
	build_add(&b, o, "baseline", baseline(&b, p));
	build_add(&b, o, "quality", quality);
	return build_end(&b, o);
}

static struct json_object *verdict(struct json_build *b, const struct verify_step *s)
{
	struct json_object *o = build_object(b), *measured = NULL;

	build_integer(b, o, "order", s->order);
	build_string(b, o, "title", s->title);
	build_string(b, o, "verdict", verdict_name(s->verdict));
	build_string(b, o, "reason", s->reason);
	build_add(b, o, "promised", gain(b, METRIC_CPU_TIME, s->promised_low, s->promised_high));
	if (s->measured) {
		measured = gain(b, METRIC_CPU_TIME, s->gain_low, s->gain_high);
		build_share(b, measured, "value", s->gain);
	}
	build_add(b, o, "gain", measured);
	build_share(b, o, "share_before", s->share_before);
	build_share(b, o, "share_after", s->share_after);
	build_number(b, o, "more_seconds", s->more_seconds);
	return o;
}

struct json_object *verify_json(const struct verify_result *r)
{
	struct json_build b = { 0 };
	struct json_object *o = build_object(&b), *steps = build_array(&b);
	struct json_object *mix = r->has_mix ? build_object(&b) : NULL;

	vec_each (s, &r->steps)
		build_append(&b, steps, verdict(&b, s));
	if (mix) {
		build_share(&b, mix, "p", r->mix_p);
		build_share(&b, mix, "moved", r->mix_moved);
	}
	build_string(&b, o, "verdict", verdict_name(r->verdict));
	build_add(&b, o, "mix", mix);
	build_add(&b, o, "steps", steps);
	return build_end(&b, o);
}

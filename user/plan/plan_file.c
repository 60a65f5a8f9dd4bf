/* Reads plan.json: everything is checked, nothing is believed. */
// SPDX-License-Identifier: BSD-2-Clause
#include "plan/plan_file.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/plan.h"

static void object_put(struct json_object **o)
{
	json_object_put(*o);
}

static void tokener_free(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

static int bad(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(struct error *err, const char *format, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	error_exit(err, EXIT_INPUT, -EBADMSG, "this is not a plan: %s", what);
	error_hint(err, "make one with: assay plan FILE -o plan.json");
	return -EBADMSG;
}

static struct json_object *get(struct json_object *o, const char *name)
{
	return o && json_object_is_type(o, json_type_object) ? json_object_object_get(o, name)
							     : NULL;
}

/* A finite number within [low, high]. */
static bool number(struct json_object *o, const char *name, double low, double high, double *ret)
{
	struct json_object *n = get(o, name);

	if (!json_object_is_type(n, json_type_double) && !json_object_is_type(n, json_type_int))
		return false;
	*ret = json_object_get_double(n);
	return isfinite(*ret) && *ret >= low && *ret <= high;
}

static char *text(struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? strdup(json_object_get_string(o)) : NULL;
}

static int key_add(struct plan_file *f, struct json_object *key, double share, uint32_t step)
{
	struct plan_file_key k = { .key = text(key), .share = share, .step = step };

	if (!k.key)
		return -ENOMEM;
	if (vec_push(&f->keys, k)) {
		free(k.key);
		return -ENOMEM;
	}
	return 0;
}

/* A step's keys: its own and those of the functions it shares its samples with. */
static int step_keys(
	struct plan_file *f, struct json_object *match, uint32_t order, struct error *err)
{
	struct json_object *key = get(match, "key"), *with = get(match, "with");

	if (!json_object_is_type(key, json_type_string))
		return bad(err, "step %u has no match.key", order);
	if (key_add(f, key, 0, order))
		return error_oom(err);
	size_t n = json_object_is_type(with, json_type_array) ? json_object_array_length(with) : 0;
	for (size_t i = 0; i < n; i++) {
		key = json_object_array_get_idx(with, i);
		if (!json_object_is_type(key, json_type_string) || f->keys.n >= PLAN_FILE_KEYS_MAX)
			return bad(err, "match.with of step %u is no list of functions", order);
		if (key_add(f, key, 0, order))
			return error_oom(err);
	}
	return 0;
}

static int step_read(struct plan_file *f, struct json_object *o, struct error *err)
{
	struct json_object *gain = get(o, "gain"), *match = get(o, "match");
	struct plan_file_step s = { 0 };
	double order;

	if (!number(o, "order", 1, PLAN_STEPS_MAX, &order) || order != floor(order))
		return bad(err, "a step has no order");
	s.order = (uint32_t)order;
	if (!number(gain, "low", 0, 1, &s.low) || !number(gain, "high", s.low, 1, &s.high))
		return bad(err, "step %u has no gain", s.order);
	if (!number(match, "share", 0, 1, &s.share))
		return bad(err, "step %u has no match.share", s.order);
	if (!number(match, "dispersion", 0, 1e9, &s.dispersion))
		s.dispersion = 0;
	if (!json_object_is_type(get(o, "title"), json_type_string))
		return bad(err, "step %u has no title", s.order);
	s.title = text(get(o, "title"));
	if (!s.title)
		return error_oom(err);
	if (vec_push(&f->steps, s)) {
		free(s.title);
		return error_oom(err);
	}
	return step_keys(f, match, s.order, err);
}

static int mix_read(struct plan_file *f, struct json_object *mix, struct error *err)
{
	size_t n = json_object_is_type(mix, json_type_array) ? json_object_array_length(mix) : 0;

	for (size_t i = 0; i < n && f->keys.n < PLAN_FILE_KEYS_MAX; i++) {
		struct json_object *row = json_object_array_get_idx(mix, i), *key = get(row, "key");
		double share;
		if (!json_object_is_type(key, json_type_string) ||
			!number(row, "share", 0, 1, &share))
			return bad(err, "row %zu of baseline.mix has no key and share", i);
		if (key_add(f, key, share, 0))
			return error_oom(err);
	}
	return 0;
}

static int baseline_read(struct plan_file *f, struct json_object *b, struct error *err)
{
	struct json_object *on_cpu = get(get(b, "kinds"), "on_cpu"), *work = get(b, "work");

	if (!b)
		return bad(err, "it has no baseline");
	if (!number(on_cpu, "samples", 0, 1e15, &f->samples))
		return bad(err, "the baseline has no on-CPU samples");
	if (!number(on_cpu, "dispersion", 0, 1e9, &f->dispersion))
		f->dispersion = 0;
	if (!number(on_cpu, "seconds", 0, 1e12, &f->on_cpu_seconds))
		f->on_cpu_seconds = 0;
	if (!number(b, "seconds", 0, 1e12, &f->seconds))
		f->seconds = 0;
	if (work && number(work, "value", 0, 1e300, &f->work_value) && f->work_value > 0)
		f->work_metric = text(get(work, "metric"));
	return mix_read(f, get(b, "mix"), err);
}

int plan_file_read(const char *json, size_t n, struct plan_file *ret, struct error *err)
{
	CLEANUP(tokener_free) struct json_tokener *t = json_tokener_new_ex(16);

	*ret = (struct plan_file){ 0 };
	if (!t)
		return error_oom(err);
	if (n > PLAN_FILE_BYTES_MAX)
		return bad(err, "it is larger than 16 MB");
	CLEANUP(object_put) struct json_object *o = json_tokener_parse_ex(t, json, (int)n);
	enum json_tokener_error e = json_tokener_get_error(t);
	if (e != json_tokener_success || !json_object_is_type(o, json_type_object))
		return bad(err, "%s at byte %zu",
			e == json_tokener_success ? "no JSON object" : json_tokener_error_desc(e),
			json_tokener_get_parse_end(t));
	struct json_object *steps = get(o, "steps");
	if (!json_object_is_type(steps, json_type_array))
		return bad(err, "it has no steps");
	if (json_object_array_length(steps) > PLAN_STEPS_MAX)
		return bad(err, "it has more than %d steps", PLAN_STEPS_MAX);
	for (size_t i = 0; i < json_object_array_length(steps); i++) {
		int rc = step_read(ret, json_object_array_get_idx(steps, i), err);
		if (rc)
			return rc;
	}
	return baseline_read(ret, get(o, "baseline"), err);
}

void plan_file_done(struct plan_file *f)
{
	vec_each (s, &f->steps)
		free(s->title);
	vec_each (k, &f->keys)
		free(k->key);
	vec_done(&f->steps);
	vec_done(&f->keys);
	free(f->work_metric);
	*f = (struct plan_file){ 0 };
}

/* Steps, their order, what they should gain together. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "plan/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "plan/commands.h"
#include "stats/interval.h"

/* From this part of a step's samples below another step's function on, that one goes first. */
#define BELOW_MIN 0.5

CLEANUP_DEFINE(struct plan *, plan_free)

static void step_done(struct plan_step *s)
{
	vec_each (text, &s->prerequisites)
		free(*text);
	vec_done(&s->prerequisites);
	vec_done(&s->functions);
	free(s->command);
	free(s->expect);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	vec_each (step, &p->steps)
		step_done(step);
	vec_done(&p->steps);
	vec_done(&p->total);
	vec_done(&p->prerequisites);
	vec_done(&p->validation_strategy);
	vec_done(&p->mix);
	free(p->recording_id);
	free(p);
}

static int level(const char *word)
{
	return !strcmp(word, "high") ? 2 : !strcmp(word, "medium") ? 1 : 0;
}

/* Gain per person-day, less for what may go wrong. */
static double worth(const struct plan_step *s)
{
	static const double trust[] = { 1, 0.7, 0.4 };

	return (s->fix->gain_low + s->fix->gain_high) / 2 / s->fix->effort *
	       trust[level(s->fix->risk)];
}

static int by_worth(const void *a, const void *b)
{
	double x = worth(a), y = worth(b);

	return x != y ? (x < y ? 1 : -1)
		      : strcmp(((const struct plan_step *)a)->finding->id,
				((const struct plan_step *)b)->finding->id);
}

/* The part of @below's samples on whose stacks the function of @above stands. */
static double share_below(
	const struct findings *f, const struct finding *below, const struct finding *above)
{
	const struct profile *p = f->profile;
	const struct function_row *row = &f->functions.at[above->function_id];
	double count = 0;

	if (!row->function || above->function_id == below->function_id)
		return 0;
	vec_each (i, &below->samples) {
		const struct profile_sample *s = &p->samples.at[*i];
		struct stack_walk w = stack_walk(p, s->stack);
		for (uint32_t frame; (frame = stack_walk_next(&w));) {
			const struct profile_frame *at = &p->frames.at[frame];
			if (at->function == row->function && at->file == row->file &&
				at->module == row->module) {
				count += s->count * s->weight;
				break;
			}
		}
	}
	return below->count > 0 ? count / below->count : 0;
}

/* Puts each step behind those it depends on, keeping the order by worth otherwise. */
static int order(struct plan *p, bool *depends)
{
	uint32_t n = p->steps.n;
	CLEANUP(freep) struct plan_step *sorted = calloc(n, sizeof(*sorted));
	CLEANUP(freep) uint32_t *place = calloc(n, sizeof(*place)); /* new order, 0 = not yet */
	uint32_t done = 0;

	if (!sorted || !place)
		return -ENOMEM;
	while (done < n) {
		uint32_t next = n;
		for (uint32_t i = 0; i < n && next == n; i++) {
			bool ready = !place[i];
			for (uint32_t k = 0; k < n && ready; k++)
				ready = !depends[i * n + k] || place[k];
			next = ready ? i : n;
		}
		/* Two steps below each other (recursion): the better one goes first. */
		for (uint32_t i = 0; i < n && next == n; i++)
			next = place[i] ? n : i;
		place[next] = ++done;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct plan_step *s = &p->steps.at[i];
		s->order = place[i];
		for (uint32_t k = 0; k < n; k++) {
			char *text;
			if (!depends[i * n + k] || place[k] > place[i])
				continue;
			if (asprintf(&text, "step %" PRIu32 ": it may remove part of this cost too",
				    place[k]) < 0)
				return -ENOMEM;
			if (vec_push(&s->prerequisites, text)) {
				free(text);
				return -ENOMEM;
			}
		}
		sorted[place[i] - 1] = *s;
	}
	memcpy(p->steps.at, sorted, n * sizeof(*sorted));
	return 0;
}

static int arrange(struct plan *p)
{
	uint32_t n = p->steps.n;
	CLEANUP(freep) bool *depends = calloc((size_t)n * n + 1, sizeof(*depends));

	if (!depends)
		return -ENOMEM;
	qsort(p->steps.at, n, sizeof(struct plan_step), by_worth);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < n; k++)
			depends[i * n + k] =
				i != k && share_below(p->findings, p->steps.at[i].finding,
						  p->steps.at[k].finding) >= BELOW_MIN;
	return order(p, depends);
}

/* Amdahl: each sample disappears by at most the best of the fixes that touch it. */
static int total_gain(struct plan *p)
{
	const struct profile *profile = p->findings->profile;
	CLEANUP(freep) double *low = calloc((size_t)profile->samples.n + 1, sizeof(*low));
	CLEANUP(freep) double *high = calloc((size_t)profile->samples.n + 1, sizeof(*high));
	double all = 0, low_sum = 0, high_sum = 0, dispersion = 0, from, to;
	bool bounds = true;

	if (!low || !high)
		return -ENOMEM;
	vec_each (s, &p->steps) {
		vec_each (i, &s->finding->samples) {
			low[*i] = fmax(low[*i], s->fix->removable_low);
			high[*i] = fmax(high[*i], s->fix->removable_high);
		}
		bounds &= s->finding->has_bounds;
		dispersion = fmax(dispersion, s->finding->dispersion);
	}
	for (uint32_t i = 0; i < profile->samples.n; i++) {
		double count = profile->samples.at[i].count * profile->samples.at[i].weight;
		all += high[i] > 0 ? count : 0;
		low_sum += low[i] * count;
		high_sum += high[i] * count;
	}
	if (all <= 0)
		return 0;
	struct plan_gain gain = { .metric = METRIC_CPU_TIME };
	if (bounds && interval_share(fmin(all, p->total_samples), p->total_samples, dispersion,
			      &from, &to)) {
		gain.low = from * low_sum / all;
		gain.high = fmin(1, to * high_sum / all);
	} else {
		gain.high = fmin(1, high_sum / p->total_samples);
	}
	return vec_push(&p->total, gain);
}

static int prerequisites(struct plan *p)
{
	const char *highest[] = { "low", "medium", "high" };
	int complexity = 0, risk = 0;
	static const char *const first[] = {
		"keep the baseline recording this plan was made from",
		"a load that can be repeated, so that before and after do the same work",
		"debug information for the new build, so that its functions keep their names",
	};
	static const char *const strategy[] = {
		"make one step at a time, run its tests, then its validation command",
		"a step counts when verify accepts it: its gain reaches the promise and the rest "
		"of the "
		"program does the same as before",
		"a rejected step is rolled back; an undecided one is recorded for longer",
	};

	vec_each (s, &p->steps) {
		complexity = level(s->fix->complexity) > complexity ? level(s->fix->complexity)
								    : complexity;
		risk = level(s->fix->risk) > risk ? level(s->fix->risk) : risk;
	}
	p->complexity = highest[complexity];
	p->risk = highest[risk];
	for (size_t i = 0; p->steps.n && i < 3; i++)
		if (vec_push(&p->prerequisites, first[i]) ||
			vec_push(&p->validation_strategy, strategy[i]))
			return -ENOMEM;
	return 0;
}

static bool has_function(const struct plan_step *s, uint32_t function)
{
	for (uint32_t i = 0; i < s->functions.n; i++)
		if (s->functions.at[i] == function)
			return true;
	return false;
}

/* The functions that the step's samples are attributed to, and their share together. */
static int step_match(struct plan *p, struct plan_step *s)
{
	const struct findings *f = p->findings;
	double count = 0;

	if (vec_push(&s->functions, s->finding->function_id))
		return -ENOMEM;
	vec_each (i, &s->finding->samples) {
		uint32_t function = f->sample_function[*i];
		if (function && !has_function(s, function) && vec_push(&s->functions, function))
			return -ENOMEM;
	}
	s->dispersion = s->finding->dispersion;
	vec_each (id, &s->functions) {
		count += f->functions.at[*id].count;
		s->dispersion = fmax(s->dispersion, f->functions.at[*id].dispersion);
	}
	s->n = f->total;
	s->share = count / f->total;
	return 0;
}

static int steps_add(struct plan *p)
{
	vec_each (finding, &p->findings->list) {
		if (!finding->fixes.n || p->steps.n >= PLAN_STEPS_MAX)
			continue;
		struct plan_step s = { .finding = finding, .fix = &finding->fixes.at[0] };
		const char *text[] = { "the baseline recording", s.fix->prerequisite };
		if (vec_push(&p->steps, s))
			return -ENOMEM;
		struct plan_step *step = &p->steps.at[p->steps.n - 1];
		for (size_t i = 0; i < 2; i++) {
			char *copy = strdup(text[i]);
			if (!copy || vec_push(&step->prerequisites, copy)) {
				free(copy);
				return -ENOMEM;
			}
		}
		if (step_match(p, step))
			return -ENOMEM;
	}
	return p->steps.n ? arrange(p) : 0;
}

static int by_share(const void *a, const void *b)
{
	const struct plan_mix *x = a, *y = b;

	if (x->share != y->share)
		return x->share < y->share ? 1 : -1;
	return (x->function > y->function) - (x->function < y->function);
}

static int mix_add(struct plan *p)
{
	const struct findings *f = p->findings;

	for (uint32_t id = 1; id < f->functions.n; id++) {
		const struct function_row *row = &f->functions.at[id];
		if (row->count > 0 &&
			vec_push(&p->mix, (struct plan_mix){ id, row->count / f->total }))
			return -ENOMEM;
		p->dispersion =
			fmax(p->dispersion, row->count > f->total / 50 ? row->dispersion : 0);
	}
	if (p->mix.n)
		qsort(p->mix.at, p->mix.n, sizeof(struct plan_mix), by_share);
	p->mix.n = p->mix.n > PLAN_MIX_MAX ? PLAN_MIX_MAX : p->mix.n;
	return 0;
}

static int baseline(struct plan *p, const struct plan_options *o)
{
	const struct profile *profile = p->findings->profile;
	const char *id =
		o->recording_id ? o->recording_id : profile_fact_find(profile, "recording_id");
	const char *target = profile_fact_find(profile, "target");

	p->target = target ? target : "";
	p->seconds = (double)profile->capture.duration_ns / 1e9;
	p->rate_hz = profile->capture.rate_asked_hz;
	p->total_samples = p->findings->total;
	p->work_metric = o->work_metric;
	p->work_value = o->work_value;
	if (id)
		p->recording_id = strdup(id);
	else if (asprintf(&p->recording_id, "%016" PRIx64,
			 profile->capture.start_unix_ns ^ profile->capture.duration_ns << 20 ^
				 profile->samples.n) < 0)
		p->recording_id = NULL;
	return p->recording_id ? mix_add(p) : -ENOMEM;
}

int plan_make(const struct findings *findings, const struct plan_options *options,
	struct plan **ret, struct error *err)
{
	static const struct plan_options none = { 0 };
	CLEANUP(plan_freep) struct plan *p = calloc(1, sizeof(*p));

	*ret = NULL;
	options = options ? options : &none;
	if (!p)
		return error_oom(err);
	p->findings = findings;
	if (baseline(p, options) || steps_add(p) || total_gain(p) || prerequisites(p) ||
		plan_commands(p, options->plan_path ? options->plan_path : "plan.json"))
		return error_oom(err);
	*ret = STEAL(p);
	return 0;
}

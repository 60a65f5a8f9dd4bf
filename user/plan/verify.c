/* Shares before and after, the rest as the measure, and a verdict that noise cannot win. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "plan/verify.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "detect/detect.h"
#include "plan/plan_file.h"
#include "stats/interval.h"

/* A program that is not changed shows a gain now and then by chance alone. To be accepted, a gain
 * must stand out at 99.9 % (once in 2,000 placebos), be worth having at all, and reach at least
 * half of what was promised even at the low end of its 95 % interval. */
#define Z_95         1.959964
#define Z_SURE       3.290527
#define GAIN_MIN     0.02
#define MIX_P_MIN    0.01
#define MIX_MOVED    0.1
#define EXPECTED_MIN 5 /* samples per cell of the chi-square test (Cochran 1954) */
enum { REST_MIN = 30 /* samples of the rest, or it is no measure */ };

struct cell {
	const char *key;
	uint64_t steps;       /* bit per order - 1 */
	bool known;           /* of the baseline */
	double before, after; /* samples */
	double dispersion;
	UT_hash_handle hh;
};

struct comparison {
	const struct plan_file *plan;
	const struct findings *after;
	struct cell *cells;
	VEC(char *) names; /* keys of functions that are new */
	double fresh;      /* samples of functions the baseline does not have */
	double dispersion_after;
};

CLEANUP_DEFINE(struct verify_result *, verify_result_free)
CLEANUP_DEFINE(struct findings *, findings_free)

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
#define X(e, name) [e] = name,
		VERDICTS(X)
#undef X
	};

	return names[verdict];
}

enum exit_code verdict_exit(enum verdict verdict)
{
	return verdict == VERDICT_ACCEPTED   ? EXIT_FINE
	       : verdict == VERDICT_REJECTED ? EXIT_GATE
					     : EXIT_UNDECIDED;
}

void verify_result_free(struct verify_result *r)
{
	if (!r)
		return;
	vec_each (s, &r->steps) {
		free(s->title);
		free(s->reason);
	}
	vec_done(&r->steps);
	free(r);
}

static struct cell *cell_find(struct comparison *c, const char *key, bool add)
{
	struct cell *cell = NULL;

	HASH_FIND_STR(c->cells, key, cell);
	if (cell || !add)
		return cell;
	cell = calloc(1, sizeof(*cell));
	if (!cell)
		return NULL;
	cell->key = key;
	HASH_ADD_KEYPTR(hh, c->cells, cell->key, strlen(cell->key), cell);
	if (cell->hh.tbl)
		return cell;
	free(cell);
	return NULL;
}

static void comparison_done(struct comparison *c)
{
	struct cell *cell, *next;

	HASH_ITER (hh, c->cells, cell, next) {
		HASH_DELETE(hh, c->cells, cell);
		free(cell);
	}
	vec_each (name, &c->names)
		free(*name);
	vec_done(&c->names);
}

static uint64_t step_bit(uint32_t order)
{
	return 1ull << ((order - 1) & 63);
}

static int add_before(struct comparison *c)
{
	vec_each (k, &c->plan->keys) {
		struct cell *cell = cell_find(c, k->key, true);
		if (!cell)
			return -ENOMEM;
		cell->known = true;
		cell->before += k->share * c->plan->samples;
		if (k->step)
			cell->steps |= step_bit(k->step);
	}
	return 0;
}

static int add_after(struct comparison *c)
{
	for (uint32_t id = 1; id < c->after->functions.n; id++) {
		const struct function_row *row = &c->after->functions.at[id];
		char *key;
		if (row->count <= 0)
			continue;
		key = findings_function_key(c->after, id);
		if (!key || vec_push(&c->names, key)) {
			free(key);
			return -ENOMEM;
		}
		struct cell *cell = cell_find(c, key, false);
		if (cell) {
			cell->after += row->count;
			cell->dispersion = fmax(cell->dispersion, row->dispersion);
		} else {
			c->fresh += row->count;
		}
		if (row->count > c->after->total / 50)
			c->dispersion_after = fmax(c->dispersion_after, row->dispersion);
	}
	return 0;
}

/* The upper tail of chi-square by the cube-root approximation of Wilson and Hilferty (PNAS 17,
 * 1931). */
static double chi_square_p(double x, double df)
{
	double z = (cbrt(x / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));

	return erfc(z / sqrt(2)) / 2;
}

struct mix {
	uint32_t step;      /* whose rest it is */
	bool without_steps; /* the functions of other steps are left out */
	bool known;         /* there are enough samples */
	double p, moved;
};

static bool is_rest(const struct mix *m, const struct cell *cell)
{
	return m->without_steps ? !cell->steps : !(cell->steps & step_bit(m->step));
}

/* Does the rest (nothing of the step, nothing new) do the same as before? */
static void mix_test(struct comparison *c, struct mix *m)
{
	double before = 0, after = 0, rare_before = 0, rare_after = 0, x = 0;
	int cells = 0;
	struct cell *cell, *next;

	HASH_ITER (hh, c->cells, cell, next) {
		before += is_rest(m, cell) ? cell->before : 0;
		after += is_rest(m, cell) ? cell->after : 0;
	}
	m->known = before >= REST_MIN && after >= REST_MIN;
	m->p = 1;
	m->moved = 0;
	if (!m->known)
		return;
	double a = sqrt(after / before), b = sqrt(before / after);
	HASH_ITER (hh, c->cells, cell, next) {
		if (!is_rest(m, cell))
			continue;
		double sum = cell->before + cell->after;
		m->moved += fabs(cell->before / before - cell->after / after) / 2;
		if (sum * fmin(before, after) / (before + after) < EXPECTED_MIN) {
			rare_before += cell->before;
			rare_after += cell->after;
			continue;
		}
		cells++;
		x += pow(b * cell->after - a * cell->before, 2) / sum;
	}
	if (rare_before + rare_after > 0) {
		cells++;
		x += pow(b * rare_after - a * rare_before, 2) / (rare_before + rare_after);
	}
	double dispersion =
		fmax(1, (fmax(c->plan->dispersion, 1) + fmax(c->dispersion_after, 1)) / 2);
	if (cells > 1)
		m->p = chi_square_p(x / dispersion, cells - 1);
}

static bool mix_changed(const struct mix *m)
{
	return m->p < MIX_P_MIN && m->moved > MIX_MOVED;
}

/* The rest with the most samples that does the same as before: all but this step, or, when other
 * steps have been made too, all but the steps. */
static struct mix mix_choose(struct comparison *c, uint32_t step)
{
	struct mix all = { .step = step }, few = { .step = step, .without_steps = true };

	mix_test(c, &all);
	if (all.known && !mix_changed(&all))
		return all;
	mix_test(c, &few);
	return few.known && !mix_changed(&few) ? few : all;
}

struct estimate {
	double at, low, high; /* of a share */
};

static bool estimate(double count, double n, double dispersion, double z, struct estimate *ret)
{
	/* interval_share has 95 %; a wider one is that of fewer samples. */
	double widen = (z / Z_95) * (z / Z_95);

	ret->at = n > 0 ? count / n : 0;
	return interval_share(count, n, fmax(1, dispersion) * widen, &ret->low, &ret->high);
}

/* The interval of 1 - (1 - before) / (1 - after), by MOVER on the log scale, times @scale. */
static void combine(const struct estimate *before, const struct estimate *after, double scale,
	struct estimate *ret)
{
	const double least = 1e-6;
	double b = log(fmax(least, 1 - before->at)), a = log(fmax(least, 1 - after->at));
	double b_low = log(fmax(least, 1 - before->high)),
	       b_high = log(fmax(least, 1 - before->low));
	double a_low = log(fmax(least, 1 - after->high)), a_high = log(fmax(least, 1 - after->low));
	double at = b - a;
	double low = at - hypot(b - b_low, a_high - a), high = at + hypot(b_high - b, a - a_low);

	ret->at = scale * (1 - exp(at));
	ret->low = scale * (1 - exp(high));
	ret->high = scale * (1 - exp(low));
}

/* Judges @s->gain..: @sure_low is the low end at 99.9 %. */
static void judge(struct verify_step *s, double sure_low, double seconds)
{
	double promised = s->promised_low;
	bool stands_out = sure_low > 0 && s->gain >= GAIN_MIN;
	bool reaches = s->gain_high >= promised && s->gain_low >= promised / 2;

	if (s->gain_high < promised || (s->gain_high < GAIN_MIN)) {
		s->verdict = VERDICT_REJECTED;
		return;
	}
	if (stands_out && reaches) {
		s->verdict = VERDICT_ACCEPTED;
		return;
	}
	s->verdict = VERDICT_UNDECIDED;
	/* The half width shrinks with the root of the time; it must get below the distance between
	 * what was measured and what decides. */
	double half = (s->gain_high - s->gain_low) / 2;
	double distance = fmax(fabs(s->gain - fmax(promised / 2, GAIN_MIN)), 0.02);
	double factor = pow(half * Z_SURE / Z_95 / distance, 2);
	s->more_seconds = ceil(fmin(fmax(seconds, 5) * fmin(fmax(factor, 2), 1000), 86400));
}

static int reason(struct verify_step *s, const char *text)
{
	s->reason = strdup(text);
	return s->reason ? 0 : -ENOMEM;
}

static int explain(struct verify_step *s)
{
	switch (s->verdict) {
	case VERDICT_ACCEPTED:
		return reason(s, "the gain is there, and it reaches the promise");
	case VERDICT_REJECTED:
		return reason(s, "the gain stays below the promise");
	default:
		return reason(s, "the interval of the gain is too wide to decide");
	}
}

static int undecided(struct verify_step *s, double more_seconds, const char *text)
{
	s->verdict = VERDICT_UNDECIDED;
	s->more_seconds = more_seconds;
	return reason(s, text);
}

/* By shares. */
static int judge_by_mix(struct comparison *c, const struct plan_file_step *p,
	struct verify_result *r, struct verify_step *s)
{
	double before = 0, after = c->fresh, rest_before = 0, rest_after = 0, dispersion = 1;
	double seconds = (double)c->after->profile->capture.duration_ns / 1e9;
	struct estimate f_before, f_after, gain, sure;
	struct mix m = mix_choose(c, p->order);
	uint64_t shared = 0;
	struct cell *cell, *next;

	HASH_ITER (hh, c->cells, cell, next) {
		if (cell->steps & step_bit(p->order)) {
			shared |= cell->steps & ~step_bit(p->order);
			before += cell->before;
			after += cell->after;
			dispersion = fmax(dispersion, cell->dispersion);
		} else if (is_rest(&m, cell)) {
			rest_before += cell->before;
			rest_after += cell->after;
		}
	}
	r->has_mix |= m.known;
	if (m.known && m.p <= r->mix_p) {
		r->mix_p = m.p;
		r->mix_moved = m.moved;
	}
	if (!m.known)
		return undecided(s, fmax(60, 4 * seconds),
			"too few samples outside the step to measure against");
	double n_before = before + rest_before, n_after = after + rest_after;
	s->share_before = before / n_before;
	s->share_after = after / n_after;
	if (mix_changed(&m))
		return undecided(s, 0,
			"the rest of the program does not do the same as before, so that shares do "
			"not compare; repeat the baseline's load, or count work with --work");
	if (c->after->no_bounds || p->dispersion <= 0)
		return undecided(s, c->after->no_bounds ? 10 : 0,
			c->after->no_bounds
				? "the recording is too short for intervals, or imported"
				: "the baseline has no intervals; make the plan from "
				  "at least 5 seconds");
	double scale = n_before / fmax(1, c->plan->samples);
	dispersion = fmax(dispersion, c->dispersion_after);
	bool ok = estimate(before, n_before, p->dispersion, Z_95, &f_before) &&
		  estimate(after, n_after, dispersion, Z_95, &f_after);
	if (!ok)
		return undecided(s, 0, "there are no samples to compare");
	combine(&f_before, &f_after, fmin(scale, 1), &gain);
	estimate(before, n_before, p->dispersion, Z_SURE, &f_before);
	estimate(after, n_after, dispersion, Z_SURE, &f_after);
	combine(&f_before, &f_after, fmin(scale, 1), &sure);
	s->measured = true;
	s->gain = gain.at;
	s->gain_low = gain.low;
	s->gain_high = gain.high;
	judge(s, sure.low, seconds);
	/* Steps at one function are told apart only by what the others cannot explain. */
	double others = 0;
	vec_each (other, &c->plan->steps)
		others += shared & step_bit(other->order) ? other->high : 0;
	if (s->verdict == VERDICT_ACCEPTED && others > 0 && s->gain_low <= others)
		return undecided(s, 0,
			"another step of the plan changes the same function, and could explain the "
			"gain alone");
	return explain(s);
}

/* By CPU time per unit of work. The spread of sampled time is that of its sample counts. */
static int judge_by_work(
	struct comparison *c, const struct verify_options *o, struct verify_step *s)
{
	const struct profile_capture *capture = &c->after->profile->capture;
	double after = (double)capture->on_cpu_ns / 1e9, n = c->after->total;
	double before = c->plan->on_cpu_seconds;

	if (after <= 0 && capture->rate_had_hz > 0)
		after = n / capture->rate_had_hz;
	if (before <= 0 || after <= 0 || n < REST_MIN || c->plan->samples < REST_MIN)
		return undecided(
			s, 60, "too little CPU time was seen to compare it per unit of work");
	double ratio = after / o->work_value / (before / c->plan->work_value);
	double se = sqrt(
		fmax(1, c->dispersion_after) / n + fmax(1, c->plan->dispersion) / c->plan->samples);
	s->measured = true;
	s->gain = 1 - ratio;
	s->gain_low = 1 - ratio * exp(Z_95 * se);
	s->gain_high = 1 - ratio * exp(-Z_95 * se);
	judge(s, 1 - ratio * exp(Z_SURE * se), (double)capture->duration_ns / 1e9);
	return explain(s);
}

static int judge_steps(struct comparison *c, const struct verify_options *o,
	struct verify_result *r, struct error *err)
{
	bool rejected = false, open = false;

	vec_each (p, &c->plan->steps) {
		struct verify_step fresh = { .order = p->order,
			.promised_low = p->low,
			.promised_high = p->high,
			.title = strdup(p->title) };
		if (o->step && o->step != p->order) {
			free(fresh.title);
			continue;
		}
		if (!fresh.title || vec_push(&r->steps, fresh)) {
			free(fresh.title);
			return error_oom(err);
		}
		struct verify_step *s = &r->steps.at[r->steps.n - 1];
		bool work = o->work_name && c->plan->work_metric &&
			    !strcmp(o->work_name, c->plan->work_metric) && o->work_value > 0;
		if (work ? judge_by_work(c, o, s) : judge_by_mix(c, p, r, s))
			return error_oom(err);
		rejected |= s->verdict == VERDICT_REJECTED;
		open |= s->verdict == VERDICT_UNDECIDED;
	}
	r->verdict = rejected ? VERDICT_REJECTED : open ? VERDICT_UNDECIDED : VERDICT_ACCEPTED;
	if (!r->steps.n && o->step) {
		error_exit(err, EXIT_INPUT, -EINVAL, "the plan has no step %u", o->step);
		error_hint(err, "it has %u", c->plan->steps.n);
		return -EINVAL;
	}
	/* A plan without steps promises nothing; there is nothing to accept. */
	if (!r->steps.n)
		r->verdict = VERDICT_UNDECIDED;
	return 0;
}

int verify(const char *json, size_t n, const struct profile *after,
	const struct verify_options *options, struct verify_result **ret, struct error *err)
{
	static const struct verify_options none = { 0 };
	CLEANUP(plan_file_done) struct plan_file plan = { 0 };
	CLEANUP(findings_freep) struct findings *findings = NULL;
	CLEANUP(verify_result_freep) struct verify_result *r = calloc(1, sizeof(*r));
	CLEANUP(comparison_done) struct comparison c = { .plan = &plan };

	*ret = NULL;
	if (!r)
		return error_oom(err);
	int rc = plan_file_read(json, n, &plan, err);
	if (!rc)
		rc = detect(&(struct detect_input){ .profile = after }, &findings, err);
	if (rc)
		return rc;
	c.after = findings;
	if (add_before(&c) || add_after(&c))
		return error_oom(err);
	r->mix_p = 1;
	rc = judge_steps(&c, options ? options : &none, r, err);
	if (!rc)
		*ret = STEAL(r);
	return rc;
}

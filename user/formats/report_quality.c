/* What a profile's quality means for its reader: a grade and the reasons for it. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/report_quality.h"

#include <inttypes.h>

#include "stats/interval.h"

/* Below `fair` a figure costs the grade good, below `poor` also the grade fair. */
static const struct {
	double fair, poor;
} whole_limits = { 0.95, 0.8 }, named_limits = { 0.9, 0.6 }, kept_limits = { 0.99, 0.9 },
  rate_limits = { 0.9, 0.5 }, count_limits = { 200, 30 };

static const char *const grade_names[] = {
#define X(e, name) [e] = name,
	QUALITY_GRADES(X)
#undef X
};

const char *quality_grade_name(enum quality_grade grade)
{
	return grade_names[grade];
}

static enum quality_grade grade_of(double figure, double fair, double poor)
{
	return figure < poor ? QUALITY_POOR : figure < fair ? QUALITY_FAIR : QUALITY_GOOD;
}

static void worsen(enum quality_grade *grade, enum quality_grade by)
{
	if (by > *grade)
		*grade = by;
}

/* The most frequent stop among those that cut a stack short. */
static const char *main_stop(const struct profile *p, const struct profile_quality *q)
{
	const struct profile_lost *most = NULL;

	vec_each (s, &q->stops)
		if (s->name && !profile_stop_is_end(profile_str(p, s->name)) &&
			(!most || s->count > most->count))
			most = s;
	return most ? profile_str(p, most->name) : "unknown";
}

static const char *main_loss(const struct profile *p)
{
	const struct profile_lost *most = NULL;

	vec_each (l, &p->lost)
		if (!most || l->count > most->count)
			most = l;
	return most ? profile_str(p, most->text ? most->text : most->name) : "";
}

static enum quality_grade judge_amount(
	const struct profile *p, const struct profile_quality *q, struct strbuf *notes)
{
	enum quality_grade grade =
		grade_of((double)q->samples, count_limits.fair, count_limits.poor);

	if (grade != QUALITY_GOOD)
		strbuf_printf(
			notes, "%" PRIu64 " samples say little: record longer.\n", q->samples);
	if (q->buckets < INTERVAL_BUCKETS_MIN && !p->capture.weights_imported) {
		strbuf_puts(notes, "Too short for intervals: record at least 5 s.\n");
		worsen(&grade, QUALITY_FAIR);
	}
	double kept = (double)q->samples / (double)(q->samples + q->lost);
	enum quality_grade kept_grade = grade_of(kept, kept_limits.fair, kept_limits.poor);
	if (kept_grade != QUALITY_GOOD)
		strbuf_printf(notes, "%" PRIu64 " losses (mostly: %s): record at a lower rate.\n",
			q->lost, main_loss(p));
	worsen(&grade, kept_grade);
	return grade;
}

static enum quality_grade judge_stacks(
	const struct profile *p, const struct profile_quality *q, struct strbuf *notes)
{
	enum quality_grade whole = grade_of(q->stacks_whole, whole_limits.fair, whole_limits.poor);
	enum quality_grade named = grade_of(q->frames_named, named_limits.fair, named_limits.poor);

	if (whole != QUALITY_GOOD)
		strbuf_printf(notes,
			"%.1f %% of the stacks are cut (mostly: %s): totals of callers are too "
			"low.\n",
			100 * (1 - q->stacks_whole), main_stop(p, q));
	if (named != QUALITY_GOOD)
		strbuf_printf(notes,
			"%.1f %% of the frames have no name: install debug symbols of the modules "
			"that show as module+offset.\n",
			100 * (1 - q->frames_named));
	worsen(&whole, named);
	return whole;
}

static enum quality_grade judge_capture(const struct profile *p, struct strbuf *notes)
{
	const struct profile_capture *c = &p->capture;
	enum quality_grade grade = QUALITY_GOOD;

	if (c->rate_asked_hz > 0 && c->rate_had_hz > 0) {
		grade = grade_of(
			c->rate_had_hz / c->rate_asked_hz, rate_limits.fair, rate_limits.poor);
		if (grade != QUALITY_GOOD)
			strbuf_printf(notes, "Sampled at %.0f Hz instead of %.0f.\n",
				c->rate_had_hz, c->rate_asked_hz);
	}
	if (c->weights_imported) {
		strbuf_puts(notes, "Imported from another tool: no intervals.\n");
		worsen(&grade, QUALITY_FAIR);
	}
	if (c->unfinished) {
		strbuf_puts(notes, "The recorder ended without closing the recording: the last "
				   "second and names may be missing.\n");
		worsen(&grade, QUALITY_FAIR);
	}
	return grade;
}

enum quality_grade quality_judge(
	const struct profile *p, const struct profile_quality *q, struct strbuf *notes)
{
	if (!q->samples) {
		strbuf_puts(notes, "No samples: nothing ran on a CPU, or all was lost.\n");
		return QUALITY_NONE;
	}
	enum quality_grade grade = judge_amount(p, q, notes);
	worsen(&grade, judge_stacks(p, q, notes));
	worsen(&grade, judge_capture(p, notes));
	return grade;
}

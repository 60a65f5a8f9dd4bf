/* What the detectors share: one row per kind, and the steps from a group of samples to a finding.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_DETECTOR_H
#define DETECT_DETECTOR_H

#include "base/strbuf.h"
#include "detect/detect.h"
#include "detect/source.h"
#include "detect/view.h"

/* Below these nobody is told. */
#define DETECT_IMPACT_MIN                                                       \
	0.02 /* a perfect fix would save less than the noise of most benchmarks \
	      */
enum { DETECT_SAMPLES_MIN = 20 }; /* fewer: the interval is wider than the share itself */

/* What the source says about a frame; asked once. */
struct frame_notes {
	const struct source *source; /* borrowed; NULL = none in the profile */
	bool asked_search, asked_helper, asked_call, asked_depth, asked_compares;
	bool call_found, compares, asked_guess, asked_concat, concat_found;
	bool asked_growth, growth_found, asked_grower, grower_found;
	const struct symbol_row *guess;
	uint32_t loop_depth;
	struct source_search search, helper_search;
	struct source_call call;
	struct source_concat concat;
	struct source_growth growth, grower;
};

struct detect_context {
	const struct profile *profile;
	struct view view;
	struct findings *findings;
	struct frame_notes **notes; /* by frame */
	struct source **sources;    /* by profile->sources; parsed when asked for */
	bool *source_failed;
};

struct detector_ops {
	enum finding_kind kind;
	/* Adds findings and claims their samples. 0 or -ENOMEM. */
	int (*run)(struct detect_context *c);
};

/* In the order they run: the most specific first. NULL-terminated. */
extern const struct detector_ops *const detectors[];
extern const struct detector_ops detector_repeated_work;
extern const struct detector_ops detector_algorithmic_complexity;
extern const struct detector_ops detector_copy_bound;
extern const struct detector_ops detector_allocation_churn;
extern const struct detector_ops detector_cpu_hot_path;

/* Questions about the source at a frame's line. All return NULL or 0 without source. Borrowed. */
const struct source *context_source(struct detect_context *c, uint32_t frame);
const struct source_search *context_search(struct detect_context *c, uint32_t frame);
/* The search at @frame's line, given that the function of @helper is called there and compares. */
const struct source_search *context_helper_search(
	struct detect_context *c, uint32_t frame, uint32_t helper);
/* The call of @callee at @frame's line, or NULL. One callee per frame is remembered. */
const struct source_call *context_call(
	struct detect_context *c, uint32_t frame, const char *callee);
/* The string that a line of Python makes longer, or NULL. */
const struct source_concat *context_concat(struct detect_context *c, uint32_t frame);
/* The block grown by hand at @frame's line, in a loop there or in a caller on the way to the root
 * of
 * @stack: as the function with the loop writes it; or NULL. */
const struct source_growth *context_growth(
	struct detect_context *c, uint32_t stack, uint32_t frame);
/* The well-known function that the source calls at @frame's line, for a library function without a
 * name (as those that the C library picks by CPU have none); or NULL. */
const struct symbol_row *context_guess(struct detect_context *c, uint32_t frame);
uint32_t context_loop_depth(struct detect_context *c, uint32_t frame);
bool context_compares(struct detect_context *c, uint32_t frame);
/* Is there a loop around any call on the way from @frame (not itself) to the root of @stack? */
bool context_called_in_loop(struct detect_context *c, uint32_t stack, uint32_t frame);

/* Is a group worth a finding: DETECT_IMPACT_MIN and DETECT_SAMPLES_MIN? */
bool group_matters(const struct detect_context *c, const struct group *g);
/* The part of the capture's slots with samples of the group, 0..1; 0 when there is no time (fewer
 * than 8 buckets). */
double group_presence(const struct detect_context *c, const struct group *g);
/* How many times dearer the group has become relative to the other work of its threads; 0 when it
 * did not grow steadily (trend_growth) or there are too few samples to tell. */
double group_growth(struct detect_context *c, const struct group *g);
/* The sample of the group with the most counts; what a person would look at first. */
uint32_t group_main_sample(const struct detect_context *c, const struct group *g);

/*
 * A new finding of @kind about @g, its samples claimed and taken from @g. Impact, interval, id,
 * line, thread and snippet are filled in; NULL when memory is out. Borrowed from the findings'
 * list, valid until the next call. The detector then says what it knows and ends with
 * finding_done.
 */
struct finding *finding_new(struct detect_context *c, enum finding_kind kind, struct group *g);
int finding_evidence(struct finding *f, const char *name, double value, const char *unit);
/* Sets severity and the description (printf style). 0 or -ENOMEM. */
int finding_done(struct detect_context *c, struct finding *f, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

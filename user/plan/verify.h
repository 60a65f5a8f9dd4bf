/*
 * Did a step do what the plan promised? Compares the plan's baseline with a new recording.
 *
 * Without a count of work done, the rest of the program is the measure: if it does the same as
 * before (tested), a function that had the share f_before of the samples and has f_after now gained
 *
 *     gain = 1 - (1 - f_before) / (1 - f_after)
 *
 * of the time per unit of work. Where other steps have been made too, their functions are left out
 * on both sides, so that steps can be made in any order; functions that were not there before count
 * as part of the new step, so that neither a renamed function nor a dear replacement passes for a
 * gain. The interval combines those of the two shares (MOVER; Zou and Donner, Statistics in
 * Medicine 27, 2008) on the log scale. The rest is the same when a chi-square test of homogeneity,
 * corrected for dispersion (Rao and Scott, JASA 76, 1981), finds no difference, or the difference
 * moves less than a tenth of it.
 *
 * With a count of work (verify_options.work_*, and work in the baseline), the CPU time per unit of
 * work is compared instead, and the mix does not matter.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PLAN_VERIFY_H
#define PLAN_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "profile/profile.h"

/* X(enumerator, name). As exit codes: EXIT_FINE, EXIT_GATE, EXIT_UNDECIDED. */
#define VERDICTS(X)                     \
	X(VERDICT_ACCEPTED, "accepted") \
	X(VERDICT_REJECTED, "rejected") \
	X(VERDICT_UNDECIDED, "undecided")

enum verdict {
#define X(e, name) e,
	VERDICTS(X)
#undef X
};

const char *verdict_name(enum verdict verdict);
/* The exit code for a verdict. */
enum exit_code verdict_exit(enum verdict verdict);

struct verify_options {
	uint32_t step;         /* only this step (its order); 0 = all */
	const char *work_name; /* NULL = no work was counted */
	double work_value;     /* units of work done during the new recording */
};

struct verify_step {
	uint32_t order;
	char *title; /* owned; foreign text */
	enum verdict verdict;
	double promised_low, promised_high;
	bool measured; /* the figures below are there */
	double gain, gain_low, gain_high;
	double share_before, share_after;
	char *reason;        /* owned; one sentence */
	double more_seconds; /* undecided: how long to record; 0 = longer does not help */
};

struct verify_result {
	VEC(struct verify_step) steps;
	enum verdict verdict; /* of all: rejected if one is, else undecided if one is */
	bool has_mix;
	double mix_p;     /* the smallest of the steps': of "the rest does the same as before" */
	double mix_moved; /* share of the rest that is elsewhere now, 0..1 */
};

/* Judges the plan in @json (@n bytes, foreign; at most 16 MB) by the recording @after. 0, -EBADMSG
 * or -EINVAL with EXIT_INPUT (no plan, no such step), or -ENOMEM. The caller frees with
 * verify_result_free. */
int verify(const char *json, size_t n, const struct profile *after,
	const struct verify_options *options, struct verify_result **ret, struct error *err);
void verify_result_free(struct verify_result *r);

#endif

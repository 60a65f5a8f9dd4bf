/*
 * From findings to an ordered plan: what to do first, what it should gain, how to check it.
 *
 *   gain      of a step = interval of the affected share x share that the fix removes
 *   total     Amdahl over the union of the affected samples (each counts once, with the best fix)
 *   order     gain per effort and risk, but never before a step that it depends on: one whose
 *             function stands above most of its samples, so that it may remove them too
 *   match     how verify finds the step's code again in another recording (verify.h)
 *
 * Facts of the profile that make the validation commands (set by the capture):
 *   target_kind     "pid", "all" or "command"
 *   target_comm     name of the first target process, to find it again after a restart
 *   target_command  the command and its arguments, quoted for a shell
 *   target          what was profiled, for people
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "detect/detect.h"

enum {
	PLAN_STEPS_MAX = 64,
	PLAN_MIX_MAX = 400, /* functions of the baseline that are remembered */
};

struct plan_options {
	const char *plan_path;    /* as printed in commands; NULL = "plan.json" */
	const char *recording_id; /* NULL = the profile's fact of this name, or a hash of it */
	const char *work_metric;  /* NULL = no work was counted */
	double work_value;        /* units of work done during the baseline */
};

struct plan_step {
	uint32_t order; /* 1-based */
	const struct finding *finding;
	const struct fix *fix;
	VEC(char *) prerequisites;
	char *command, *expect;
	VEC(uint32_t) functions;     /* function ids: [0] the finding's, then its helpers */
	double share, n, dispersion; /* of all samples attributed to these functions */
};

struct plan_gain {
	enum metric metric;
	double low, high;
};

struct plan_mix {
	uint32_t function; /* id */
	double share;
};

struct plan {
	const struct findings *findings; /* borrowed: must outlive the plan */
	VEC(struct plan_step) steps;
	VEC(struct plan_gain) total;   /* one per metric, never summed across */
	const char *complexity, *risk; /* the highest of the steps; "low" for an empty plan */
	VEC(const char *) prerequisites, validation_strategy; /* static */

	char *recording_id;
	const char *target; /* borrowed from the profile; "" = unknown */
	double seconds, rate_hz, total_samples, dispersion;
	VEC(struct plan_mix) mix; /* by share, largest first */
	const char *work_metric;  /* borrowed from the options; NULL = none */
	double work_value;
};

/* Makes the plan of all findings that have a fix. 0 (a plan without steps is an answer) or
 * -ENOMEM. The caller frees with plan_free. */
int plan_make(const struct findings *findings, const struct plan_options *options,
	struct plan **ret, struct error *err);
void plan_free(struct plan *p);

#endif

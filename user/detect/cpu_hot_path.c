/*
 * Hot paths: what no other detector has claimed. Most programs that do their job well have some;
 * so only the largest are told, and none pretends to know an improvement.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "detect/detector.h"

/* A perfect fix of one function below these saves less than a tenth (own code) or a fifth (code
 * that others maintain) of the time; that is no lead, only noise. */
#define OWN_MIN   0.1
#define OTHER_MIN 0.2
enum { HOT_PATHS_MAX = 5 };

enum { SELF, KERNEL }; /* group.value[] */

static int report(struct detect_context *c, struct group *g)
{
	double self = g->value[SELF] / g->count, kernel = g->value[KERNEL] / g->count;
	struct finding *f = finding_new(c, FINDING_CPU_HOT_PATH, g);

	if (!f)
		return -ENOMEM;
	f->confidence = 0.3;
	f->in_library = self < 0.5;
	CLEANUP(freep) char *name = findings_function_name(c->findings, f->function_id);
	if (!name || finding_evidence(f, "self", self, "share of these samples") ||
		finding_evidence(f, "libraries", 1 - self - kernel, "share of these samples") ||
		finding_evidence(f, "kernel", kernel, "share of these samples"))
		return -ENOMEM;
	return finding_done(c, f,
		"%s is hot: %.0f %% of this is its own code, %.0f %% libraries it calls, %.0f %% "
		"the "
		"kernel. No known improvement: no rule found evidence of avoidable work.",
		name, 100 * self, 100 * (1 - self - kernel), 100 * kernel);
}

/* Another finding already points at this function. */
static bool is_known(const struct findings *f, uint32_t function)
{
	vec_each (other, &f->list)
		if (other->function_id == function)
			return true;
	return false;
}

static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->function > y->function) - (x->function < y->function);
}

static int run(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	uint32_t told = 0;
	int rc = 0;

	vec_each (i, &v->samples) {
		const struct stack_facts *facts = view_stack(v, v->profile->samples.at[*i].stack);
		if (v->claimed[*i] || !facts->function)
			continue;
		struct group *g = groups_add(v, &groups, facts->function, *i);
		if (!g) {
			rc = -ENOMEM;
			break;
		}
		double count = view_count(v, *i);
		g->value[SELF] += facts->leaf ? count : 0;
		g->value[KERNEL] += facts->kernel && !facts->leaf ? count : 0;
	}
	if (groups.list.n)
		qsort(groups.list.at, groups.list.n, sizeof(struct group), by_count);
	vec_each (g, &groups.list) {
		const struct function_row *row = &c->findings->functions.at[g->function];
		double least = row->owner == OWNER_OWN ? OWN_MIN : OTHER_MIN;
		if (rc || !group_matters(c, g))
			continue;
		if (told >= HOT_PATHS_MAX || g->count < least * c->findings->total ||
			(is_known(c->findings, g->function) &&
				g->count < OTHER_MIN * c->findings->total)) {
			c->findings->hot_left_out++;
			continue;
		}
		told++;
		rc = report(c, g);
	}
	groups_done(&groups);
	return rc;
}

const struct detector_ops detector_cpu_hot_path = { FINDING_CPU_HOT_PATH, run };

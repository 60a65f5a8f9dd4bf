/*
 * Allocation churn: memory is taken and given back all the time by one function. That both are
 * seen below the same function, over the whole capture, says that its objects live short; then
 * they can be reused. A structure built here and freed elsewhere is a program's normal life.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>

#include "base/cleanup.h"
#include "detect/detector.h"
#include "detect/fixes.h"

#define BOTH_MIN     0.1 /* each of the two must be at least this part of the group */
#define PRESENCE_MIN 0.8

enum { TAKES, GIVES, IN_LOOP }; /* group.value[] */

static int report(struct detect_context *c, struct group *g)
{
	double takes = g->value[TAKES] / g->count, gives = g->value[GIVES] / g->count;
	double presence = group_presence(c, g), in_loop = g->value[IN_LOOP] / g->count;
	bool both = takes >= BOTH_MIN && gives >= BOTH_MIN;
	struct finding *f = finding_new(c, FINDING_ALLOCATION_CHURN, g);

	if (!f)
		return -ENOMEM;
	f->avoidable = both && (presence >= PRESENCE_MIN || in_loop > 0.5);
	f->in_library = true;
	f->confidence = f->avoidable ? (in_loop > 0.5 ? 0.8 : 0.65) : 0.4;
	CLEANUP(freep) char *name = findings_function_name(c->findings, f->function_id);
	if (!name || finding_evidence(f, "allocating", takes, "share of these samples") ||
		finding_evidence(f, "freeing", gives, "share of these samples") ||
		finding_evidence(f, "presence", presence, "share of the capture"))
		return -ENOMEM;
	if (!f->avoidable)
		return finding_done(c, f,
			"%s spends this time in the memory allocator. Nothing seen says that its "
			"objects live short.",
			name);
	if (fix_add(f, FIX_CASE_REUSE, &(struct fix_words){ .function = name }))
		return -ENOMEM;
	return finding_done(c, f,
		"%s both takes memory and gives it back, %s: its objects live short. It would be "
		"no "
		"waste if what it frees were allocated elsewhere and long ago.",
		name, in_loop > 0.5 ? "inside a loop" : "during the whole capture");
}

static int run(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	int rc = 0;

	vec_each (i, &v->samples) {
		uint32_t stack = v->profile->samples.at[*i].stack;
		const struct stack_facts *facts = view_stack(v, stack);
		bool gives = facts->seen[SYMBOL_FREE];
		if (v->claimed[*i] || (!gives && !facts->seen[SYMBOL_ALLOC]))
			continue;
		struct group *g = groups_add(v, &groups, facts->function, *i);
		if (!g) {
			rc = -ENOMEM;
			break;
		}
		double count = view_count(v, *i);
		g->value[gives ? GIVES : TAKES] += count;
		if (context_loop_depth(c, facts->target))
			g->value[IN_LOOP] += count;
	}
	vec_each (g, &groups.list)
		if (!rc && group_matters(c, g))
			rc = report(c, g);
	groups_done(&groups);
	return rc;
}

const struct detector_ops detector_allocation_churn = { FINDING_ALLOCATION_CHURN, run };

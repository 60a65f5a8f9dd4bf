/*
 * Repeated work: a library is made to prepare the same thing again and again.
 *
 * Rows of symbols.c that a program needs once (compiling a pattern, opening a conversion) count as
 * avoidable when they run over the whole capture, or when the source shows the call in a loop with
 * arguments that the loop does not change. Rows that are needed once per input (parsing, sorting)
 * count only when the source shows that the input is the same. What merely happens at start-up is
 * left to the other detectors.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/detector.h"
#include "detect/fixes.h"

#define PRESENCE_MIN 0.8 /* of ten slots: start-up work is over by then */

/* group.value[]: samples by what the source says of the input. */
enum { SAME, OTHER, UNKNOWN, CONSTANT };

/* Python's arguments are inputs, the first as well; what is asked of an object may be new each
 * time, and outside of loops only what is always the same says anything. */
static int input_of_python(const struct stack_facts *facts, const struct source_call *call)
{
	uint32_t all = (1u << call->arguments) - 1;

	if (facts->setup->inputs)
		all &= (1u << facts->setup->inputs) - 1;
	if (!(all & ~call->literal))
		return CONSTANT;
	if (!call->in_loop)
		return UNKNOWN;
	return (call->varies | call->touched) & all & ~call->literal ? OTHER : SAME;
}

/* The call of the setup function at its target's line; the first way to write it that is there. */
static const struct source_call *setup_call(
	struct detect_context *c, const struct stack_facts *facts)
{
	const char *ways = facts->setup->callee ? facts->setup->callee : facts->setup->pattern;
	char way[SOURCE_NAME_BYTES], callee[SOURCE_NAME_BYTES];
	const struct source_call *call = NULL;

	while (!call && *ways) {
		size_t n = strcspn(ways, "|");
		snprintf(way, sizeof(way), "%.*s", (int)n, ways);
		/* A pattern that ends in '*' stands for names the source may spell in full. */
		symbol_plain(way, callee, sizeof(callee));
		call = context_call(c, facts->setup_target, callee);
		ways += n + (ways[n] == '|');
	}
	return call;
}

/* Does the source around the call say that every turn does the same? */
static int input_of(struct detect_context *c, const struct stack_facts *facts)
{
	const struct source_call *call = setup_call(c, facts);

	if (call && call->python)
		return input_of_python(facts, call);
	if (!call ||
		(!call->in_loop && (call->arguments < 2 ||
					   (call->literal | 1u) != (1u << call->arguments) - 1)))
		return UNKNOWN; /* not in a loop: constants only are the same every time */
	uint32_t inputs = call->varies;
	if (!facts->setup->once)
		inputs |= call->touched; /* the content counts, not the pointer */
	else
		inputs &= ~1u | (call->literal ? 1u : 0); /* the first is often what is filled */
	return inputs & ~call->literal ? OTHER : SAME;
}

static int report(struct detect_context *c, struct group *g)
{
	const struct symbol_row *row = g->row;
	double same = (g->value[SAME] + g->value[CONSTANT]) / g->count,
	       other = g->value[OTHER] / g->count;
	double presence = group_presence(c, g);
	bool throughout = presence >= PRESENCE_MIN;
	bool by_source = same > 0.5;

	if (other > 0.5 || (!by_source && !(row->once && throughout)))
		return 0;
	struct finding *f = finding_new(c, FINDING_REPEATED_WORK, g);
	if (!f)
		return -ENOMEM;
	f->avoidable = true;
	f->confidence = by_source && throughout ? 0.95 : by_source ? 0.85 : 0.75;
	CLEANUP(freep) char *name = findings_function_name(c->findings, f->function_id);
	if (!name || finding_evidence(f, "presence", presence, "share of the capture") ||
		finding_evidence(f, "calls_with_same_input", same, "share of samples") ||
		fix_add(f,
			row->once || g->value[CONSTANT] > g->count / 2 ? FIX_CASE_ONCE
								       : FIX_CASE_REMEMBER,
			&(struct fix_words){
				.function = name, .what = row->what, .mend = row->fix }))
		return -ENOMEM;
	return finding_done(c, f,
		"For %s a library %s again and again, %s%s. It would be no waste if the input "
		"really differed every time.",
		name, row->what, throughout ? "during the whole capture" : "inside a loop",
		by_source ? ", and the source passes the same input every time" : "");
}

static int run(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	int rc = 0;

	vec_each (i, &v->samples) {
		const struct stack_facts *facts = view_stack(v, v->profile->samples.at[*i].stack);
		if (v->claimed[*i] || !facts->setup || !facts->setup_function)
			continue;
		struct group *g = groups_add(v, &groups, facts->setup_function, *i);
		if (!g) {
			rc = -ENOMEM;
			break;
		}
		/* Of several things one function has prepared, the first seen gives the words. */
		if (!g->row)
			g->row = facts->setup;
		g->value[input_of(c, facts)] += view_count(v, *i);
	}
	vec_each (g, &groups.list)
		if (!rc && group_matters(c, g))
			rc = report(c, g);
	groups_done(&groups);
	return rc;
}

const struct detector_ops detector_repeated_work = { FINDING_REPEATED_WORK, run };

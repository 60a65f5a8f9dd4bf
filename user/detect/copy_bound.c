/*
 * Copies: bytes that are moved instead of used. Moving bytes is often the work itself; avoidable
 * it is when a block grows step by step in a loop (realloc, or a new one and a copy), when elements
 * are shifted to the front of an array, when a loop makes a Python string longer part by part and
 * the bytes are seen to move, or when the copies get steadily dearer.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/detector.h"
#include "detect/fixes.h"

#define GROWTH_MIN 1.5

enum { GROWS, SHIFTS, JOINS, PLAIN }; /* group.value[] */

static int how(
	struct detect_context *c, uint32_t stack, const struct stack_facts *facts, char *collection)
{
	const struct source_call *call;

	*collection = 0;
	if (facts->seen[SYMBOL_GROW]) {
		static const char *const names[] = { "realloc", "reallocarray", "g_realloc" };
		for (size_t i = 0; i < 3; i++) {
			call = context_call(c, facts->target, names[i]);
			if (!call)
				continue;
			strcpy(collection, call->first);
			bool in_loop =
				call->in_loop || context_called_in_loop(c, stack, facts->target);
			return in_loop && call->steps ? GROWS : PLAIN;
		}
		return PLAIN;
	}
	const struct source_growth *growth = context_growth(c, stack, facts->target);
	if (growth) {
		strcpy(collection, growth->target);
		return GROWS;
	}
	const struct source_concat *concat = context_concat(c, facts->target);
	if (concat && (concat->list || facts->seen[SYMBOL_CONCAT])) {
		strcpy(collection, concat->target);
		bool again = concat->in_loop ||
			     (concat->attribute && context_called_in_loop(c, stack, facts->target));
		return again ? JOINS : PLAIN;
	}
	call = context_call(c, facts->target, "memmove");
	if (call && call->shifts &&
		(call->in_loop || context_called_in_loop(c, stack, facts->target))) {
		strcpy(collection, call->first);
		return SHIFTS;
	}
	return PLAIN;
}

/* Own code that moves a block to a larger one, element by element. */
static bool copies_elements(
	struct detect_context *c, uint32_t stack, const struct stack_facts *facts)
{
	const struct source_growth *growth =
		facts->leaf ? context_growth(c, stack, facts->target) : NULL;
	uint32_t line = c->profile->frames.at[facts->target].line;

	return growth && growth->elements_first && line >= growth->elements_first &&
	       line <= growth->elements_last;
}

static bool is_copy(struct detect_context *c, uint32_t stack, const struct stack_facts *facts)
{
	const struct symbol_row *guess = NULL;

	if (facts->seen[SYMBOL_COPY] || facts->seen[SYMBOL_GROW])
		return true;
	/* Two short strings are put together without a copy worth the name. */
	if (facts->seen[SYMBOL_CONCAT])
		return facts->moves || facts->kernel;
	/* Such a line calls nothing; what runs below it copies the list or frees the old one. */
	const struct source_concat *concat = context_concat(c, facts->target);
	if (concat && concat->list && !facts->leaf)
		return true;
	if (copies_elements(c, stack, facts))
		return true;
	if (facts->nameless)
		guess = context_guess(c, facts->target);
	return guess && guess->class == SYMBOL_COPY;
}

static int report(struct detect_context *c, struct group *g, const char *collection, bool list)
{
	double growth = group_growth(c, g);
	bool grows = g->value[GROWS] > g->count / 2, shifts = g->value[SHIFTS] > g->count / 2;
	bool joins = g->value[JOINS] > g->count / 2, dearer = growth >= GROWTH_MIN;
	struct finding *f = finding_new(c, FINDING_COPY_BOUND, g);

	if (!f)
		return -ENOMEM;
	f->avoidable = grows || shifts || joins || dearer;
	f->in_library = true;
	f->confidence = grows || shifts || joins ? 0.85 : dearer ? 0.6 : 0.4;
	CLEANUP(freep) char *name = findings_function_name(c->findings, f->function_id);
	if (!name || (dearer && finding_evidence(f, "cost_growth", growth, "x")) ||
		finding_evidence(f, "presence",
			group_presence(c, &(struct group){ .slots = g->slots }),
			"share of the capture"))
		return -ENOMEM;
	if (f->avoidable &&
		fix_add(f,
			grows    ? FIX_CASE_GROW
			: shifts ? FIX_CASE_FRONT
			: joins  ? (list ? FIX_CASE_EXTEND : FIX_CASE_JOIN)
				 : FIX_CASE_COPIES,
			&(struct fix_words){ .collection = collection, .function = name }))
		return -ENOMEM;
	if (grows)
		return finding_done(c, f,
			"%s makes %s larger step by step in a loop, and what it holds is copied "
			"again "
			"and again. It would be no waste if it always stayed small.",
			name, *collection ? collection : "a block");
	if (shifts)
		return finding_done(c, f,
			"%s moves the elements of %s to close a gap, again and again. It would be "
			"no "
			"waste if there were always few of them.",
			name, *collection ? collection : "an array");
	if (joins)
		return finding_done(c, f,
			"line %u makes the %s %s longer part by part, and all that it holds is "
			"copied each time. It would be no waste if it always stayed short.",
			f->line, list ? "list" : "string", collection);
	return finding_done(c, f,
		dearer ? "The copies made by %s get steadily dearer. It would be no waste if the "
			 "program really had to move more bytes."
		       : "%s spends this time moving bytes. Nothing seen says that it is "
			 "avoidable.",
		name);
}

static int run(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	VEC(uint32_t) stacks = { 0 }; /* by group: one that is not plain, or any */
	char collection[SOURCE_NAME_BYTES];
	int rc = 0;

	for (uint32_t k = 0; !rc && k < v->samples.n; k++) {
		uint32_t i = v->samples.at[k], stack = v->profile->samples.at[i].stack;
		const struct stack_facts *facts = view_stack(v, stack);
		if (v->claimed[i] || !is_copy(c, stack, facts))
			continue;
		struct group *g = groups_add(v, &groups, facts->function, i);
		if (!g) {
			rc = -ENOMEM;
			break;
		}
		int kind = how(c, stack, facts, collection);
		if (stacks.n < groups.list.n)
			rc = vec_push(&stacks, stack);
		else if (kind != PLAIN && g->value[GROWS] + g->value[SHIFTS] + g->value[JOINS] == 0)
			stacks.at[g - groups.list.at] = stack;
		g->value[kind] += view_count(v, i);
	}
	for (uint32_t k = 0; !rc && k < groups.list.n; k++) {
		if (!group_matters(c, &groups.list.at[k]))
			continue;
		how(c, stacks.at[k], view_stack(v, stacks.at[k]), collection);
		const struct source_concat *concat =
			context_concat(c, view_stack(v, stacks.at[k])->target);
		rc = report(c, &groups.list.at[k], collection, concat && concat->list);
	}
	vec_done(&stacks);
	groups_done(&groups);
	return rc;
}

const struct detector_ops detector_copy_bound = { FINDING_COPY_BOUND, run };

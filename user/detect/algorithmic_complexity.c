/*
 * Algorithmic complexity: work that grows faster than the data. Three kinds of evidence:
 *
 *   source   the hot line is in a linear search that something repeats (source.h)
 *   library  a function that reads to the end of its argument is called by the condition of a
 *            loop, or to append in a loop, or to search one collection for many values
 *   time     the function becomes steadily dearer relative to the other work of its threads
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/detector.h"
#include "detect/fixes.h"
#include "detect/owner.h"

/* By time alone the growth must be plain, for a program may simply turn to other work. */
#define GROWTH_ALONE_MIN 2.0
#define GROWTH_SHOWN_MIN 1.5
#define PRESENCE_MIN     0.8
#define SHARE_ALONE_MIN  0.05

/* group.value[]: samples by how sure it is that the search is repeated. */
enum { REPEATED_HERE, REPEATED_BY_CALLER, REPEATED_ABOVE, NOT_SEEN };

struct site {
	uint32_t frame, function;
	struct source_search search;
	enum fix_case fix;
	int repeated;
};

static enum fix_case fix_of(enum search_kind kind)
{
	return kind == SEARCH_PAIRS        ? FIX_CASE_PAIRS
	       : kind == SEARCH_BUBBLE     ? FIX_CASE_SORT
	       : kind == SEARCH_MEMBERSHIP ? FIX_CASE_SET
	       : kind == SEARCH_SHIFT      ? FIX_CASE_DEQUE
					   : FIX_CASE_INDEX;
}

/* Python runs a generator in a frame of its own; the function that is called is the one it stands
 * in. */
static uint32_t called_frame(struct detect_context *c, uint32_t stack, uint32_t frame)
{
	const struct profile *p = c->view.profile;

	for (int i = 0; i < 4; i++) {
		const char *name = profile_str(p, p->frames.at[frame].function);
		if (p->frames.at[frame].kind != FRAME_PYTHON ||
			!(owner_glob("*<genexpr>", name) || owner_glob("*comp>", name)))
			break;
		uint32_t outer = view_caller(&c->view, stack, frame);
		if (!outer)
			break;
		frame = outer;
	}
	return frame;
}

/* Who repeats the search of @site? False when the caller picks another collection each time. */
static bool find_repeater(struct detect_context *c, uint32_t stack, struct site *site)
{
	const struct profile *p = c->view.profile;
	const struct source_search *s = &site->search;
	char name[SOURCE_NAME_BYTES];

	site->repeated = REPEATED_HERE;
	if (s->nested)
		return true;
	site->repeated = NOT_SEEN;
	uint32_t frame = called_frame(c, stack, site->frame);
	uint32_t caller = view_caller(&c->view, stack, frame);
	symbol_plain(profile_str(p, p->frames.at[frame].function), name, sizeof(name));
	const struct source_call *call = caller ? context_call(c, caller, name) : NULL;
	if (call && s->collection_param >= 0) {
		uint32_t bit = 1u << (s->collection_param & 15);
		if ((call->selects | (call->in_loop ? call->varies : 0)) & bit)
			return false;
	}
	if (!call && s->collection_param >= 0 && caller && context_source(c, caller))
		return false; /* the call is not to be found: its arguments are unknown */
	if (call && call->in_loop)
		site->repeated = REPEATED_BY_CALLER;
	else if (context_called_in_loop(c, stack, frame))
		site->repeated = REPEATED_ABOVE;
	return true;
}

/* A library function walks a whole collection or string. */
static bool library_site(
	struct detect_context *c, const struct stack_facts *facts, struct site *site)
{
	static const char *const lengths[] = { "strlen", "wcslen", "strnlen", "g_list_length",
		"g_slist_length", NULL };
	static const char *const appends[] = { "strcat", "strncat", "g_list_append",
		"g_slist_append", NULL };
	static const char *const searches[] = { "memchr", "wmemchr", "find", "find_if", "any_of",
		"count", "lfind", "lsearch", "g_list_find", "g_slist_find", "g_list_nth",
		"g_slist_nth", NULL };
	char callee[SOURCE_NAME_BYTES];
	const char *const *list;
	struct source_search *s = &site->search;
	const struct profile *p = c->view.profile;

	const struct symbol_row *scan = facts->scan;
	if (!scan && facts->nameless)
		scan = context_guess(c, facts->target);
	if (!scan || scan->class != SYMBOL_SCAN)
		return false;
	if (scan->callee || !facts->scan)
		strcpy(callee, scan->callee ? scan->callee : scan->pattern);
	else
		symbol_plain(profile_str(p, p->frames.at[facts->scan_frame].function), callee,
			sizeof(callee));
	const struct source_call *call = context_call(c, facts->target, callee);
	if (!call && !strcmp(callee, "strlen")) {
		strcpy(callee, "strcat"); /* which asks strlen for the end */
		call = context_call(c, facts->target, callee);
	}
	if (!call)
		return false;
	*s = (struct source_search){ .kind = SEARCH_LINEAR,
		.nested = call->in_loop,
		.first_line = call->line,
		.last_line = call->line,
		.outer_line = call->loop_line,
		.collection_param = -1,
		.subject_param = -1 };
	strcpy(s->collection, call->first);
	strcpy(s->subject, call->last);
	site->repeated = REPEATED_HERE;
	for (list = lengths; *list && strcmp(*list, callee); list++)
		;
	if (*list) {
		bool append = call->in_loop && call->appends && !call->reset && !call->in_condition;
		bool again = call->in_loop && !call->in_condition && !(call->inner_touched & 1);
		site->fix = append ? FIX_CASE_APPEND : FIX_CASE_HOIST;
		return !(call->inner_varies & 1) && !(call->literal & 1) &&
		       (append || again || call->in_condition);
	}
	for (list = appends; *list && strcmp(*list, callee); list++)
		;
	if (*list) {
		site->fix = FIX_CASE_APPEND;
		if (call->in_loop)
			return !(call->inner_varies & 1) && !call->reset;
		s->collection_param = call->parameter[0];
		return s->collection_param >= 0;
	}
	for (list = searches; *list && strcmp(*list, callee); list++)
		;
	site->fix = FIX_CASE_INDEX;
	if (!*list || (call->varies & 1) || (call->selects & 1) || (call->literal & 1))
		return false;
	uint32_t others = call->varies & ~1u;
	if (call->in_loop)
		return others != 0;
	s->collection_param = call->parameter[0];
	return call->parameter[1] >= 0 || call->parameter[2] >= 0;
}

/* The search that a stack is in, looked for at the target and, when that compares, at its caller.
 */
static bool find_site(struct detect_context *c, uint32_t stack, struct site *site)
{
	const struct stack_facts *facts = view_stack(&c->view, stack);
	const struct source_search *s = context_search(c, facts->target);

	*site = (struct site){ .frame = facts->target };
	if (!s && library_site(c, facts, site)) {
		site->function = facts->function;
		if (site->search.nested)
			return true;
		return find_repeater(c, stack, site) && site->repeated != NOT_SEEN;
	}
	if (!s && context_compares(c, facts->target)) {
		site->frame = view_caller(&c->view, stack, facts->target);
		s = site->frame ? context_helper_search(c, site->frame, facts->target) : NULL;
	}
	if (!s)
		return false;
	site->search = *s;
	site->fix = fix_of(s->kind);
	site->function = view_function(&c->view, site->frame);
	return find_repeater(c, stack, site);
}

static int describe(
	struct detect_context *c, struct finding *f, const struct site *site, double growth)
{
	const struct source_search *s = &site->search;
	char grown[64] = "", lines[64];

	if (growth >= GROWTH_SHOWN_MIN)
		snprintf(grown, sizeof(grown), "; its cost grew %.1fx during the capture", growth);
	const char *collection = *s->collection ? s->collection : "a collection";
	const char *who = site->repeated == REPEATED_HERE        ? "inside another loop"
			  : site->repeated == REPEATED_BY_CALLER ? "called in a loop"
			  : site->repeated == REPEATED_ABOVE     ? "called from a loop further up"
								 : "during the whole capture";
	if (site->fix == FIX_CASE_HOIST)
		return finding_done(c, f,
			"line %u measures %s again at every turn of a loop, reading it to its "
			"end each time%s. It would be no waste if %s were always short.",
			s->first_line, collection, grown, collection);
	if (site->fix == FIX_CASE_APPEND)
		return finding_done(c, f,
			"line %u appends to %s in a loop and searches its end from the start each "
			"time%s. It would be no waste if %s were always short.",
			s->first_line, collection, grown, collection);
	if (site->fix == FIX_CASE_DEQUE)
		return finding_done(c, f,
			"line %u puts in or takes out at the front of the list %s, which moves all "
			"its elements, %s%s. It would be no waste if %s were always short.",
			s->first_line, collection, who, grown, collection);
	if (site->fix == FIX_CASE_SORT)
		return finding_done(c, f,
			"lines %u-%u sort %s by swapping neighbours%s. It would be no waste if %s "
			"always had few elements.",
			s->first_line, s->last_line, collection, grown, collection);
	if (site->fix == FIX_CASE_PAIRS)
		return finding_done(c, f,
			"lines %u-%u compare each element of %s with every later one%s. It would "
			"be "
			"no waste if %s always had few elements.",
			s->first_line, s->last_line, collection, grown, collection);
	if (s->first_line == s->last_line)
		snprintf(lines, sizeof(lines), "line %u searches", s->first_line);
	else
		snprintf(lines, sizeof(lines), "lines %u-%u search", s->first_line, s->last_line);
	return finding_done(c, f,
		"%s %s from its start for %s, element by element, %s%s. It would be no waste if "
		"%s always had few elements.",
		lines, collection, *s->subject ? s->subject : "a value", who, grown, collection);
}

static int report_search(struct detect_context *c, struct group *g, const struct site *site)
{
	double presence = group_presence(c, g), growth = group_growth(c, g);
	double here = g->value[REPEATED_HERE], caller = g->value[REPEATED_BY_CALLER];
	double above = g->value[REPEATED_ABOVE];
	struct site main = *site;

	/* A single search does not last for a whole capture: something repeats it. */
	if (here + caller + above < g->count / 2 && presence < PRESENCE_MIN)
		return 0;
	main.repeated = here >= g->count / 2                    ? REPEATED_HERE
			: here + caller >= g->count / 2         ? REPEATED_BY_CALLER
			: here + caller + above >= g->count / 2 ? REPEATED_ABOVE
								: NOT_SEEN;
	static const double confidence[] = { 0.9, 0.85, 0.75, 0.6 };
	struct finding *f = finding_new(c, FINDING_ALGORITHMIC_COMPLEXITY, g);
	if (!f)
		return -ENOMEM;
	f->avoidable = true;
	f->confidence = confidence[main.repeated] + (growth >= GROWTH_SHOWN_MIN ? 0.07 : 0);
	CLEANUP(freep) char *name = findings_function_name(c->findings, f->function_id);
	if (!name || finding_evidence(f, "search_lines",
			     main.search.last_line - main.search.first_line + 1, "lines"))
		return -ENOMEM;
	if (main.search.outer_line &&
		finding_evidence(f, "repeated_by_line", main.search.outer_line, "line number"))
		return -ENOMEM;
	if (growth >= GROWTH_SHOWN_MIN && finding_evidence(f, "cost_growth", growth, "x"))
		return -ENOMEM;
	if (fix_add(f, main.fix,
		    &(struct fix_words){ .collection = main.search.collection,
			    .subject = main.search.subject,
			    .function = name }))
		return -ENOMEM;
	return describe(c, f, &main, growth);
}

static int searches(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	VEC(struct site) sites = { 0 }; /* by group */
	CLEANUP(freep) struct site *of_stack = calloc(v->profile->stacks.n, sizeof(*of_stack));
	CLEANUP(freep) uint8_t *asked = calloc(v->profile->stacks.n, 1);
	int rc = of_stack && asked ? 0 : -ENOMEM;

	for (uint32_t k = 0; !rc && k < v->samples.n; k++) {
		uint32_t i = v->samples.at[k], stack = v->profile->samples.at[i].stack;
		if (v->claimed[i] || !view_stack(v, stack)->target)
			continue;
		if (!asked[stack])
			asked[stack] = find_site(c, stack, &of_stack[stack]) ? 1 : 2;
		if (asked[stack] == 2)
			continue;
		struct group *g = groups_add(v, &groups, of_stack[stack].function, i);
		if (!g) {
			rc = -ENOMEM;
			break;
		}
		if (sites.n < groups.list.n)
			rc = vec_push(&sites, of_stack[stack]);
		g->value[of_stack[stack].repeated] += view_count(v, i);
	}
	for (uint32_t k = 0; !rc && k < groups.list.n; k++)
		if (group_matters(c, &groups.list.at[k]))
			rc = report_search(c, &groups.list.at[k], &sites.at[k]);
	vec_done(&sites);
	groups_done(&groups);
	return rc;
}

static int report_growth(struct detect_context *c, struct group *g)
{
	double growth = 0;

	if (g->count >= SHARE_ALONE_MIN * c->findings->total)
		growth = group_growth(c, g);
	if (growth < GROWTH_ALONE_MIN)
		return 0;
	struct finding *f = finding_new(c, FINDING_ALGORITHMIC_COMPLEXITY, g);
	if (!f)
		return -ENOMEM;
	f->avoidable = true;
	f->confidence = 0.5;
	CLEANUP(freep) char *name = findings_function_name(c->findings, f->function_id);
	if (!name || finding_evidence(f, "cost_growth", growth, "x") ||
		fix_add(f, FIX_CASE_GROWTH, &(struct fix_words){ .function = name }))
		return -ENOMEM;
	return finding_done(c, f,
		"the cost of %s grew %.1fx during the capture, steadily, relative to the other "
		"work of "
		"its threads. It would be no waste if its input grew just as much, or if the "
		"program "
		"turned to other work.",
		name, growth);
}

static int by_time(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	int rc = 0;

	vec_each (i, &v->samples) {
		uint32_t function = view_stack(v, v->profile->samples.at[*i].stack)->function;
		if (!v->claimed[*i] && function &&
			c->findings->functions.at[function].owner == OWNER_OWN &&
			!groups_add(v, &groups, function, *i)) {
			rc = -ENOMEM;
			break;
		}
	}
	vec_each (g, &groups.list)
		if (!rc && group_matters(c, g))
			rc = report_growth(c, g);
	groups_done(&groups);
	return rc;
}

static int run(struct detect_context *c)
{
	int rc = searches(c);

	return rc ? rc : by_time(c);
}

const struct detector_ops detector_algorithmic_complexity = { FINDING_ALGORITHMIC_COMPLEXITY, run };

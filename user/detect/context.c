/* The source at a frame, parsed and asked once however many stacks pass through it. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "detect/detector.h"

enum { CALLERS_MAX = 24 }; /* own frames that are looked at towards the root */

static uint32_t count_lines(const char *text)
{
	uint32_t n = 1;

	for (; *text; text++)
		n += *text == '\n' && text[1];
	return n;
}

static const struct source *find_source(struct detect_context *c, const struct profile_frame *f)
{
	const struct profile *p = c->view.profile;

	if (!f->file || !f->line)
		return NULL;
	for (uint32_t i = 0; i < p->sources.n; i++) {
		const struct profile_source *s = &p->sources.at[i];
		if (s->file != f->file || f->line < s->first_line ||
			f->line - s->first_line >= count_lines(s->text))
			continue;
		if (!c->sources[i] && !c->source_failed[i])
			c->source_failed[i] = source_parse(s->text, s->first_line,
						      profile_str(p, s->file), &c->sources[i]) != 0;
		return c->sources[i];
	}
	return NULL;
}

/* The notes of a frame whose source is known, or NULL. */
static struct frame_notes *notes(struct detect_context *c, uint32_t frame)
{
	struct frame_notes *n = c->notes[frame];

	if (!n) {
		n = c->notes[frame] = calloc(1, sizeof(*n));
		if (!n)
			return NULL;
		n->source = find_source(c, &c->view.profile->frames.at[frame]);
	}
	return n->source ? n : NULL;
}

const struct source *context_source(struct detect_context *c, uint32_t frame)
{
	const struct frame_notes *n = notes(c, frame);

	return n ? n->source : NULL;
}

static uint32_t line_of(const struct detect_context *c, uint32_t frame)
{
	return c->view.profile->frames.at[frame].line;
}

const struct source_search *context_search(struct detect_context *c, uint32_t frame)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return NULL;
	if (!n->asked_search) {
		n->asked_search = true;
		source_search(n->source, line_of(c, frame), NULL, &n->search);
	}
	return n->search.kind != SEARCH_NONE ? &n->search : NULL;
}

const struct source_search *context_helper_search(
	struct detect_context *c, uint32_t frame, uint32_t helper)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return NULL;
	if (!n->asked_helper) {
		char name[SOURCE_NAME_BYTES];
		const struct profile *p = c->view.profile;
		symbol_plain(profile_str(p, p->frames.at[helper].function), name, sizeof(name));
		n->asked_helper = true;
		source_search(n->source, line_of(c, frame), name, &n->helper_search);
	}
	return n->helper_search.kind != SEARCH_NONE ? &n->helper_search : NULL;
}

const struct source_call *context_call(struct detect_context *c, uint32_t frame, const char *callee)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return NULL;
	if (!n->asked_call || !n->call_found) {
		n->asked_call = true;
		n->call_found = source_call(n->source, line_of(c, frame), callee, &n->call);
	}
	return n->call_found ? &n->call : NULL;
}

const struct source_concat *context_concat(struct detect_context *c, uint32_t frame)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return NULL;
	if (!n->asked_concat) {
		n->asked_concat = true;
		n->concat_found = source_concat(n->source, line_of(c, frame), &n->concat);
	}
	return n->concat_found ? &n->concat : NULL;
}

/* What the caller at @frame does with a block that @callee makes larger; one callee per frame. */
static const struct source_growth *grower(struct detect_context *c, uint32_t frame, uint32_t callee,
	const struct source_growth *growth)
{
	struct frame_notes *n = notes(c, frame);
	const struct profile *p = c->view.profile;
	char name[SOURCE_NAME_BYTES];

	if (!n)
		return NULL;
	if (!n->asked_grower) {
		n->asked_grower = true;
		n->grower = *growth;
		symbol_plain(profile_str(p, p->frames.at[callee].function), name, sizeof(name));
		n->grower_found =
			source_growth_caller(n->source, line_of(c, frame), name, &n->grower);
	}
	return n->grower_found ? &n->grower : NULL;
}

const struct source_growth *context_growth(struct detect_context *c, uint32_t stack, uint32_t frame)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return NULL;
	if (!n->asked_growth) {
		n->asked_growth = true;
		n->growth_found = source_growth(n->source, line_of(c, frame), &n->growth);
	}
	const struct source_growth *growth = n->growth_found ? &n->growth : NULL;
	for (int i = 0; growth && !growth->in_loop; i++) {
		uint32_t caller = i < CALLERS_MAX ? view_caller(&c->view, stack, frame) : 0;
		growth = caller ? grower(c, caller, frame, growth) : NULL;
		frame = caller;
	}
	return growth;
}

const struct symbol_row *context_guess(struct detect_context *c, uint32_t frame)
{
	struct frame_notes *n = notes(c, frame);
	char name[SOURCE_NAME_BYTES];

	if (!n)
		return NULL;
	for (uint32_t i = 0; !n->asked_guess && !n->guess; i++) {
		if (!source_called(n->source, line_of(c, frame), i, name))
			break;
		const struct symbol_row *row = symbol_find(name);
		/* The others are exported, and would have their names. */
		if (row && (row->class == SYMBOL_SCAN || row->class == SYMBOL_COPY))
			n->guess = row;
	}
	n->asked_guess = true;
	return n->guess;
}

uint32_t context_loop_depth(struct detect_context *c, uint32_t frame)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return 0;
	if (!n->asked_depth) {
		n->asked_depth = true;
		n->loop_depth = source_loop_depth(n->source, line_of(c, frame));
	}
	return n->loop_depth;
}

bool context_compares(struct detect_context *c, uint32_t frame)
{
	struct frame_notes *n = notes(c, frame);

	if (!n)
		return false;
	if (!n->asked_compares) {
		n->asked_compares = true;
		n->compares = source_compares(n->source, line_of(c, frame));
	}
	return n->compares;
}

bool context_called_in_loop(struct detect_context *c, uint32_t stack, uint32_t frame)
{
	struct stack_walk w = stack_walk(c->view.profile, stack);
	bool above = false;
	int looked = 0;

	for (uint32_t f; (f = stack_walk_next(&w)) && looked < CALLERS_MAX;) {
		if (above && view_owner(&c->view, f) == OWNER_OWN) {
			looked++;
			if (context_loop_depth(c, f))
				return true;
		}
		above |= f == frame;
	}
	return false;
}

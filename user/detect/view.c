/* Who is to be blamed for a sample: one walk per stack, remembered. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "detect/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "detect/owner.h"

struct function_index {
	struct {
		uint32_t function, file, module;
		uint64_t offset; /* of functions without a name */
	} parts;
	uint32_t id;
	UT_hash_handle hh;
};

enum { NOT_ASKED = 0xff };

double view_count(const struct view *v, uint32_t sample)
{
	const struct profile_sample *s = &v->profile->samples.at[sample];

	return s->count * s->weight;
}

static const struct symbol_row *symbol_of(const struct profile *p, const struct profile_frame *f)
{
	const char *function = profile_str(p, f->function);

	return f->kind == FRAME_PYTHON ? symbol_find_python(profile_str(p, f->file), function)
				       : symbol_find(function);
}

enum owner view_owner(struct view *v, uint32_t frame)
{
	if (v->frame_owner[frame] == NOT_ASKED) {
		v->frame_owner[frame] = (uint8_t)owner_of_frame(v->profile, frame);
		v->frame_symbol[frame] = symbol_of(v->profile, &v->profile->frames.at[frame]);
	}
	return v->frame_owner[frame];
}

const struct symbol_row *view_symbol(struct view *v, uint32_t frame)
{
	view_owner(v, frame);
	return v->frame_symbol[frame];
}

/* Adds a function row; 0 when memory is out (the samples then count as nobody's). */
static uint32_t function_add(struct view *v, uint32_t frame)
{
	const struct profile_frame *f = &v->profile->frames.at[frame];
	struct function_index *row = NULL, *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		return 0;
	fresh->parts.function = f->function;
	fresh->parts.file = f->file;
	fresh->parts.module = f->module;
	fresh->parts.offset = f->function ? 0 : f->start ? f->start : f->offset;
	HASH_FIND(hh, v->index, &fresh->parts, sizeof(fresh->parts), row);
	if (row) {
		free(fresh);
		return row->id;
	}
	fresh->id = v->findings->functions.n;
	HASH_ADD(hh, v->index, parts, sizeof(fresh->parts), fresh);
	if (!fresh->hh.tbl ||
		vec_push(&v->findings->functions, (struct function_row){ .function = f->function,
							  .file = f->file,
							  .module = f->module,
							  .frame = frame,
							  .owner = view_owner(v, frame) })) {
		if (fresh->hh.tbl)
			HASH_DELETE(hh, v->index, fresh);
		free(fresh);
		return 0;
	}
	return fresh->id;
}

uint32_t view_function(struct view *v, uint32_t frame)
{
	if (!v->frame_function[frame])
		v->frame_function[frame] = function_add(v, frame);
	return v->frame_function[frame];
}

/* Nothing on the stack is own code: the frame of the main executable nearest to the leaf, or the
 * leaf itself. */
static uint32_t fallback_target(struct view *v, uint32_t stack)
{
	const struct profile *p = v->profile;
	struct stack_walk w = stack_walk(p, stack);
	uint32_t leaf = 0;

	for (uint32_t f; (f = stack_walk_next(&w));) {
		if (view_owner(v, f) == OWNER_SYSTEM && p->frames.at[f].kind != FRAME_KERNEL &&
			!symbol_is_runtime(profile_str(p, p->frames.at[f].function)))
			return f;
		if (!leaf)
			leaf = f;
	}
	return leaf;
}

/* Takes note of a library frame below the target. What a library does inside a function of its own
 * (the mallocs of a parser, the strlens of printf) is not the target's to change: only calls that
 * the target makes itself, or through the C++ library, count. */
static void note_library(struct view *v, struct stack_facts *facts, uint32_t frame)
{
	const struct profile *p = v->profile;
	const struct symbol_row *row = view_symbol(v, frame);
	const char *name = profile_str(p, p->frames.at[frame].function);

	if (symbol_is_interpreter(name))
		return;
	facts->nameless = !*name;
	facts->moves |= row && (row->class == SYMBOL_COPY || row->class == SYMBOL_GROW);
	if (!row || row->class == SYMBOL_SETUP) {
		if (!symbol_is_std(name)) {
			memset(facts->seen, 0, sizeof(facts->seen));
			facts->scan = facts->copy = NULL;
		}
		return;
	}
	facts->seen[row->class] = true;
	if (row->class == SYMBOL_SCAN) {
		facts->scan = row;
		facts->scan_frame = frame;
	} else if (row->class == SYMBOL_COPY) {
		facts->copy = row;
	}
}

static void stack_learn(struct view *v, uint32_t stack, struct stack_facts *facts)
{
	const struct profile *p = v->profile;
	struct stack_walk w = stack_walk(p, stack);
	bool want_setup_target = false, first = true;

	for (uint32_t f; (f = stack_walk_next(&w)); first = false) {
		enum owner owner = view_owner(v, f);
		const struct symbol_row *row = owner == OWNER_OWN ? NULL : view_symbol(v, f);

		if (first)
			facts->kernel = owner == OWNER_KERNEL;
		if (row && row->class == SYMBOL_SETUP) {
			facts->setup = row;
			want_setup_target = true;
		}
		if (!facts->target && owner != OWNER_OWN && (owner != OWNER_KERNEL || row))
			note_library(v, facts, f);
		if (owner == OWNER_OWN && !facts->target) {
			facts->target = f;
			facts->leaf = first;
		}
		if (owner == OWNER_OWN && want_setup_target) {
			facts->setup_target = f;
			want_setup_target = false;
		}
	}
	if (!facts->target)
		facts->target = fallback_target(v, stack);
	if (want_setup_target)
		facts->setup_target = facts->setup_target ? facts->setup_target : facts->target;
	if (facts->target)
		facts->function = view_function(v, facts->target);
	if (facts->setup_target)
		facts->setup_function = view_function(v, facts->setup_target);
}

const struct stack_facts *view_stack(struct view *v, uint32_t stack)
{
	struct stack_facts *facts = &v->stacks[stack];

	if (!facts->known) {
		facts->known = true;
		stack_learn(v, stack, facts);
	}
	return facts;
}

uint32_t view_caller(struct view *v, uint32_t stack, uint32_t frame)
{
	struct stack_walk w = stack_walk(v->profile, stack);
	uint32_t mine = view_function(v, frame), f;
	bool found = false;

	while ((f = stack_walk_next(&w))) {
		found |= f == frame;
		if (found && view_owner(v, f) == OWNER_OWN && view_function(v, f) != mine)
			return f;
	}
	return 0;
}

uint32_t view_slot(const struct view *v, uint32_t bucket)
{
	uint64_t span = (uint64_t)v->last_bucket - v->first_bucket + 1;

	return (uint32_t)((uint64_t)(bucket - v->first_bucket) * VIEW_SLOTS / span);
}

static int by_bucket(const void *a, const void *b, void *samples)
{
	const struct profile_sample *s = samples;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint32_t bx = s[x].bucket, by = s[y].bucket;

	return bx != by ? (bx > by) - (bx < by) : (x > y) - (x < y);
}

/* Collects the samples and the clock of all of them. */
static int samples_init(struct view *v)
{
	const struct profile *p = v->profile;
	struct findings *f = v->findings;

	for (uint32_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.at[i];
		if (s->kind != SAMPLE_ON_CPU || !s->stack || !(view_count(v, i) > 0))
			continue;
		if (vec_push(&v->samples, i))
			return -ENOMEM;
		f->total += view_count(v, i);
	}
	if (!v->samples.n)
		return 0;
	bool sorted = true;
	for (uint32_t i = 1; i < v->samples.n && sorted; i++)
		sorted = p->samples.at[v->samples.at[i - 1]].bucket <=
			 p->samples.at[v->samples.at[i]].bucket;
	if (!sorted)
		qsort_r(v->samples.at, v->samples.n, sizeof(uint32_t), by_bucket, p->samples.at);
	v->first_bucket = p->samples.at[v->samples.at[0]].bucket;
	v->last_bucket = p->samples.at[v->samples.at[v->samples.n - 1]].bucket;
	uint64_t buckets = (uint64_t)v->last_bucket - v->first_bucket + 1;
	f->buckets = (uint32_t)(buckets > UINT32_MAX ? UINT32_MAX : buckets);
	v->shift = interval_bucket_shift(buckets);
	uint32_t n = (uint32_t)((buckets - 1) >> v->shift) + 1;
	double *counts = calloc(n, sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	vec_each (i, &v->samples)
		counts[(p->samples.at[*i].bucket - v->first_bucket) >> v->shift] +=
			view_count(v, *i);
	int rc = interval_clock_new(counts, n, &v->clock);
	free(counts);
	return rc;
}

int view_init(struct view *v, struct findings *findings)
{
	const struct profile *p = findings->profile;

	*v = (struct view){ .profile = p, .findings = findings };
	if (vec_push(&findings->functions, (struct function_row){ 0 }))
		return -ENOMEM;
	v->frame_owner = malloc(p->frames.n);
	v->frame_symbol = calloc(p->frames.n, sizeof(*v->frame_symbol));
	v->frame_function = calloc(p->frames.n, sizeof(*v->frame_function));
	v->stacks = calloc(p->stacks.n, sizeof(*v->stacks));
	v->claimed = calloc((size_t)p->samples.n + 1, sizeof(*v->claimed));
	if (!v->frame_owner || !v->frame_symbol || !v->frame_function || !v->stacks || !v->claimed)
		return -ENOMEM;
	memset(v->frame_owner, NOT_ASKED, p->frames.n);
	return samples_init(v);
}

void view_done(struct view *v)
{
	struct function_index *row, *next;

	HASH_ITER (hh, v->index, row, next) {
		HASH_DELETE(hh, v->index, row);
		free(row);
	}
	free(v->frame_owner);
	free(v->frame_symbol);
	free(v->frame_function);
	free(v->stacks);
	free(v->claimed);
	vec_done(&v->samples);
	interval_clock_free(v->clock);
	*v = (struct view){ 0 };
}

struct group *groups_add(struct view *v, struct groups *g, uint32_t function, uint32_t sample)
{
	uint32_t bucket = v->profile->samples.at[sample].bucket;

	if (function >= g->capacity) {
		uint32_t capacity = v->findings->functions.n > function ? v->findings->functions.n
									: function + 1;
		capacity *= 2;
		uint32_t *grown = reallocarray(g->of_function, capacity, sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + g->capacity, 0, (capacity - g->capacity) * sizeof(*grown));
		g->of_function = grown;
		g->capacity = capacity;
	}
	if (!g->of_function[function]) {
		if (vec_push(&g->list, (struct group){ .function = function }))
			return NULL;
		g->of_function[function] = g->list.n;
	}
	struct group *group = &g->list.at[g->of_function[function] - 1];
	if (vec_push(&group->samples, sample))
		return NULL;
	double count = view_count(v, sample);
	group->count += count;
	group->slots |= 1u << view_slot(v, bucket);
	interval_sums_add(v->clock, &group->sums, (bucket - v->first_bucket) >> v->shift, count);
	return group;
}

void groups_done(struct groups *g)
{
	vec_each (group, &g->list)
		vec_done(&group->samples);
	vec_done(&g->list);
	free(g->of_function);
	*g = (struct groups){ 0 };
}

/*
 * Building the merged tree: each profile stack becomes one node, remembered, so that the work is
 * one hash lookup per stack row (and inlined frame), not per frame of each sample.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "formats/call_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

struct call_tree_symbol {
	UT_hash_handle hh;
	uint32_t index, length;
	char bytes[]; /* module, kind, name */
};

struct child_place {
	uint32_t parent, symbol;
};

struct call_tree_child {
	UT_hash_handle hh;
	struct child_place place;
	uint32_t node;
};

/* Everything a build needs; profile stacks are placed per process. */
struct build {
	struct call_tree *tree;
	const struct profile *profile;
	const struct call_tree_options *options;
	uint32_t *frame_symbol; /* by frame; 0 = not made yet */
	uint32_t *stack_node;   /* by stack; valid for the process being placed */
	uint32_t *stack_epoch;  /* by stack; whose process's stack_node it is */
	uint32_t epoch;
};

static void build_done(struct build *b)
{
	free(b->frame_symbol);
	free(b->stack_node);
	free(b->stack_epoch);
}

/* The symbol's index, or -ENOMEM. */
static int64_t symbol_add(struct build *b, const char *raw, uint32_t module, uint32_t kind)
{
	struct call_tree *t = b->tree;
	CLEANUP_STRBUF struct strbuf text = { 0 };
	uint32_t place[2] = { b->options->by_name ? 0 : module, b->options->by_name ? 0 : kind };

	strbuf_add(&text, place, sizeof(place));
	if (b->options->name)
		b->options->name(&text, raw);
	else
		strbuf_puts(&text, raw);
	if (text.oom)
		return -ENOMEM;

	struct call_tree_symbol *e;
	HASH_FIND(hh, t->symbol_index, text.text, text.length, e);
	if (e)
		return e->index;
	e = calloc(1, sizeof(*e) + text.length);
	char *name = strdup(text.text + sizeof(place));
	if (!e || !name ||
		vec_push(&t->symbols, (struct call_symbol){ name, place[0], place[1] })) {
		free(e);
		free(name);
		return -ENOMEM;
	}
	e->index = t->symbols.n - 1;
	e->length = (uint32_t)text.length;
	memcpy(e->bytes, text.text, text.length);
	HASH_ADD(hh, t->symbol_index, bytes, text.length, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return e->index;
}

static int64_t frame_symbol(struct build *b, uint32_t frame)
{
	const struct profile_frame *f = &b->profile->frames.at[frame];
	CLEANUP_STRBUF struct strbuf name = { 0 };

	if (b->frame_symbol[frame])
		return b->frame_symbol[frame];
	profile_frame_name(b->profile, frame, &name);
	if (name.oom)
		return -ENOMEM;
	int64_t symbol = symbol_add(b, strbuf_cstr(&name), f->module, f->kind);
	if (symbol > 0)
		b->frame_symbol[frame] = (uint32_t)symbol;
	return symbol;
}

/* The child of @parent with @symbol, made when it is not there; or -ENOMEM. */
static int64_t child_add(struct call_tree *t, uint32_t parent, uint32_t symbol)
{
	struct child_place place = { parent, symbol };
	struct call_tree_child *e;

	HASH_FIND(hh, t->child_index, &place, sizeof(place), e);
	if (e)
		return e->node;
	e = calloc(1, sizeof(*e));
	if (!e || vec_push(&t->nodes, (struct call_node){ .parent = parent, .symbol = symbol })) {
		free(e);
		return -ENOMEM;
	}
	e->place = place;
	e->node = t->nodes.n - 1;
	HASH_ADD(hh, t->child_index, place, sizeof(place), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return (int64_t)t->nodes.n - 1;
}

/* Places one location's frames below @node, outermost first. */
static int64_t location_add(struct build *b, uint32_t node, uint32_t frame)
{
	uint32_t chain[PROFILE_INLINE_DEPTH + 1], n = 0;

	for (; frame && n <= PROFILE_INLINE_DEPTH; frame = b->profile->frames.at[frame].outer)
		chain[n++] = frame;
	while (n) {
		int64_t symbol = frame_symbol(b, chain[--n]);
		int64_t child = symbol < 0 ? symbol : child_add(b->tree, node, (uint32_t)symbol);

		if (child < 0)
			return child;
		node = (uint32_t)child;
	}
	return node;
}

/* The node of a profile stack below the process node @top. */
static int64_t stack_node(struct build *b, uint32_t top, uint32_t stack)
{
	uint32_t path[PROFILE_DEPTH], n = 0;
	uint32_t node = top;

	for (; stack && n < PROFILE_DEPTH; stack = b->profile->stacks.at[stack].parent) {
		if (b->stack_epoch[stack] == b->epoch) {
			node = b->stack_node[stack];
			break;
		}
		path[n++] = stack;
	}
	while (n) {
		uint32_t s = path[--n];
		int64_t added = location_add(b, node, b->profile->stacks.at[s].frame);

		if (added < 0)
			return added;
		node = (uint32_t)added;
		b->stack_node[s] = node;
		b->stack_epoch[s] = b->epoch;
	}
	return node;
}

/* The node a sample's stack hangs below: its process, or the root when it has none. */
static int64_t process_node(struct build *b, uint32_t process)
{
	const struct profile_process *of = &b->profile->processes.at[process];
	const char *name = profile_str(b->profile, of->comm);
	char pid[24];

	if (!process)
		return 0;
	if (!*name) {
		snprintf(pid, sizeof(pid), "pid %u", of->pid);
		name = pid;
	}
	int64_t symbol = symbol_add(b, name, 0, CALL_PROCESS);
	return symbol < 0 ? symbol : child_add(b->tree, 0, (uint32_t)symbol);
}

/* The samples of each process as linked lists: *ret holds `processes.n` heads, then the next of
 * each sample; entries are a sample's index plus 1, 0 ends a list. */
static int samples_by_process(const struct profile *p, enum sample_kind kind, uint32_t **ret)
{
	uint32_t *head = calloc((size_t)p->processes.n + p->samples.n, sizeof(*head));

	if (!head)
		return -ENOMEM;
	uint32_t *next = head + p->processes.n;
	for (uint32_t i = p->samples.n; i-- > 0;) {
		uint32_t process = p->threads.at[p->samples.at[i].thread].process;

		if (p->samples.at[i].kind != kind)
			continue;
		next[i] = head[process];
		head[process] = i + 1;
	}
	*ret = head;
	return 0;
}

static int process_add(struct build *b, uint32_t process, uint32_t first, const uint32_t *next)
{
	int64_t top = first ? process_node(b, process) : 0;

	b->epoch++;
	for (uint32_t i = first; i && top >= 0; i = next[i - 1]) {
		const struct profile_sample *s = &b->profile->samples.at[i - 1];
		int64_t node = stack_node(b, (uint32_t)top, s->stack);

		if (node < 0)
			return -ENOMEM;
		b->tree->nodes.at[node].value += s->value;
		b->tree->nodes.at[node].count += s->count;
	}
	return top < 0 ? -ENOMEM : 0;
}

int call_tree_init(struct call_tree *t, const struct profile *p, const struct call_tree_options *o)
{
	CLEANUP(build_done) struct build b = { .tree = t, .profile = p, .options = o };
	CLEANUP(freep) uint32_t *head = NULL;

	*t = (struct call_tree){ 0 };
	b.frame_symbol = calloc(p->frames.n, sizeof(*b.frame_symbol));
	b.stack_node = calloc(p->stacks.n, sizeof(*b.stack_node));
	b.stack_epoch = calloc(p->stacks.n, sizeof(*b.stack_epoch));
	char *root = strdup("");
	if (!root || vec_push(&t->symbols, (struct call_symbol){ .name = root })) {
		free(root);
		return -ENOMEM;
	}
	if (!b.frame_symbol || !b.stack_node || !b.stack_epoch ||
		vec_push(&t->nodes, (struct call_node){ 0 }) ||
		samples_by_process(p, o->kind, &head))
		return -ENOMEM;
	for (uint32_t i = 0; i < p->processes.n; i++) {
		int r = process_add(&b, i, head[i], head + p->processes.n);

		if (r)
			return r;
	}
	return 0;
}

void call_tree_done(struct call_tree *t)
{
	struct call_tree_symbol *symbol, *next_symbol;
	struct call_tree_child *child, *next_child;

	HASH_ITER (hh, t->symbol_index, symbol, next_symbol) {
		HASH_DEL(t->symbol_index, symbol);
		free(symbol);
	}
	HASH_ITER (hh, t->child_index, child, next_child) {
		HASH_DEL(t->child_index, child);
		free(child);
	}
	vec_each (s, &t->symbols)
		free(s->name);
	vec_done(&t->symbols);
	vec_done(&t->nodes);
}

/* Siblings by name, then by kind and module, then by index: the same order every time. */
static int by_name(const void *a, const void *b, void *tree)
{
	const struct call_tree *t = tree;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct call_node *m = &t->nodes.at[x], *n = &t->nodes.at[y];
	const struct call_symbol *s = &t->symbols.at[m->symbol], *u = &t->symbols.at[n->symbol];

	if (m->parent != n->parent)
		return m->parent < n->parent ? -1 : 1;
	int names = strcmp(s->name, u->name);
	if (names)
		return names;
	if (s->kind != u->kind)
		return s->kind < u->kind ? -1 : 1;
	if (s->module != u->module)
		return s->module < u->module ? -1 : 1;
	return x < y ? -1 : x > y;
}

int call_tree_order(const struct call_tree *t, uint32_t **ret)
{
	uint32_t n = t->nodes.n - 1, done = 0, waiting = 0;
	CLEANUP(freep) uint32_t *sorted = calloc(n + 1, sizeof(*sorted));
	CLEANUP(freep) uint32_t *first = calloc(n + 1, sizeof(*first));
	CLEANUP(freep) uint32_t *stack = calloc(n + 1, sizeof(*stack));
	CLEANUP(freep) uint32_t *order = calloc(n + 1, sizeof(*order));

	if (!sorted || !first || !stack || !order)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = i + 1;
	qsort_r(sorted, n, sizeof(*sorted), by_name, (void *)t);
	/* Siblings now stand together: first[parent] is the place of the first one, plus 1. */
	for (uint32_t i = n; i-- > 0;)
		first[t->nodes.at[sorted[i]].parent] = i + 1;
	for (uint32_t node = 0;; node = stack[--waiting], order[done++] = node) {
		uint32_t from = first[node], to = from;

		while (from && to <= n && t->nodes.at[sorted[to - 1]].parent == node)
			to++;
		while (to-- > from && from)
			stack[waiting++] = sorted[to - 1];
		if (!waiting)
			break;
	}
	*ret = STEAL(order);
	return 0;
}

/* Lists who called nameless functions, asks the callers' files for the names, and settles them. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/call_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A nameless function that a stack shows called from a place. */
struct edge {
	uint64_t return_vaddr, start; /* in the caller's and in the callee's file */
	uint32_t caller, callee;      /* modules */
};

/* What one call says; after settle() what all say. */
struct proof {
	uint64_t start;
	uint32_t module, name, best;
};

struct calls {
	struct profile *profile;
	const struct ifuncs *ifuncs;
	VEC(struct edge) edges; /* by caller and return_vaddr, each once */
	VEC(struct proof) proofs;
	/* The caller in progress: its return addresses, and where each one's edges begin. */
	VEC(uint64_t) vaddrs;
	VEC(uint32_t) first;
};

static void calls_done(struct calls *c)
{
	vec_done(&c->edges);
	vec_done(&c->proofs);
	vec_done(&c->vaddrs);
	vec_done(&c->first);
}

static int by_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	int order = by_u64(x->caller, y->caller);

	order = order ? order : by_u64(x->return_vaddr, y->return_vaddr);
	order = order ? order : by_u64(x->callee, y->callee);
	return order ? order : by_u64(x->start, y->start);
}

static int compare_functions(const void *a, const void *b)
{
	const struct proof *x = a, *y = b;
	int order = by_u64(x->module, y->module);

	return order ? order : by_u64(x->start, y->start);
}

static bool is_nameless(const struct profile_frame *f)
{
	return !f->function && f->start && (f->kind == FRAME_NATIVE || f->kind == FRAME_UNKNOWN);
}

/* A frame whose address is known to be inside of a call instruction. */
static bool is_caller(const struct profile_frame *f)
{
	return f->module && (f->kind == FRAME_NATIVE || f->kind == FRAME_INLINED) &&
	       !(f->flags & FRAME_FLAG_GUESSED);
}

static int gather(struct calls *c)
{
	const struct profile *p = c->profile;
	CLEANUP(freep) bool *exports = calloc(p->modules.n, sizeof(*exports));
	uint32_t kept = 0;

	if (!exports)
		return -ENOMEM;
	vec_each (i, &c->ifuncs->all)
		exports[i->module] = true;
	for (uint32_t i = 1; i < p->stacks.n; i++) {
		const struct profile_frame *to = &p->frames.at[p->stacks.at[i].frame];
		const struct profile_frame *from =
			&p->frames.at[p->stacks.at[p->stacks.at[i].parent].frame];

		if (is_nameless(to) && exports[to->module] && is_caller(from) &&
			vec_push(&c->edges, (struct edge){ from->offset + 1, to->start,
						    from->module, to->module }))
			return -ENOMEM;
	}
	if (c->edges.n)
		qsort(c->edges.at, c->edges.n, sizeof(*c->edges.at), compare_edges);
	for (uint32_t i = 0; i < c->edges.n; i++)
		if (!kept || compare_edges(&c->edges.at[kept - 1], &c->edges.at[i]))
			c->edges.at[kept++] = c->edges.at[i];
	c->edges.n = kept;
	return 0;
}

static const struct ifunc *find_ifunc(
	const struct calls *c, uint32_t module, struct worker_name name)
{
	vec_each (i, &c->ifuncs->all) {
		const char *text = profile_str(c->profile, i->name);

		if (i->module == module && !strncmp(text, name.at, name.n) && !text[name.n])
			return i;
	}
	return NULL;
}

/* Receives the name that the call at address number @index went by. */
static int note_call(void *context, uint32_t index, struct worker_name name)
{
	struct calls *c = context;
	uint32_t at = c->first.at[index];
	struct edge call = c->edges.at[at];

	for (; at < c->edges.n; at++) {
		const struct edge *e = &c->edges.at[at];

		if (e->caller != call.caller || e->return_vaddr != call.return_vaddr)
			break;
		const struct ifunc *i = find_ifunc(c, e->callee, name);
		if (i && vec_push(&c->proofs,
				 (struct proof){ e->start, e->callee, i->name, i->best }))
			return -ENOMEM;
	}
	return 0;
}

/* Lists the return addresses of the caller whose edges begin at @at; returns their end. */
static int list_addresses(struct calls *c, uint32_t at, uint32_t *ret_end)
{
	uint32_t caller = c->edges.at[at].caller;

	c->vaddrs.n = c->first.n = 0;
	for (; at < c->edges.n && c->edges.at[at].caller == caller; at++) {
		uint64_t vaddr = c->edges.at[at].return_vaddr;

		if (c->vaddrs.n && c->vaddrs.at[c->vaddrs.n - 1] == vaddr)
			continue;
		if (vec_push(&c->vaddrs, vaddr) || vec_push(&c->first, at))
			return -ENOMEM;
	}
	*ret_end = at;
	return 0;
}

/* C libraries have one function for both, which does what memmove promises. Returns the name's
 * index when @proof says either, setting *@move when it says memmove; else 0. */
static uint32_t copy_name(const struct profile *p, const struct proof *proof, uint32_t *move)
{
	const char *name = profile_str(p, proof->name);

	if (!strcmp(name, "memmove"))
		*move = proof->name;
	else if (strcmp(name, "memcpy"))
		return 0;
	return proof->name;
}

/* Leaves one proof for each function; where calls disagree its name is 0. */
static void settle(struct calls *c)
{
	uint32_t kept = 0;

	if (c->proofs.n)
		qsort(c->proofs.at, c->proofs.n, sizeof(*c->proofs.at), compare_functions);
	for (uint32_t i = 0, end; i < c->proofs.n; i = end) {
		struct proof all = c->proofs.at[i];
		bool same_name = true, same_best = true, all_copy = true;
		uint32_t move = 0;

		for (end = i; end < c->proofs.n; end++) {
			const struct proof *one = &c->proofs.at[end];

			if (compare_functions(&all, one))
				break;
			same_name &= one->name == all.name;
			same_best &= one->best == all.best;
			all_copy &= copy_name(c->profile, one, &move) != 0;
		}
		if (!same_name)
			all.name = all_copy ? move : same_best ? all.best : 0;
		c->proofs.at[kept++] = all;
	}
	c->proofs.n = kept;
}

static uint32_t name_frames(const struct calls *c)
{
	struct profile *p = c->profile;
	uint32_t named = 0;

	for (uint32_t i = 1; c->proofs.n && i < p->frames.n; i++) {
		struct profile_frame *f = &p->frames.at[i];
		struct proof wanted = { .start = f->start, .module = f->module };

		if (!is_nameless(f))
			continue;
		const struct proof *found = bsearch(
			&wanted, c->proofs.at, c->proofs.n, sizeof(wanted), compare_functions);
		if (!found || !found->name)
			continue;
		f->function = found->name;
		f->kind = FRAME_NATIVE;
		f->start = 0;
		named++;
	}
	return named;
}

int call_names(struct profile *p, const struct ifuncs *ifuncs,
	int (*read)(void *context, uint32_t module, struct worker_task *task), void *context,
	uint32_t *ret_named)
{
	CLEANUP(calls_done) struct calls c = { .profile = p, .ifuncs = ifuncs };
	int r = ifuncs->all.n ? gather(&c) : 0;

	for (uint32_t at = 0; !r && at < c.edges.n;) {
		uint32_t caller = c.edges.at[at].caller;

		r = list_addresses(&c, at, &at);
		struct worker_task task = {
			.vaddrs = c.vaddrs.at, .count = c.vaddrs.n, .call = note_call, .context = &c
		};
		if (!r)
			r = read(context, caller, &task);
	}
	if (r)
		return r;
	settle(&c);
	*ret_named = name_frames(&c);
	return 0;
}

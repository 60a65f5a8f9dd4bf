/* The calling-context tree with equal names merged: what folded stacks and flame graphs show. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_CALL_TREE_H
#define FORMATS_CALL_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "profile/profile.h"

/* Symbols of process nodes have this kind, one behind the frame kinds. */
enum { CALL_PROCESS = FRAME_KIND_COUNT };

/* What nodes are merged by. */
struct call_symbol {
	char *name;      /* as made by call_tree_options.name; owned by the tree */
	uint32_t module; /* index into profile.modules; 0 = none, or merged away */
	uint32_t kind;   /* enum frame_kind or CALL_PROCESS; 0 when merged away */
};

struct call_node {
	uint32_t parent; /* below its own index; node 0 is the root of all and has symbol 0 */
	uint32_t symbol;
	int64_t value;  /* in the kind's unit, of samples that end here */
	uint64_t count; /* samples that end here */
};

struct call_tree_symbol; /* hash entries, private */
struct call_tree_child;

struct call_tree {
	VEC(struct call_symbol) symbols; /* [0] = the root's, "" */
	VEC(struct call_node) nodes;
	struct call_tree_symbol *symbol_index;
	struct call_tree_child *child_index;
};

struct call_tree_options {
	enum sample_kind kind;
	bool by_name; /* merge equal names of different modules and kinds */
	/* Turns the name in @raw into what is shown and compared; NULL = as it is. */
	void (*name)(struct strbuf *out, const char *raw);
};

/* Builds the tree of @p. Below the root stand the processes (samples without a process stand
 * there themselves), below each its stacks, root to leaf, inlined frames as nodes of their own.
 * call_tree_done() also after an error. 0 or -ENOMEM. */
int call_tree_init(struct call_tree *t, const struct profile *p, const struct call_tree_options *o);
void call_tree_done(struct call_tree *t);

/* The node indexes (without the root) so that each stands behind its parent, and siblings and
 * their descendants stand in the order of their names. *ret: heap, nodes.n - 1 entries. 0 or
 * -ENOMEM. */
int call_tree_order(const struct call_tree *t, uint32_t **ret);

#endif

/*
 * The on-CPU samples as detectors see them: each stack's target (the function a user could change)
 * and the well-known symbols between the target and the leaf, found once per stack.
 *
 *   leaf                                                            root
 *   __memmove_avx2   realloc   push_row   load   main   __libc_start   _start
 *   \-- below the target ----/  target     \---- callers ----/
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_VIEW_H
#define DETECT_VIEW_H

#include "detect/detect.h"
#include "detect/symbols.h"
#include "stats/interval.h"

enum { VIEW_SLOTS = 10 }; /* the capture in equal parts: "over the whole capture" */

struct stack_facts {
	bool known;
	uint32_t target;               /* frame; 0 = the stack is empty */
	uint32_t function;             /* function id of the target */
	bool seen[SYMBOL_CLASS_COUNT]; /* by enum symbol_class: such a symbol is below the target */
	const struct symbol_row *scan, *copy;
	uint32_t scan_frame; /* the frame of ->scan */
	bool moves;          /* COPY or GROW symbols below the target, however deep in libraries */
	bool kernel;         /* the leaf is in the kernel */
	bool nameless;       /* the target calls a library function that has no name */
	bool leaf;           /* the leaf is the target itself */
	/* The outermost setup symbol, and the nearest own frame that calls it. */
	const struct symbol_row *setup;
	uint32_t setup_target, setup_function;
};

struct view {
	const struct profile *profile;
	struct findings *findings; /* functions are added here */
	uint8_t *frame_owner;      /* by frame; 0xff = not asked yet */
	const struct symbol_row **frame_symbol;
	uint32_t *frame_function;     /* function id by frame; 0 = not asked yet */
	struct stack_facts *stacks;   /* by stack */
	VEC(uint32_t) samples;        /* on-CPU samples in order of buckets */
	bool *claimed;                /* by sample of the profile */
	struct interval_clock *clock; /* NULL = no time in this profile */
	uint32_t shift;               /* bucket number >> shift = the clock's bucket */
	uint32_t first_bucket, last_bucket;
	struct function_index *index; /* private */
};

/* Prepares @v over the on-CPU samples of @findings->profile. 0 or -ENOMEM; call view_done after
 * either. */
int view_init(struct view *v, struct findings *findings);
void view_done(struct view *v);

/* The facts of @stack. Borrowed. */
const struct stack_facts *view_stack(struct view *v, uint32_t stack);
/* The owner, function id, and symbol row (or NULL) of @frame. */
enum owner view_owner(struct view *v, uint32_t frame);
uint32_t view_function(struct view *v, uint32_t frame);
const struct symbol_row *view_symbol(struct view *v, uint32_t frame);

/* A sample's weight in counts of samples. */
double view_count(const struct view *v, uint32_t sample);
/* Which of VIEW_SLOTS parts of the capture @bucket lies in. */
uint32_t view_slot(const struct view *v, uint32_t bucket);

/* The next own frame towards the root from @frame in @stack that belongs to another function, or
 * 0. Start with the target's frame. */
uint32_t view_caller(struct view *v, uint32_t stack, uint32_t frame);

/* A group of samples under one function, as detectors collect them. */
struct group {
	uint32_t function;
	double count;
	double value[4]; /* a detector's own counters */
	const struct symbol_row *row;
	uint32_t slots; /* bit per slot with samples */
	struct interval_sums sums;
	VEC(uint32_t) samples;
};

struct groups {
	VEC(struct group) list;
	uint32_t *of_function; /* group number + 1 by function id (and row, see view_group) */
	uint32_t capacity;
};

/* Adds sample @sample to the group of @function, made when it is new; NULL when memory is out.
 * The pointer is valid until the next call. Samples must come in the order of view.samples. */
struct group *groups_add(struct view *v, struct groups *g, uint32_t function, uint32_t sample);
void groups_done(struct groups *g);

#endif

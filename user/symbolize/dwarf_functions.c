/* Walks a compilation unit once, without recursion, and keeps where its functions are. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/dwarf_functions.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

enum {
	NESTING_MAX = 256,    /* DIEs between a unit and a function in it */
	RANGES_BACK_MAX = 16, /* ranges that may begin between a function and an address in it */
};

int dwarf_ranges_add(
	struct dwarf_ranges *to, Dwarf_Die *die, uint32_t of, struct dwarf_budget *budget)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		if (!budget->ranges)
			return -E2BIG;
		budget->ranges--;
		/* Functions that the linker threw away keep DWARF with an address of 0 or 1. */
		if (low < 2 || high <= low)
			continue;
		if (vec_push(&to->all, (struct dwarf_range){ low, high, of }))
			return -ENOMEM;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct dwarf_range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->of < y->of ? -1 : x->of > y->of;
}

void dwarf_ranges_sort(struct dwarf_ranges *ranges)
{
	if (ranges->all.n)
		qsort(ranges->all.at, ranges->all.n, sizeof(*ranges->all.at), compare);
}

const struct dwarf_range *dwarf_ranges_find(const struct dwarf_ranges *ranges, uint64_t vaddr)
{
	uint32_t low = 0, high = ranges->all.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges->all.at[middle].low <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	for (int back = 0; low > 0 && back < RANGES_BACK_MAX; back++) {
		const struct dwarf_range *r = &ranges->all.at[--low];

		if (vaddr < r->high)
			return r;
	}
	return NULL;
}

/* DIEs that may have functions below them. */
static bool may_hold_functions(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return true;
	}
	return false;
}

/* Keeps @die if it is a function with code. Sets @ret_function to its number + 1, or 0. */
static int keep(struct dwarf_functions *f, Dwarf_Die *die, int tag, struct dwarf_budget *budget,
	uint32_t *ret_function)
{
	struct dwarf_function function = { .die = dwarf_dieoffset(die),
		.next = UINT32_MAX,
		.first_range = f->inlined.all.n,
		.inlined = tag == DW_TAG_inlined_subroutine };

	*ret_function = 0;
	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return 0;
	struct dwarf_ranges *to = function.inlined ? &f->inlined : &f->subprograms;
	uint32_t before = to->all.n;
	int r = dwarf_ranges_add(to, die, f->all.n, budget);
	if (r || to->all.n == before)
		return r;
	function.range_count = f->inlined.all.n - function.first_range;
	r = vec_push(&f->all, function);
	*ret_function = f->all.n;
	return r;
}

/* A DIE on the way from the unit to where the walk stands. */
struct level {
	Dwarf_Die die;
	uint32_t function; /* number + 1 of the function that this DIE is, or 0 */
};

/* The next DIE after @level[*depth]: its sibling, or that of the nearest ancestor that has one.
 * Closes the functions it leaves. False at the end of the unit. */
static bool leave(struct dwarf_functions *f, struct level *level, uint32_t *depth)
{
	for (;;) {
		struct level *at = &level[*depth];
		Dwarf_Die sibling;

		if (at->function)
			f->all.at[at->function - 1].next = f->all.n;
		at->function = 0;
		if (!dwarf_siblingof(&at->die, &sibling)) {
			/* A sibling in front of its brother would walk in a circle. */
			if (dwarf_dieoffset(&sibling) <= dwarf_dieoffset(&at->die))
				return false;
			at->die = sibling;
			return true;
		}
		if (!*depth)
			return false;
		--*depth;
	}
}

static int walk(struct dwarf_functions *f, Dwarf_Die *unit, struct dwarf_budget *budget)
{
	struct level level[NESTING_MAX];
	uint32_t depth = 0;

	level[0].function = 0;
	if (dwarf_child(unit, &level[0].die))
		return 0;
	do {
		Dwarf_Die child;
		int tag = dwarf_tag(&level[depth].die);

		if (!budget->dies)
			return -E2BIG;
		budget->dies--;
		int r = keep(f, &level[depth].die, tag, budget, &level[depth].function);
		if (r)
			return r;
		if (depth + 1 < NESTING_MAX && may_hold_functions(tag) &&
			!dwarf_child(&level[depth].die, &child)) {
			level[++depth] = (struct level){ child, 0 };
			continue;
		}
		if (!leave(f, level, &depth))
			break;
	} while (true);
	return 0;
}

int dwarf_functions_read(struct dwarf_functions *f, Dwarf_Die *unit, struct dwarf_budget *budget)
{
	*f = (struct dwarf_functions){ 0 };
	int r = walk(f, unit, budget);
	f->cut = r == -E2BIG;
	/* What a cut walk left open reaches to the end. */
	vec_each (function, &f->all)
		if (function->next > f->all.n)
			function->next = f->all.n;
	dwarf_ranges_sort(&f->subprograms);
	return r == -E2BIG ? 0 : r;
}

void dwarf_functions_done(struct dwarf_functions *f)
{
	vec_done(&f->all);
	vec_done(&f->inlined.all);
	vec_done(&f->subprograms.all);
}

static bool holds(
	const struct dwarf_functions *f, const struct dwarf_function *call, uint64_t vaddr)
{
	for (uint32_t i = 0; i < call->range_count; i++) {
		const struct dwarf_range *r = &f->inlined.all.at[call->first_range + i];

		if (vaddr >= r->low && vaddr < r->high)
			return true;
	}
	return false;
}

uint32_t dwarf_functions_find(
	const struct dwarf_functions *f, uint64_t vaddr, uint32_t *chain, uint32_t max)
{
	const struct dwarf_range *r = dwarf_ranges_find(&f->subprograms, vaddr);
	uint32_t n = 0;

	if (!r || !max)
		return 0;
	chain[n++] = r->of;
	uint32_t end = f->all.at[r->of].next;
	for (uint32_t i = r->of + 1; i < end && n < max;) {
		const struct dwarf_function *call = &f->all.at[i];

		if (call->inlined && holds(f, call, vaddr)) {
			chain[n++] = i;
			end = call->next;
			i++;
		} else {
			i = call->next > i ? call->next : i + 1;
		}
	}
	return n;
}

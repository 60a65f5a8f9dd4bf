/* The functions of one compilation unit as a flat tree with address ranges. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_DWARF_FUNCTIONS_H
#define SYMBOLIZE_DWARF_FUNCTIONS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

/* An address range [low, high) of function (or unit) number @of. */
struct dwarf_range {
	uint64_t low, high;
	uint32_t of;
};

struct dwarf_ranges {
	VEC(struct dwarf_range) all;
};

/* A subprogram, or a call that was inlined into the function in front of it. The descendants of
 * functions[i] are functions[i + 1] up to, but not with, functions[i].next. */
struct dwarf_function {
	Dwarf_Off die;
	uint32_t next;
	uint32_t first_range, range_count; /* in the ranges of inlined calls */
	bool inlined;
};

struct dwarf_functions {
	VEC(struct dwarf_function) all;
	struct dwarf_ranges inlined;     /* in the order of the functions */
	struct dwarf_ranges subprograms; /* sorted by low */
	bool cut;                        /* a bound was met: what is there is right, but not all */
};

/* What may still be spent on one file; counted down by all units together. */
struct dwarf_budget {
	uint64_t dies, ranges;
};

/* Adds the ranges of @die, as those of @of, to @to. 0, -ENOMEM, or -E2BIG when @budget ran out. */
int dwarf_ranges_add(
	struct dwarf_ranges *to, Dwarf_Die *die, uint32_t of, struct dwarf_budget *budget);

/* Sorts by low, longer ranges first. */
void dwarf_ranges_sort(struct dwarf_ranges *ranges);

/* The innermost range that holds @vaddr among sorted @ranges, or NULL. Ranges may nest a little
 * (nested functions); an odd file may hide some. */
const struct dwarf_range *dwarf_ranges_find(const struct dwarf_ranges *ranges, uint64_t vaddr);

/* Reads the functions below @unit. 0 or -ENOMEM; @f is to be released in both cases. */
int dwarf_functions_read(struct dwarf_functions *f, Dwarf_Die *unit, struct dwarf_budget *budget);
void dwarf_functions_done(struct dwarf_functions *f);

/* Finds the functions at @vaddr, outermost first: @chain gets at most @max numbers into f->all.
 * Returns how many. */
uint32_t dwarf_functions_find(
	const struct dwarf_functions *f, uint64_t vaddr, uint32_t *chain, uint32_t max);

#endif

/*
 * Function, file and line of an address, and the calls inlined there, from a file's own DWARF.
 *
 * Opening builds an index of the address ranges of all compilation units (also of those that no
 * .debug_aranges names). A unit's functions are read once, when the first address falls into it:
 * one walk over its DIEs gives a flat tree of subprograms and inlined calls with their ranges.
 *
 * Hostile DWARF is met with bounds (units, DIEs, ranges, nesting, chain length, size of the
 * sections) and by never following the file to other files (split units) but one that the caller
 * has found. What libdw itself does within one call cannot be bounded here: run this in a process
 * with limits (worker.h).
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_DWARF_H
#define SYMBOLIZE_DWARF_H

#include <stdint.h>

#include "base/error.h"
#include "elf/image.h"

enum {
	DWARF_PLACES_MAX = 64,           /* functions at one address, inlined ones included */
	DWARF_DEBUG_BYTES_MAX = 1 << 30, /* sum of the debug sections, decompressed */
};

/* One function at an address. Strings are hostile, borrowed from the dwarf_info, and NULL when the
 * file does not tell. */
struct dwarf_place {
	const char *function;  /* linkage (mangled) name where there is one, else the plain name */
	const char *file;      /* as the compiler was called with; may hold "..", "//" */
	const char *directory; /* what a relative file is relative to; NULL = not told */
	uint32_t line;         /* 1-based, 0 = unknown: the address's line, in outer functions the
				* line of the inlined call */
};

struct dwarf_info;

/* Reads the DWARF of @image, which must outlive it. @alt: the file that dwz moved parts of it to,
 * and which must outlive it, or NULL. -ENOENT: no .debug_info, or parts of it are in a file that is
 * not given; -E2BIG: above the bounds; -EBADMSG: unreadable; -ENOMEM. */
int dwarf_info_open(
	struct elf_image *image, struct elf_image *alt, struct dwarf_info **ret, struct error *err);
void dwarf_info_close(struct dwarf_info *info);
void dwarf_info_closep(struct dwarf_info **info);

/* Fills @places (DWARF_PLACES_MAX of them) for the ELF virtual address @vaddr, innermost first, and
 * returns how many (0 = no unit covers the address). A unit that cannot be read gives 0. Addresses
 * are best asked in ascending order. */
uint32_t dwarf_info_find(struct dwarf_info *info, uint64_t vaddr, struct dwarf_place *places);

#endif

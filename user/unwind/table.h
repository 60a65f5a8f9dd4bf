/* Unwind tables of one file: from the bytes of .eh_frame to sorted rows, page by page. Pure. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef UNWIND_TABLE_H
#define UNWIND_TABLE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/unwind.h"

/*
 * The rows of page p are rows[first_row[p] .. first_row[p + 1]); each page begins with a row at
 * its very start, and pcs are relative to base. See wire/unwind.h.
 */
struct unwind_table {
	uint64_t base; /* ELF virtual address, page aligned */
	uint32_t pages;
	uint32_t rows_n;
	uint32_t *first_row; /* pages + 1 entries */
	struct unwind_row *rows;
	/* What the parser could not use, counted. */
	uint32_t functions, functions_skipped, rows_unsupported;
};

/* The section's bytes as they stand in the file and the ELF virtual address they are loaded at. */
struct unwind_section {
	const uint8_t *bytes;
	size_t size;
	uint64_t address;
	bool debug_frame; /* .debug_frame: nearly the same (DWARF 5, section 6.4.1); Go has only it
			   */
	const struct unwind_section *next; /* of the same file; its functions fill gaps. Or NULL */
};

/*
 * Builds the table of an x86-64 file from its .eh_frame (Linux Standard Base, "Exception Frames";
 * DWARF 5, section 6.4). The bytes may be hostile: whatever does not parse is skipped and counted.
 * Errors: -ENODATA when no function was found, -E2BIG beyond the bounds, -ENOMEM.
 */
int unwind_table_build(
	const struct unwind_section *eh_frame, struct unwind_table **ret, struct error *err);
void unwind_table_free(struct unwind_table *t);

/* The row in force at @address (ELF virtual), as the kernel half finds it. */
struct unwind_row unwind_table_find(const struct unwind_table *t, uint64_t address);

#endif

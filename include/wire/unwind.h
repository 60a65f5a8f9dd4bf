/*
 * Unwind tables as the kernel half reads them.
 *
 *   address --(mappings of the process, sorted)--> file + ELF virtual address
 *           --(pages: one entry per 4 KiB of text)--> the page's rows
 *           --(binary search among the page's rows)--> rule
 *
 * A row says how to find the caller from its pc on, up to the next row. Rows of one page never
 * cross a shard, and every page begins with a row of its own (the rule in force at its start), so
 * that one page is all a search has to look at.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef WIRE_UNWIND_H
#define WIRE_UNWIND_H

enum unwind_rule {
	UNWIND_NONE = 0, /* no function here: a gap between functions */
	UNWIND_SP,       /* CFA = sp + cfa * 8 */
	UNWIND_FP,       /* CFA = fp + cfa * 8 */
	UNWIND_PLT,      /* CFA = sp + 8 + ((pc & 15) >= cfa ? 8 : 0) */
	UNWIND_END,      /* no caller: the thread's root */
	UNWIND_SIGNAL,   /* a signal frame: all registers are on the stack at sp */
	UNWIND_DEREF_FP, /* CFA = *(fp + cfa * 8): functions that realign their stack */
	UNWIND_DEREF_SP, /* CFA = *(sp + cfa * 8) + 8: assembly that keeps the old sp on the stack
			  */
	UNWIND_UNSUPPORTED, /* there is a rule, but not one of these */
};

/* unwind_row.fp: the caller's frame pointer is at CFA + fp * 8, or one of these. */
enum {
	UNWIND_FP_SAME = 0,    /* not changed by this function */
	UNWIND_FP_AT_FP = 126, /* where fp points to */
	UNWIND_FP_LOST = 127,
};

struct unwind_row {
	__u32 pc; /* low 32 bits of the ELF virtual address minus the file's base */
	__s16 cfa;
	__u8 rule;
	__s8 fp;
};

_Static_assert(sizeof(struct unwind_row) == 8, "unwind_row is part of the contract");

enum {
	UNWIND_PAGE_BITS = 12,
	UNWIND_SHARD_ROWS = 65536,  /* 512 KiB of rows */
	UNWIND_PAGE_ROWS_BITS = 12, /* at most one row per byte of text */
};

/* The rows of one page, by global number: shard * UNWIND_SHARD_ROWS + index in the shard. 8 bytes,
 * since the kernel pads the elements of mmapped arrays to that anyway. */
struct unwind_page {
	__u32 first, count;
};

_Static_assert(sizeof(struct unwind_page) == 8, "unwind_page is part of the contract");

/* Where a file's pages start in the page index. */
struct unwind_file {
	__u64 base;       /* ELF virtual address of the first page; page aligned */
	__u32 first_page; /* into the `unwind_pages` map */
	__u32 pages;      /* 0 = no table: go on by frame pointer */
};

_Static_assert(sizeof(struct unwind_file) == 16, "unwind_file is part of the contract");

/* One executable mapping of a process. */
struct unwind_mapping {
	__u64 start, end;
	__u64 bias; /* address - bias = ELF virtual address */
	__u32 file; /* into the `unwind_files` map; 0 = no table */
	__u32 pad;
};

_Static_assert(sizeof(struct unwind_mapping) == 32, "unwind_mapping is part of the contract");

/* The slice of the `unwind_mappings` map that holds a process's mappings, sorted by start. */
struct unwind_process {
	__u32 first, count;
	__u32 python; /* into the `python_processes` map; 0 = runs no CPython */
};

enum { UNWIND_PROCESS_MAPPINGS_BITS = 13 }; /* at most 8,192 executable mappings a process */

#endif

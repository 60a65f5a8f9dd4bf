/*
 * A profile as a table: what each function, line, file, module or thread costs.
 *
 * Self is what ran in the row itself, total what ran in it or below it; a function counts once per
 * sample however often it stands on the stack. Shares are of the value (time), their intervals
 * come from the number of samples and how bursty they are (stats/interval.h).
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PROFILE_TABLE_H
#define PROFILE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "profile/profile.h"

/* X(enumerator, name): what one row is. */
#define TABLE_BYS(X)                     \
	X(TABLE_BY_FUNCTION, "function") \
	X(TABLE_BY_LINE, "line")         \
	X(TABLE_BY_FILE, "file")         \
	X(TABLE_BY_MODULE, "module")     \
	X(TABLE_BY_THREAD, "thread")

enum table_by {
#define X(e, name) e,
	TABLE_BYS(X)
#undef X
		TABLE_BY_COUNT
};

const char *table_by_name(enum table_by by);
/* The value with this name, or -1. */
int table_by_find(const char *name);

enum table_sort { TABLE_SORT_SELF, TABLE_SORT_TOTAL };

struct table_options {
	enum table_by by;
	enum sample_kind kind;
	enum table_sort sort;
	const char *focus; /* only stacks with this function (profile_focus); NULL = all */
	bool by_place;     /* by line, file: one row a place in the sources, whatever functions and
			    * modules it is compiled into; those are 0 in the rows */
};

struct table_row {
	/* The key: string indexes, 0 = unknown or not part of this kind of table. */
	uint32_t function, file;
	uint32_t line;   /* by function: of its most expensive place */
	uint32_t module; /* index into modules */
	uint64_t offset; /* in the module; of a function without a name: its start, by line the
			    address */
	uint32_t frame;  /* the most expensive frame of the row; 0 in a table by thread */
	uint32_t thread; /* index into threads; in a table by thread */

	uint64_t self_count, total_count; /* samples */
	int64_t self_value, total_value;  /* in the kind's unit */
	double self, total;               /* shares of the table's value, 0..1 */
	bool has_bounds; /* false: too few time buckets, or samples of other tools */
	double self_low, self_high, total_low, total_high; /* 95 % */
	double self_dispersion, total_dispersion;          /* stats/interval.h; 0 = no bounds */
};

struct table {
	enum table_by by;
	enum sample_kind kind;
	enum table_sort sort;
	uint64_t count;     /* samples in the table */
	int64_t value;      /* their value, in the kind's unit */
	double seconds;     /* the capture's duration */
	double focus_share; /* value of the table / value of the profile; 1 without focus */
	VEC(struct table_row) rows;
};

/* Makes the table of @p. *ret is freed with table_free and refers to @p's tables by index. Rows
 * without samples do not appear, except threads whose CPU time was measured. 0, -ENOMEM, or the
 * errors of profile_focus. Time: O(samples x functions on a stack), memory: O(stacks + rows). */
int profile_table(const struct profile *p, const struct table_options *options, struct table **ret,
	struct error *err);
void table_free(struct table *table);

/* What a person calls the row: function or module+offset, file, module path, thread comm. Added to
 * @out unescaped. */
struct strbuf;
void table_row_name(const struct profile *p, const struct table *table, const struct table_row *row,
	struct strbuf *out);

#endif

/*
 * From the functions of .eh_frame to sorted rows, page by page.
 *
 * Functions are listed, sorted by address, then run one after another, so that rows come out
 * sorted. Cost: 55 to 190 ns a row. Gaps between functions shorter than GAP_BYTES are padding:
 * they get no row of their own.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/table.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "unwind/cfi.h"

enum {
	GAP_BYTES = 16,
	ROWS_MAX = 1 << 24,
	PAGES_MAX = 1 << 19, /* 2 GiB of text */
};

struct builder {
	VEC(struct cfi_function) functions;
	VEC(struct unwind_row) rows;
	VEC(uint32_t) first_row;
	uint64_t base;
	struct unwind_row last; /* the rule in force */
	uint32_t unsupported;
};

static void builder_done(struct builder *b)
{
	vec_done(&b->functions);
	vec_done(&b->rows);
	vec_done(&b->first_row);
}

static int by_start(const void *a, const void *b)
{
	const struct cfi_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->instructions < y->instructions ? -1 : x->instructions > y->instructions;
}

/* Opens pages up to the one of @pc; each begins with the rule in force. */
static int pages_open(struct builder *b, uint32_t pc)
{
	while (b->first_row.n <= pc >> UNWIND_PAGE_BITS) {
		struct unwind_row row = b->last;

		row.pc = b->first_row.n << UNWIND_PAGE_BITS;
		if (vec_push(&b->first_row, b->rows.n) || vec_push(&b->rows, row))
			return -ENOMEM;
	}
	return 0;
}

static int row_add(void *context, uint64_t address, struct unwind_row row)
{
	struct builder *b = context;

	row.pc = (uint32_t)(address - b->base);
	if (b->rows.n >= ROWS_MAX)
		return -E2BIG;
	int r = pages_open(b, row.pc);
	if (r)
		return r;
	b->unsupported += row.rule == UNWIND_UNSUPPORTED;
	b->last = row;
	struct unwind_row *newest = &b->rows.at[b->rows.n - 1];
	if (newest->pc == row.pc) { /* the page's own first row, or a rule of no extent */
		*newest = row;
		return 0;
	}
	return vec_push(&b->rows, row);
}

static int functions_list(struct builder *b, const struct unwind_section *s)
{
	for (; s; s = s->next) {
		struct cfi_common cache = { 0 };
		struct cfi_function f;
		uint64_t offset = 0;
		int r;

		while ((r = cfi_next(s, &offset, &cache, &f)) >= 0)
			if (r && vec_push(&b->functions, f))
				return -ENOMEM;
	}
	return 0;
}

static int functions_run(struct builder *b, struct unwind_table *t)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < b->functions.n; i++) {
		const struct cfi_function *f = &b->functions.at[i];

		if (f->start < end || (f->end - b->base) >> UNWIND_PAGE_BITS >= PAGES_MAX) {
			t->functions_skipped++;
			continue;
		}
		if (t->functions && f->start - end >= GAP_BYTES) {
			int r = row_add(b, end, (struct unwind_row){ .rule = UNWIND_NONE });

			if (r)
				return r;
		}
		int r = cfi_run(f, row_add, b);
		if (r == -ENOMEM || r == -E2BIG)
			return r;
		if (r) {
			/* What was read holds; from its last rule on nothing is known. */
			uint64_t from = b->rows.n && b->base + b->last.pc > f->start
						? b->base + b->last.pc
						: f->start;

			t->functions_skipped++;
			r = row_add(b, from, (struct unwind_row){ .rule = UNWIND_UNSUPPORTED });
			if (r)
				return r;
		}
		t->functions++;
		end = f->end;
	}
	if (!t->functions)
		return -ENODATA;
	return row_add(b, end, (struct unwind_row){ .rule = UNWIND_NONE });
}

CLEANUP_DEFINE(struct unwind_table *, unwind_table_free)

int unwind_table_build(
	const struct unwind_section *eh_frame, struct unwind_table **ret, struct error *err)
{
	CLEANUP(builder_done) struct builder b = { 0 };
	CLEANUP(unwind_table_freep) struct unwind_table *t = calloc(1, sizeof(*t));

	if (!t || functions_list(&b, eh_frame))
		return error_oom(err);
	if (!b.functions.n)
		return error_set(err, -ENODATA, "no functions in .eh_frame");
	qsort(b.functions.at, b.functions.n, sizeof(*b.functions.at), by_start);
	b.base = b.functions.at[0].start & ~((1ULL << UNWIND_PAGE_BITS) - 1);
	int r = functions_run(&b, t);
	if (r)
		return error_set(err, r, "cannot build the unwind table: %s", strerror(-r));
	t->base = b.base;
	t->pages = b.first_row.n;
	t->rows_n = b.rows.n;
	t->rows_unsupported = b.unsupported;
	if (vec_push(&b.first_row, b.rows.n))
		return error_oom(err);
	t->first_row = STEAL(b.first_row.at);
	t->rows = STEAL(b.rows.at);
	*ret = STEAL(t);
	return 0;
}

void unwind_table_free(struct unwind_table *t)
{
	if (!t)
		return;
	free(t->first_row);
	free(t->rows);
	free(t);
}

struct unwind_row unwind_table_find(const struct unwind_table *t, uint64_t address)
{
	struct unwind_row none = { 0 };

	if (address < t->base || (address - t->base) >> UNWIND_PAGE_BITS >= t->pages)
		return none;
	uint32_t pc = (uint32_t)(address - t->base), page = pc >> UNWIND_PAGE_BITS;
	uint32_t low = t->first_row[page], high = t->first_row[page + 1];

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (t->rows[middle].pc <= pc)
			low = middle;
		else
			high = middle;
	}
	return t->rows[low];
}

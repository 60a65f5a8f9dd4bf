/*
 * A profile as a table, in one pass over its samples.
 *
 * Every frame belongs to one row. The stack tree is turned into a tree of entries, one per frame,
 * in which a row that stands already nearer to the root is left out: walking `up` from a stack's
 * top entry meets each of its rows once, recursion or not. The tree shares what stacks share, so it
 * is no bigger than the profile.
 *
 * Samples are visited in bucket order. Each row adds up the bucket at hand; when it sees the next
 * one, it hands the sum to its interval_sums.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "profile/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "profile/filter.h"
#include "stats/interval.h"

static const char *const by_names[] = {
#define X(e, name) [e] = name,
	TABLE_BYS(X)
#undef X
};

const char *table_by_name(enum table_by by)
{
	return by_names[by];
}

int table_by_find(const char *name)
{
	for (int i = 0; i < TABLE_BY_COUNT; i++)
		if (!strcmp(name, by_names[i]))
			return i;
	return -1;
}

struct row_key {
	uint64_t offset;
	uint32_t function, file, line, module;
};

struct row_slot {
	UT_hash_handle hh;
	struct row_key key;
	uint32_t row;
};

/* One of a row's two costs (self, total) while samples are added. */
struct tally {
	uint64_t count;
	int64_t value;
	uint32_t bucket, pending; /* samples of the bucket that `sums` has not seen yet */
	struct interval_sums sums;
};

struct entry {
	uint32_t row, up; /* up: index of the next entry towards the root; 0 = none */
};

struct builder {
	const struct profile *profile;
	const struct table_options *options;
	struct table *table;
	bool *focus; /* per stack, or NULL for all */
	struct row_slot *slots;
	uint32_t *frame_row; /* per frame: row + 1 */
	uint32_t *top;       /* per stack: its first entry */
	uint32_t *leaf;      /* per stack: row of the innermost frame */
	VEC(struct entry) entries;
	struct tally *self, *total; /* per row */
	struct interval_clock *clock;
	uint32_t *order; /* samples by bucket; NULL = as they stand */
	uint32_t bucket_shift;
	uint64_t profile_count;
	int64_t profile_value;
	bool weighted;
};

static void builder_done(struct builder *b)
{
	struct row_slot *slot, *next;

	HASH_ITER (hh, b->slots, slot, next) {
		HASH_DEL(b->slots, slot);
		free(slot);
	}
	table_free(b->table);
	free(b->focus);
	free(b->frame_row);
	free(b->top);
	free(b->leaf);
	vec_done(&b->entries);
	free(b->self);
	free(b->total);
	interval_clock_free(b->clock);
	free(b->order);
}

void table_free(struct table *table)
{
	if (table)
		vec_done(&table->rows);
	free(table);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct row_key key_of_frame(const struct profile_frame *f, enum table_by by, bool by_place)
{
	struct row_key key;

	memset(&key, 0, sizeof(key));
	key.module = f->module;
	if (by == TABLE_BY_FUNCTION || by == TABLE_BY_LINE) {
		key.function = f->function;
		/* Nameless JIT code is one row: its addresses are gone with its process. */
		key.offset = f->function || !f->module || f->kind == FRAME_JIT ? 0
			     : by == TABLE_BY_FUNCTION && f->start             ? f->start
									       : f->offset;
	}
	if (by != TABLE_BY_MODULE)
		key.file = f->file;
	if (by == TABLE_BY_LINE)
		key.line = f->line;
	if (by_place && f->file)
		key.function = key.module = 0, key.offset = 0;
	return key;
}

static int row_of_frame(struct builder *b, uint32_t frame, uint32_t *ret_row)
{
	const struct profile_frame *f = &b->profile->frames.at[frame];
	struct row_key key = key_of_frame(f, b->options->by, b->options->by_place);
	struct row_slot *slot;

	HASH_FIND(hh, b->slots, &key, sizeof(key), slot);
	if (!slot) {
		slot = calloc(1, sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		slot->key = key;
		slot->row = b->table->rows.n;
		HASH_ADD(hh, b->slots, key, sizeof(key), slot);
		if (!slot->hh.tbl) {
			free(slot);
			return -ENOMEM;
		}
		struct table_row row = { .function = key.function,
			.file = key.file,
			.line = key.line,
			.module = key.module,
			.offset = key.offset,
			.frame = frame };
		if (vec_push(&b->table->rows, row))
			return -ENOMEM;
	}
	*ret_row = slot->row;
	return 0;
}

/* Adds the row on top of @up unless it stands there already. Returns the new top, or -ENOMEM. */
static int64_t entry_add(struct builder *b, uint32_t up, uint32_t row)
{
	for (uint32_t e = up; e; e = b->entries.at[e].up)
		if (b->entries.at[e].row == row)
			return up;
	if (vec_push(&b->entries, (struct entry){ row, up }))
		return -ENOMEM;
	return b->entries.n - 1;
}

static int add_stack(struct builder *b, uint32_t stack)
{
	const struct profile *p = b->profile;
	uint32_t chain[PROFILE_INLINE_DEPTH + 1] = { 0 }, n = 0;
	int64_t top = stack ? b->top[p->stacks.at[stack].parent] : 0;

	uint32_t f = p->stacks.at[stack].frame;
	do {
		if (!b->frame_row[f]) {
			uint32_t row;
			int r = row_of_frame(b, f, &row);

			if (r)
				return r;
			b->frame_row[f] = row + 1;
		}
		chain[n++] = b->frame_row[f] - 1;
		f = p->frames.at[f].outer;
	} while (f && n <= PROFILE_INLINE_DEPTH);
	b->leaf[stack] = chain[0];
	while (n-- && top >= 0)
		top = entry_add(b, (uint32_t)top, chain[n]);
	if (top < 0)
		return (int)top;
	b->top[stack] = (uint32_t)top;
	return 0;
}

/* Rows and entries of the stacks that samples refer to, callers first (P1). */
static int add_stacks(struct builder *b)
{
	const struct profile *p = b->profile;
	CLEANUP(freep) bool *needed = calloc(p->stacks.n, sizeof(*needed));

	b->frame_row = calloc(p->frames.n, sizeof(*b->frame_row));
	b->top = calloc(p->stacks.n, sizeof(*b->top));
	b->leaf = calloc(p->stacks.n, sizeof(*b->leaf));
	if (!needed || !b->frame_row || !b->top || !b->leaf ||
		vec_push(&b->entries, (struct entry){ 0 }))
		return -ENOMEM;
	bool stackless = false;
	vec_each (s, &p->samples) {
		needed[s->stack] |= s->kind == b->options->kind;
		stackless |= s->kind == b->options->kind && !s->stack;
	}
	for (uint32_t i = p->stacks.n - 1; i > 0; i--)
		needed[p->stacks.at[i].parent] |= needed[i];
	for (uint32_t i = 1; i < p->stacks.n; i++) {
		int r = needed[i] ? add_stack(b, i) : 0;

		if (r)
			return r;
	}
	/* Last, because every root has it as its parent: the samples without any stack. */
	return stackless ? add_stack(b, 0) : 0;
}

static int add_threads(struct builder *b)
{
	for (uint32_t i = 0; i < b->profile->threads.n; i++)
		if (vec_push(&b->table->rows, (struct table_row){ .thread = i }))
			return -ENOMEM;
	return 0;
}

/* ---- Samples --------------------------------------------------------------------------------- */

static bool is_counted(const struct builder *b, const struct profile_sample *s)
{
	return s->kind == b->options->kind && (!b->focus || b->focus[s->stack]);
}

/* Counts what each bucket holds; the clock is about the samples of the table alone. */
static int count_buckets(struct builder *b)
{
	const struct profile *p = b->profile;
	uint32_t last = 0;

	vec_each (s, &p->samples)
		if (is_counted(b, s) && s->bucket > last)
			last = s->bucket;
	b->bucket_shift = interval_bucket_shift((uint64_t)last + 1);
	uint32_t buckets = (last >> b->bucket_shift) + 1;
	CLEANUP(freep) double *n = calloc(buckets, sizeof(*n));
	if (!n)
		return -ENOMEM;
	vec_each (s, &p->samples) {
		if (s->kind == b->options->kind) {
			b->profile_count += s->count;
			b->profile_value += s->value;
		}
		if (!is_counted(b, s))
			continue;
		n[s->bucket >> b->bucket_shift] += s->count;
		b->table->count += s->count;
		b->table->value += s->value;
		b->weighted |= s->weight != 1;
	}
	return interval_clock_new(n, buckets, &b->clock);
}

/* Orders the samples by bucket (counting sort) unless they are in order already. */
static int order_samples(struct builder *b)
{
	const struct profile *p = b->profile;
	uint32_t buckets = b->clock->buckets, before = 0;
	bool in_order = true;

	vec_each (s, &p->samples) {
		if (!is_counted(b, s))
			continue;
		in_order &= s->bucket >= before;
		before = s->bucket;
	}
	if (in_order)
		return 0;
	CLEANUP(freep) uint32_t *next = calloc((size_t)buckets + 1, sizeof(*next));
	b->order = calloc(p->samples.n, sizeof(*b->order));
	if (!next || !b->order)
		return -ENOMEM;
	/* Samples that do not count go anywhere; add_samples passes over them. */
	vec_each (s, &p->samples)
		next[is_counted(b, s) ? (s->bucket >> b->bucket_shift) + 1 : 0]++;
	for (uint32_t i = 1; i <= buckets; i++)
		next[i] += next[i - 1];
	for (uint32_t i = p->samples.n; i-- > 0;) {
		const struct profile_sample *s = &p->samples.at[i];

		b->order[--next[is_counted(b, s) ? (s->bucket >> b->bucket_shift) + 1 : 0]] = i;
	}
	return 0;
}

static void tally_flush(const struct builder *b, struct tally *t)
{
	if (t->pending)
		interval_sums_add(b->clock, &t->sums, t->bucket, t->pending);
	t->pending = 0;
}

static void tally_add(const struct builder *b, struct tally *t, const struct profile_sample *s)
{
	uint32_t bucket = s->bucket >> b->bucket_shift;

	if (t->bucket != bucket || t->pending > UINT32_MAX - s->count) {
		tally_flush(b, t);
		t->bucket = bucket;
	}
	t->pending += s->count;
	t->count += s->count;
	t->value += s->value;
}

static void add_samples(struct builder *b)
{
	const struct profile *p = b->profile;

	for (uint32_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.at[b->order ? b->order[i] : i];

		if (!is_counted(b, s))
			continue;
		if (b->options->by == TABLE_BY_THREAD) {
			tally_add(b, &b->self[s->thread], s);
			tally_add(b, &b->total[s->thread], s);
			continue;
		}
		tally_add(b, &b->self[b->leaf[s->stack]], s);
		for (uint32_t e = b->top[s->stack]; e; e = b->entries.at[e].up)
			tally_add(b, &b->total[b->entries.at[e].row], s);
	}
}

/* ---- From tallies to rows -------------------------------------------------------------------- */

static double share_of(const struct table *table, const struct tally *t)
{
	if (table->value > 0)
		return (double)t->value / (double)table->value;
	return table->count ? (double)t->count / (double)table->count : 0;
}

static bool bounds(const struct builder *b, const struct tally *t, double share, double *ret_low,
	double *ret_high, double *ret_dispersion)
{
	if (b->weighted || b->profile->capture.weights_imported)
		return false;
	*ret_dispersion = interval_dispersion(b->clock, &t->sums);
	return *ret_dispersion > 0 &&
	       interval_share(share * b->clock->n, b->clock->n, *ret_dispersion, ret_low, ret_high);
}

static void fill_row(struct builder *b, uint32_t i)
{
	struct table_row *row = &b->table->rows.at[i];
	struct tally *self = &b->self[i], *total = &b->total[i];

	tally_flush(b, self);
	tally_flush(b, total);
	row->self_count = self->count;
	row->total_count = total->count;
	row->self_value = self->value;
	row->total_value = total->value;
	row->self = share_of(b->table, self);
	row->total = share_of(b->table, total);
	row->has_bounds = bounds(b, self, row->self, &row->self_low, &row->self_high,
				  &row->self_dispersion) &&
			  bounds(b, total, row->total, &row->total_low, &row->total_high,
				  &row->total_dispersion);
}

/* The frame that stands for a row is the one with most samples, first in itself, then below it. */
static int find_expensive_frames(struct builder *b)
{
	const struct profile *p = b->profile;
	CLEANUP(freep) uint64_t *below = calloc(p->stacks.n, sizeof(*below));
	CLEANUP(freep) uint64_t *in = calloc(p->frames.n, sizeof(*in));
	CLEANUP(freep) uint64_t *under = calloc(p->frames.n, sizeof(*under));

	if (!below || !in || !under)
		return -ENOMEM;
	vec_each (s, &p->samples) {
		if (!is_counted(b, s))
			continue;
		below[s->stack] += s->count;
		in[p->stacks.at[s->stack].frame] += s->count;
	}
	for (uint32_t i = p->stacks.n - 1; i > 0; i--) {
		below[p->stacks.at[i].parent] += below[i];
		for (uint32_t f = p->stacks.at[i].frame; f; f = p->frames.at[f].outer)
			under[f] += below[i];
	}
	for (uint32_t f = 1; f < p->frames.n; f++) {
		if (!b->frame_row[f])
			continue;
		struct table_row *row = &b->table->rows.at[b->frame_row[f] - 1];
		if (in[f] > in[row->frame] ||
			(in[f] == in[row->frame] && under[f] > under[row->frame]))
			row->frame = f;
	}
	vec_each (row, &b->table->rows)
		if (b->options->by == TABLE_BY_FUNCTION)
			row->line = p->frames.at[row->frame].line;
	return 0;
}

static void drop_empty_rows(struct builder *b)
{
	struct table *t = b->table;
	uint32_t kept = 0;

	vec_each (row, &t->rows) {
		bool measured = t->by == TABLE_BY_THREAD && t->kind == SAMPLE_ON_CPU && !b->focus &&
				b->profile->threads.at[row->thread].on_cpu_ns;
		if (row->total_count || measured)
			t->rows.at[kept++] = *row;
	}
	t->rows.n = kept;
}

struct sort_context {
	const struct profile *profile;
	enum table_sort sort;
};

static int by_number(int64_t a, int64_t b)
{
	return (a < b) - (a > b);
}

/* Most expensive first; equal ones by name, so that the order does not depend on the recording. */
static int compare_rows(const void *pa, const void *pb, void *pcontext)
{
	const struct table_row *a = pa, *b = pb;
	const struct sort_context *context = pcontext;
	const struct profile *p = context->profile;
	bool total_first = context->sort == TABLE_SORT_TOTAL;
	int order[] = {
		total_first ? by_number(a->total_value, b->total_value)
			    : by_number(a->self_value, b->self_value),
		by_number((int64_t)a->self_count, (int64_t)b->self_count),
		by_number((int64_t)a->total_count, (int64_t)b->total_count),
		strcmp(profile_str(p, a->function), profile_str(p, b->function)),
		strcmp(profile_str(p, a->file), profile_str(p, b->file)),
		by_number(b->line, a->line),
		by_number(b->module, a->module),
		by_number((int64_t)b->offset, (int64_t)a->offset),
		by_number(b->thread, a->thread),
	};

	if (total_first) {
		int swap = order[1];

		order[1] = order[2];
		order[2] = swap;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (order[i])
			return order[i];
	return 0;
}

static int build(struct builder *b)
{
	struct table *t = b->table;
	int r = t->by == TABLE_BY_THREAD ? add_threads(b) : add_stacks(b);

	if (r)
		return r;
	b->self = calloc((size_t)t->rows.n + 1, sizeof(*b->self));
	b->total = calloc((size_t)t->rows.n + 1, sizeof(*b->total));
	if (!b->self || !b->total)
		return -ENOMEM;
	r = count_buckets(b);
	if (!r)
		r = order_samples(b);
	if (r)
		return r;
	add_samples(b);
	for (uint32_t i = 0; i < t->rows.n; i++)
		fill_row(b, i);
	return t->by == TABLE_BY_THREAD ? 0 : find_expensive_frames(b);
}

int profile_table(const struct profile *p, const struct table_options *options, struct table **ret,
	struct error *err)
{
	CLEANUP(builder_done) struct builder b = { .profile = p, .options = options };

	b.table = calloc(1, sizeof(*b.table));
	if (!b.table)
		return error_oom(err);
	b.table->by = options->by;
	b.table->kind = options->kind;
	b.table->sort = options->sort;
	b.table->seconds = (double)p->capture.duration_ns / 1e9;
	if (options->focus) {
		int r = profile_focus(p, options->focus, &b.focus, err);

		if (r)
			return r;
	}
	if (build(&b))
		return error_oom(err);
	drop_empty_rows(&b);
	b.table->focus_share = 1;
	if (b.profile_value > 0)
		b.table->focus_share = (double)b.table->value / (double)b.profile_value;
	else if (b.profile_count)
		b.table->focus_share = (double)b.table->count / (double)b.profile_count;
	struct sort_context context = { p, options->sort };
	if (b.table->rows.n)
		qsort_r(b.table->rows.at, b.table->rows.n, sizeof(*b.table->rows.at), compare_rows,
			&context);
	*ret = STEAL(b.table);
	return 0;
}

void table_row_name(const struct profile *p, const struct table *table, const struct table_row *row,
	struct strbuf *out)
{
	const char *file = profile_str(p, row->file);
	const char *module = profile_str(p, p->modules.at[row->module].path);

	switch (table->by) {
	case TABLE_BY_THREAD:
		strbuf_puts(out, profile_str(p, p->threads.at[row->thread].comm));
		return;
	case TABLE_BY_FILE:
		strbuf_puts(out, *file ? file : *module ? module : "[unknown]");
		return;
	case TABLE_BY_MODULE:
		strbuf_puts(out, *module ? module : "[unknown]");
		return;
	case TABLE_BY_LINE:
		if (!row->function && *module && p->frames.at[row->frame].kind != FRAME_JIT) {
			strbuf_printf(out, "%s+0x%llx", profile_basename(module),
				(unsigned long long)row->offset);
			return;
		}
		profile_frame_name(p, row->frame, out);
		return;
	case TABLE_BY_FUNCTION:
	case TABLE_BY_COUNT:
		profile_frame_name(p, row->frame, out);
	}
}

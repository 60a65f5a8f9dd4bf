/*
 * The tables of a profile and their indexes.
 *
 * Each table with "equal rows are stored once" (P5) has a uthash over an index entry that holds
 * the compared bytes and the row's number; rows themselves stay in flat arrays, which is what all
 * readers walk.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "profile/profile.h"

#include <string.h>

#include "base/hash.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/text.h"

enum { TABLE_ROWS_MAX = 1 << 26 };

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {
#define X(e, name) [e] = name,
		FRAME_KINDS(X)
#undef X
	};
	return names[kind];
}

static const struct {
	const char *name, *unit, *pprof;
} sample_kinds[] = {
#define X(e, name, unit, pprof, text) [e] = { name, unit, pprof },
	SAMPLE_KINDS(X)
#undef X
};

const char *sample_kind_name(enum sample_kind kind)
{
	return sample_kinds[kind].name;
}

const char *sample_kind_unit(enum sample_kind kind)
{
	return sample_kinds[kind].unit;
}

const char *sample_kind_pprof(enum sample_kind kind)
{
	return sample_kinds[kind].pprof;
}

int sample_kind_find(const char *name)
{
	for (int i = 0; i < SAMPLE_KIND_COUNT; i++)
		if (!strcmp(name, sample_kinds[i].name))
			return i;
	return -1;
}

int frame_kind_find(const char *name)
{
	for (int i = 0; i < FRAME_KIND_COUNT; i++)
		if (!strcmp(name, frame_kind_name(i)))
			return i;
	return -1;
}

/* Fixed-size rows are compared as bytes, so they are built with explicit zeroed padding. */
union row {
	struct {
		uint32_t path, build_id_bytes;
		uint8_t build_id[PROFILE_BUILD_ID_BYTES];
	} module;
	struct {
		uint64_t offset, start;
		uint32_t function, file, line, module, outer;
		uint8_t kind, flags, pad[2];
	} frame;
	struct {
		uint32_t parent, frame, stop;
	} stack;
	struct {
		uint64_t start_ns;
		uint32_t pid;
	} process;
	struct {
		uint32_t process, tid;
	} thread;
	struct {
		uint32_t bucket, thread, stack, kind;
	} sample;
};

struct row_entry {
	UT_hash_handle hh;
	uint32_t index;
	union row row;
};

struct string_entry {
	UT_hash_handle hh;
	uint32_t index;
};

/* Entries live in slabs, freed together. */
struct slab {
	struct slab *next;
	uint32_t used;
	struct row_entry at[256];
};

struct row_table {
	struct row_entry *head;
	struct slab *slabs;
};

struct profile_tables {
	struct string_entry *strings;
	struct row_table modules, frames, stacks, processes, threads, samples;
	uint32_t sample_bucket;
};

static struct row_entry *row_find(struct row_table *t, const union row *row, size_t bytes)
{
	struct row_entry *e;

	HASH_FIND(hh, t->head, row, bytes, e);
	return e;
}

static int row_add(struct row_table *t, const union row *row, size_t bytes, uint32_t index)
{
	if (!t->slabs || t->slabs->used == 256) {
		struct slab *slab = calloc(1, sizeof(*slab));

		if (!slab)
			return -ENOMEM;
		slab->next = t->slabs;
		t->slabs = slab;
	}
	struct row_entry *e = &t->slabs->at[t->slabs->used];

	e->index = index;
	e->row = *row;
	HASH_ADD(hh, t->head, row, bytes, e);
	if (!e->hh.tbl)
		return -ENOMEM;
	t->slabs->used++;
	return 0;
}

static void row_table_done(struct row_table *t)
{
	HASH_CLEAR(hh, t->head);
	while (t->slabs) {
		struct slab *next = t->slabs->next;

		free(t->slabs);
		t->slabs = next;
	}
}

/* Adds @element to @vec under @row unless an equal row is there; evaluates to its index. */
#define add_once(table, vec, row, bytes, ...)                              \
	({                                                                 \
		struct row_entry *e_ = row_find((table), &(row), (bytes)); \
		int64_t index_;                                            \
		if (e_)                                                    \
			index_ = e_->index;                                \
		else if ((vec)->n >= TABLE_ROWS_MAX)                       \
			index_ = -E2BIG;                                   \
		else if (vec_push((vec), __VA_ARGS__))                     \
			index_ = -ENOMEM;                                  \
		else if (row_add((table), &(row), (bytes), (vec)->n - 1))  \
			index_ = ((vec)->n--, -ENOMEM);                    \
		else                                                       \
			index_ = (vec)->n - 1;                             \
		index_;                                                    \
	})

struct profile *profile_new(void)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->tables = calloc(1, sizeof(*p->tables));
	char *empty = strdup("");
	if (!p->tables || !empty || vec_push(&p->strings, empty)) {
		free(empty);
		profile_free(p);
		return NULL;
	}
	if (vec_push(&p->modules, (struct profile_module){ 0 }) ||
		vec_push(&p->frames, (struct profile_frame){ 0 }) ||
		vec_push(&p->stacks, (struct profile_stack){ 0 }) ||
		vec_push(&p->processes, (struct profile_process){ 0 }) ||
		vec_push(&p->threads, (struct profile_thread){ 0 })) {
		profile_free(p);
		return NULL;
	}
	return p;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	if (p->tables) {
		struct string_entry *e, *next;

		HASH_ITER (hh, p->tables->strings, e, next) {
			HASH_DEL(p->tables->strings, e);
			free(e);
		}
		row_table_done(&p->tables->modules);
		row_table_done(&p->tables->frames);
		row_table_done(&p->tables->stacks);
		row_table_done(&p->tables->processes);
		row_table_done(&p->tables->threads);
		row_table_done(&p->tables->samples);
		free(p->tables);
	}
	vec_each (s, &p->strings)
		free(*s);
	vec_each (s, &p->sources)
		free(s->text);
	vec_done(&p->strings);
	vec_done(&p->modules);
	vec_done(&p->frames);
	vec_done(&p->stacks);
	vec_done(&p->processes);
	vec_done(&p->threads);
	vec_done(&p->samples);
	vec_done(&p->mappings);
	vec_done(&p->sources);
	vec_done(&p->libraries);
	vec_done(&p->lost);
	vec_done(&p->facts);
	free(p);
}

int64_t profile_string_n(struct profile *p, const char *s, size_t n)
{
	CLEANUP_STRBUF struct strbuf clean = { 0 };

	text_sanitize(&clean, s, n < PROFILE_STRING_BYTES ? n : PROFILE_STRING_BYTES);
	if (clean.oom)
		return -ENOMEM;
	if (!clean.length)
		return 0;

	struct string_entry *e;
	HASH_FIND(hh, p->tables->strings, clean.text, clean.length, e);
	if (e)
		return e->index;
	if (p->strings.n >= TABLE_ROWS_MAX)
		return -E2BIG;
	e = calloc(1, sizeof(*e));
	char *copy = strdup(clean.text);
	if (!e || !copy || vec_push(&p->strings, copy)) {
		free(e);
		free(copy);
		return -ENOMEM;
	}
	e->index = p->strings.n - 1;
	HASH_ADD_KEYPTR(hh, p->tables->strings, copy, clean.length, e);
	if (!e->hh.tbl) {
		p->strings.n--;
		free(e);
		free(copy);
		return -ENOMEM;
	}
	return e->index;
}

int64_t profile_string(struct profile *p, const char *s)
{
	return profile_string_n(p, s, strlen(s));
}

int64_t profile_module(
	struct profile *p, const char *path, const uint8_t *build_id, uint32_t build_id_bytes)
{
	int64_t name = profile_string(p, path);

	if (name < 0)
		return name;
	if (build_id_bytes > PROFILE_BUILD_ID_BYTES)
		return -EINVAL;
	union row row;
	struct profile_module m = { .path = (uint32_t)name,
		.build_id_bytes = (uint8_t)build_id_bytes };

	if (build_id_bytes)
		memcpy(m.build_id, build_id, build_id_bytes);
	memset(&row, 0, sizeof(row));
	row.module.path = m.path;
	row.module.build_id_bytes = build_id_bytes;
	memcpy(row.module.build_id, m.build_id, sizeof(m.build_id));
	return add_once(&p->tables->modules, &p->modules, row, sizeof(row.module), m);
}

int64_t profile_frame(struct profile *p, const struct profile_frame *f)
{
	if (f->kind >= FRAME_KIND_COUNT || f->function >= p->strings.n || f->file >= p->strings.n ||
		f->module >= p->modules.n || f->outer >= p->frames.n || f->start > f->offset)
		return -EINVAL;
	union row row;

	memset(&row, 0, sizeof(row));
	row.frame.offset = f->offset;
	row.frame.start = f->start;
	row.frame.function = f->function;
	row.frame.file = f->file;
	row.frame.line = f->line;
	row.frame.module = f->module;
	row.frame.outer = f->outer;
	row.frame.kind = f->kind;
	row.frame.flags = f->flags;
	return add_once(&p->tables->frames, &p->frames, row, sizeof(row.frame), *f);
}

int64_t profile_stack(struct profile *p, uint32_t parent, uint32_t frame, uint32_t stop)
{
	if (parent >= p->stacks.n || frame >= p->frames.n || !frame || stop >= p->strings.n)
		return -EINVAL;
	union row row;

	memset(&row, 0, sizeof(row));
	row.stack.parent = parent;
	row.stack.frame = frame;
	row.stack.stop = parent ? 0 : stop;
	return add_once(&p->tables->stacks, &p->stacks, row, sizeof(row.stack),
		(struct profile_stack){ parent, frame, parent ? 0 : stop });
}

int64_t profile_process(struct profile *p, uint32_t pid, uint64_t start_ns)
{
	union row row;

	memset(&row, 0, sizeof(row));
	row.process.pid = pid;
	row.process.start_ns = start_ns;
	return add_once(&p->tables->processes, &p->processes, row, sizeof(row.process),
		(struct profile_process){ .pid = pid, .start_ns = start_ns });
}

int64_t profile_thread(struct profile *p, uint32_t process, uint32_t tid)
{
	if (process >= p->processes.n)
		return -EINVAL;
	union row row;

	memset(&row, 0, sizeof(row));
	row.thread.process = process;
	row.thread.tid = tid;
	return add_once(&p->tables->threads, &p->threads, row, sizeof(row.thread),
		(struct profile_thread){ .process = process, .tid = tid });
}

int profile_sample(struct profile *p, const struct profile_sample *s)
{
	if (s->thread >= p->threads.n || s->stack >= p->stacks.n || s->kind >= SAMPLE_KIND_COUNT)
		return -EINVAL;
	struct profile_tables *t = p->tables;

	if (s->bucket != t->sample_bucket) {
		row_table_done(&t->samples);
		t->sample_bucket = s->bucket;
	}
	union row row;
	memset(&row, 0, sizeof(row));
	row.sample.bucket = s->bucket;
	row.sample.thread = s->thread;
	row.sample.stack = s->stack;
	row.sample.kind = s->kind;
	struct row_entry *e = row_find(&t->samples, &row, sizeof(row.sample));
	if (e && p->samples.at[e->index].weight == s->weight) {
		p->samples.at[e->index].count += s->count;
		p->samples.at[e->index].value += s->value;
		return 0;
	}
	if (p->samples.n >= TABLE_ROWS_MAX)
		return -E2BIG;
	if (vec_push(&p->samples, *s))
		return -ENOMEM;
	return e ? 0 : row_add(&t->samples, &row, sizeof(row.sample), p->samples.n - 1);
}

/* Indexes the open samples of the bucket being added to anew, after rows have moved. A row that
 * cannot be indexed for want of memory only means that equal ones get a row of their own. */
static void index_open_samples(struct profile *p, uint32_t first)
{
	struct profile_tables *t = p->tables;

	row_table_done(&t->samples);
	for (uint32_t i = first; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.at[i];
		union row row;

		if (s->bucket != t->sample_bucket)
			continue;
		memset(&row, 0, sizeof(row));
		row.sample.bucket = s->bucket;
		row.sample.thread = s->thread;
		row.sample.stack = s->stack;
		row.sample.kind = s->kind;
		if (!row_find(&t->samples, &row, sizeof(row.sample)) &&
			row_add(&t->samples, &row, sizeof(row.sample), i))
			return;
	}
}

uint32_t profile_samples_close(struct profile *p, uint32_t first, uint32_t bucket)
{
	uint32_t open = first;

	/* Samples come nearly in order, so hardly anything moves. */
	for (uint32_t i = first; i < p->samples.n; i++) {
		struct profile_sample s = p->samples.at[i];

		if (s.bucket >= bucket)
			continue;
		memmove(&p->samples.at[open + 1], &p->samples.at[open],
			(i - open) * sizeof(*p->samples.at));
		p->samples.at[open++] = s;
	}
	index_open_samples(p, open);
	return open;
}

void profile_samples_drop(struct profile *p, uint32_t n)
{
	p->samples.n -= n;
	if (n && p->samples.n)
		memmove(p->samples.at, p->samples.at + n, p->samples.n * sizeof(*p->samples.at));
	index_open_samples(p, 0);
}

int profile_lost(struct profile *p, const char *name, const char *text, uint64_t count, bool add)
{
	int64_t n = profile_string(p, name);
	int64_t t = profile_string(p, text);

	if (n < 0 || t < 0)
		return -ENOMEM;
	vec_each (l, &p->lost) {
		if (l->name == (uint32_t)n) {
			l->count = add ? l->count + count : count;
			return 0;
		}
	}
	return vec_push(&p->lost, (struct profile_lost){ (uint32_t)n, (uint32_t)t, count });
}

int profile_fact(struct profile *p, const char *name, const char *value)
{
	int64_t n = profile_string(p, name);
	int64_t v = profile_string(p, value);

	if (n < 0 || v < 0)
		return -ENOMEM;
	vec_each (f, &p->facts) {
		if (f->name == (uint32_t)n) {
			f->value = (uint32_t)v;
			return 0;
		}
	}
	return vec_push(&p->facts, (struct profile_fact){ (uint32_t)n, (uint32_t)v });
}

const char *profile_fact_find(const struct profile *p, const char *name)
{
	vec_each (f, &p->facts)
		if (!strcmp(profile_str(p, f->name), name))
			return profile_str(p, f->value);
	return NULL;
}

int profile_source(struct profile *p, uint32_t file, uint32_t first_line, const char *text)
{
	CLEANUP_STRBUF struct strbuf clean = { 0 };

	if (file >= p->strings.n)
		return -EINVAL;
	text_sanitize(&clean, text, strlen(text));
	char *copy = strbuf_steal(&clean);
	if (!copy)
		return -ENOMEM;
	int r = vec_push(&p->sources, (struct profile_source){ file, first_line, copy });
	if (r)
		free(copy);
	return r;
}

static int breach(struct error *err, const char *table, uint32_t row, const char *what)
{
	return error_exit(err, EXIT_INPUT, -EBADMSG, "table '%s', row %u: %s", table, row, what);
}

int profile_check(const struct profile *p, struct error *err)
{
	CLEANUP(freep) uint16_t *depth = calloc(p->stacks.n, sizeof(*depth));

	if (!depth)
		return error_oom(err);
	for (uint32_t i = 0; i < p->modules.n; i++)
		if (p->modules.at[i].path >= p->strings.n ||
			p->modules.at[i].build_id_bytes > PROFILE_BUILD_ID_BYTES)
			return breach(err, "module", i, "refers to nothing");
	for (uint32_t i = 0; i < p->frames.n; i++) {
		const struct profile_frame *f = &p->frames.at[i];

		if (f->kind >= FRAME_KIND_COUNT || f->function >= p->strings.n ||
			f->file >= p->strings.n || f->module >= p->modules.n ||
			f->outer >= p->frames.n)
			return breach(err, "frame", i, "refers to nothing");
		if (f->start > f->offset)
			return breach(err, "frame", i, "lies in front of its function");
		uint32_t length = 0;
		for (uint32_t o = f->outer; o; o = p->frames.at[o].outer)
			if (o >= p->frames.n || ++length > PROFILE_INLINE_DEPTH)
				return breach(err, "frame", i, "its inline chain does not end");
	}
	for (uint32_t i = 1; i < p->stacks.n; i++) {
		const struct profile_stack *s = &p->stacks.at[i];

		if (s->parent >= i)
			return breach(err, "stack", i, "its parent does not come before it");
		if (!s->frame || s->frame >= p->frames.n || s->stop >= p->strings.n)
			return breach(err, "stack", i, "refers to nothing");
		depth[i] = depth[s->parent] + 1;
		if (depth[i] > PROFILE_DEPTH)
			return breach(err, "stack", i, "is too deep");
	}
	for (uint32_t i = 0; i < p->processes.n; i++)
		if (p->processes.at[i].comm >= p->strings.n ||
			p->processes.at[i].exe >= p->strings.n ||
			p->processes.at[i].command >= p->strings.n)
			return breach(err, "process", i, "refers to nothing");
	for (uint32_t i = 0; i < p->threads.n; i++)
		if (p->threads.at[i].process >= p->processes.n ||
			p->threads.at[i].comm >= p->strings.n)
			return breach(err, "thread", i, "refers to nothing");
	int64_t value = 0;
	for (uint32_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.at[i];

		if (s->thread >= p->threads.n || s->stack >= p->stacks.n ||
			s->kind >= SAMPLE_KIND_COUNT)
			return breach(err, "sample", i, "refers to nothing");
		if (s->value < 0 || !(s->weight > 0))
			return breach(err, "sample", i, "has a negative value");
		if (__builtin_add_overflow(value, s->value, &value))
			return breach(err, "sample", i, "makes the values add up to too much");
	}
	for (uint32_t i = 0; i < p->mappings.n; i++)
		if (p->mappings.at[i].process >= p->processes.n ||
			p->mappings.at[i].module >= p->modules.n)
			return breach(err, "mapping", i, "refers to nothing");
	for (uint32_t i = 0; i < p->sources.n; i++)
		if (p->sources.at[i].file >= p->strings.n)
			return breach(err, "source", i, "refers to nothing");
	for (uint32_t i = 0; i < p->libraries.n; i++)
		if (p->libraries.at[i].module >= p->modules.n ||
			p->libraries.at[i].package >= p->strings.n ||
			p->libraries.at[i].version >= p->strings.n)
			return breach(err, "library", i, "refers to nothing");
	return 0;
}

const char *profile_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void profile_frame_name(const struct profile *p, uint32_t frame, struct strbuf *out)
{
	const struct profile_frame *f = &p->frames.at[frame];

	if (f->function)
		strbuf_puts(out, profile_str(p, f->function));
	else if (f->kind == FRAME_JIT)
		strbuf_puts(out, "[jit]");
	else if (f->module)
		strbuf_printf(out, "%s+0x%llx",
			profile_basename(profile_str(p, p->modules.at[f->module].path)),
			(unsigned long long)(f->start ? f->start : f->offset));
	else
		strbuf_puts(out, "[unknown]");
}

uint32_t profile_stack_stop(const struct profile *p, uint32_t stack)
{
	while (p->stacks.at[stack].parent)
		stack = p->stacks.at[stack].parent;
	return p->stacks.at[stack].stop;
}

/*
 * Reading a recording into a profile; every value in it may be hostile.
 *
 * Rows with an id must stand in its order, 1, 2, 3 ... Equal rows become one (P5), so ids are
 * turned into indexes by a map for each table. References are checked before they are followed.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "recording/recording.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "recording/open.h"

enum {
	SMALL_ROWS_MAX = 4096, /* of facts and loss counters, whose add functions search */
	BUCKETS_MAX = 1 << 27, /* a year of buckets */
	SAMPLE_ROWS_MAX = 1 << 28,
};

struct id_map {
	VEC(uint32_t) index; /* by id; [0] = 0 */
};

struct reader {
	const char *path;
	struct opened *opened;
	struct profile *profile;
	struct error *err;
	struct id_map modules, processes, threads, frames, stacks;
	VEC(struct profile_frame) raw_frames; /* by id: module and outer are still ids */
	/* The row at hand. */
	const char *table;
	sqlite3_stmt *row;
	uint64_t row_number;
};

static void reader_done(struct reader *r)
{
	vec_done(&r->modules.index);
	vec_done(&r->processes.index);
	vec_done(&r->threads.index);
	vec_done(&r->frames.index);
	vec_done(&r->stacks.index);
	vec_done(&r->raw_frames);
	profile_free(r->profile);
}

static void statement_finalizep(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}

static int bad_row(struct reader *r, const char *what)
{
	return opened_damaged(r->path, r->err, "table '%s', row %llu: %s", r->table,
		(unsigned long long)r->row_number, what);
}

/* Turns what a profile's add function returned into an index or an error. */
static int added(struct reader *r, int64_t index, uint32_t *ret_index)
{
	if (index == -ENOMEM)
		return error_oom(r->err);
	if (index < 0)
		return bad_row(r, index == -E2BIG ? "is one too many" : "refers to nothing");
	*ret_index = (uint32_t)index;
	return 0;
}

/* ---- Columns --------------------------------------------------------------------------------- */

static int get_int(struct reader *r, int column, int64_t *ret)
{
	if (sqlite3_column_type(r->row, column) != SQLITE_INTEGER)
		return bad_row(r, "has no whole number where one must be");
	*ret = sqlite3_column_int64(r->row, column);
	return 0;
}

/* A number of 0..@max. */
static int get_u32(struct reader *r, int column, uint32_t max, uint32_t *ret)
{
	int64_t value = 0;
	int s = get_int(r, column, &value);

	if (!s && (value < 0 || value > max))
		return bad_row(r, "has a number out of its range");
	*ret = (uint32_t)value;
	return s;
}

static int get_u64(struct reader *r, int column, uint64_t *ret)
{
	int64_t value = 0;
	int s = get_int(r, column, &value);

	*ret = (uint64_t)value;
	return s;
}

static int get_double(struct reader *r, int column, double *ret)
{
	int type = sqlite3_column_type(r->row, column);

	*ret = sqlite3_column_double(r->row, column);
	if ((type != SQLITE_FLOAT && type != SQLITE_INTEGER) || !isfinite(*ret))
		return bad_row(r, "has no number where one must be");
	return 0;
}

/* The text of a column ("" for NULL), which lives until the next step. *ret_bytes without NUL. */
static int get_text(struct reader *r, int column, const char **ret, size_t *ret_bytes)
{
	int type = sqlite3_column_type(r->row, column);

	*ret = "";
	*ret_bytes = 0;
	if (type == SQLITE_NULL)
		return 0;
	if (type != SQLITE_TEXT)
		return bad_row(r, "has no text where one must be");
	*ret = (const char *)sqlite3_column_text(r->row, column);
	if (!*ret)
		return error_oom(r->err);
	*ret_bytes = (size_t)sqlite3_column_bytes(r->row, column);
	return 0;
}

static int get_string(struct reader *r, int column, uint32_t *ret)
{
	const char *text;
	size_t bytes;
	int s = get_text(r, column, &text, &bytes);

	return s ? s : added(r, profile_string_n(r->profile, text, bytes), ret);
}

/* An id of another table, turned into its index. */
static int get_reference(struct reader *r, int column, const struct id_map *map, uint32_t *ret)
{
	uint32_t id = 0;
	int s = get_u32(r, column, UINT32_MAX, &id);

	if (s)
		return s;
	if (id && id >= map->index.n)
		return bad_row(r, "refers to nothing");
	*ret = id ? map->index.at[id] : 0;
	return 0;
}

/* Adds @index under the id in column 0, which must be the next one. */
static int map_add(struct reader *r, struct id_map *map, uint32_t index)
{
	int64_t id = 0;
	int s = get_int(r, 0, &id);

	if (s)
		return s;
	if (!map->index.n && vec_push(&map->index, 0))
		return error_oom(r->err);
	if (id != map->index.n)
		return bad_row(r, "is out of order");
	return vec_push(&map->index, index) ? error_oom(r->err) : 0;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static int read_module(struct reader *r)
{
	uint8_t build_id[PROFILE_BUILD_ID_BYTES];
	const char *hex;
	size_t digits;
	uint32_t path, index;
	int s = get_string(r, 1, &path);

	if (!s)
		s = get_text(r, 2, &hex, &digits);
	if (s)
		return s;
	if (digits % 2 || digits > 2 * sizeof(build_id) ||
		strspn(hex, "0123456789abcdef") != digits)
		return bad_row(r, "has a bad build id");
	for (size_t i = 0; i < digits / 2; i++) {
		char byte[3] = { hex[2 * i], hex[2 * i + 1] };

		build_id[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	s = added(r,
		profile_module(
			r->profile, profile_str(r->profile, path), build_id, (uint32_t)digits / 2),
		&index);
	return s ? s : map_add(r, &r->modules, index);
}

static int read_process(struct reader *r)
{
	uint32_t pid, comm, exe, command, index;
	uint64_t start_ns;
	int s = get_u32(r, 1, UINT32_MAX, &pid);

	if (!s)
		s = get_u64(r, 2, &start_ns);
	if (!s)
		s = get_string(r, 3, &comm);
	if (!s)
		s = get_string(r, 4, &exe);
	if (!s)
		s = get_string(r, 5, &command);
	if (!s)
		s = added(r, profile_process(r->profile, pid, start_ns), &index);
	if (s)
		return s;
	struct profile_process *process = &r->profile->processes.at[index];
	process->comm = comm;
	process->exe = exe;
	process->command = command;
	return map_add(r, &r->processes, index);
}

static int read_thread(struct reader *r)
{
	uint32_t process, tid, comm, index;
	uint64_t on_cpu_ns;
	int s = get_reference(r, 1, &r->processes, &process);

	if (!s)
		s = get_u32(r, 2, UINT32_MAX, &tid);
	if (!s)
		s = get_string(r, 3, &comm);
	if (!s)
		s = get_u64(r, 4, &on_cpu_ns);
	if (!s)
		s = added(r, profile_thread(r->profile, process, tid), &index);
	if (s)
		return s;
	r->profile->threads.at[index].comm = comm;
	r->profile->threads.at[index].on_cpu_ns = on_cpu_ns;
	return map_add(r, &r->threads, index);
}

static int read_mapping(struct reader *r)
{
	struct profile_mapping m = { 0 };
	int s = get_reference(r, 0, &r->processes, &m.process);

	if (!s)
		s = get_reference(r, 1, &r->modules, &m.module);
	if (!s)
		s = get_u64(r, 2, &m.start);
	if (!s)
		s = get_u64(r, 3, &m.end);
	if (!s)
		s = get_u64(r, 4, &m.file_offset);
	if (s)
		return s;
	return vec_push(&r->profile->mappings, m) ? error_oom(r->err) : 0;
}

static int get_kind(struct reader *r, int column, int (*find)(const char *), uint8_t *ret)
{
	const char *name;
	size_t bytes;
	int s = get_text(r, column, &name, &bytes);
	int kind = s ? -1 : find(name);

	if (s)
		return s;
	if (kind < 0)
		return bad_row(r, "is of an unknown kind");
	*ret = (uint8_t)kind;
	return 0;
}

/* A frame may be inlined into one that comes later, so frames are kept until all are there. */
static int read_frame(struct reader *r)
{
	struct profile_frame f = { 0 };
	uint32_t flags;
	int s = get_kind(r, 1, frame_kind_find, &f.kind);

	if (!s)
		s = get_u32(r, 2, UINT8_MAX, &flags);
	if (!s)
		s = get_string(r, 3, &f.function);
	if (!s)
		s = get_string(r, 4, &f.file);
	if (!s)
		s = get_u32(r, 5, UINT32_MAX, &f.line);
	if (!s)
		s = get_reference(r, 6, &r->modules, &f.module);
	if (!s)
		s = get_u64(r, 7, &f.offset);
	if (!s)
		s = get_u32(r, 8, UINT32_MAX, &f.outer);
	if (!s)
		s = get_u64(r, 9, &f.start);
	if (s)
		return s;
	if (f.start > f.offset)
		return bad_row(r, "lies in front of its function");
	f.flags = (uint8_t)flags;
	if (!r->raw_frames.n && vec_push(&r->raw_frames, (struct profile_frame){ 0 }))
		return error_oom(r->err);
	if (vec_push(&r->raw_frames, f))
		return error_oom(r->err);
	return map_add(r, &r->frames, 0);
}

/* Adds a location's frames, outermost first. */
static int add_frame(struct reader *r, uint32_t id)
{
	uint32_t chain[PROFILE_INLINE_DEPTH + 1], n = 0;
	int s = 0;

	r->row_number = id;
	for (uint32_t f = id; f && !r->frames.index.at[f]; f = r->raw_frames.at[f].outer) {
		if (n > PROFILE_INLINE_DEPTH)
			return bad_row(r, "its inline chain does not end");
		if (r->raw_frames.at[f].outer >= r->raw_frames.n)
			return bad_row(r, "refers to nothing");
		chain[n++] = f;
	}
	while (!s && n--) {
		struct profile_frame f = r->raw_frames.at[chain[n]];

		f.outer = r->frames.index.at[f.outer];
		s = added(r, profile_frame(r->profile, &f), &r->frames.index.at[chain[n]]);
	}
	return s;
}

static int add_frames(struct reader *r)
{
	int s = 0;

	for (uint32_t id = 1; !s && id < r->raw_frames.n; id++)
		s = add_frame(r, id);
	return s;
}

static int read_stack(struct reader *r)
{
	uint32_t parent, frame, stop, index;
	int s = get_reference(r, 1, &r->stacks, &parent);

	if (!s)
		s = get_reference(r, 2, &r->frames, &frame);
	if (!s)
		s = get_string(r, 3, &stop);
	if (!s)
		s = added(r, profile_stack(r->profile, parent, frame, stop), &index);
	return s ? s : map_add(r, &r->stacks, index);
}

static int read_sample(struct reader *r)
{
	struct profile_sample sample = { 0 };
	int s = get_u32(r, 0, BUCKETS_MAX, &sample.bucket);

	if (!s)
		s = get_reference(r, 1, &r->threads, &sample.thread);
	if (!s)
		s = get_reference(r, 2, &r->stacks, &sample.stack);
	if (!s)
		s = get_kind(r, 3, sample_kind_find, &sample.kind);
	if (!s)
		s = get_u32(r, 4, UINT32_MAX, &sample.count);
	if (!s)
		s = get_int(r, 5, &sample.value);
	if (!s)
		s = get_double(r, 6, &sample.weight);
	if (s)
		return s;
	if (r->profile->samples.n >= SAMPLE_ROWS_MAX)
		return bad_row(r, "is one too many");
	return vec_push(&r->profile->samples, sample) ? error_oom(r->err) : 0;
}

static int read_lost(struct reader *r)
{
	uint32_t name, text, ignored;
	uint64_t count;
	int s = get_string(r, 0, &name);

	if (!s)
		s = get_string(r, 1, &text);
	if (!s)
		s = get_u64(r, 2, &count);
	if (s)
		return s;
	if (r->profile->lost.n >= SMALL_ROWS_MAX || count > INT64_MAX / SMALL_ROWS_MAX)
		return bad_row(r, "counts too much");
	return added(r,
		profile_lost(r->profile, profile_str(r->profile, name),
			profile_str(r->profile, text), count, false),
		&ignored);
}

static int read_fact(struct reader *r)
{
	uint32_t name, value, ignored;
	int s = get_string(r, 0, &name);

	if (!s)
		s = get_string(r, 1, &value);
	if (s)
		return s;
	if (r->profile->facts.n >= SMALL_ROWS_MAX)
		return bad_row(r, "is one too many");
	return added(r,
		profile_fact(
			r->profile, profile_str(r->profile, name), profile_str(r->profile, value)),
		&ignored);
}

static int read_source(struct reader *r)
{
	uint32_t file, first_line, ignored;
	const char *text;
	size_t bytes;
	int s = get_string(r, 0, &file);

	if (!s)
		s = get_u32(r, 1, UINT32_MAX, &first_line);
	if (!s)
		s = get_text(r, 2, &text, &bytes);
	return s ? s : added(r, profile_source(r->profile, file, first_line, text), &ignored);
}

static int read_library(struct reader *r)
{
	struct profile_library l = { 0 };
	int s = get_reference(r, 0, &r->modules, &l.module);

	if (!s)
		s = get_string(r, 1, &l.package);
	if (!s)
		s = get_string(r, 2, &l.version);
	if (s)
		return s;
	return vec_push(&r->profile->libraries, l) ? error_oom(r->err) : 0;
}

static int read_meta(struct reader *r)
{
	struct profile_capture *c = &r->profile->capture;
	const char *name;
	size_t bytes;
	uint32_t flag;
	int s = get_text(r, 0, &name, &bytes);

	if (s)
		return s;
	if (!strcmp(name, "rate_asked_hz"))
		return get_double(r, 1, &c->rate_asked_hz);
	if (!strcmp(name, "rate_had_hz"))
		return get_double(r, 1, &c->rate_had_hz);
	if (!strcmp(name, "start_unix_ns"))
		return get_u64(r, 1, &c->start_unix_ns);
	if (!strcmp(name, "duration_ns"))
		return get_u64(r, 1, &c->duration_ns);
	if (!strcmp(name, "on_cpu_ns"))
		return get_u64(r, 1, &c->on_cpu_ns);
	if (!strcmp(name, "bucket_ns"))
		return get_u32(r, 1, UINT32_MAX, &flag)
			       ?: flag == PROFILE_BUCKET_NS ? 0
							    : bad_row(r, "is not 250000000");
	if (!strcmp(name, "weights_imported")) {
		s = get_u32(r, 1, 1, &flag);
		c->weights_imported = flag;
		return s;
	}
	if (!strcmp(name, "finished")) {
		s = get_u32(r, 1, 1, &flag);
		c->unfinished = !flag;
		return s;
	}
	return bad_row(r, "has an unknown name");
}

static int read_table(
	struct reader *r, const char *table, const char *sql, int (*read_row)(struct reader *))
{
	CLEANUP(statement_finalizep) sqlite3_stmt *row = NULL;
	int rc, s = 0;

	r->table = table;
	r->row_number = 0;
	if (sqlite3_prepare_v2(r->opened->db, sql, -1, &row, NULL))
		return opened_error(r->opened, r->path, r->err);
	r->row = row;
	while (!s && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		r->row_number++;
		s = read_row(r);
	}
	r->row = NULL;
	if (s)
		return s;
	return rc == SQLITE_DONE ? 0 : opened_error(r->opened, r->path, r->err);
}

static int read_tables(struct reader *r)
{
	static const struct {
		const char *table, *sql;
		int (*read_row)(struct reader *);
		int (*after)(struct reader *);
	} tables[] = {
		{ "meta", "SELECT * FROM meta", read_meta },
		{ "fact", "SELECT * FROM fact", read_fact },
		{ "module", "SELECT * FROM module ORDER BY id", read_module },
		{ "process", "SELECT * FROM process ORDER BY id", read_process },
		{ "thread", "SELECT * FROM thread ORDER BY id", read_thread },
		{ "mapping", "SELECT * FROM mapping", read_mapping },
		{ "frame", "SELECT * FROM frame ORDER BY id", read_frame, add_frames },
		{ "stack", "SELECT * FROM stack ORDER BY id", read_stack },
		{ "sample", "SELECT * FROM sample", read_sample },
		{ "lost", "SELECT * FROM lost", read_lost },
		{ "source", "SELECT * FROM source", read_source },
		{ "library", "SELECT * FROM library", read_library },
	};
	int s = 0;

	r->profile->capture.unfinished = true;
	for (size_t i = 0; !s && i < sizeof(tables) / sizeof(*tables); i++) {
		s = read_table(r, tables[i].table, tables[i].sql, tables[i].read_row);
		if (!s && tables[i].after)
			s = tables[i].after(r);
	}
	return s;
}

/* A killed recorder has not said how long it recorded; its buckets have. */
static void complete_capture(struct profile *p)
{
	uint64_t buckets = 0;

	if (!p->capture.unfinished || p->capture.duration_ns)
		return;
	vec_each (s, &p->samples)
		if (s->bucket >= buckets)
			buckets = (uint64_t)s->bucket + 1;
	p->capture.duration_ns = buckets * PROFILE_BUCKET_NS;
}

int recording_read(const char *path, struct profile **ret, struct error *err)
{
	CLEANUP(opened_done) struct opened opened = { 0 };
	CLEANUP(reader_done) struct reader r = { .path = path, .opened = &opened, .err = err };
	struct error breach = { 0 };
	int s = opened_init(&opened, path, err);

	if (s)
		return s;
	r.profile = profile_new();
	if (!r.profile)
		return error_oom(err);
	s = read_tables(&r);
	if (s)
		return s;
	s = profile_check(r.profile, &breach);
	if (s == -ENOMEM)
		return error_oom(err);
	if (s)
		return opened_damaged(path, err, "%s", breach.text);
	complete_capture(r.profile);
	*ret = STEAL(r.profile);
	return 0;
}

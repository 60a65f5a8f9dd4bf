/*
 * Writing a recording while the capture runs.
 *
 * The writer remembers each row as it last wrote it. What differs is written again, so that names
 * which are learned later (comm, symbols) reach the file without anybody saying what changed.
 * Samples are only appended, once their bucket is closed.
 *
 * Durability: a write-ahead log with synchronous=OFF survives the death of the process at any
 * moment, not that of the machine. The log is in exclusive mode, so it needs no shared memory.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "recording/recording.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "recording/schema.h"

/* X(enumerator, SQL): the statements, prepared once. */
#define STATEMENTS(X)                                                  \
	X(PUT_META, "INSERT INTO meta VALUES(?,?)")                    \
	X(PUT_FACT, "INSERT INTO fact VALUES(?,?)")                    \
	X(PUT_LOST, "INSERT INTO lost VALUES(?,?,?)")                  \
	X(PUT_MODULE, "REPLACE INTO module VALUES(?,?,?)")             \
	X(PUT_PROCESS, "REPLACE INTO process VALUES(?,?,?,?,?,?)")     \
	X(PUT_THREAD, "REPLACE INTO thread VALUES(?,?,?,?,?)")         \
	X(PUT_MAPPING, "INSERT INTO mapping VALUES(?,?,?,?,?)")        \
	X(PUT_FRAME, "REPLACE INTO frame VALUES(?,?,?,?,?,?,?,?,?,?)") \
	X(PUT_STACK, "REPLACE INTO stack VALUES(?,?,?,?)")             \
	X(PUT_SAMPLE, "INSERT INTO sample VALUES(?,?,?,?,?,?,?)")      \
	X(PUT_SOURCE, "INSERT INTO source VALUES(?,?,?)")              \
	X(PUT_LIBRARY, "INSERT INTO library VALUES(?,?,?)")

enum statement {
#define X(e, sql) e,
	STATEMENTS(X)
#undef X
		STATEMENT_COUNT
};

struct recording {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	/* The rows as they stand in the file. */
	VEC(struct profile_process) processes;
	VEC(struct profile_thread) threads;
	VEC(struct profile_frame) frames;
	uint32_t modules, stacks, mappings;
	uint32_t samples;     /* closed samples of the profile that are in the file */
	struct error failure; /* set once a write failed: the file stays as it was before */
	bool finished;
};

/* ---- Errors ---------------------------------------------------------------------------------- */

/* Turns the database's last error into ours. */
static int write_error(struct recording *r, struct error *err)
{
	/* Of a failed write, the database only keeps that it failed; errno still has the cause. */
	int system = errno, rc = sqlite3_extended_errcode(r->db);
	if (rc != SQLITE_IOERR_WRITE)
		system = sqlite3_system_errno(r->db);
	bool full = (rc & 0xff) == SQLITE_FULL || system == ENOSPC || system == EFBIG ||
		    system == EDQUOT;

	if ((rc & 0xff) == SQLITE_NOMEM)
		return error_oom(err);
	if (full) {
		error_exit(err, EXIT_OUTPUT, -ENOSPC, "recording '%s' cannot grow: %s", r->path,
			system == EFBIG ? "file size limit reached" : "no space left");
		error_hint(err, "what was written until now can be read; make space or give "
				"another place with -o");
		return -ENOSPC;
	}
	error_exit(err, EXIT_OUTPUT, -EIO, "recording '%s' cannot be written: %s", r->path,
		system ? strerror(system) : sqlite3_errmsg(r->db));
	error_hint(err, "what was written until now can be read; give another place with -o");
	return -EIO;
}

static int run_sql(struct recording *r, const char *sql, struct error *err)
{
	return sqlite3_exec(r->db, sql, NULL, NULL, NULL) ? write_error(r, err) : 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* A statement with its values bound from left to right; empty texts and no build id are NULL. */
struct put {
	struct recording *recording;
	sqlite3_stmt *statement;
	int column, rc;
};

static struct put put_start(struct recording *r, enum statement which)
{
	return (struct put){ r, r->statements[which], 0, SQLITE_OK };
}

/* 64-bit values keep their bits: above 2^63 they read as negative numbers. */
static void put_int(struct put *put, uint64_t value)
{
	put->rc |= sqlite3_bind_int64(put->statement, ++put->column, (sqlite3_int64)value);
}

static void put_double(struct put *put, double value)
{
	put->rc |= sqlite3_bind_double(put->statement, ++put->column, value);
}

static void put_text(struct put *put, const char *text)
{
	put->rc |= *text ? sqlite3_bind_text(put->statement, ++put->column, text, -1, SQLITE_STATIC)
			 : sqlite3_bind_null(put->statement, ++put->column);
}

static void put_string(struct put *put, const struct profile *p, uint32_t string)
{
	put_text(put, profile_str(p, string));
}

static int put_end(struct put *put, struct error *err)
{
	int rc = put->rc ? put->rc : sqlite3_step(put->statement);

	if (rc == SQLITE_DONE) {
		sqlite3_reset(put->statement);
		return 0;
	}
	int r = write_error(put->recording, err);
	sqlite3_reset(put->statement);
	return r;
}

static int put_module(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_module *m = &p->modules.at[i];
	char hex[2 * PROFILE_BUILD_ID_BYTES + 1] = "";
	struct put put = put_start(r, PUT_MODULE);

	for (uint32_t b = 0; b < m->build_id_bytes; b++)
		snprintf(hex + (size_t)2 * b, 3, "%02x", m->build_id[b]);
	put_int(&put, i);
	put_string(&put, p, m->path);
	put_text(&put, hex);
	return put_end(&put, err);
}

static int put_process(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_process *process = &p->processes.at[i];
	struct put put = put_start(r, PUT_PROCESS);

	put_int(&put, i);
	put_int(&put, process->pid);
	put_int(&put, process->start_ns);
	put_string(&put, p, process->comm);
	put_string(&put, p, process->exe);
	put_string(&put, p, process->command);
	return put_end(&put, err);
}

static int put_thread(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_thread *thread = &p->threads.at[i];
	struct put put = put_start(r, PUT_THREAD);

	put_int(&put, i);
	put_int(&put, thread->process);
	put_int(&put, thread->tid);
	put_string(&put, p, thread->comm);
	put_int(&put, thread->on_cpu_ns);
	return put_end(&put, err);
}

static int put_frame(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_frame *f = &p->frames.at[i];
	struct put put = put_start(r, PUT_FRAME);

	put_int(&put, i);
	put_text(&put, frame_kind_name(f->kind));
	put_int(&put, f->flags);
	put_string(&put, p, f->function);
	put_string(&put, p, f->file);
	put_int(&put, f->line);
	put_int(&put, f->module);
	put_int(&put, f->offset);
	put_int(&put, f->outer);
	put_int(&put, f->start);
	return put_end(&put, err);
}

static int put_stack(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_stack *s = &p->stacks.at[i];
	struct put put = put_start(r, PUT_STACK);

	put_int(&put, i);
	put_int(&put, s->parent);
	put_int(&put, s->frame);
	put_string(&put, p, s->stop);
	return put_end(&put, err);
}

static int put_mapping(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_mapping *m = &p->mappings.at[i];
	struct put put = put_start(r, PUT_MAPPING);

	put_int(&put, m->process);
	put_int(&put, m->module);
	put_int(&put, m->start);
	put_int(&put, m->end);
	put_int(&put, m->file_offset);
	return put_end(&put, err);
}

static int put_sample(struct recording *r, const struct profile *p, uint32_t i, struct error *err)
{
	const struct profile_sample *s = &p->samples.at[i];
	struct put put = put_start(r, PUT_SAMPLE);

	put_int(&put, s->bucket);
	put_int(&put, s->thread);
	put_int(&put, s->stack);
	put_text(&put, sample_kind_name(s->kind));
	put_int(&put, s->count);
	put_int(&put, (uint64_t)s->value);
	put_double(&put, s->weight);
	return put_end(&put, err);
}

static int put_meta(struct recording *r, const char *name, bool real, double number, uint64_t whole,
	struct error *err)
{
	struct put put = put_start(r, PUT_META);

	put_text(&put, name);
	if (real)
		put_double(&put, number);
	else
		put_int(&put, whole);
	return put_end(&put, err);
}

/* ---- What a write consists of ---------------------------------------------------------------- */

/* The few rows without identity are written anew each time. */
static int write_meta(struct recording *r, const struct profile *p, struct error *err)
{
	const struct profile_capture *c = &p->capture;
	const struct {
		const char *name;
		bool real;
		double number;
		uint64_t whole;
	} rows[] = {
		{ "bucket_ns", .whole = PROFILE_BUCKET_NS },
		{ "rate_asked_hz", true, c->rate_asked_hz },
		{ "rate_had_hz", true, c->rate_had_hz },
		{ "start_unix_ns", .whole = c->start_unix_ns },
		{ "duration_ns", .whole = c->duration_ns },
		{ "on_cpu_ns", .whole = c->on_cpu_ns },
		{ "weights_imported", .whole = c->weights_imported },
		{ "finished", .whole = r->finished },
	};
	int ret = run_sql(r, "DELETE FROM meta; DELETE FROM fact; DELETE FROM lost;", err);

	for (size_t i = 0; !ret && i < sizeof(rows) / sizeof(*rows); i++)
		ret = put_meta(r, rows[i].name, rows[i].real, rows[i].number, rows[i].whole, err);
	for (uint32_t i = 0; !ret && i < p->facts.n; i++) {
		struct put put = put_start(r, PUT_FACT);

		put_string(&put, p, p->facts.at[i].name);
		put_string(&put, p, p->facts.at[i].value);
		ret = put_end(&put, err);
	}
	for (uint32_t i = 0; !ret && i < p->lost.n; i++) {
		struct put put = put_start(r, PUT_LOST);

		put_string(&put, p, p->lost.at[i].name);
		put_string(&put, p, p->lost.at[i].text);
		put_int(&put, p->lost.at[i].count);
		ret = put_end(&put, err);
	}
	return ret;
}

/* Writes the rows of a table that are new or differ from what is in the file. */
#define WRITE_CHANGED(r, p, table, put, err)                                                     \
	({                                                                                       \
		int ret_ = vec_reserve(&(r)->table, (p)->table.n) ? 0 : error_oom(err);          \
		for (uint32_t i_ = (r)->table.n ? 0 : 1; !ret_ && i_ < (p)->table.n; i_++) {     \
			if (i_ < (r)->table.n && !memcmp(&(r)->table.at[i_], &(p)->table.at[i_], \
							 sizeof(*(p)->table.at)))                \
				continue;                                                        \
			ret_ = put((r), (p), i_, (err));                                         \
		}                                                                                \
		if (!ret_) {                                                                     \
			memcpy((r)->table.at, (p)->table.at,                                     \
				(size_t)(p)->table.n * sizeof(*(p)->table.at));                  \
			(r)->table.n = (p)->table.n;                                             \
		}                                                                                \
		ret_;                                                                            \
	})

/* Writes rows [*done, n) and moves *done. */
static int write_new(struct recording *r, const struct profile *p, uint32_t *done, uint32_t n,
	int (*put)(struct recording *, const struct profile *, uint32_t, struct error *),
	struct error *err)
{
	int ret = 0;

	for (; !ret && *done < n; ++*done)
		ret = put(r, p, *done, err);
	return ret;
}

static int write_rows(
	struct recording *r, const struct profile *p, uint32_t samples_end, struct error *err)
{
	int ret = write_meta(r, p, err);

	if (!ret)
		ret = write_new(r, p, &r->modules, p->modules.n, put_module, err);
	if (!ret)
		ret = WRITE_CHANGED(r, p, processes, put_process, err);
	if (!ret)
		ret = WRITE_CHANGED(r, p, threads, put_thread, err);
	if (!ret)
		ret = write_new(r, p, &r->mappings, p->mappings.n, put_mapping, err);
	if (!ret)
		ret = WRITE_CHANGED(r, p, frames, put_frame, err);
	if (!ret)
		ret = write_new(r, p, &r->stacks, p->stacks.n, put_stack, err);
	if (!ret)
		ret = write_new(r, p, &r->samples, samples_end, put_sample, err);
	return ret;
}

static int write_attachments(struct recording *r, const struct profile *p, struct error *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < p->sources.n; i++) {
		struct put put = put_start(r, PUT_SOURCE);

		put_string(&put, p, p->sources.at[i].file);
		put_int(&put, p->sources.at[i].first_line);
		put_text(&put, p->sources.at[i].text);
		ret = put_end(&put, err);
	}
	for (uint32_t i = 0; !ret && i < p->libraries.n; i++) {
		struct put put = put_start(r, PUT_LIBRARY);

		put_int(&put, p->libraries.at[i].module);
		put_string(&put, p, p->libraries.at[i].package);
		put_string(&put, p, p->libraries.at[i].version);
		ret = put_end(&put, err);
	}
	return ret;
}

/* One transaction; a failure is remembered, because the writer's memory of the rows is then ahead
 * of the file. */
static int write_all(struct recording *r, const struct profile *p, uint32_t samples_end, bool last,
	struct error *err)
{
	struct error failure = { 0 };

	if (r->failure.code) {
		if (err)
			*err = r->failure;
		return r->failure.code;
	}
	r->finished = last;
	int ret = run_sql(r, "BEGIN", &failure);
	if (!ret)
		ret = write_rows(r, p, samples_end, &failure);
	if (!ret && last)
		ret = write_attachments(r, p, &failure);
	if (!ret)
		ret = run_sql(r, "COMMIT", &failure);
	if (!ret)
		return 0;
	if (!sqlite3_get_autocommit(r->db))
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	r->failure = failure;
	if (err)
		*err = failure;
	return ret;
}

int recording_write(struct recording *r, struct profile *p, bool discard_written, struct error *err)
{
	uint32_t newest = 0;

	for (uint32_t i = r->samples; i < p->samples.n; i++)
		if (p->samples.at[i].bucket > newest)
			newest = p->samples.at[i].bucket;
	uint32_t closed = profile_samples_close(p, r->samples, newest);
	int ret = write_all(r, p, closed, false, err);
	if (ret)
		return ret;
	if (discard_written) {
		profile_samples_drop(p, closed);
		r->samples = 0;
	}
	return 0;
}

static void close_database(struct recording *r)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(r->statements[i]);
		r->statements[i] = NULL;
	}
	sqlite3_close(r->db);
	r->db = NULL;
}

/* Ends the log: the database becomes one file, and its bytes reach the disk. */
static int make_single_file(struct recording *r, struct error *err)
{
	int ret = run_sql(r, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE;", err);

	if (ret)
		return ret;
	close_database(r);
	CLEANUP(fd_closep) int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && !fsync(fd))
		return 0;
	int code = -errno;
	return error_exit(err, EXIT_OUTPUT, code, "recording '%s' cannot be synced: %s", r->path,
		strerror(-code));
}

int recording_finish(struct recording *r, struct profile *p, struct error *err)
{
	int ret = write_all(r, p, p->samples.n, true, err);

	return ret ? ret : make_single_file(r, err);
}

/* ---- Creating -------------------------------------------------------------------------------- */

static int path_error(const char *path, int code, struct error *err)
{
	error_exit(
		err, EXIT_OUTPUT, code, "cannot create recording '%s': %s", path, strerror(-code));
	error_hint(err, "give another place with -o");
	return code;
}

/* Removes an old recording, and logs that would be taken for those of the new one. */
static int remove_old(const char *path, bool overwrite, struct error *err)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	struct stat st;

	if (!lstat(path, &st)) {
		if (!S_ISREG(st.st_mode)) {
			error_exit(err, EXIT_OUTPUT, -EINVAL, "'%s' is not a regular file", path);
			error_hint(err, "links and devices are not written through; give another "
					"place with -o");
			return -EINVAL;
		}
		if (!overwrite) {
			error_exit(err, EXIT_OUTPUT, -EEXIST, "'%s' exists already", path);
			error_hint(err, "overwrite it with --force, or give another name with -o");
			return -EEXIST;
		}
		if (unlink(path))
			return path_error(path, -errno, err);
	} else if (errno != ENOENT) {
		return path_error(path, -errno, err);
	}
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		CLEANUP_STRBUF struct strbuf log = { 0 };

		strbuf_printf(&log, "%s%s", path, suffixes[i]);
		if (log.oom)
			return error_oom(err);
		if (unlink(strbuf_cstr(&log)) && errno != ENOENT)
			return path_error(strbuf_cstr(&log), -errno, err);
	}
	return 0;
}

static int create_schema(struct recording *r, struct error *err)
{
	CLEANUP_STRBUF struct strbuf sql = { 0 };

	/* The schema goes into the file before the log exists, so that even an empty recording
	 * has a header that says what it is. */
	strbuf_printf(&sql,
		"PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;"
		"PRAGMA application_id=%d; PRAGMA user_version=%d; BEGIN;",
		RECORDING_APPLICATION_ID, RECORDING_VERSION);
	for (size_t i = 0; i < schema_object_count; i++)
		strbuf_printf(&sql, "%s;", schema_objects[i].sql);
	strbuf_puts(&sql, "COMMIT; PRAGMA journal_mode=WAL;");
	return sql.oom ? error_oom(err) : run_sql(r, strbuf_cstr(&sql), err);
}

static int prepare(struct recording *r, struct error *err)
{
	static const char *const sql[] = {
#define X(e, text) [e] = text,
		STATEMENTS(X)
#undef X
	};

	for (int i = 0; i < STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(
			    r->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &r->statements[i], NULL))
			return write_error(r, err);
	return 0;
}

static int open_database(struct recording *r, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE;

	if (sqlite3_open_v2(r->path, &r->db, flags, NULL))
		return r->db ? write_error(r, err) : error_oom(err);
	int ret = create_schema(r, err);
	return ret ? ret : prepare(r, err);
}

CLEANUP_DEFINE(struct recording *, recording_close)

int recording_create(const char *path, bool overwrite, struct recording **ret, struct error *err)
{
	CLEANUP(recording_closep) struct recording *r = calloc(1, sizeof(*r));

	/* "./" keeps SQLite from giving a meaning to names such as ":memory:". */
	if (!r || asprintf(&r->path, "%s%s", path[0] == '/' ? "" : "./", path) < 0)
		return error_oom(err);
	r->modules = r->stacks = 1;
	int status = remove_old(r->path, overwrite, err);
	if (status)
		return status;
	int fd = open(r->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return path_error(path, -errno, err);
	close(fd); /* before the database locks the file: closing any descriptor drops the locks */
	status = open_database(r, err);
	if (status) {
		unlink(r->path);
		return status;
	}
	*ret = STEAL(r);
	return 0;
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	close_database(r);
	vec_done(&r->processes);
	vec_done(&r->threads);
	vec_done(&r->frames);
	free(r->path);
	free(r);
}

/*
 * Opening a recording that may be anything, without changing it.
 *
 * The file is opened as immutable: no locks, no logs, no write, whatever its folder allows. Only
 * when a recorder was killed is there a log that belongs to it; then both are copied to a private
 * folder, where SQLite may recover the copy.
 *
 * Against hostile files: the schema is compared with ours as text before any table is read; nothing
 * of the file is executed (no views, triggers, or functions from the schema); lengths are limited;
 * and a file whose pages form a maze is given up after a number of steps in proportion to its size.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "recording/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "recording/schema.h"

enum {
	HEADER_BYTES = 100, /* sqlite.org/fileformat2.html, section 1.3 */
	HEADER_PAGE_BYTES = 16,
	HEADER_PAGES = 28,
	HEADER_VERSION = 60,
	HEADER_APPLICATION = 68,
	LOCK_FIRST_BYTE = 0x40000000, /* section "locking" of the same: pending, reserved, shared */
	LOCK_BYTES = 512,
	TEXT_BYTES_MAX = 16 << 20,
	STEPS_PER_CALL = 1000, /* between two calls of the progress handler */
};

int opened_damaged(const char *path, struct error *err, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	error_exit(err, EXIT_INPUT, -EBADMSG, "recording '%s' is damaged: %s", path, what);
	error_hint(err, "copy it again from where it was made, or record again");
	return -EBADMSG;
}

int opened_error(const struct opened *o, const char *path, struct error *err)
{
	int rc = o->db ? sqlite3_errcode(o->db) : SQLITE_NOMEM;

	if (rc == SQLITE_NOMEM)
		return error_oom(err);
	if (rc == SQLITE_INTERRUPT)
		return opened_damaged(path, err, "it takes too many steps to read for its size");
	return opened_damaged(path, err, "%s", sqlite3_errmsg(o->db));
}

static int cannot_open(const char *path, int code, struct error *err)
{
	error_exit(err, EXIT_INPUT, code, "cannot open recording '%s': %s", path, strerror(-code));
	if (code == -EACCES || code == -EPERM)
		error_hint(err, "recordings belong to who made them: read it as that user, or "
				"change its owner");
	else if (code == -ENOENT)
		error_hint(err, "make one with: assay record -o FILE");
	return code;
}

static uint32_t big_endian(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int check_header(const char *path, const unsigned char *header, ssize_t n, struct error *err)
{
	if (n < HEADER_BYTES || memcmp(header, "SQLite format 3", 16) ||
		big_endian(header + HEADER_APPLICATION) != RECORDING_APPLICATION_ID) {
		error_exit(err, EXIT_INPUT, -EBADMSG, "'%s' is not an assay recording", path);
		error_hint(err, "recordings are made with: assay record -o FILE");
		return -EBADMSG;
	}
	uint32_t version = big_endian(header + HEADER_VERSION);
	if (version > RECORDING_VERSION) {
		error_exit(err, EXIT_INPUT, -EBADMSG,
			"recording '%s' was made by a newer assay (format %u, this one knows %u)",
			path, version, RECORDING_VERSION);
		error_hint(err, "upgrade assay, or export the recording where it was made");
		return -EBADMSG;
	}
	if (version != RECORDING_VERSION)
		return opened_damaged(path, err, "there is no format %u", version);
	return 0;
}

/* The recorder holds a lock on the file as long as it lives. */
static int check_unlocked(const char *path, int fd, struct error *err)
{
	struct flock lock = { .l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCK_FIRST_BYTE,
		.l_len = LOCK_BYTES };

	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	error_exit(err, EXIT_INPUT, -EBUSY, "'%s' is still being recorded (by process %d)", path,
		(int)lock.l_pid);
	error_hint(err, "wait until it ends, or end it with Ctrl-C");
	return -EBUSY;
}

/* How long the file says it is. */
static uint64_t whole_bytes(const unsigned char *header)
{
	uint32_t page = (uint32_t)header[HEADER_PAGE_BYTES] << 8 | header[HEADER_PAGE_BYTES + 1];

	return (uint64_t)(page == 1 ? 65536 : page) * big_endian(header + HEADER_PAGES);
}

static int check_file(
	const char *path, int fd, uint64_t *ret_bytes, uint64_t *ret_whole_bytes, struct error *err)
{
	unsigned char header[HEADER_BYTES] = { 0 };
	struct stat st;

	if (fstat(fd, &st))
		return cannot_open(path, -errno, err);
	if (!S_ISREG(st.st_mode)) {
		error_exit(err, EXIT_INPUT, -EINVAL, "'%s' is not a regular file", path);
		error_hint(err, "give a recording made with: assay record -o FILE");
		return -EINVAL;
	}
	*ret_bytes = (uint64_t)st.st_size;
	ssize_t n = pread(fd, header, sizeof(header), 0);
	if (n < 0)
		return cannot_open(path, -errno, err);
	*ret_whole_bytes = whole_bytes(header);
	int r = check_header(path, header, n, err);
	return r ? r : check_unlocked(path, fd, err);
}

/* ---- The copy of a recording whose recorder was killed --------------------------------------- */

static int copy_file(int from, int folder, const char *name)
{
	CLEANUP(fd_closep)
	int to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char bytes[65536];
	ssize_t n;

	if (to < 0)
		return -errno;
	for (off_t at = 0; (n = pread(from, bytes, sizeof(bytes), at)) > 0; at += n)
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(to, bytes + done, (size_t)(n - done))) < 0)
				return -errno;
	return n < 0 ? -errno : 0;
}

static int make_copy(struct opened *o, const char *path, int fd, int log, struct error *err)
{
	const char *tmp = secure_getenv("TMPDIR");
	char *folder;

	if (asprintf(&folder, "%s/assay-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
		return error_oom(err);
	int r = mkdtemp(folder) ? 0 : -errno;
	if (!r) {
		CLEANUP(fd_closep) int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

		o->copy = STEAL(folder);
		r = at < 0 ? -errno : copy_file(fd, at, "r");
		if (!r)
			r = copy_file(log, at, "r-wal");
	}
	free(folder);
	if (!r)
		return 0;
	error_exit(err, EXIT_INPUT, r, "cannot copy the unfinished recording '%s': %s", path,
		strerror(-r));
	error_hint(err, "its log has to be applied to a copy: make space in the folder for "
			"temporary files, or set TMPDIR");
	return r;
}

/* Opens the log of a killed recorder. *ret_fd is -1 when there is none. */
static int open_log(const char *path, int *ret_fd, uint64_t *ret_bytes, struct error *err)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };
	struct stat st;

	strbuf_printf(&name, "%s-wal", path);
	if (name.oom)
		return error_oom(err);
	CLEANUP(fd_closep) int fd = open(strbuf_cstr(&name), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
		return cannot_open(strbuf_cstr(&name), -errno, err);
	*ret_bytes = 0;
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		*ret_bytes = (uint64_t)st.st_size;
		*ret_fd = fd_steal(&fd);
	}
	return 0;
}

/* ---- The database ---------------------------------------------------------------------------- */

static int count_steps(void *opened)
{
	struct opened *o = opened;

	return !o->steps_left || !--o->steps_left;
}

static void restrict_database(struct opened *o)
{
	static const int limits[][2] = { { SQLITE_LIMIT_LENGTH, TEXT_BYTES_MAX },
		{ SQLITE_LIMIT_SQL_LENGTH, 65536 }, { SQLITE_LIMIT_COLUMN, 64 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 64 }, { SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 }, { SQLITE_LIMIT_WORKER_THREADS, 0 } };

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		sqlite3_limit(o->db, limits[i][0], limits[i][1]);
	sqlite3_db_config(o->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(o->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(o->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(o->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(o->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	/* A row takes at least some 8 bytes and at most some 100 steps. */
	o->steps_left = (o->bytes * 16 + 10000000) / STEPS_PER_CALL;
	sqlite3_progress_handler(o->db, STEPS_PER_CALL, count_steps, o);
}

/* A file: URI with everything but plain characters escaped. */
static void add_uri(struct strbuf *uri, const char *path)
{
	strbuf_puts(uri, path[0] == '/' ? "file:" : "file:./");
	for (; *path; path++) {
		bool plain = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
			     (*path >= '0' && *path <= '9') || strchr("/._-", *path);

		if (plain)
			strbuf_putc(uri, *path);
		else
			strbuf_printf(uri, "%%%02X", (unsigned char)*path);
	}
}

static int open_database(struct opened *o, const char *path, struct error *err)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };
	int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;

	if (o->copy) {
		add_uri(&name, o->copy);
		strbuf_puts(&name, "/r");
		flags |= SQLITE_OPEN_READWRITE;
	} else {
		add_uri(&name, path);
		strbuf_puts(&name, "?immutable=1");
		flags |= SQLITE_OPEN_READONLY;
	}
	if (name.oom)
		return error_oom(err);
	if (sqlite3_open_v2(strbuf_cstr(&name), &o->db, flags, NULL))
		return opened_error(o, path, err);
	restrict_database(o);
	static const char setup[] = "PRAGMA mmap_size=0; PRAGMA cell_size_check=ON;"
				    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF;"
				    "PRAGMA temp_store=MEMORY;";
	return sqlite3_exec(o->db, setup, NULL, NULL, NULL) ? opened_error(o, path, err) : 0;
}

static bool is_text(sqlite3_stmt *s, int column, const char *expected)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text && !strcmp(text, expected);
}

/* Every object must be ours, in our order, and nothing else: then no table can be a view, and no
 * column a computed one. */
static int check_schema(struct opened *o, const char *path, struct error *err)
{
	sqlite3_stmt *s;
	size_t n = 0;
	int rc;

	if (sqlite3_prepare_v2(o->db, "SELECT type, name, sql FROM sqlite_schema ORDER BY rowid",
		    -1, &s, NULL))
		return opened_error(o, path, err);
	bool same = true;
	for (; (rc = sqlite3_step(s)) == SQLITE_ROW && same; n++) {
		const struct schema_object *want = &schema_objects[n];

		same = n < schema_object_count && is_text(s, 0, want->type) &&
		       is_text(s, 1, want->name) && is_text(s, 2, want->sql);
	}
	int r = 0;
	if (same && rc != SQLITE_DONE)
		r = opened_error(o, path, err);
	else if (!same || n != schema_object_count)
		r = opened_damaged(
			path, err, "its tables are not those of format %d", RECORDING_VERSION);
	sqlite3_finalize(s);
	return r;
}

int opened_init(struct opened *o, const char *path, struct error *err)
{
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	CLEANUP(fd_closep) int log = -1;
	uint64_t log_bytes = 0, whole = 0;

	if (fd < 0)
		return cannot_open(path, -errno, err);
	int r = check_file(path, fd, &o->bytes, &whole, err);
	if (!r)
		r = open_log(path, &log, &log_bytes, err);
	if (r)
		return r;
	/* With a log, the last pages may be there alone. */
	if (log < 0 && o->bytes < whole)
		return opened_damaged(path, err, "%llu of its %llu bytes are missing",
			(unsigned long long)(whole - o->bytes), (unsigned long long)whole);
	o->bytes += log_bytes;
	if (log >= 0)
		r = make_copy(o, path, fd, log, err);
	if (!r)
		r = open_database(o, path, err);
	return r ? r : check_schema(o, path, err);
}

void opened_done(struct opened *o)
{
	static const char *const names[] = { "/r", "/r-wal", "/r-shm", "/r-journal" };

	sqlite3_close(o->db);
	for (size_t i = 0; o->copy && i < sizeof(names) / sizeof(*names); i++) {
		CLEANUP_STRBUF struct strbuf name = { 0 };

		strbuf_printf(&name, "%s%s", o->copy, names[i]);
		if (!name.oom)
			unlink(strbuf_cstr(&name));
	}
	if (o->copy)
		rmdir(o->copy);
	free(o->copy);
}

/* Recordings: what is written reads back, what was committed survives, hostile files are refused.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "profile/profile.h"
#include "recording/recording.h"

CLEANUP_DEFINE(struct profile *, profile_free)

static char folder[64], path[128];

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(name);
}

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/assay-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.assay", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static struct profile_sample sample_of(uint32_t bucket, uint32_t thread, uint32_t stack)
{
	return (struct profile_sample){ .bucket = bucket,
		.thread = thread,
		.stack = stack,
		.count = 1,
		.value = 10101010,
		.weight = 1 };
}

static uint32_t add_stacks(struct profile *p)
{
	uint8_t build_id[20] = { 0xde, 0xad, 0, 1 };
	struct profile_frame root = { .kind = FRAME_NATIVE,
		.offset = 0x1234,
		.line = 88,
		.function = string(p, "ma\nin;<b>\xc3\xa9"),
		.file = string(p, "/src/orders.py"),
		.module = (uint32_t)profile_module(p, "/srv/app", build_id, sizeof(build_id)) };
	struct profile_frame kernel = { .kind = FRAME_KERNEL,
		.flags = FRAME_FLAG_GUESSED,
		.offset = 0xffffffff81000042ull,
		.start = 0xffffffff81000040ull,
		.module = (uint32_t)profile_module(p, "[kernel]", NULL, 0) };
	uint32_t bottom =
		(uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &root), string(p, "end"));
	uint32_t leaf = (uint32_t)profile_frame(p, &kernel);

	/* As symbolizing does: a frame in use becomes an inlined one, its host comes later. */
	struct profile_frame host = { .kind = FRAME_NATIVE,
		.function = string(p, "host"),
		.offset = kernel.offset,
		.module = kernel.module };
	uint32_t stack = (uint32_t)profile_stack(p, bottom, leaf, 0);
	p->frames.at[leaf].outer = (uint32_t)profile_frame(p, &host);
	return stack;
}

static struct profile *full_profile(void)
{
	struct profile *p = profile_new();
	uint32_t process = (uint32_t)profile_process(p, 4211, 77);
	uint32_t thread = (uint32_t)profile_thread(p, process, 4212);
	uint32_t stack = add_stacks(p);

	p->processes.at[process].comm = string(p, "orders");
	p->processes.at[process].exe = string(p, "/srv/app");
	p->processes.at[process].command = string(p, "/srv/app --fast 'a b'");
	p->threads.at[thread].comm = string(p, "worker \x1b[31m");
	p->threads.at[thread].on_cpu_ns = 123456789;
	vec_push(&p->mappings, (struct profile_mapping){ process, 1, 0x400000, 0x500000, 4096 });
	for (uint32_t i = 0; i < 50; i++) {
		struct profile_sample s = sample_of(i / 5, i % 2 ? thread : 0, i % 3 ? stack : 1);

		assert_int_equal(profile_sample(p, &s), 0);
	}
	p->samples.at[3].weight = 0.1;
	profile_source(p, string(p, "/src/orders.py"), 80, "a\n\tb\n<script>\n");
	vec_push(&p->libraries,
		(struct profile_library){ 1, string(p, "libc6"), string(p, "2.36-9") });
	profile_lost(p, "ring_full", "the ring buffer was full", 1ull << 40, false);
	profile_fact(p, "kernel_release", "6.1.0");
	profile_fact(p, "empty", "");
	p->capture = (struct profile_capture){ 99, 98.7654321, 1790000000123456789, 2600000000,
		987654321, true, false };
	return p;
}

/* Everything a profile says, as text: what must be equal after reading. */
static void describe_stack(const struct profile *p, uint32_t stack, struct strbuf *out)
{
	struct stack_walk w = stack_walk(p, stack);

	for (uint32_t i; (i = stack_walk_next(&w));) {
		const struct profile_frame *f = &p->frames.at[i];
		const struct profile_module *m = &p->modules.at[f->module];

		strbuf_printf(out, " [%u %u %s %s %u %llx %llx %s ", f->kind, f->flags,
			profile_str(p, f->function), profile_str(p, f->file), f->line,
			(unsigned long long)f->offset, (unsigned long long)f->start,
			profile_str(p, m->path));
		for (int b = 0; b < m->build_id_bytes; b++)
			strbuf_printf(out, "%02x", m->build_id[b]);
		strbuf_putc(out, ']');
	}
	strbuf_printf(out, " %s\n", profile_str(p, profile_stack_stop(p, stack)));
}

static void describe_thread(const struct profile *p, uint32_t thread, struct strbuf *out)
{
	const struct profile_thread *t = &p->threads.at[thread];
	const struct profile_process *q = &p->processes.at[t->process];

	strbuf_printf(out, "%u %llu %s %s %s / %u %s %llu:", q->pid,
		(unsigned long long)q->start_ns, profile_str(p, q->comm), profile_str(p, q->exe),
		profile_str(p, q->command), t->tid, profile_str(p, t->comm),
		(unsigned long long)t->on_cpu_ns);
}

static char *describe(const struct profile *p)
{
	struct strbuf out = { 0 };
	const struct profile_capture *c = &p->capture;

	strbuf_printf(&out, "%.17g %.17g %llu %llu %llu %d %d\n", c->rate_asked_hz, c->rate_had_hz,
		(unsigned long long)c->start_unix_ns, (unsigned long long)c->duration_ns,
		(unsigned long long)c->on_cpu_ns, c->weights_imported, c->unfinished);
	vec_each (s, &p->samples) {
		strbuf_printf(&out, "%u %u %u %lld %.17g ", s->bucket, s->kind, s->count,
			(long long)s->value, s->weight);
		describe_thread(p, s->thread, &out);
		describe_stack(p, s->stack, &out);
	}
	vec_each (m, &p->mappings)
		strbuf_printf(&out, "%u %s %llx %llx %llx\n", p->processes.at[m->process].pid,
			profile_str(p, p->modules.at[m->module].path), (unsigned long long)m->start,
			(unsigned long long)m->end, (unsigned long long)m->file_offset);
	vec_each (s, &p->sources)
		strbuf_printf(&out, "%s %u %s\n", profile_str(p, s->file), s->first_line, s->text);
	vec_each (l, &p->libraries)
		strbuf_printf(&out, "%s %s %s\n", profile_str(p, p->modules.at[l->module].path),
			profile_str(p, l->package), profile_str(p, l->version));
	vec_each (l, &p->lost)
		strbuf_printf(&out, "%s %s %llu\n", profile_str(p, l->name),
			profile_str(p, l->text), (unsigned long long)l->count);
	vec_each (f, &p->facts)
		strbuf_printf(&out, "%s=%s\n", profile_str(p, f->name), profile_str(p, f->value));
	return strbuf_steal(&out);
}

static struct recording *create(void)
{
	struct recording *r = NULL;
	struct error err = { 0 };

	if (recording_create(path, true, &r, &err))
		fail_msg("%s", err.text);
	return r;
}

static void must(int status, const struct error *err)
{
	if (status)
		fail_msg("%s", err->text);
}

static void save(struct profile *p)
{
	struct error err = { 0 };
	struct recording *r = create();

	must(recording_finish(r, p, &err), &err);
	recording_close(r);
}

static struct profile *load(void)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	must(recording_read(path, &p, &err), &err);
	return p;
}

static void refused(int code, const char *text)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	assert_int_equal(recording_read(path, &p, &err), code);
	if (!strstr(err.text, text))
		fail_msg("'%s' does not say '%s'", err.text, text);
	assert_int_equal(error_exit_code(&err), EXIT_INPUT);
	assert_true(err.hint[0]);
	assert_null(p);
}

/* Changes the recording as a person with sqlite3 would. */
static void change(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void everything_in_a_profile_reads_back(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();

	save(p);
	CLEANUP(profile_freep) struct profile *q = load();
	CLEANUP(freep) char *want = describe(p);
	CLEANUP(freep) char *got = describe(q);
	assert_string_equal(want, got);
	assert_int_equal(q->samples.n, p->samples.n);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	char log[160];
	snprintf(log, sizeof(log), "%s-wal", path);
	assert_int_equal(access(log, F_OK), -1);
}

static void an_empty_profile_reads_back(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	save(p);
	CLEANUP(profile_freep) struct profile *q = load();
	assert_int_equal(q->samples.n, 0);
	assert_false(q->capture.unfinished);
}

/* Samples arrive, some late; the file must hold each once, whether or not memory keeps them. */
static void written_in_pieces(bool discard)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();
	struct error err = { 0 };
	struct recording *r = create();
	uint64_t added = 50, in_memory = 0;

	for (uint32_t bucket = 10; bucket < 40; bucket++) {
		for (uint32_t i = 0; i < 6; i++) {
			uint32_t late = i == 3 ? 1 : i == 5 ? 2 : 0;
			struct profile_sample s = sample_of(bucket - late, 1, 1 + i % 2);

			assert_int_equal(profile_sample(p, &s), 0);
			added++;
		}
		if (bucket % 3 == 0)
			must(recording_write(r, p, discard, &err), &err);
		if (discard && p->samples.n > in_memory)
			in_memory = p->samples.n;
	}
	p->processes.at[1].comm = string(p, "renamed");
	must(recording_finish(r, p, &err), &err);
	recording_close(r);
	CLEANUP(profile_freep) struct profile *q = load();
	uint64_t count = 0, value = 0;
	vec_each (s, &q->samples) {
		count += s->count;
		value += (uint64_t)s->value;
	}
	assert_int_equal(count, added);
	assert_int_equal(value, added * 10101010);
	assert_string_equal(profile_str(q, q->processes.at[1].comm), "renamed");
	if (discard)
		assert_true(in_memory < 60);
	else
		assert_int_equal(q->samples.n, p->samples.n);
}

static void samples_written_in_pieces_are_in_the_file_once(void **state)
{
	written_in_pieces(false);
}

static void discarding_written_samples_loses_none_and_memory_stays_small(void **state)
{
	written_in_pieces(true);
}

/* The bucket last added to is written while samples of a newer one are there already. */
static void a_late_sample_is_not_added_to_a_row_that_is_written(void **state)
{
	for (int discard = 0; discard < 2; discard++) {
		CLEANUP(profile_freep) struct profile *p = full_profile();
		struct error err = { 0 };
		struct recording *r = create();
		struct profile_sample late = sample_of(8, 1, 2), newest = sample_of(20, 1, 2);

		for (int i = 0; i < 6; i++) {
			assert_int_equal(profile_sample(p, i % 2 ? &late : &newest), 0);
			assert_int_equal(profile_sample(p, i % 2 ? &late : &newest), 0);
			must(recording_write(r, p, discard, &err), &err);
			assert_int_equal(profile_sample(p, i % 2 ? &late : &newest), 0);
		}
		must(recording_finish(r, p, &err), &err);
		recording_close(r);
		CLEANUP(profile_freep) struct profile *q = load();
		uint64_t in_late = 0, in_newest = 0, all = 0;
		vec_each (s, &q->samples) {
			in_late += s->bucket == 8 ? s->count : 0;
			in_newest += s->bucket == 20 ? s->count : 0;
			all += s->count;
		}
		assert_int_equal(in_newest, 9);
		assert_int_equal(in_late, 5 + 9);
		assert_int_equal(all, 50 + 18);
	}
}

static void names_found_later_replace_raw_frames(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();
	struct error err = { 0 };
	struct recording *r = create();

	must(recording_write(r, p, true, &err), &err);
	p->frames.at[2].function = string(p, "found_later");
	p->frames.at[2].line = 12;
	must(recording_finish(r, p, &err), &err);
	recording_close(r);
	CLEANUP(profile_freep) struct profile *q = load();
	CLEANUP(freep) char *text = describe(q);
	assert_non_null(strstr(text, "found_later  12"));
}

/* The child writes and reports each commit, until it is killed in the middle of its work. */
static void record_until_killed(int commits)
{
	struct profile *p = full_profile();
	struct error err = { 0 };
	struct recording *r;

	if (recording_create(path, true, &r, &err))
		_exit(1);
	for (uint32_t bucket = 10;; bucket++) {
		for (uint32_t i = 0; i < 20; i++) {
			struct profile_sample s = sample_of(bucket, 1, 1 + i % 2);

			profile_sample(p, &s);
		}
		if (recording_write(r, p, true, &err))
			_exit(2);
		/* All buckets before this one are committed now. */
		if (write(commits, &bucket, sizeof(bucket)) != sizeof(bucket))
			_exit(3);
	}
}

static uint32_t kill_a_recorder(uint32_t after)
{
	int commits[2];
	uint32_t bucket = 0, last = 0;

	assert_int_equal(pipe(commits), 0);
	pid_t child = fork();
	if (!child) {
		close(commits[0]);
		record_until_killed(commits[1]);
	}
	close(commits[1]);
	while (last < after && read(commits[0], &bucket, sizeof(bucket)) == sizeof(bucket))
		last = bucket;
	if (after > 15) { /* while it lives, it is not read */
		refused(-EBUSY, "still being recorded");
	}
	kill(child, SIGKILL);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(commits[0], &bucket, sizeof(bucket)) == sizeof(bucket))
		last = bucket;
	close(commits[0]);
	return last;
}

static void a_killed_recorder_leaves_all_it_committed(void **state)
{
	for (uint32_t after = 10; after < 400; after += 65) {
		uint32_t last = kill_a_recorder(after);
		CLEANUP(profile_freep) struct profile *q = load();
		uint64_t count = 0;

		vec_each (s, &q->samples)
			count += s->bucket >= 10 && s->bucket < last ? s->count : 0;
		assert_int_equal(count, (last - 10) * 20);
		assert_true(q->capture.unfinished);
		assert_string_equal(profile_fact_find(q, "kernel_release"), "6.1.0");
	}
}

static void a_recording_closed_without_finish_is_unfinished(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();
	struct error err = { 0 };
	struct recording *r = create();

	p->capture.duration_ns = 0;
	must(recording_write(r, p, false, &err), &err);
	recording_close(r);
	CLEANUP(profile_freep) struct profile *q = load();
	assert_true(q->capture.unfinished);
	assert_int_equal(q->capture.duration_ns, 9ull * PROFILE_BUCKET_NS);
	vec_each (s, &q->samples)
		assert_true(s->bucket < 9); /* the newest bucket, 9, was still open */
}

static int read_as_nobody(void)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	if (setgid(65534) || setuid(65534))
		return 1;
	if (recording_read(path, &p, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	int result = p->samples.n && p->capture.unfinished ? 0 : 3;
	profile_free(p);
	return result;
}

static void a_user_who_cannot_write_the_folder_reads_an_unfinished_recording(void **state)
{
	char log[160];

	if (geteuid())
		skip();
	kill_a_recorder(12);
	snprintf(log, sizeof(log), "%s-wal", path);
	assert_int_equal(access(log, F_OK), 0);
	chmod(folder, 0755);
	chmod(path, 0444);
	chmod(log, 0444);
	pid_t child = fork();
	if (!child)
		_exit(read_as_nobody());
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(log, F_OK), 0);
}

/* A limit on file sizes is a disk that fills up, without needing a disk. */
static void record_into_a_full_disk(int result)
{
	struct profile *p = full_profile();
	struct error err = { 0 };
	struct recording *r;
	uint32_t committed = 0;

	signal(SIGXFSZ, SIG_IGN);
	if (recording_create(path, true, &r, &err))
		_exit(1);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 300000, 300000 });
	for (uint32_t bucket = 10; bucket < 10000; bucket++) {
		for (uint32_t i = 0; i < 500; i++) {
			struct profile_sample s = sample_of(bucket, 1, 1);

			s.weight = 1 + i; /* no merging */
			profile_sample(p, &s);
		}
		int status = recording_write(r, p, false, &err);
		if (!status) {
			committed = bucket;
			continue;
		}
		bool right = status == -ENOSPC && error_exit_code(&err) == EXIT_OUTPUT &&
			     strstr(err.text, "a.assay") && err.hint[0] &&
			     recording_write(r, p, false, &err) == -ENOSPC &&
			     recording_finish(r, p, &err) == -ENOSPC;
		if (!right)
			fprintf(stderr, "%d: %s\n", status, err.text);
		recording_close(r);
		if (write(result, &committed, sizeof(committed)) != sizeof(committed))
			_exit(3);
		_exit(right ? 0 : 4);
	}
	_exit(5);
}

static void a_full_disk_is_said_and_what_was_committed_stays_readable(void **state)
{
	int result[2], status;
	uint32_t committed = 0;

	assert_int_equal(pipe(result), 0);
	pid_t child = fork();
	if (!child)
		record_into_a_full_disk(result[1]);
	close(result[1]);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(read(result[0], &committed, sizeof(committed)), sizeof(committed));
	close(result[0]);
	assert_true(committed > 10);
	CLEANUP(profile_freep) struct profile *q = load();
	uint64_t count = 0;
	vec_each (s, &q->samples)
		count += s->bucket >= 10 ? s->count : 0;
	assert_int_equal(count, (committed - 10) * 500);
}

static void an_existing_file_is_only_overwritten_when_asked(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();
	struct recording *r = NULL;
	struct error err = { 0 };

	save(p);
	assert_int_equal(recording_create(path, false, &r, &err), -EEXIST);
	assert_int_equal(error_exit_code(&err), EXIT_OUTPUT);
	CLEANUP(profile_freep) struct profile *kept = load();
	assert_int_equal(kept->samples.n, p->samples.n);
	CLEANUP(profile_freep) struct profile *empty = profile_new();
	save(empty);
	CLEANUP(profile_freep) struct profile *fresh = load();
	assert_int_equal(fresh->samples.n, 0);
}

static void links_and_folders_are_not_written_through(void **state)
{
	struct recording *r = NULL;
	struct error err = { 0 };
	char victim[160];

	snprintf(victim, sizeof(victim), "%s/victim", folder);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(recording_create(path, true, &r, &err), -EINVAL);
	assert_int_equal(access(victim, F_OK), -1);
	assert_int_equal(recording_create(folder, true, &r, &err), -EINVAL);
	assert_int_equal(recording_create("/proc/nowhere/a.assay", true, &r, &err), -ENOENT);
	assert_int_equal(error_exit_code(&err), EXIT_OUTPUT);
}

static void a_log_left_by_another_recording_is_not_taken_over(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	kill_a_recorder(12);
	assert_int_equal(unlink(path), 0);
	save(p);
	CLEANUP(profile_freep) struct profile *q = load();
	assert_int_equal(q->samples.n, 0);
}

static void write_file(const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void foreign_files_are_named_as_such(void **state)
{
	write_file("hello", 5);
	refused(-EBADMSG, "not an assay recording");
	write_file("", 0);
	refused(-EBADMSG, "not an assay recording");
	unlink(path);
	change("CREATE TABLE meta(name, value)");
	refused(-EBADMSG, "not an assay recording");
	unlink(path);
	refused(-ENOENT, "cannot open");
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EINVAL, "not a regular file");
	unlink(path);
	mkdir(path, 0700);
	refused(-EINVAL, "not a regular file");
}

static void a_recording_of_a_newer_assay_says_so(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();

	save(p);
	change("PRAGMA user_version=2");
	refused(-EBADMSG, "newer assay");
}

static void a_schema_that_is_not_ours_is_refused(void **state)
{
	static const char *const changes[] = {
		"DROP TABLE fact; CREATE VIEW fact AS SELECT 'a' AS name, 'b' AS value",
		"CREATE TRIGGER t AFTER INSERT ON fact BEGIN SELECT 1; END",
		"CREATE TABLE more(x)",
		"ALTER TABLE frame ADD COLUMN x AS (abs(1))",
		"DROP VIEW stack_text",
		"CREATE INDEX i ON sample(abs(bucket))",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		CLEANUP(profile_freep) struct profile *p = full_profile();

		save(p);
		change(changes[i]);
		refused(-EBADMSG, "its tables are not those");
	}
}

static void rows_that_refer_to_nothing_are_refused(void **state)
{
	static const char *const changes[] = {
		"UPDATE sample SET stack = 999",
		"UPDATE sample SET stack = -1",
		"UPDATE sample SET thread = 4294967297",
		"UPDATE sample SET kind = 'wrong'",
		"UPDATE sample SET count = 'many'",
		"UPDATE sample SET value = -1",
		"UPDATE sample SET value = 9223372036854775807",
		"UPDATE sample SET weight = 'x'",
		"UPDATE sample SET weight = 9e999",
		"UPDATE sample SET bucket = 4294967295",
		"UPDATE stack SET parent = id",
		"UPDATE stack SET parent = 2 WHERE id = 1",
		"UPDATE stack SET id = 5 WHERE id = 2",
		"UPDATE stack SET frame = 0",
		"UPDATE frame SET outer = id",
		"UPDATE frame SET outer = 77",
		"UPDATE frame SET start = offset + 1 WHERE id = 1",
		"UPDATE frame SET start = NULL",
		"UPDATE frame SET outer = 1 WHERE id = 3; UPDATE frame SET outer = 3 WHERE id = 1",
		"UPDATE frame SET module = 9",
		"UPDATE frame SET kind = NULL",
		"UPDATE frame SET function = x'00ff'",
		"UPDATE thread SET process = 2",
		"UPDATE module SET build_id = 'xyz'",
		"UPDATE mapping SET module = 3",
		"UPDATE library SET module = 3",
		"UPDATE lost SET count = 9223372036854775807",
		"UPDATE meta SET value = 'x'",
		"UPDATE meta SET value = 2 WHERE name = 'finished'",
		"UPDATE meta SET name = 'other' WHERE name = 'on_cpu_ns'",
		("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
		 "INSERT INTO fact SELECT 'f' || i, 'x' FROM n"),
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		CLEANUP(profile_freep) struct profile *p = full_profile();
		struct profile *q = NULL;
		struct error err = { 0 };

		save(p);
		change(changes[i]);
		if (recording_read(path, &q, &err) != -EBADMSG)
			fail_msg("was read after: %s", changes[i]);
		assert_non_null(strstr(err.text, "is damaged: "));
		assert_true(err.hint[0]);
	}
}

static void texts_in_a_recording_become_utf8_and_are_cut(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();

	save(p);
	change("UPDATE frame SET function = CAST(x'61ff62' AS TEXT) WHERE id = 1");
	change("UPDATE process SET comm = printf('%.*c', 100000, 'x')");
	CLEANUP(profile_freep) struct profile *q = load();
	assert_string_equal(profile_str(q, q->frames.at[1].function), "a\xef\xbf\xbd"
								      "b");
	assert_int_equal(strlen(profile_str(q, q->processes.at[1].comm)), PROFILE_STRING_BYTES);
}

static void damaged_files_are_refused_and_never_crash(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();
	unsigned char *bytes = calloc(1, 1 << 20);
	uint64_t seed = 5;

	save(p);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, 1 << 20);
	close(fd);
	assert_true(n > 8192);
	for (ssize_t cut = n - 1; cut > 0; cut -= 3333) {
		write_file(bytes, (size_t)cut);
		refused(-EBADMSG, "");
	}
	for (int round = 0; round < 300; round++) {
		struct profile *q = NULL;
		struct error err = { 0 };

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		size_t at = 100 + (seed >> 20) % (size_t)(n - 120);
		unsigned char kept[16];
		memcpy(kept, bytes + at, sizeof(kept));
		for (size_t i = 0; i < sizeof(kept); i++)
			bytes[at + i] = (unsigned char)((seed >> (i % 8 * 8)) + i);
		write_file(bytes, (size_t)n);
		if (!recording_read(path, &q, &err))
			assert_int_equal(profile_check(q, &err), 0);
		else
			assert_int_equal(error_exit_code(&err), EXIT_INPUT);
		profile_free(q);
		memcpy(bytes + at, kept, sizeof(kept));
	}
	free(bytes);
}

static void the_views_for_people_work_in_the_sqlite_shell(void **state)
{
	CLEANUP(profile_freep) struct profile *p = full_profile();
	sqlite3 *db;
	sqlite3_stmt *s;

	save(p);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
				 "SELECT function, samples FROM function_self ORDER BY samples", -1,
				 &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(s, 0), "ma\nin;<b>\xc3\xa9");
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(s, 0), "[kernel]+0xffffffff81000040");
	sqlite3_finalize(s);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT text FROM stack_text WHERE stack = 2", -1, &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal(
		sqlite3_column_text(s, 0), "ma\nin;<b>\xc3\xa9;[kernel]+0xffffffff81000040");
	sqlite3_finalize(s);
	sqlite3_close(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_in_a_profile_reads_back),
		TEST(an_empty_profile_reads_back),
		TEST(samples_written_in_pieces_are_in_the_file_once),
		TEST(discarding_written_samples_loses_none_and_memory_stays_small),
		TEST(a_late_sample_is_not_added_to_a_row_that_is_written),
		TEST(names_found_later_replace_raw_frames),
		TEST(a_killed_recorder_leaves_all_it_committed),
		TEST(a_recording_closed_without_finish_is_unfinished),
		TEST(a_user_who_cannot_write_the_folder_reads_an_unfinished_recording),
		TEST(a_full_disk_is_said_and_what_was_committed_stays_readable),
		TEST(an_existing_file_is_only_overwritten_when_asked),
		TEST(links_and_folders_are_not_written_through),
		TEST(a_log_left_by_another_recording_is_not_taken_over),
		TEST(foreign_files_are_named_as_such),
		TEST(a_recording_of_a_newer_assay_says_so),
		TEST(a_schema_that_is_not_ours_is_refused),
		TEST(rows_that_refer_to_nothing_are_refused),
		TEST(texts_in_a_recording_become_utf8_and_are_cut),
		TEST(damaged_files_are_refused_and_never_crash),
		TEST(the_views_for_people_work_in_the_sqlite_shell),
	};
	return RUN_TESTS(tests);
}

/* Jitdump files name JIT code and its lines, through moves, and whatever their bytes say. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "programs.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "symbolize/jit.h"
#include "symbolize/jitdump.h"
#include "symbolize/symbolize.h"

struct answer {
	char function[64], file[64];
	uint32_t line, times;
};

static int note(void *context, uint32_t index, const struct worker_place *place, uint32_t n)
{
	struct answer *a = (struct answer *)context + index;

	assert_int_equal(n, 1);
	snprintf(a->function, sizeof(a->function), "%.*s", (int)place->function_bytes,
		place->function);
	snprintf(a->file, sizeof(a->file), "%.*s", (int)place->file_bytes,
		place->file ? place->file : "");
	a->line = place->line;
	a->times++;
	return 0;
}

/* ---- Writing such files ---- */

static void put32(struct strbuf *out, uint32_t v)
{
	strbuf_add(out, &v, sizeof(v));
}

static void put64(struct strbuf *out, uint64_t v)
{
	strbuf_add(out, &v, sizeof(v));
}

static void put_header(struct strbuf *out)
{
	put32(out, 0x4a695444);
	put32(out, 1);
	put32(out, 48); /* 8 bytes that this version does not know */
	put32(out, 62);
	put32(out, 0);
	put32(out, 4211);
	put64(out, 0);
	put64(out, 0);
	put64(out, 0x1122334455667788);
}

static void put_record(struct strbuf *out, uint32_t type, const struct strbuf *body)
{
	put32(out, type);
	put32(out, (uint32_t)body->length + 16);
	put64(out, 0);
	strbuf_add(out, body->text, body->length);
}

static void put_load(
	struct strbuf *out, uint64_t address, uint64_t size, uint64_t number, const char *name)
{
	struct strbuf body = { 0 };

	put64(&body, 0); /* process and thread */
	put64(&body, address);
	put64(&body, address);
	put64(&body, size);
	put64(&body, number);
	strbuf_add(&body, name, strlen(name) + 1);
	strbuf_pad(&body, '\x90', size); /* the code */
	put_record(out, 0, &body);
	strbuf_done(&body);
}

static void put_move(struct strbuf *out, uint64_t from, uint64_t to, uint64_t size, uint64_t number)
{
	struct strbuf body = { 0 };

	put64(&body, 0);
	put64(&body, to);
	put64(&body, from);
	put64(&body, to);
	put64(&body, size);
	put64(&body, number);
	put_record(out, 1, &body);
	strbuf_done(&body);
}

/* Two lines of @file: 10 from the start, 11 from 8 bytes on. */
static void put_lines(struct strbuf *out, uint64_t address, const char *file)
{
	struct strbuf body = { 0 };

	put64(&body, address);
	put64(&body, 2);
	put64(&body, address);
	put32(&body, 10);
	put32(&body, 0);
	strbuf_add(&body, file, strlen(file) + 1);
	put64(&body, address + 8);
	put32(&body, 11);
	put32(&body, 0);
	strbuf_add(&body, "\xff", 2); /* the same file */
	put_record(out, 2, &body);
	strbuf_done(&body);
}

static int read_dump(const struct strbuf *dump, const uint64_t *addresses, uint32_t count,
	struct answer *answers)
{
	struct error err = { 0 };
	struct jit_names j;

	memset(answers, 0, count * sizeof(*answers));
	assert_int_equal(jit_names_init(&j, addresses, count), 0);
	j.place = note;
	j.context = answers;
	/* A copy of the exact size, so that a sanitizer sees every byte too many. */
	char *copy = malloc(dump->length);
	memcpy(copy, dump->text, dump->length);
	int r = jitdump_read(&j, copy, dump->length, &err);
	free(copy);
	jit_names_done(&j);
	assert_int_equal(r, err.code);
	return r;
}

static void code_has_its_name_and_lines(void **state)
{
	const uint64_t asked[] = { 0x1000, 0x1007, 0x1008, 0x101f, 0x1020, 0x2000 };
	struct strbuf dump = { 0 };
	struct answer a[6];

	put_header(&dump);
	put_lines(&dump, 0x1000, "/srv/a.src");
	put_load(&dump, 0x1000, 0x20, 1, "with lines");
	put_load(&dump, 0x2000, 0x10, 2, "without");
	assert_int_equal(read_dump(&dump, asked, 6, a), 0);
	for (int i = 0; i < 4; i++) {
		assert_string_equal(a[i].function, "with lines");
		assert_string_equal(a[i].file, "/srv/a.src");
		assert_int_equal(a[i].line, i < 2 ? 10 : 11);
	}
	assert_int_equal(a[4].times, 0);
	assert_string_equal(a[5].function, "without");
	assert_string_equal(a[5].file, "");
	strbuf_done(&dump);
}

static void lines_of_an_unreadable_file_are_left_out(void **state)
{
	const uint64_t asked[] = { 0x1000 };
	struct strbuf dump = { 0 };
	struct answer a[1];

	put_header(&dump);
	put_lines(&dump, 0x1000, "\xb8wC,\x01");
	put_load(&dump, 0x1000, 0x20, 1, "JS:*f /srv/x.js:3:1");
	assert_int_equal(read_dump(&dump, asked, 1, a), 0);
	assert_string_equal(a[0].function, "f");
	assert_string_equal(a[0].file, "/srv/x.js");
	assert_int_equal(a[0].line, 0);
	strbuf_done(&dump);
}

static void moved_code_takes_its_lines_along(void **state)
{
	const uint64_t asked[] = { 0x1008, 0x5000, 0x5008 };
	struct strbuf dump = { 0 };
	struct answer a[3];

	put_header(&dump);
	put_lines(&dump, 0x1000, "/srv/a.src");
	put_load(&dump, 0x1000, 0x20, 7, "f");
	put_move(&dump, 0x1000, 0x3000, 0x20, 7);
	put_move(&dump, 0x3000, 0x5000, 0x20, 7);
	put_move(&dump, 0x3000, 0x6000, 0x20, 8); /* of nothing */
	put_load(&dump, 0x1000, 0x20, 9, "newer at the old place");
	assert_int_equal(read_dump(&dump, asked, 3, a), 0);
	assert_string_equal(a[0].function, "newer at the old place");
	assert_int_equal(a[0].line, 0);
	assert_string_equal(a[1].function, "f");
	assert_int_equal(a[1].line, 10);
	assert_int_equal(a[2].line, 11);
	strbuf_done(&dump);
}

static void a_file_that_ends_early_is_good_up_to_there(void **state)
{
	const uint64_t asked[] = { 0x1000, 0x2000 };
	struct strbuf dump = { 0 };
	struct answer a[2];

	put_header(&dump);
	put_load(&dump, 0x1000, 0x20, 1, "whole");
	size_t first = dump.length;
	put_load(&dump, 0x2000, 0x20, 2, "last");
	for (size_t n = dump.length; n-- > first;) {
		dump.length = n;
		assert_int_equal(read_dump(&dump, asked, 2, a), 0);
		assert_string_equal(a[0].function, "whole");
		assert_int_equal(a[1].times, 0);
	}
	for (size_t n = 48; n-- > 0;) {
		dump.length = n;
		assert_int_equal(read_dump(&dump, asked, 2, a), -EBADMSG);
	}
	strbuf_done(&dump);
}

static void any_byte_may_be_wrong(void **state)
{
	const uint64_t asked[] = { 0, 0x1000, 0x1008, 0x3000, UINT64_MAX };
	struct strbuf dump = { 0 };
	struct answer a[5];

	put_header(&dump);
	put_lines(&dump, 0x1000, "/srv/a.src");
	put_load(&dump, 0x1000, 0x10, 1, "f");
	put_move(&dump, 0x1000, 0x3000, 0x10, 1);
	for (size_t i = 0; i < dump.length; i++)
		for (int bit = 0; bit < 8; bit++) {
			dump.text[i] ^= (char)(1 << bit);
			read_dump(&dump, asked, 5, a);
			dump.text[i] ^= (char)(1 << bit);
		}
	assert_int_equal(read_dump(&dump, asked, 5, a), 0);
	assert_string_equal(a[2].function, "f");
	strbuf_done(&dump);
}

/* ---- A real runtime ---- */

static const char script[] = "function busy(n) {\n"
			     "  let s = 0;\n"
			     "  for (let i = 0; i < n; i++)\n"
			     "    s += i % 7;\n"
			     "  return s;\n"
			     "}\n"
			     "const end = Date.now() + 1000;\n"
			     "while (Date.now() < end) busy(1e5);\n";

static int open_here(void *context, uint32_t pid, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Where the perf map of @pid says that the optimised busy() is; 0 = nowhere. */
static uint64_t busy_at(pid_t pid)
{
	char path[64], line[512];
	unsigned long long start, at = 0;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	CLEANUP(file_closep) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "JS:*busy ") && sscanf(line, "%llx", &start) == 1)
			at = start;
	return at;
}

/* Node writes both files: the map tells where the function is, the dump its name and lines. */
static void functions_of_node_have_their_file(void **state)
{
	char path[128], map[64];
	uint64_t address;

	if (access("/usr/bin/node", X_OK))
		skip(); /* no node here */
	snprintf(path, sizeof(path), "%s/busy.js", programs_dir);
	write_file(path, script, strlen(script));
	pid_t pid = fork();
	if (!pid) {
		if (chdir(programs_dir))
			_exit(126);
		execl("/usr/bin/node", "node", "--perf-prof", "--perf-basic-prof", path,
			(char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0); /* it writes its last records when it ends */
	address = busy_at(pid);
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", pid);
	unlink(map);
	assert_true(address != 0);
	struct profile *p = profile_new();
	char name[JIT_MODULE_NAME_BYTES], dump[128];
	struct error err = { 0 };
	jit_module_name((uint32_t)pid, name);
	snprintf(dump, sizeof(dump), "%s/jit-%d.dump", programs_dir, pid);
	profile_process(p, (uint32_t)pid, 0);
	profile_module(p, dump, NULL, 0);
	int64_t frame = profile_frame(
		p, &(struct profile_frame){ .module = (uint32_t)profile_module(p, name, NULL, 0),
			   .offset = address + 64 });
	struct symbolize_stats stats;
	assert_int_equal(
		symbolize_profile(p, &(struct symbolize_options){ .open_process_file = open_here },
			&stats, &err),
		0);
	const struct profile_frame *f = &p->frames.at[frame];
	if (stats.failures.n)
		fail_msg("%s", stats.failures.at[0].text);
	assert_string_equal(profile_str(p, f->function), "busy");
	assert_string_equal(profile_str(p, f->file), path);
	assert_in_range(f->line, 0, 6); /* 0: Node 20 spoils the file of its line records */
	symbolize_stats_done(&stats);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_has_its_name_and_lines),
		cmocka_unit_test(lines_of_an_unreadable_file_are_left_out),
		cmocka_unit_test(moved_code_takes_its_lines_along),
		cmocka_unit_test(a_file_that_ends_early_is_good_up_to_there),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(functions_of_node_have_their_file),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

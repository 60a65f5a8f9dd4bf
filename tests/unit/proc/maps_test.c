/* Lines of /proc/PID/maps: ordinary, odd and hostile ones, and those of this process. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/maps.h"
#include "proc/process.h"

static bool parse(const char *text, char *line, struct proc_mapping *ret)
{
	strcpy(line, text);
	return proc_mapping_parse(line, ret);
}

static void an_ordinary_line_gives_all_its_fields(void **state)
{
	struct proc_mapping m;
	char line[256];

	assert_true(parse("7f0012340000-7f0012365000 r-xp 00026000 fe:01 1835040             "
			  "       /usr/lib/x86_64-linux-gnu/libc.so.6",
		line, &m));
	assert_int_equal(m.start, 0x7f0012340000);
	assert_int_equal(m.end, 0x7f0012365000);
	assert_int_equal(m.file_offset, 0x26000);
	assert_int_equal(m.device_major, 0xfe);
	assert_int_equal(m.device_minor, 1);
	assert_int_equal(m.inode, 1835040);
	assert_true(m.executable);
	assert_string_equal(m.path, "/usr/lib/x86_64-linux-gnu/libc.so.6");
}

static void anonymous_memory_has_an_empty_path(void **state)
{
	struct proc_mapping m;
	char line[256];

	assert_true(parse("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ", line, &m));
	assert_string_equal(m.path, "");
	assert_false(m.executable);
	assert_true(parse("7f0000000000-7f0000001000 rwxp 00000000 00:00 0", line, &m));
	assert_string_equal(m.path, "");
	assert_true(m.executable);
}

static void a_path_keeps_its_blanks_and_gets_its_newlines_back(void **state)
{
	struct proc_mapping m;
	char line[256];

	assert_true(parse("1000-2000 r-xp 0 0:0 5 /tmp/a b  c\\012d (deleted)", line, &m));
	assert_string_equal(m.path, "/tmp/a b  c\nd (deleted)");
	assert_true(parse("1000-2000 r-xp 0 0:0 5 /tmp/\\012", line, &m));
	assert_string_equal(m.path, "/tmp/\n");
	/* A path that looks like another line stays a path. */
	assert_true(parse("1000-2000 r-xp 0 0:0 5 /tmp/x\\0123000-4000 r-xp 0 0:0 6 /y", line, &m));
	assert_int_equal(m.start, 0x1000);
	assert_string_equal(m.path, "/tmp/x\n3000-4000 r-xp 0 0:0 6 /y");
}

static void lines_that_are_no_mapping_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"hello",
		"1000-2000",
		"1000-2000 r-xp",
		"1000 2000 r-xp 0 0:0 5 /x",
		"2000-1000 r-xp 0 0:0 5 /x",
		"1000-1000 r-xp 0 0:0 5 /x",
		"1000-2000 r 0 0:0 5 /x",
		"zzzz-2000 r-xp 0 0:0 5 /x",
		"1000-2000 r-xp 0 0 5 /x",
	};
	struct proc_mapping m;
	char line[256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_false(parse(lines[i], line, &m));
}

struct search {
	uint64_t address;
	const char *path;
	bool found;
};

static int look_for(void *context, const struct proc_mapping *m)
{
	struct search *s = context;

	s->found |= m->executable && s->address >= m->start && s->address < m->end &&
		    (!s->path || !strcmp(m->path, s->path));
	return 0;
}

static void this_process_has_its_own_code_mapped(void **state)
{
	char exe[4096];
	struct error err;

	assert_int_equal(proc_exe(getpid(), exe, sizeof(exe)), 0);
	struct search s = { (uint64_t)(uintptr_t)&this_process_has_its_own_code_mapped, exe };
	assert_int_equal(proc_maps_each(getpid(), look_for, &s, &err), 0);
	assert_true(s.found);
}

static void a_file_with_a_newline_in_its_name_is_found_under_that_name(void **state)
{
	char path[] = "/tmp/assay\n\033[31m-XXXXXX";
	int fd = mkstemp(path);
	struct error err;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	char *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_ptr_not_equal(at, MAP_FAILED);
	struct search s = { (uint64_t)(uintptr_t)at, path };
	assert_int_equal(proc_maps_each(getpid(), look_for, &s, &err), 0);
	munmap(at, 4096);
	unlink(path);
	assert_true(s.found);
}

static int stop_at_once(void *context, const struct proc_mapping *m)
{
	++*(int *)context;
	return -E2BIG;
}

static void a_visitor_can_end_the_visit(void **state)
{
	struct error err;
	int calls = 0;

	assert_int_equal(proc_maps_each(getpid(), stop_at_once, &calls, &err), -E2BIG);
	assert_int_equal(calls, 1);
}

static void a_process_that_is_gone_has_no_mappings(void **state)
{
	struct search s = { 0 };
	struct error err = { 0 };

	assert_int_equal(proc_maps_each(0x3ffffff, look_for, &s, &err), -ESRCH);
	assert_non_null(strstr(err.text, "67108863"));
}

static void a_mapped_file_opens_even_when_its_path_shows_another(void **state)
{
	char path[] = "/tmp/assay-mapped-XXXXXX", was[8] = { 0 };
	int fd = mkstemp(path);
	struct stat st;

	assert_int_equal(write(fd, "before", 6), 6);
	assert_int_equal(fstat(fd, &st), 0);
	char *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "after!", 6), 6);
	close(fd);
	uint64_t start = (uint64_t)(uintptr_t)at;
	fd = proc_open_mapped(getpid(), start, start + 4096, path, st.st_ino);
	/* Without map_files the replaced file must be refused, never taken for the mapped one. */
	if (fd >= 0) {
		assert_int_equal(pread(fd, was, 6, 0), 6);
		assert_string_equal(was, "before");
		close(fd);
	}
	munmap(at, 4096);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_line_gives_all_its_fields),
		cmocka_unit_test(anonymous_memory_has_an_empty_path),
		cmocka_unit_test(a_path_keeps_its_blanks_and_gets_its_newlines_back),
		cmocka_unit_test(lines_that_are_no_mapping_are_refused),
		cmocka_unit_test(this_process_has_its_own_code_mapped),
		cmocka_unit_test(a_file_with_a_newline_in_its_name_is_found_under_that_name),
		cmocka_unit_test(a_visitor_can_end_the_visit),
		cmocka_unit_test(a_process_that_is_gone_has_no_mappings),
		cmocka_unit_test(a_mapped_file_opens_even_when_its_path_shows_another),
	};
	return RUN_TESTS(tests);
}

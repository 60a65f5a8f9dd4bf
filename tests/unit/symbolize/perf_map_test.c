/* Perf maps name JIT code, of the right process, and only when they can be believed. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "programs.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "symbolize/jit.h"
#include "symbolize/perf_map.h"
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

static void read_map(
	const char *text, const uint64_t *addresses, uint32_t count, struct answer *answers)
{
	struct jit_names j;

	memset(answers, 0, count * sizeof(*answers));
	assert_int_equal(jit_names_init(&j, addresses, count), 0);
	j.place = note;
	j.context = answers;
	assert_int_equal(perf_map_read(&j, text, strlen(text)), 0);
	jit_names_done(&j);
}

static void an_address_inside_an_entry_has_its_name(void **state)
{
	const uint64_t asked[] = { 0xfff, 0x1000, 0x100f, 0x1010 };
	struct answer a[4];

	read_map("1000 10 do some work\n", asked, 4, a);
	assert_int_equal(a[0].times, 0);
	assert_string_equal(a[1].function, "do some work");
	assert_string_equal(a[2].function, "do some work");
	assert_int_equal(a[3].times, 0);
}

static void of_several_entries_the_newest_counts(void **state)
{
	const uint64_t asked[] = { 0x1000, 0x1020, 0x1030 };
	struct answer a[3];

	read_map("1000 40 old\n1020 10 new\n", asked, 3, a);
	assert_string_equal(a[0].function, "old");
	assert_string_equal(a[1].function, "new");
	assert_string_equal(a[2].function, "old");
	assert_int_equal(a[1].times, 1);
}

static void other_lines_and_half_written_ones_are_passed_over(void **state)
{
	const uint64_t asked[] = { 0x1000, 0x2000, 0x3000, 0x4000, 0x5000 };
	struct answer a[5];

	read_map("\n\nnonsense\n1000 10\n1000 zz f\n0x2000 0x10 java style\r\n"
		 "11111111111113000 10 too long\n3000 0 empty\nffffffffffffffff 10 beyond\n"
		 "4000 10 whole\n5000 10 hal",
		asked, 5, a);
	assert_int_equal(a[0].times, 0);
	assert_string_equal(a[1].function, "java style");
	assert_int_equal(a[2].times, 0);
	assert_string_equal(a[3].function, "whole");
	assert_int_equal(a[4].times, 0);
}

static void javascript_functions_have_a_file_and_no_tier(void **state)
{
	static const struct {
		const char *line, *function, *file;
	} cases[] = {
		{ "10 1 JS:*fib /srv/x.js:1:13\n", "fib", "/srv/x.js" },
		{ "10 1 JS:~fib file:///srv/x.js:1:13\n", "fib", "/srv/x.js" },
		{ "10 1 LazyCompile:^get size /srv/my app/x.js:7:2\n", "get size",
			"/srv/my app/x.js" },
		{ "10 1 JS:* /srv/x.js:12:3\n", "(anonymous:12)", "/srv/x.js" },
		{ "10 1 JS:^emit node:events:465:44\n", "emit", "node:events" },
		{ "10 1 Builtin:ArrayMap\n", "Builtin:ArrayMap", "" },
		{ "10 1 JS:*\n", "JS:*", "" },
		{ "10 1 py::f:/srv/x.py\n", "py::f:/srv/x.py", "" },
	};
	const uint64_t asked[] = { 0x10 };
	struct answer a[1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		read_map(cases[i].line, asked, 1, a);
		assert_string_equal(a[0].function, cases[i].function);
		assert_string_equal(a[0].file, cases[i].file);
		assert_int_equal(a[0].line, 0); /* it is where the function begins */
	}
}

static void a_hostile_map_takes_no_more_time_than_a_good_one(void **state)
{
	enum { COUNT = 20000, LINES = 200000 };
	struct strbuf text = { 0 };
	uint64_t *asked = calloc(COUNT, sizeof(*asked));
	struct answer *a = calloc(COUNT, sizeof(*a));

	for (uint32_t i = 0; i < COUNT; i++)
		asked[i] = 0x1000 + i;
	strbuf_puts(&text, "5e1f 1 last\n"); /* so that one address stays open to the end */
	for (int i = 0; i < LINES; i++)
		strbuf_puts(&text, "1000 4e1f all\n");
	clock_t before = clock();
	read_map(text.text, asked, COUNT, a);
	assert_true(clock() - before < 3 * CLOCKS_PER_SEC);
	assert_string_equal(a[0].function, "all");
	assert_string_equal(a[COUNT - 1].function, "last");
	strbuf_done(&text);
	free(asked);
	free(a);
}

/* ---- Whole profiles ---- */

static uint32_t add_process(struct profile *p, uint32_t pid, const char *exe)
{
	uint32_t process = (uint32_t)profile_process(p, pid, 0);

	p->processes.at[process].exe = (uint32_t)profile_string(p, exe);
	return process;
}

/* A raw frame at @address in the anonymous memory of @pid. */
static uint32_t add_frame(struct profile *p, uint32_t pid, uint64_t address)
{
	char name[JIT_MODULE_NAME_BYTES];

	jit_module_name(pid, name);
	return (uint32_t)profile_frame(
		p, &(struct profile_frame){ .module = (uint32_t)profile_module(p, name, NULL, 0),
			   .offset = address });
}

static const char *name_of(const struct profile *p, uint32_t frame)
{
	return profile_str(p, p->frames.at[frame].function);
}

static struct symbolize_stats symbolized(struct profile *p, const struct symbolize_options *o)
{
	struct symbolize_stats stats;
	struct error err = { 0 };

	if (symbolize_profile(p, o, &stats, &err))
		fail_msg("%s", err.text);
	assert_int_equal(profile_check(p, &err), 0);
	return stats;
}

/* The "root" of process N is the folder N in programs_dir. */
static int open_in_folder(void *context, uint32_t pid, const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/%u%s", programs_dir, pid, path);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void write_map(uint32_t pid, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u", programs_dir, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%u/tmp", programs_dir, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%u/tmp/perf-%u.map", programs_dir, pid, pid);
	unlink(path);
	write_file(path, text, strlen(text));
}

static const struct symbolize_options in_folders = { .open_process_file = open_in_folder };

/* Numbers that no process has. */
enum { A = 4194400, B, C };

static void the_same_address_has_each_processes_name(void **state)
{
	struct profile *p = profile_new();

	add_process(p, A, "/usr/bin/node");
	add_process(p, B, "/usr/bin/node");
	uint32_t a = add_frame(p, A, 0x1008), b = add_frame(p, B, 0x1008);
	write_map(A, "1000 10 JS:*first /srv/a.js:1:1\n");
	write_map(B, "1000 10 JS:*second /srv/b.js:1:1\n");
	struct symbolize_stats stats = symbolized(p, &in_folders);
	assert_string_equal(name_of(p, a), "first");
	assert_string_equal(profile_str(p, p->frames.at[a].file), "/srv/a.js");
	assert_string_equal(name_of(p, b), "second");
	for (uint32_t f = a; f <= b; f++) {
		assert_int_equal(p->frames.at[f].kind, FRAME_JIT);
		assert_string_equal(
			profile_str(p, p->modules.at[p->frames.at[f].module].path), JIT_MODULE);
	}
	assert_int_equal(stats.named, 2);
	assert_int_equal(stats.failures.n, 0);
	symbolize_stats_done(&stats);
	profile_free(p);
}

static void code_without_a_map_is_jit_and_its_failure_names_the_option(void **state)
{
	static const struct {
		const char *exe, *option;
	} cases[] = {
		{ "/usr/bin/node", "--perf-basic-prof" },
		{ "/usr/local/bin/python3.12", "-X perf" },
		{ "/usr/lib/jvm/java-17/bin/java", "DumpPerfMapAtExit" },
		{ "/opt/something", "/tmp/perf-PID.map" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct profile *p = profile_new();
		struct strbuf shown = { 0 };

		add_process(p, C, cases[i].exe);
		uint32_t frame = add_frame(p, C, 0x1008);
		struct symbolize_stats stats = symbolized(p, &in_folders);
		assert_int_equal(p->frames.at[frame].kind, FRAME_JIT);
		assert_int_equal(p->frames.at[frame].function, 0);
		assert_int_equal(p->frames.at[frame].offset, 0x1008);
		profile_frame_name(p, frame, &shown);
		assert_string_equal(strbuf_cstr(&shown), "[jit]");
		assert_int_equal(stats.failures.n, 1);
		assert_int_equal(stats.failures.at[0].code, -ENOENT);
		assert_non_null(strstr(stats.failures.at[0].text, cases[i].option));
		strbuf_done(&shown);
		symbolize_stats_done(&stats);
		profile_free(p);
	}
}

static int failure_with(const char *text)
{
	struct profile *p = profile_new();

	add_process(p, A, "/usr/bin/node");
	uint32_t frame = add_frame(p, A, 0x1008);
	struct symbolize_stats stats = symbolized(p, &in_folders);
	assert_int_equal(p->frames.at[frame].function, 0);
	assert_int_equal(stats.failures.n, 1);
	int code = stats.failures.at[0].code;
	if (!strstr(stats.failures.at[0].text, text))
		fail_msg("%s", stats.failures.at[0].text);
	symbolize_stats_done(&stats);
	profile_free(p);
	return code;
}

static void a_strangers_file_and_no_file_are_refused(void **state)
{
	char path[256];

	write_map(A, "1000 10 planted\n");
	snprintf(path, sizeof(path), "%s/%u/tmp/perf-%u.map", programs_dir, A, A);
	if (!chown(path, 12345, 12345)) /* as root */
		assert_int_equal(failure_with("belongs to user 12345"), -EPERM);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(failure_with("not a regular file"), -EPERM);
	unlink(path);
}

static void a_file_from_before_the_process_is_refused(void **state)
{
	struct profile *p = profile_new();
	struct timespec now, old[2];
	char path[256];

	write_map(A, "1000 10 of another process\n");
	snprintf(path, sizeof(path), "%s/%u/tmp/perf-%u.map", programs_dir, A, A);
	clock_gettime(CLOCK_BOOTTIME, &now);
	clock_gettime(CLOCK_REALTIME, &old[0]);
	old[0].tv_sec -= 60;
	old[1] = old[0];
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_true(profile_process(p, A, (uint64_t)now.tv_sec * 1000000000) > 0);
	uint32_t frame = add_frame(p, A, 0x1008);
	struct symbolize_stats stats = symbolized(p, &in_folders);
	assert_int_equal(p->frames.at[frame].function, 0);
	assert_non_null(strstr(stats.failures.at[0].text, "older than process"));
	symbolize_stats_done(&stats);
	profile_free(p);
}

static void a_map_that_does_not_know_the_address_says_so(void **state)
{
	write_map(A, "9000 10 elsewhere\n");
	assert_int_equal(failure_with("1 of 1 addresses are not in"), -ENOENT);
}

/* ---- A real runtime ---- */

static const char script[] = "function busy(n) { let s = 0; for (let i = 0; i < n; i++) s += i % 7;"
			     " return s; }\n"
			     "const end = Date.now() + 20000;\n"
			     "while (Date.now() < end) busy(1e5);\n";

/* Where the map of @pid says that the optimised busy() is; 0 = not yet. */
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

static void functions_of_node_have_names(void **state)
{
	char path[128], map[64];
	uint64_t address = 0;

	if (access("/usr/bin/node", X_OK))
		skip(); /* no node here */
	snprintf(path, sizeof(path), "%s/busy.js", programs_dir);
	write_file(path, script, strlen(script));
	pid_t pid = fork();
	if (!pid) {
		if (chdir(programs_dir)) /* it leaves logs where it runs */
			_exit(126);
		execl("/usr/bin/node", "node", "--perf-basic-prof", path, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && !address; i++) {
		usleep(50000);
		address = busy_at(pid);
	}
	struct profile *p = profile_new();
	add_process(p, (uint32_t)pid, "/usr/bin/node");
	uint32_t frame = add_frame(p, (uint32_t)pid, address + 16);
	struct symbolize_stats stats = symbolized(p, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", pid);
	unlink(map);
	assert_true(address != 0);
	assert_string_equal(name_of(p, frame), "busy");
	assert_string_equal(profile_str(p, p->frames.at[frame].file), path);
	assert_int_equal(stats.failures.n, 0);
	symbolize_stats_done(&stats);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_inside_an_entry_has_its_name),
		cmocka_unit_test(of_several_entries_the_newest_counts),
		cmocka_unit_test(other_lines_and_half_written_ones_are_passed_over),
		cmocka_unit_test(javascript_functions_have_a_file_and_no_tier),
		cmocka_unit_test(a_hostile_map_takes_no_more_time_than_a_good_one),
		cmocka_unit_test(the_same_address_has_each_processes_name),
		cmocka_unit_test(code_without_a_map_is_jit_and_its_failure_names_the_option),
		cmocka_unit_test(a_strangers_file_and_no_file_are_refused),
		cmocka_unit_test(a_file_from_before_the_process_is_refused),
		cmocka_unit_test(a_map_that_does_not_know_the_address_says_so),
		cmocka_unit_test(functions_of_node_have_names),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

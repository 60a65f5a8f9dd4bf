/* A stripped program gets its names and lines back from wherever they were put, and only its own.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "programs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "elf/image.h"
#include "symbolize/debug_data.h"
#include "symbolize/symbolize.h"

static void shell(const char *command)
{
	char text[1024];

	snprintf(text, sizeof(text), "cd '%s' && { %s; }", programs_dir, command);
	if (system(text))
		fail_msg("%s", text);
}

enum { FRAMES = 40 };

/* The program of inlining_program that a test takes apart, and the address of a static function. */
struct program {
	char path[128];
	uint64_t kept;
	char build_id[2 * ELF_BUILD_ID_BYTES + 1];
	struct profile *profile;
	uint32_t frame; /* the first of FRAMES, byte after byte */
	struct symbolize_stats stats;
};

static int note_kept(void *context, const struct elf_symbol *s)
{
	if (!strcmp(s->name, "kept"))
		*(uint64_t *)context = s->vaddr;
	return 0;
}

static void open_image(const char *path, struct elf_image **ret)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct error err;

	assert_int_equal(elf_image_open(fd, ret, &err), 0);
}

static struct program build(const char *flags)
{
	CLEANUP(fd_closep) int fd = compile("gcc", flags, inlining_program);
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct program p = { 0 };
	struct error err;
	const uint8_t *id;

	snprintf(p.path, sizeof(p.path), "%s/prog", programs_dir);
	open_image(p.path, &image);
	assert_int_equal(elf_image_each_symbol(image, note_kept, &p.kept, &err), 0);
	assert_true(p.kept != 0);
	uint32_t n = elf_image_build_id(image, &id);
	for (uint32_t i = 0; i < n; i++)
		snprintf(p.build_id + 2 * i, 3, "%02x", id[i]);
	return p;
}

/* What a process sees at /usr/lib/debug is the folder "debug" here. */
static int open_in_debug(void *context, uint32_t module, const char *path)
{
	char name[256];

	if (strncmp(path, "/usr/lib/debug/", 15) != 0)
		return -ENOENT;
	snprintf(name, sizeof(name), "%s/debug/%s", programs_dir, path + 15);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static const struct symbolize_options with_debug = { .open_beside = open_in_debug };

static void symbolize(struct program *p, const struct symbolize_options *o)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct error err = { 0 };
	const uint8_t *id;

	open_image(p->path, &image);
	uint32_t n = elf_image_build_id(image, &id);
	p->profile = profile_new();
	int64_t module = profile_module(p->profile, p->path, id, n);
	for (uint32_t i = 1; i <= FRAMES; i++) {
		int64_t frame =
			profile_frame(p->profile, &(struct profile_frame){ .kind = FRAME_NATIVE,
							  .module = (uint32_t)module,
							  .offset = p->kept + i });

		p->frame = i == 1 ? (uint32_t)frame : p->frame;
	}
	if (symbolize_profile(p->profile, o, &p->stats, &err))
		fail_msg("%s", err.text);
}

static void done(struct program *p)
{
	symbolize_stats_done(&p->stats);
	profile_free(p->profile);
}

static const char *name_of(const struct program *p)
{
	return profile_str(p->profile, p->profile->frames.at[p->frame].function);
}

/* The frame has its function and its line: of the definition or of what is inlined there. */
static void has_line(const struct program *p)
{
	const struct profile_frame *f = &p->profile->frames.at[p->frame];
	uint32_t outermost = p->frame;

	if (p->stats.failures.n)
		fail_msg("%s", p->stats.failures.at[0].text);
	while (p->profile->frames.at[outermost].outer)
		outermost = p->profile->frames.at[outermost].outer;
	assert_string_equal(
		profile_str(p->profile, p->profile->frames.at[outermost].function), "kept");
	assert_in_range(f->line, 3, 18);
	assert_string_equal(profile_basename(profile_str(p->profile, f->file)), "prog.c");
}

/* Whether one of the frames is in @function. */
static bool is_somewhere(const struct program *p, const char *function)
{
	for (uint32_t i = p->frame; i < p->frame + FRAMES; i++)
		if (!strcmp(profile_str(p->profile, p->profile->frames.at[i].function), function))
			return true;
	return false;
}

/* ---- In the file itself ---- */

static void compressed_symbols_name_static_functions(void **state)
{
	struct program p = build("-O2 -g");

	shell("objcopy --only-keep-debug prog mini && strip --strip-debug mini && "
	      "xz -f -k mini && strip -s prog");
	symbolize(&p, NULL);
	assert_string_equal(name_of(&p), "");
	done(&p);
	shell("objcopy --add-section .gnu_debugdata=mini.xz prog");
	symbolize(&p, NULL);
	assert_string_equal(name_of(&p), "kept");
	assert_int_equal(p.stats.failures.n, 0);
	done(&p);
}

static void compressed_symbols_that_are_broken_or_endless_are_refused(void **state)
{
	static const struct {
		const char *make;
		int code;
	} cases[] = {
		{ "head -c 100M /dev/zero | xz -1 >bad.xz", -E2BIG },
		{ "head -c 10000 /dev/urandom >bad.xz", -EBADMSG },
		{ "head -c 1000 /dev/zero | xz >bad.xz", -EBADMSG },
		{ "head -c 1000000 /dev/urandom | xz | head -c 5000 >bad.xz", -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program p = build("-O2 -g");

		shell(cases[i].make);
		shell("objcopy --add-section .gnu_debugdata=bad.xz prog");
		symbolize(&p, NULL);
		assert_int_equal(p.stats.failures.n, 1);
		assert_int_equal(p.stats.failures.at[0].code, cases[i].code);
		p.stats.failures.n = 0;
		has_line(&p); /* its other names are there all the same */
		done(&p);
	}
}

/* ---- Beside it ---- */

static void a_linked_file_is_found_in_its_places(void **state)
{
	static const char *const places[] = { ".", ".debug" };

	for (size_t i = 0; i < 2; i++) {
		struct program p = build(i ? "-O2 -g" : "-O2 -g -Wl,--build-id=none");
		char move[128];

		shell("objcopy --only-keep-debug prog prog.debug && strip -s prog && "
		      "objcopy --add-gnu-debuglink=prog.debug prog");
		snprintf(move, sizeof(move),
			"mkdir -p %s && mv prog.debug %s/x && mv %s/x %s/prog.debug", places[i],
			places[i], places[i], places[i]);
		shell(move);
		symbolize(&p, NULL);
		has_line(&p);
		done(&p);
		snprintf(move, sizeof(move), "rm %s/prog.debug", places[i]);
		shell(move);
		symbolize(&p, NULL);
		assert_string_equal(name_of(&p), "");
		done(&p);
	}
}

static void a_linked_file_with_another_checksum_is_not_taken(void **state)
{
	struct program p = build("-O2 -g -Wl,--build-id=none");

	shell("objcopy --only-keep-debug prog prog.debug && strip -s prog && "
	      "objcopy --add-gnu-debuglink=prog.debug prog && echo >>prog.debug");
	symbolize(&p, NULL);
	assert_string_equal(name_of(&p), "");
	done(&p);
	shell("rm prog.debug");
}

static void a_file_is_found_by_build_id_in_the_root_of_the_process(void **state)
{
	struct program p = build("-O2 -g");
	char command[512];

	snprintf(command, sizeof(command),
		"rm -rf debug && mkdir -p debug/.build-id/%.2s && objcopy --only-keep-debug prog "
		"debug/.build-id/%.2s/%s.debug && strip -s prog",
		p.build_id, p.build_id, p.build_id + 2);
	shell(command);
	symbolize(&p, &with_debug);
	has_line(&p);
	done(&p);
	symbolize(&p, NULL); /* not in our own */
	assert_string_equal(name_of(&p), "");
	done(&p);
}

static void a_file_with_another_build_id_is_not_taken(void **state)
{
	struct program p = build("-O2 -g");
	char command[512];

	snprintf(command, sizeof(command),
		"rm -rf debug && mkdir -p debug/.build-id/%.2s && strip -s prog && "
		"gcc -O1 -g prog.c -o other && objcopy --only-keep-debug other "
		"debug/.build-id/%.2s/%s.debug",
		p.build_id, p.build_id, p.build_id + 2);
	shell(command);
	symbolize(&p, &with_debug);
	assert_string_equal(name_of(&p), "");
	assert_int_equal(p.profile->frames.at[p.frame].line, 0);
	done(&p);
}

static void parts_that_dwz_moved_are_followed(void **state)
{
	struct program p = build("-O2 -g");

	/* Two programs with much in common share a file; the address of kept() is the same. */
	shell("rm -rf debug && mkdir -p debug/.dwz && cp prog twin && "
	      "dwz -m debug/.dwz/shared.debug -M /usr/lib/debug/.dwz/shared.debug prog twin "
	      "&& "
	      "readelf -SW prog | grep -q gnu_debugaltlink");
	symbolize(&p, &with_debug);
	has_line(&p);
	assert_true(is_somewhere(&p, "innermost")); /* whose name was moved */
	done(&p);
	shell("rm -r debug/.dwz");
	symbolize(&p, &with_debug);
	assert_string_equal(name_of(&p), "kept"); /* by its symbol */
	assert_int_equal(p.profile->frames.at[p.frame].line, 0);
	done(&p);
}

/* ---- From a server ---- */

static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static bool answers(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return !connect(fd, (struct sockaddr *)&a, sizeof(a));
}

/* Serves the folder "served"; returns the server's process. */
static pid_t serve(uint16_t port)
{
	char number[8];

	snprintf(number, sizeof(number), "%u", port);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(programs_dir) || !freopen("requests", "w", stderr) ||
			!freopen("/dev/null", "w", stdout))
			_exit(126);
		execlp("python3", "python3", "-m", "http.server", "-b", "127.0.0.1", "-d", "served",
			number, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && !answers(port); i++)
		usleep(50000);
	assert_true(answers(port));
	return pid;
}

static void a_server_is_asked_only_when_told_to(void **state)
{
	static const struct symbolize_options asking = { .debuginfod = true };
	struct program p = build("-O2 -g");
	uint16_t port = free_port();
	char command[512], url[64], cache[128];

	snprintf(command, sizeof(command),
		"mkdir -p served/buildid/%s && objcopy --only-keep-debug prog "
		"served/buildid/%s/debuginfo && strip -s prog",
		p.build_id, p.build_id);
	shell(command);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	snprintf(cache, sizeof(cache), "%s/cache", programs_dir);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	pid_t server = serve(port);
	symbolize(&p, NULL);
	assert_string_equal(name_of(&p), "");
	shell("! grep -q buildid requests");
	done(&p);
	symbolize(&p, &asking);
	has_line(&p);
	shell("grep -q buildid requests");
	done(&p);
	/* It serves another program's file under this build id. */
	shell("gcc -O1 -g prog.c -o other && rm -rf cache && for f in served/buildid/*/debuginfo; "
	      "do "
	      "objcopy --only-keep-debug other $f; done");
	symbolize(&p, &asking);
	assert_string_equal(name_of(&p), "");
	done(&p);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void a_server_that_cannot_be_asked_is_a_failure_in_words(void **state)
{
	static const struct symbolize_options asking = { .debuginfod = true };
	struct program p = build("-O2 -g");
	char cache[128];

	shell("strip -s prog");
	snprintf(cache, sizeof(cache), "%s/cache2", programs_dir);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	unsetenv("DEBUGINFOD_URLS");
	symbolize(&p, &asking);
	assert_int_equal(p.stats.failures.n, 1);
	assert_non_null(strstr(p.stats.failures.at[0].text, "DEBUGINFOD_URLS"));
	done(&p);
	setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1", 1);
	symbolize(&p, &asking);
	assert_int_equal(p.stats.failures.n, 1);
	assert_non_null(strstr(p.stats.failures.at[0].text, "cannot be asked"));
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compressed_symbols_name_static_functions),
		cmocka_unit_test(compressed_symbols_that_are_broken_or_endless_are_refused),
		cmocka_unit_test(a_linked_file_is_found_in_its_places),
		cmocka_unit_test(a_linked_file_with_another_checksum_is_not_taken),
		cmocka_unit_test(a_file_is_found_by_build_id_in_the_root_of_the_process),
		cmocka_unit_test(a_file_with_another_build_id_is_not_taken),
		cmocka_unit_test(parts_that_dwz_moved_are_followed),
		cmocka_unit_test(a_server_is_asked_only_when_told_to),
		cmocka_unit_test(a_server_that_cannot_be_asked_is_a_failure_in_words),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

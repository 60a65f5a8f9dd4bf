/* Nameless functions of a stripped library: where they begin, and what their callers call them. */
// SPDX-License-Identifier: BSD-2-Clause
#include "programs.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "elf/image.h"
#include "symbolize/symbolize.h"

/* fast() notes who called it. compare and same are one indirect function, other is another one that
 * chooses the same implementation, and plain jumps to it. */
static const char library[] = "void *called_from;\n"
			      "static volatile int sink, unset;\n"
			      "__attribute__((noinline)) static int fast(const char *a)\n"
			      "{\n"
			      "	called_from = __builtin_return_address(0);\n"
			      "	sink += a[0];\n"
			      "	return sink;\n"
			      "}\n"
			      "typedef int function(const char *a);\n"
			      "static function *choose(void) { return fast; }\n"
			      "static function *choose_other(void) { return unset ? 0 : fast; }\n"
			      "function compare __attribute__((ifunc(\"choose\")));\n"
			      "function same __attribute__((ifunc(\"choose\")));\n"
			      "function other __attribute__((ifunc(\"choose_other\")));\n"
			      "int plain(const char *a) { return fast(a); }\n";

static const char program[] =
	"#include <stdio.h>\n"
	"extern int compare(const char *), same(const char *), other(const char *),\n"
	"	plain(const char *);\n"
	"extern void *called_from;\n"
	"extern char __ehdr_start;\n"
	"static void show(void)\n"
	"{\n"
	"	printf(\"%lx\\n\", (long)((char *)called_from - &__ehdr_start));\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	compare(\"x\"), show();\n"
	"	same(\"x\"), show();\n"
	"	other(\"x\"), show();\n"
	"	plain(\"x\"), show();\n"
	"	return 0;\n"
	"}\n";

enum { COMPARE, SAME, OTHER, PLAIN, CALLS };

/* A profile about both files, and where they call and are called. */
struct scene {
	struct profile *profile;
	uint32_t app, library;     /* modules */
	uint64_t returns[CALLS];   /* return addresses in the program, ELF virtual */
	uint64_t fast, fast_bytes; /* in the library */
};

/* Runs @command, then @arguments, where the files are. */
static void run(const char *command, const char *arguments)
{
	char line[512];

	snprintf(line, sizeof(line), "cd '%s' && %s %s", programs_dir, command, arguments);
	assert_int_equal(system(line), 0);
}

static int note_fast(void *context, const struct elf_symbol *s)
{
	struct scene *scene = context;

	if (!strcmp(s->name, "fast")) {
		scene->fast = s->vaddr;
		scene->fast_bytes = s->size;
	}
	return 0;
}

/* A module row for the file @name; looks for fast() in it. */
static uint32_t add_module(struct scene *scene, const char *name)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(fd_closep) int fd = -1;
	const uint8_t *id;
	struct error err;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", programs_dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	assert_int_equal(elf_image_each_symbol(image, note_fast, scene, &err), 0);
	uint32_t n = elf_image_build_id(image, &id);
	return (uint32_t)profile_module(scene->profile, path, id, n);
}

/* Builds the library and the program, runs them, and strips the library. */
static struct scene scene_of(const char *program_flags)
{
	struct scene s = { .profile = profile_new() };
	char path[128];

	snprintf(path, sizeof(path), "%s/lib.c", programs_dir);
	write_file(path, library, strlen(library));
	snprintf(path, sizeof(path), "%s/app.c", programs_dir);
	write_file(path, program, strlen(program));
	run("gcc -O2 -shared -fPIC lib.c -o lib.so", "");
	run("gcc -O1 -fPIE -pie app.c ./lib.so -o app", program_flags);
	run("./app > returns", "");
	add_module(&s, "lib.so");
	run("strip --strip-all", "lib.so");
	s.app = add_module(&s, "app");
	s.library = add_module(&s, "lib.so");
	snprintf(path, sizeof(path), "%s/returns", programs_dir);
	CLEANUP(file_closep) FILE *f = fopen(path, "re");
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(fscanf(f, "%lx", &s.returns[i]), 1);
	assert_true(s.fast_bytes > 8);
	return s;
}

static uint32_t add_frame(struct scene *s, uint32_t module, uint64_t offset, uint8_t flags)
{
	return (uint32_t)profile_frame(s->profile,
		&(struct profile_frame){
			.kind = FRAME_NATIVE, .flags = flags, .module = module, .offset = offset });
}

/* A stack in which the call number @call reached fast() + @at; returns the leaf's frame. */
static uint32_t add_call(struct scene *s, int call, uint64_t at)
{
	uint32_t caller = add_frame(s, s->app, s->returns[call] - 1, 0);
	uint32_t leaf = add_frame(s, s->library, s->fast + at, 0);

	assert_true(profile_stack(s->profile, (uint32_t)profile_stack(s->profile, 0, caller, 0),
			    leaf, 0) > 0);
	return leaf;
}

static struct symbolize_stats symbolized(struct scene *s)
{
	struct symbolize_stats stats;
	struct error err = { 0 };

	if (symbolize_profile(s->profile, NULL, &stats, &err))
		fail_msg("%s", err.text);
	assert_int_equal(stats.failures.n, 0);
	assert_int_equal(profile_check(s->profile, &err), 0);
	symbolize_stats_done(&stats);
	return stats;
}

static const char *name_of(const struct scene *s, uint32_t frame)
{
	return profile_str(s->profile, s->profile->frames.at[frame].function);
}

static void addresses_without_a_name_know_where_their_function_begins(void **state)
{
	struct scene s = scene_of("");
	CLEANUP_STRBUF struct strbuf name = { 0 };
	char want[64];
	uint32_t first = add_frame(&s, s.library, s.fast, 0);
	uint32_t last = add_frame(&s, s.library, s.fast + s.fast_bytes - 1, 0);
	uint32_t behind = add_frame(&s, s.library, s.fast + s.fast_bytes, 0);
	uint32_t nowhere = add_frame(&s, s.library, 8, 0);
	struct symbolize_stats stats = symbolized(&s);

	const struct profile_frame *frames = s.profile->frames.at;
	assert_int_equal(frames[first].function, 0);
	assert_int_equal(frames[first].start, s.fast);
	assert_int_equal(frames[last].start, s.fast);
	assert_int_not_equal(frames[behind].start, s.fast);
	assert_int_equal(frames[nowhere].start, 0);
	assert_int_equal(stats.named, 0);
	assert_in_range(stats.with_start, 2, 3);
	profile_frame_name(s.profile, last, &name);
	snprintf(want, sizeof(want), "lib.so+0x%lx", s.fast);
	assert_string_equal(strbuf_cstr(&name), want);
	profile_free(s.profile);
}

static void a_call_names_an_indirect_function(const char *program_flags)
{
	struct scene s = scene_of(program_flags);
	uint32_t leaf = add_call(&s, COMPARE, 4);
	uint32_t alone = add_frame(&s, s.library, s.fast + 1, 0); /* no caller is known of */
	struct symbolize_stats stats = symbolized(&s);

	assert_string_equal(name_of(&s, leaf), "compare");
	assert_string_equal(name_of(&s, alone), "compare");
	assert_int_equal(s.profile->frames.at[leaf].start, 0);
	assert_int_equal(stats.named_by_calls, 2);
	assert_int_equal(stats.named, 3);
	profile_free(s.profile);
}

static void a_call_through_the_linkage_table_names_an_indirect_function(void **state)
{
	a_call_names_an_indirect_function("-fplt");
}

static void a_call_through_an_endbr_linkage_table_names_an_indirect_function(void **state)
{
	a_call_names_an_indirect_function("-fplt -fcf-protection=full -Wl,-z,ibtplt");
}

static void a_call_through_the_offset_table_names_an_indirect_function(void **state)
{
	a_call_names_an_indirect_function("-fno-plt");
}

static void calls_by_different_names_leave_a_function_without_one(void **state)
{
	struct scene s = scene_of("");
	uint32_t leaf = add_call(&s, COMPARE, 4);

	add_call(&s, OTHER, 4);
	struct symbolize_stats stats = symbolized(&s);
	assert_string_equal(name_of(&s, leaf), "");
	assert_int_equal(s.profile->frames.at[leaf].start, s.fast);
	assert_int_equal(stats.named_by_calls, 0);
	profile_free(s.profile);
}

static void names_of_the_same_function_do_not_disagree(void **state)
{
	struct scene s = scene_of("");
	uint32_t leaf = add_call(&s, SAME, 4);

	add_call(&s, COMPARE, 8);
	symbolized(&s);
	assert_string_equal(name_of(&s, leaf), "compare");
	profile_free(s.profile);
	s = scene_of("");
	leaf = add_call(&s, SAME, 4);
	symbolized(&s);
	assert_string_equal(name_of(&s, leaf), "same");
	profile_free(s.profile);
}

static void a_call_of_a_plain_function_names_nothing(void **state)
{
	struct scene s = scene_of("");
	uint32_t leaf = add_call(&s, PLAIN, 4);

	symbolized(&s);
	assert_string_equal(name_of(&s, leaf), "");
	profile_free(s.profile);
}

static void a_guessed_caller_names_nothing(void **state)
{
	struct scene s = scene_of("");
	uint32_t caller = add_frame(&s, s.app, s.returns[COMPARE] - 1, FRAME_FLAG_GUESSED);
	uint32_t leaf = add_frame(&s, s.library, s.fast + 4, 0);

	profile_stack(s.profile, (uint32_t)profile_stack(s.profile, 0, caller, 0), leaf, 0);
	symbolized(&s);
	assert_string_equal(name_of(&s, leaf), "");
	profile_free(s.profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_without_a_name_know_where_their_function_begins),
		cmocka_unit_test(a_call_through_the_linkage_table_names_an_indirect_function),
		cmocka_unit_test(a_call_through_an_endbr_linkage_table_names_an_indirect_function),
		cmocka_unit_test(a_call_through_the_offset_table_names_an_indirect_function),
		cmocka_unit_test(calls_by_different_names_leave_a_function_without_one),
		cmocka_unit_test(names_of_the_same_function_do_not_disagree),
		cmocka_unit_test(a_call_of_a_plain_function_names_nothing),
		cmocka_unit_test(a_guessed_caller_names_nothing),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

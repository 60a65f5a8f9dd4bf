/* What the reader says of every instruction of a program is what addr2line says. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "programs.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "elf/image.h"
#include "symbolize/symbolize.h"
#include "symbolize/worker.h"

enum { ADDRESSES_MAX = 4096 };

/* Per address "function file:line, function file:line, ..." with the file's last component. */
struct answers {
	uint64_t vaddrs[ADDRESSES_MAX];
	uint32_t n, inlined;
	char *text[ADDRESSES_MAX];
};

static int note(void *context, uint32_t index, const struct worker_place *places, uint32_t n)
{
	struct answers *a = context;
	CLEANUP_STRBUF struct strbuf out = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		const char *slash =
			memrchr(places[i].file ? places[i].file : "", '/', places[i].file_bytes);
		const char *file = slash ? slash + 1 : places[i].file;
		int bytes = (int)(places[i].file_bytes - (slash ? file - places[i].file : 0));

		strbuf_printf(&out, "%.*s %.*s:%u, ", (int)places[i].function_bytes,
			places[i].function, bytes, file, places[i].line);
	}
	a->inlined += n > 1;
	free(a->text[index]);
	a->text[index] = strbuf_steal(&out);
	return 0;
}

static int add_function(void *context, const struct elf_symbol *s)
{
	struct answers *a = context;

	/* Start-up code of the C library has no DWARF here. */
	if (s->type == STT_FUNC && s->size && s->name[0] != '_' && strcmp(s->name, "main.cold") &&
		strcmp(s->name, "deregister_tm_clones") && strcmp(s->name, "register_tm_clones") &&
		strcmp(s->name, "frame_dummy"))
		for (uint64_t at = 0; at < s->size && a->n < ADDRESSES_MAX; at++)
			a->vaddrs[a->n++] = s->vaddr + at;
	return 0;
}

static int add_cpp_function(void *context, const struct elf_symbol *s)
{
	struct answers *a = context;

	if (strstr(s->name, "4shop") && s->size && s->in_code)
		for (uint64_t at = 0; at < s->size && a->n < ADDRESSES_MAX; at++)
			a->vaddrs[a->n++] = s->vaddr + at;
	return 0;
}

static int by_value(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

/* Asks addr2line for the places of all addresses, in the form of note(). */
static char **addr2line(const struct answers *a)
{
	char **text = calloc(a->n, sizeof(*text)), path[128], command[512], function[512],
	     file[512];
	int64_t at = -1;

	snprintf(path, sizeof(path), "%s/addresses", programs_dir);
	FILE *f = fopen(path, "we");
	for (uint32_t i = 0; i < a->n; i++)
		fprintf(f, "0x%llx\n", (unsigned long long)a->vaddrs[i]);
	fclose(f);
	snprintf(command, sizeof(command), "cd %s && addr2line -a -f -i -C -e prog @addresses",
		programs_dir);
	f = popen(command, "re");
	assert_non_null(f);
	while (fgets(function, sizeof(function), f)) {
		function[strcspn(function, "\n")] = 0;
		if (!strncmp(function, "0x", 2)) {
			at++;
			continue;
		}
		assert_non_null(fgets(file, sizeof(file), f));
		file[strcspn(file, " \n")] = 0;
		char *slash = strrchr(file, '/'), *before = text[at], *unknown = strstr(file, ":?");
		if (unknown)
			strcpy(unknown, ":0");
		assert_true(asprintf(&text[at], "%s%s %s, ", before ? before : "", function,
				    slash ? slash + 1 : file) > 0);
		free(before);
	}
	pclose(f);
	assert_int_equal(at + 1, a->n);
	return text;
}

/* Compares every address of every function of a program compiled so; returns inlined addresses. */
static uint32_t agrees(const char *compiler, const char *flags, const char *source)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(fd_closep) int fd = compile(compiler, flags, source);
	CLEANUP(freep) struct answers *a = calloc(1, sizeof(*a));
	struct error err = { 0 };

	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	assert_int_equal(
		elf_image_each_symbol(
			image, strcmp(compiler, "g++") ? add_function : add_cpp_function, a, &err),
		0);
	assert_true(a->n > 50);
	qsort(a->vaddrs, a->n, sizeof(uint64_t), by_value);
	struct worker_task task = { .fd = fd,
		.vaddrs = a->vaddrs,
		.count = a->n,
		.build_id_unchecked = true,
		.place = note,
		.context = a };
	int r = worker_run_here(&task, &err);
	if (r)
		fail_msg("%s", err.text);
	CLEANUP(freep) char **expected = addr2line(a);
	for (uint32_t i = 0; i < a->n; i++) {
		if (!a->text[i] || strcmp(a->text[i], expected[i]))
			fail_msg("%s %s, 0x%llx: %s instead of %s", compiler, flags,
				(unsigned long long)a->vaddrs[i], a->text[i], expected[i]);
		free(a->text[i]);
		free(expected[i]);
	}
	return a->inlined;
}

static void c_programs_read_as_addr2line_reads_them(void **state)
{
	static const char *const flags[] = {
		"-O2 -g -gdwarf-5",
		"-O2 -g -gdwarf-4 -no-pie",
		"-O2 -g -gdwarf-4 -gno-as-loc-support",
		"-O2 -g -gz=zlib",
		"-O2 -g -ffunction-sections -Wl,--gc-sections",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		assert_true(agrees("gcc", flags[i], inlining_program) > 10);
	assert_int_equal(agrees("gcc", "-O0 -g", inlining_program), 0);
}

static void programs_of_clang_without_aranges_read_the_same(void **state)
{
	assert_true(agrees("clang", "-O1 -g -ffunction-sections", inlining_program) > 10);
	assert_true(agrees("clang", "-O1 -g -gdwarf-4", inlining_program) > 10);
}

static void cpp_names_are_demangled(void **state)
{
	static const char source[] =
		"#include <vector>\n#include <string>\n"
		"volatile int sink;\n"
		"namespace shop {\n"
		"template <typename T> struct Basket {\n"
		"	std::vector<T> all;\n"
		"	__attribute__((noinline)) int count(T what) const {\n"
		"		int n = 0;\n"
		"		for (auto &one : all)\n"
		"			n += one == what;\n"
		"		return n;\n"
		"	}\n"
		"};\n"
		"inline int inner(Basket<std::string> &b, int a)\n"
		"{\n	sink = a;\n	return b.count(\"x\");\n}\n"
		"__attribute__((noinline)) int sell(Basket<std::string> &b) {\n"
		"	return inner(b, sink) + inner(b, 2);\n"
		"}\n"
		"}\n"
		"int main() { shop::Basket<std::string> b; return shop::sell(b); }\n";

	assert_true(agrees("g++", "-O2 -g", source) > 10);
	agrees("g++", "-O0 -g", source);
}

static void places_told(const char *path, const char *clean)
{
	CLEANUP_STRBUF struct strbuf out = { 0 };

	source_path(&out, path, strlen(path));
	assert_string_equal(strbuf_cstr(&out), clean);
}

static void source_paths_are_cleaned(void **state)
{
	places_told("/build/./src/../include//a.h", "/build/include/a.h");
	places_told("/../../etc/passwd", "/etc/passwd");
	places_told("../a/../../b.c", "../../b.c");
	places_told("a.c", "a.c");
	places_told("/", "/");
	places_told("", "");
}

static void a_file_is_absolute_where_the_compiler_ran_elsewhere(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(fd_closep) int fd = compile("gcc", "-O0 -g", inlining_program);
	struct profile *p = profile_new();
	struct symbolize_stats stats;
	struct error err = { 0 };
	char expected[128];
	struct answers *a = calloc(1, sizeof(*a));

	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	elf_image_each_symbol(image, add_function, a, &err);
	snprintf(expected, sizeof(expected), "%s/prog", programs_dir);
	const uint8_t *id;
	uint32_t n = elf_image_build_id(image, &id);
	uint32_t module = (uint32_t)profile_module(p, expected, id, n);
	uint32_t frame = (uint32_t)profile_frame(
		p, &(struct profile_frame){
			   .kind = FRAME_NATIVE, .module = module, .offset = a->vaddrs[0] });
	assert_int_equal(symbolize_profile(p, NULL, &stats, &err), 0);
	snprintf(expected, sizeof(expected), "%s/prog.c", programs_dir);
	assert_string_equal(profile_str(p, p->frames.at[frame].file), expected);
	symbolize_stats_done(&stats);
	profile_free(p);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c_programs_read_as_addr2line_reads_them),
		cmocka_unit_test(programs_of_clang_without_aranges_read_the_same),
		cmocka_unit_test(cpp_names_are_demangled),
		cmocka_unit_test(source_paths_are_cleaned),
		cmocka_unit_test(a_file_is_absolute_where_the_compiler_ran_elsewhere),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

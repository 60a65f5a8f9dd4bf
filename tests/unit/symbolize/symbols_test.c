/* Addresses find the right one of a file's symbols. */
// SPDX-License-Identifier: BSD-2-Clause
#include "programs.h"

#include "base/cleanup.h"
#include "symbolize/symbols.h"

static const char aliases_program[] =
	"asm(\".text\\n.globl label\\n label: nop; nop; nop; nop\\n\"\n"
	"    \".globl next_label\\n next_label: nop; nop\\n\");\n"
	"__attribute__((noinline)) int global_name(int a) { return a * 7; }\n"
	"int __global_name(int a) __attribute__((alias(\"global_name\")));\n"
	"int aaa_weak_name(int a) __attribute__((weak, alias(\"global_name\")));\n"
	"static int aaa_local_name(int a) __attribute__((alias(\"global_name\"), used));\n"
	"#include <stdlib.h>\n"
	"int main(int argc, char **argv) { return global_name(argc) + atoi(argv[0]); }\n";

struct wanted {
	const char *name;
	uint64_t vaddr;
};

static int note_vaddr(void *context, const struct elf_symbol *s)
{
	struct wanted *w = context;

	if (!strcmp(s->name, w->name))
		w->vaddr = s->vaddr;
	return 0;
}

static uint64_t vaddr_of(struct elf_image *image, const char *name)
{
	struct wanted w = { name, 0 };
	struct error err;

	assert_int_equal(elf_image_each_symbol(image, note_vaddr, &w, &err), 0);
	assert_true(w.vaddr != 0);
	return w.vaddr;
}

static struct symbols *load(int fd, struct elf_image **image)
{
	struct symbols *t = NULL;
	struct error err = { 0 };

	assert_int_equal(elf_image_open(fd, image, &err), 0);
	close(fd);
	assert_int_equal(symbols_new(*image, &t, &err), 0);
	return t;
}

static void finds(const struct symbols *t, uint64_t vaddr, const char *name)
{
	const struct symbol *s = symbols_find(t, vaddr);

	assert_non_null(s);
	assert_string_equal(s->name, name);
}

static void of_aliases_the_global_plain_name_wins(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(symbols_freep)
	struct symbols *t = load(compile("gcc", "-O1", aliases_program), &image);
	uint64_t at = vaddr_of(image, "aaa_local_name");

	assert_int_equal(at, vaddr_of(image, "global_name"));
	finds(t, at, "global_name");
	finds(t, at + 1, "global_name");
}

static void labels_without_size_reach_to_the_next_symbol(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(symbols_freep)
	struct symbols *t = load(compile("gcc", "-O1 -no-pie", aliases_program), &image);
	uint64_t at = vaddr_of(image, "label");

	finds(t, at + 3, "label");
	finds(t, at + 4, "next_label");
	finds(t, vaddr_of(image, "_start"), "_start");
}

static void a_stripped_program_keeps_its_dynamic_symbols(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(symbols_freep)
	struct symbols *t = load(compile("gcc", "-O1 -rdynamic -s", aliases_program), &image);

	finds(t, vaddr_of(image, "global_name"), "global_name");
	finds(t, vaddr_of(image, "main") + 1, "main");
}

static int note_slot(void *context, uint64_t vaddr, uint64_t size, const char *name)
{
	struct wanted *w = context;

	if (!strcmp(w->name, name))
		w->vaddr = vaddr;
	return 0;
}

static void linkage_table_slots_are_named_for_their_function(void **state)
{
	static const char *const flags[] = { "-O1 -Wl,-z,lazy", "-O1 -Wl,-z,now",
		"-O1 -fcf-protection=full -Wl,-z,lazy" };

	for (int i = 0; i < 3; i++) {
		CLEANUP(elf_image_closep) struct elf_image *image = NULL;
		CLEANUP(symbols_freep)
		struct symbols *t = load(compile("gcc", flags[i], inlining_program), &image);
		struct wanted w = { "strtol", 0 };
		struct error err;

		assert_int_equal(plt_each(image, note_slot, &w, &err), 0);
		assert_true(w.vaddr != 0);
		const struct symbol *s = symbols_find(t, w.vaddr + 2);
		assert_non_null(s);
		assert_string_equal(s->name, "strtol");
		assert_true(s->plt);
	}
}

static void addresses_outside_of_symbols_find_nothing(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(symbols_freep)
	struct symbols *t = load(compile("gcc", "-O1 -no-pie", aliases_program), &image);

	assert_true(symbols_count(t) > 4);
	assert_null(symbols_find(t, 0));
	assert_null(symbols_find(t, UINT64_MAX));
	assert_null(symbols_find(t, 0x10));
}

/* glibc keeps cfree, the same function as free, for programs linked before 2.26. */
static void a_name_of_today_is_preferred_to_one_kept_for_old_programs(void **state)
{
	struct elf_image *image;
	int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY);

	assert_true(fd >= 0);
	struct symbols *t = load(fd, &image);
	finds(t, vaddr_of(image, "cfree"), "free");
	symbols_free(t);
	elf_image_close(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_aliases_the_global_plain_name_wins),
		cmocka_unit_test(labels_without_size_reach_to_the_next_symbol),
		cmocka_unit_test(a_stripped_program_keeps_its_dynamic_symbols),
		cmocka_unit_test(linkage_table_slots_are_named_for_their_function),
		cmocka_unit_test(addresses_outside_of_symbols_find_nothing),
		cmocka_unit_test(a_name_of_today_is_preferred_to_one_kept_for_old_programs),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

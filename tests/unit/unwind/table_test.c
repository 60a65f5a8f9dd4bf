/* Unwind rows against readelf, function by function, and against bytes that lie. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "elf/image.h"
#include "unwind/table.h"

/* ---- what readelf says ---- */

/* The columns of one function's table: which of them hold the rbp and the return address. */
struct listing {
	const struct unwind_table *table;
	const char *file;
	struct {
		char offset[20];
		bool signal; /* its augmentation has an "S" */
		struct unwind_row row;
	} common[64];
	int common_n;
	bool signal, in_function, in_common;
	int rbp_column, ra_column; /* -1 = not listed */
	uint64_t pc, function_end, previous_end;
	struct unwind_row expected;
	bool has_row, any_cfa, any_fp;
	uint64_t compared, expressions, unsupported, wrong;
};

static void compare_at(struct listing *l, uint64_t address)
{
	struct unwind_row row = unwind_table_find(l->table, address), want = l->expected;
	bool same = row.rule == want.rule;

	if (l->any_cfa) {
		l->expressions++;
		l->unsupported += row.rule == UNWIND_UNSUPPORTED;
		same = row.rule != UNWIND_NONE && row.rule != UNWIND_SP && row.rule != UNWIND_FP;
	} else if (want.rule == UNWIND_SP || want.rule == UNWIND_FP) {
		same = same && row.cfa == want.cfa &&
		       (l->any_fp ? row.fp == UNWIND_FP_AT_FP || row.fp == UNWIND_FP_LOST
				  : row.fp == want.fp);
	} else if (want.rule == UNWIND_UNSUPPORTED) {
		l->unsupported++;
	}
	l->compared++;
	if (!same && l->wrong++ < 5)
		print_error("%s %#llx: rule %u cfa %d fp %d, readelf says rule %u cfa %d fp %d\n",
			l->file, (unsigned long long)address, row.rule, row.cfa, row.fp, want.rule,
			want.cfa, want.fp);
}

/* A row of readelf holds from its pc to the next one's: both ends are compared. */
static void row_ends(struct listing *l, uint64_t end)
{
	if (!l->has_row || end <= l->pc)
		return;
	compare_at(l, l->pc);
	compare_at(l, end - 1);
	l->has_row = false;
}

static void function_ends(struct listing *l)
{
	if (l->in_function)
		row_ends(l, l->function_end);
	l->in_function = false;
}

/* "0000cc 14 0000d0 FDE cie=00000000 pc=0000000000026000..0000000000026360" */
static bool function_begins(struct listing *l, const char *line)
{
	unsigned long long start, end;
	char cie[20];
	const char *at = strstr(line, " FDE cie=");

	if (!at || sscanf(at, " FDE cie=%16[0-9a-f] pc=%llx..%llx", cie, &start, &end) != 3)
		return false;
	function_ends(l);
	l->in_function = end > start;
	l->in_common = false;
	l->pc = start;
	l->function_end = end;
	l->rbp_column = l->ra_column = -1;
	l->signal = false;
	/* Without a table of its own it has the common entry's: the state at a call. */
	l->expected = (struct unwind_row){ 0 };
	for (int i = 0; i < l->common_n; i++) {
		if (!strcmp(l->common[i].offset, cie)) {
			l->signal = l->common[i].signal;
			l->expected = l->common[i].row;
		}
	}
	l->has_row = true;
	l->any_cfa = l->any_fp = false;
	return true;
}

static bool common_begins(struct listing *l, const char *line)
{
	char offset[20], letters[20];

	if (sscanf(line, "%16[0-9a-f] %*x %*x CIE \"%16[^\"]\"", offset, letters) != 2)
		return false;
	function_ends(l);
	assert_true(l->common_n < 64);
	strcpy(l->common[l->common_n].offset, offset);
	l->signal = l->common[l->common_n++].signal = strchr(letters, 'S') != NULL;
	l->in_common = true;
	return true;
}

static void columns_read(struct listing *l, char *line)
{
	int column = 0;

	l->rbp_column = l->ra_column = -1;
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"), column++) {
		if (!strcmp(word, "rbp"))
			l->rbp_column = column;
		if (!strcmp(word, "ra"))
			l->ra_column = column;
	}
}

static void cfa_read(struct listing *l, const char *word)
{
	int offset = 0;

	if (!strcmp(word, "exp"))
		l->any_cfa = true;
	else if (sscanf(word, "rsp+%d", &offset) == 1)
		l->expected.rule = UNWIND_SP;
	else if (sscanf(word, "rbp+%d", &offset) == 1)
		l->expected.rule = UNWIND_FP;
	else
		l->expected.rule = UNWIND_UNSUPPORTED;
	if (offset % 8)
		l->expected.rule = UNWIND_UNSUPPORTED;
	l->expected.cfa = (int16_t)(offset / 8);
}

static void row_read(struct listing *l, char *line)
{
	char *word = strtok(line, " \n");
	int column = 0, offset;
	uint64_t pc = strtoull(word, NULL, 16);

	if (l->in_function)
		row_ends(l, pc);
	l->pc = pc;
	l->expected = (struct unwind_row){ 0 };
	l->has_row = l->in_function;
	l->any_cfa = l->any_fp = false;
	for (; word; word = strtok(NULL, " \n"), column++) {
		if (word[0] == '(') { /* "r5 (rdi)" is one column */
			column--;
			continue;
		}
		if (column == 1)
			cfa_read(l, word);
		if (column == l->rbp_column && sscanf(word, "c%d", &offset) == 1)
			l->expected.fp = (int8_t)(offset / 8);
		else if (column == l->rbp_column && strcmp(word, "u") && strcmp(word, "s"))
			l->any_fp = true;
		if (column == l->ra_column && !strcmp(word, "u")) {
			l->expected.rule = UNWIND_END;
			l->any_cfa = false;
		} else if (column == l->ra_column && strcmp(word, "c-8")) {
			l->expected.rule = UNWIND_UNSUPPORTED;
			l->any_cfa = false;
		}
	}
	if (l->signal) {
		l->expected.rule = UNWIND_SIGNAL;
		l->any_cfa = false;
	}
	if (l->in_common)
		l->common[l->common_n - 1].row = l->expected;
}

static void line_read(struct listing *l, char *line)
{
	if (common_begins(l, line) || function_begins(l, line) || !(l->in_function || l->in_common))
		return;
	if (strstr(line, " LOC "))
		columns_read(l, line);
	else if (strspn(line, "0123456789abcdef") == 16)
		row_read(l, line);
}

/* ---- files ---- */

static bool section_read(
	const char *name, const char *path, struct elf_image **image, struct unwind_section *ret)
{
	struct elf_bytes bytes;
	struct error err = { 0 };
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	assert_int_equal(elf_image_open(fd, image, &err), 0);
	assert_int_equal(elf_image_section(*image, name, &bytes, &err), 0);
	*ret = (struct unwind_section){ bytes.at, bytes.n, bytes.vaddr,
		.debug_frame = !strcmp(name, ".debug_frame") };
	return true;
}

static void assert_sound(const struct unwind_table *t)
{
	assert_int_equal(t->first_row[0], 0);
	assert_int_equal(t->first_row[t->pages], t->rows_n);
	for (uint32_t page = 0; page < t->pages; page++) {
		assert_true(t->first_row[page] < t->first_row[page + 1]);
		assert_int_equal(t->rows[t->first_row[page]].pc, page << UNWIND_PAGE_BITS);
		for (uint32_t i = t->first_row[page] + 1; i < t->first_row[page + 1]; i++) {
			assert_true(t->rows[i].pc > t->rows[i - 1].pc);
			assert_int_equal(t->rows[i].pc >> UNWIND_PAGE_BITS, page);
		}
	}
}

static void agrees_with_readelf(const char *section_name, const char *path, uint64_t at_least)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct unwind_section section;
	struct unwind_table *table;
	struct error err = { 0 };
	char command[512];

	if (!section_read(section_name, path, &image, &section))
		skip();
	assert_int_equal(unwind_table_build(&section, &table, &err), 0);
	assert_sound(table);
	struct listing l = { .table = table, .file = path };
	snprintf(command, sizeof(command), "readelf --debug-dump=frames-interp %s 2>/dev/null",
		path);
	FILE *readelf = popen(command, "r");
	assert_non_null(readelf);
	CLEANUP(freep) char *line = NULL;
	size_t capacity = 0;
	while (getline(&line, &capacity, readelf) > 0)
		line_read(&l, line);
	function_ends(&l);
	pclose(readelf); /* its status tells of missing debug files too */
	print_message("%s: %llu addresses compared, %llu under an expression, %llu unsupported\n",
		path, (unsigned long long)l.compared, (unsigned long long)l.expressions,
		(unsigned long long)l.unsupported);
	assert_int_equal(l.wrong, 0);
	assert_true(l.compared >= at_least);
	assert_true(l.unsupported * 200 <= l.compared);
	assert_int_equal(table->functions_skipped, 0);
	unwind_table_free(table);
}

static void the_rows_of_libc_are_those_of_readelf(void **state)
{
	agrees_with_readelf(".eh_frame", "/lib/x86_64-linux-gnu/libc.so.6", 40000);
}

static void the_rows_of_the_dynamic_linker_are_those_of_readelf(void **state)
{
	agrees_with_readelf(".eh_frame", "/lib64/ld-linux-x86-64.so.2", 3000);
}

static void the_rows_of_python_are_those_of_readelf(void **state)
{
	agrees_with_readelf(".eh_frame", "/usr/bin/python3.11", 100000);
}

static void the_rows_of_the_cxx_library_are_those_of_readelf(void **state)
{
	agrees_with_readelf(".eh_frame", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", 50000);
}

/* ---- particular places ---- */

static void nothing_is_found_outside_of_all_functions(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct unwind_section section;
	struct unwind_table *t;
	struct error err;

	assert_true(section_read(".eh_frame", "/lib/x86_64-linux-gnu/libc.so.6", &image, &section));
	assert_int_equal(unwind_table_build(&section, &t, &err), 0);
	assert_int_equal(unwind_table_find(t, 0).rule, UNWIND_NONE);
	assert_int_equal(unwind_table_find(t, t->base - 1).rule, UNWIND_NONE);
	assert_int_equal(
		unwind_table_find(t, t->base + ((uint64_t)t->pages << 12)).rule, UNWIND_NONE);
	assert_int_equal(unwind_table_find(t, UINT64_MAX).rule, UNWIND_NONE);
	unwind_table_free(t);
}

static void a_section_without_functions_is_an_error(void **state)
{
	static const uint8_t zeros[64];
	struct unwind_table *t;
	struct error err = { 0 };

	for (size_t n = 0; n <= sizeof(zeros); n++)
		assert_int_equal(
			unwind_table_build(&(struct unwind_section){ zeros, n, 0x1000 }, &t, &err),
			-ENODATA);
	assert_non_null(strstr(err.text, ".eh_frame"));
}

/* ---- bytes that lie ---- */

/* Memory whose last byte is followed by a page that must not be touched. */
struct guarded {
	uint8_t *pages, *end;
	size_t mapped;
};

static struct guarded guarded_new(size_t bytes)
{
	struct guarded g = { .mapped = (bytes + 4095) / 4096 * 4096 + 4096 };

	g.pages = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(g.pages, MAP_FAILED);
	g.end = g.pages + g.mapped - 4096;
	assert_int_equal(mprotect(g.end, 4096, PROT_NONE), 0);
	return g;
}

static void build_and_look(const uint8_t *bytes, size_t n, uint64_t address)
{
	struct unwind_table *t = NULL;
	struct error err;

	if (unwind_table_build(&(struct unwind_section){ bytes, n, address }, &t, &err))
		return;
	assert_sound(t);
	uint64_t size = (uint64_t)t->pages << UNWIND_PAGE_BITS;
	for (uint64_t at = t->base - 1; at - t->base + 1 < size + 2; at += 1 + size / 64)
		assert_true(unwind_table_find(t, at).rule <= UNWIND_UNSUPPORTED);
	unwind_table_free(t);
}

enum { PIECE = 6000 };

static void a_section_cut_anywhere_is_read_only_up_to_the_cut(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct unwind_section section;
	struct guarded g = guarded_new(PIECE);

	assert_true(section_read(".eh_frame", "/lib/x86_64-linux-gnu/libc.so.6", &image, &section));
	for (size_t n = 0; n < PIECE; n++) {
		memcpy(g.end - n, section.bytes, n);
		build_and_look(g.end - n, n, section.address);
	}
	munmap(g.pages, g.mapped);
}

static void corrupted_bytes_give_a_sound_table_or_an_error(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct unwind_section section;
	struct guarded g = guarded_new(PIECE);
	uint32_t seed = 1;

	assert_true(section_read(".eh_frame", "/lib/x86_64-linux-gnu/libc.so.6", &image, &section));
	for (int round = 0; round < 4000; round++) {
		memcpy(g.end - PIECE, section.bytes, PIECE);
		for (int i = 0; i < 1 + round % 40; i++) {
			seed = seed * 1664525u + 1013904223u;
			(g.end - PIECE)[(seed >> 8) % PIECE] = (uint8_t)(seed >> 24);
		}
		build_and_look(g.end - PIECE, PIECE, section.address);
	}
	munmap(g.pages, g.mapped);
}

static void the_rows_of_a_debug_frame_are_those_of_readelf(void **state)
{
	char source[64] = "/tmp/assay-frames-XXXXXX", command[512];
	int fd = mkstemp(source);

	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	/* Functions enough, with saved registers and frames of several sizes. */
	for (int i = 0; i < 40; i++)
		fprintf(f,
			"int f%d(int n) { volatile char a[%d]; a[n %% 8] = n; int s = 0;"
			" for (int i = 0; i < n; i++) s += i * %d + a[i %% 8];"
			" return n ? f%d(n - 1) + s : s; }\n",
			i, 16 * i + 8, i, i ? i - 1 : 0);
	fprintf(f, "int main(void) { volatile int x = f39(9); return x + f3(x); }\n");
	fclose(f);
	snprintf(command, sizeof(command),
		"gcc -x c -O2 -g -w -fno-omit-frame-pointer -fno-asynchronous-unwind-tables "
		"-nostartfiles -e main -o "
		"%s.out %s",
		source, source);
	assert_int_equal(system(command), 0);
	strcat(source, ".out");
	agrees_with_readelf(".debug_frame", source, 200);
	unlink(source);
	source[strlen(source) - 4] = 0;
	unlink(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rows_of_libc_are_those_of_readelf),
		cmocka_unit_test(the_rows_of_the_dynamic_linker_are_those_of_readelf),
		cmocka_unit_test(the_rows_of_python_are_those_of_readelf),
		cmocka_unit_test(the_rows_of_the_cxx_library_are_those_of_readelf),
		cmocka_unit_test(nothing_is_found_outside_of_all_functions),
		cmocka_unit_test(a_section_without_functions_is_an_error),
		cmocka_unit_test(a_section_cut_anywhere_is_read_only_up_to_the_cut),
		cmocka_unit_test(corrupted_bytes_give_a_sound_table_or_an_error),
		cmocka_unit_test(the_rows_of_a_debug_frame_are_those_of_readelf),
	};
	return RUN_TESTS(tests);
}

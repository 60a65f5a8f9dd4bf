/* Line tables and layouts of CPython, against the interpreter itself. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "unwind/python_layout.h"
#include "unwind/python_lines.h"

/* Prints, for each code object of some standard modules: first line, line table, and the line of
 * each instruction as the interpreter sees it. */
static const char script[] =
	"import sys, json.decoder, argparse, textwrap, inspect, types\n"
	"def walk(c):\n"
	"    yield c\n"
	"    for k in c.co_consts:\n"
	"        if isinstance(k, types.CodeType): yield from walk(k)\n"
	"v = sys.version_info\n"
	"for m in (json.decoder, argparse, textwrap, inspect):\n"
	"    for c in walk(compile(open(m.__file__).read(), m.__file__, 'exec')):\n"
	"        t = c.co_lnotab if v < (3, 10) else c.co_linetable\n"
	"        print('code', v[0] << 8 | v[1], c.co_firstlineno, t.hex() or '-')\n"
	"        for a, b, l in c.co_lines():\n"
	"            for o in range(a, b, 2): print('line', o, l or 0)\n"
	"print('end', 0, 0)\n";

static size_t unhex(const char *hex, uint8_t *to)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && sscanf(hex, "%2hhx", &to[n]) == 1; hex += 2)
		n++;
	return n;
}

static void every_instruction_has_the_line_that_python_says(void **state)
{
	char path[] = "/tmp/assay-lines-XXXXXX", command[64], *line = NULL;
	int fd = mkstemp(path);
	size_t capacity = 0, n = 0;
	unsigned int version = 0, first = 0, instruction, expected, checked = 0, codes = 0;
	static uint8_t table[1 << 20];

	assert_int_equal(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	close(fd);
	snprintf(command, sizeof(command), "/usr/bin/python3 %s", path);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	while (getline(&line, &capacity, f) > 0) {
		int at;

		if (sscanf(line, "code %u %u %n", &version, &first, &at) == 2) {
			n = unhex(line + at, table);
			codes++;
		} else if (sscanf(line, "line %u %u", &instruction, &expected) == 2) {
			assert_int_equal(
				python_line(version, table, n, first, instruction), expected);
			checked++;
		}
	}
	free(line);
	assert_int_equal(pclose(f), 0);
	unlink(path);
	assert_true(codes > 100 && checked > 10000);
}

/* The example of Objects/lnotab_notes.txt: 0:1 6:2 50:7 350:361 ... */
static void old_line_tables_are_read(void **state)
{
	const uint8_t lnotab[] = { 0, 1, 6, 1, 44, 5, 255, 0, 45, 127, 0, 127, 0, 99 };
	struct {
		uint32_t instruction, line;
	} cases[] = { { 0, 2 }, { 5, 2 }, { 6, 3 }, { 49, 3 }, { 50, 8 }, { 349, 8 },
		{ 350, 361 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
			python_line(0x0309, lnotab, sizeof(lnotab), 1, cases[i].instruction),
			cases[i].line);
	/* PEP 626: 6 bytes on line +1, 4 bytes without a line, 2 bytes on line +3 of that */
	const uint8_t pep626[] = { 6, 1, 4, (uint8_t)-128, 2, 3 };
	assert_int_equal(python_line(0x030a, pep626, sizeof(pep626), 10, 4), 11);
	assert_int_equal(python_line(0x030a, pep626, sizeof(pep626), 10, 8), 0);
	assert_int_equal(python_line(0x030a, pep626, sizeof(pep626), 10, 10), 14);
	assert_int_equal(python_line(0x030a, pep626, sizeof(pep626), 10, 12), 0);
}

static void cut_and_hostile_tables_say_nothing(void **state)
{
	uint8_t table[64];

	for (unsigned int seed = 0; seed < 20000; seed++) {
		srand(seed);
		size_t n = (size_t)rand() % sizeof(table);
		for (size_t i = 0; i < n; i++)
			table[i] = (uint8_t)rand();
		/* An exact copy on the heap lets ASan see a read behind the end. */
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, table, n);
		for (uint32_t version = 0x0309; version <= 0x030f; version++)
			python_line(version, copy, n, (uint32_t)rand(), (uint32_t)rand() % 300);
		free(copy);
	}
	assert_int_equal(python_line(0x030b, NULL, 0, 1, 0), 0);
}

static int find(const char *path, struct python_image *ret)
{
	struct error err = { 0 };
	struct elf_image *image;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	int r = python_image_find(image, ret, &err);
	elf_image_close(image);
	close(fd);
	return r;
}

static void the_interpreter_is_found_by_its_symbols(void **state)
{
	struct python_image image;
	char name[] = "/tmp/assay-not-python-XXXXXX", command[256];
	int fd = mkstemp(name);

	/* Under a name that says nothing. */
	close(fd);
	snprintf(command, sizeof(command), "cp $(readlink -f /usr/bin/python3) %s", name);
	assert_int_equal(system(command), 0);
	assert_int_equal(find(name, &image), 0);
	unlink(name);
	assert_in_range(image.layout.version, 0x0309, 0x030f);
	assert_true(image.runtime && image.eval[0].start < image.eval[0].end);
	assert_int_equal(find("/bin/true", &image), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_instruction_has_the_line_that_python_says),
		cmocka_unit_test(old_line_tables_are_read),
		cmocka_unit_test(cut_and_hostile_tables_say_nothing),
		cmocka_unit_test(the_interpreter_is_found_by_its_symbols),
	};
	return RUN_TESTS(tests);
}

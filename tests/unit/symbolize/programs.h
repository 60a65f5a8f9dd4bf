/* Small programs that the tests of this room compile, in a folder that goes away with the test. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef TESTS_UNIT_PROGRAMS_H
#define TESTS_UNIT_PROGRAMS_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

static char programs_dir[64];

static inline int programs_setup(void **state)
{
	strcpy(programs_dir, "/tmp/assay-programs-XXXXXX");
	return mkdtemp(programs_dir) ? 0 : -1;
}

static inline int programs_teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", programs_dir);
	return system(command);
}

static inline void write_file(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Compiles @source (C, or C++ when @compiler is g++) with @flags and returns the program open. The
 * source is prog.c or prog.cc, the program prog, both in programs_dir. */
static inline int compile(const char *compiler, const char *flags, const char *source)
{
	char path[128], command[512];
	const char *name = strcmp(compiler, "g++") ? "prog.c" : "prog.cc";

	snprintf(path, sizeof(path), "%s/%s", programs_dir, name);
	write_file(path, source, strlen(source));
	snprintf(command, sizeof(command), "cd '%s' && %s %s %s -o prog", programs_dir, compiler,
		flags, name);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/prog", programs_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Calls that gcc -O2 inlines into each other, and one that it does not. */
static const char inlining_program[] = "#include <stdlib.h>\n"
				       "volatile int sink;\n"
				       "static inline int innermost(int a)\n"
				       "{\n"
				       "	sink = a * 3;\n"
				       "	return sink + 1;\n"
				       "}\n"
				       "static inline int middle(int a)\n"
				       "{\n"
				       "	for (int i = 0; i < a; i++)\n"
				       "		sink += innermost(i);\n"
				       "	return sink;\n"
				       "}\n"
				       "__attribute__((noinline)) static int kept(int a)\n"
				       "{\n"
				       "	return middle(a) + innermost(a + 1);\n"
				       "}\n"
				       "__attribute__((noinline)) int exported(int a)\n"
				       "{\n"
				       "	sink += kept(a) + kept(a + 2);\n"
				       "	return sink;\n"
				       "}\n"
				       "int main(int argc, char **argv)\n"
				       "{\n"
				       "	return exported(argc) + atoi(argv[0]);\n"
				       "}\n";

#endif

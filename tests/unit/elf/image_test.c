/* ELF files open cheaply and right, and broken ones are refused. */
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

static char program[] = "/tmp/assay-image-XXXXXX";

/* Compiles a small program with @flags and returns it open. */
static int compiled(const char *flags)
{
	char command[256];

	snprintf(command, sizeof(command),
		"echo 'int main(int n, char **v) { return n; } int probe(void) { return 7; }'"
		" | gcc -x c %s - -o %s",
		flags, program);
	assert_int_equal(system(command), 0);
	int fd = open(program, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct elf_image *opened(int fd)
{
	struct elf_image *image = NULL;
	struct error err = { 0 };

	if (elf_image_open(fd, &image, &err))
		fail_msg("%s", err.text);
	close(fd); /* the image has its own */
	return image;
}

static int memory_file(const void *bytes, size_t n)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	return fd;
}

static size_t read_program(int fd, char *bytes, size_t size)
{
	ssize_t n = pread(fd, bytes, size, 0);

	assert_true(n > 1000 && (size_t)n < size);
	return (size_t)n;
}

static void the_build_id_is_the_one_the_linker_wrote(void **state)
{
	CLEANUP(elf_image_closep)
	struct elf_image *image = opened(compiled("-Wl,--build-id=0x0123456789abcdef"));
	const uint8_t *id;

	assert_int_equal(elf_image_build_id(image, &id), 8);
	assert_memory_equal(id, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	CLEANUP(elf_image_closep)
	struct elf_image *none = opened(compiled("-Wl,--build-id=none"));
	assert_int_equal(elf_image_build_id(none, &id), 0);
}

static int find_probe(void *context, const struct elf_symbol *s)
{
	if (!strcmp(s->name, "probe"))
		*(struct elf_symbol *)context = *s;
	return 0;
}

static void type_and_machine_are_told(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *pie = opened(compiled("-pie"));
	CLEANUP(elf_image_closep) struct elf_image *fixed = opened(compiled("-no-pie"));

	assert_int_equal(elf_image_type(pie), ET_DYN);
	assert_int_equal(elf_image_type(fixed), ET_EXEC);
	assert_int_equal(elf_image_machine(pie), EM_X86_64);
}

/* For each kind of linking: the mapped address of probe() leads back to its symbol. */
static void file_offsets_become_the_addresses_of_symbols(void **state)
{
	static const char *const flags[] = { "-pie", "-no-pie", "-static", "-Wl,-z,noseparate-code",
		"-Wl,-Ttext-segment=0x7000000 -no-pie" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		CLEANUP(elf_image_closep) struct elf_image *image = opened(compiled(flags[i]));
		struct elf_symbol probe = { 0 };
		struct elf_bytes text;
		struct error err;
		uint64_t vaddr;
		Elf64_Ehdr header;

		assert_int_equal(elf_image_each_symbol(image, find_probe, &probe, &err), 0);
		assert_true(probe.vaddr != 0 && probe.in_code);
		assert_int_equal(elf_image_section(image, ".text", &text, &err), 0);
		/* Where in the file are the bytes of .text? Ask the file, not the segments. */
		CLEANUP(fd_closep) int fd = open(program, O_RDONLY | O_CLOEXEC);
		static char bytes[4 << 20];
		size_t n = read_program(fd, bytes, sizeof(bytes));
		memcpy(&header, bytes, sizeof(header));
		char *at = memmem(bytes, n, text.at, text.n);
		assert_non_null(at);
		uint64_t offset = (uint64_t)(at - bytes) + (probe.vaddr - text.vaddr);
		assert_true(elf_image_vaddr(image, offset, &vaddr));
		assert_int_equal(vaddr, probe.vaddr);
		/* The kernel maps from the start of the page on. */
		assert_true(elf_image_vaddr(image, offset & ~4095UL, &vaddr));
		assert_int_equal(vaddr, probe.vaddr & ~4095UL);
		assert_false(elf_image_vaddr(image, 1UL << 40, &vaddr));
	}
}

static void sections_are_read_and_decompressed(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *plain = opened(compiled("-g -gz=none"));
	struct elf_bytes a, b;
	struct error err = { 0 };

	assert_int_equal(elf_image_section(plain, ".debug_str", &a, &err), 0);
	CLEANUP(elf_image_closep) struct elf_image *packed = opened(compiled("-g -gz=zlib"));
	assert_int_equal(elf_image_section(packed, ".debug_str", &b, &err), 0);
	assert_int_equal(a.n, b.n);
	assert_non_null(memmem(b.at, b.n, "GNU C", 5));
	assert_int_equal(elf_image_section(plain, ".nosuch", &a, &err), -ENOENT);
	assert_int_equal(elf_image_section(plain, ".bss", &a, &err), -ENOENT);
	assert_int_equal(elf_image_section(plain, ".eh_frame", &a, &err), 0);
	assert_true(a.vaddr > 0 && a.n > 0);
}

static void code_is_read_by_address_and_nothing_else_is(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = opened(compiled(""));
	struct elf_bytes text, data;
	uint8_t code[16];
	struct error err;

	assert_int_equal(elf_image_section(image, ".text", &text, &err), 0);
	assert_int_equal(elf_image_section(image, ".eh_frame", &data, &err), 0);
	assert_true(elf_image_code(image, text.vaddr + 1, code, sizeof(code)));
	assert_memory_equal(code, text.at + 1, sizeof(code));
	assert_false(elf_image_code(image, data.vaddr, code, sizeof(code)));
	assert_false(elf_image_code(image, text.vaddr, code, 1 << 20));
	assert_false(elf_image_code(image, UINT64_MAX - 8, code, sizeof(code)));
	assert_false(elf_image_code(image, 0, code, 1));
}

static void what_is_not_elf_is_refused(void **state)
{
	struct elf_image *image = NULL;
	struct error err;
	CLEANUP(fd_closep) int text = memory_file("#!/bin/sh\necho no\n", 18);
	CLEANUP(fd_closep) int empty = memory_file("", 0);
	CLEANUP(fd_closep) int folder = open("/tmp", O_RDONLY | O_CLOEXEC);

	assert_int_equal(elf_image_open(text, &image, &err), -EBADMSG);
	assert_int_equal(elf_image_open(empty, &image, &err), -EBADMSG);
	assert_int_equal(elf_image_open(folder, &image, &err), -EINVAL);
	assert_int_equal(elf_image_open(-1, &image, &err), -EBADF);
	assert_null(image);
}

static int take_symbol(void *context, const struct elf_symbol *s)
{
	*(size_t *)context += strlen(s->name);
	return 0;
}

static int take_slot(void *context, uint64_t slot, const char *name)
{
	*(size_t *)context += strlen(name);
	return 0;
}

/* Uses everything of an image, whatever it answers. */
static int use(const char *bytes, size_t n)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(fd_closep) int fd = memory_file(bytes, n);
	struct error err;
	struct elf_bytes section;
	size_t length = 0;
	int r = elf_image_open(fd, &image, &err);

	if (r)
		return r;
	elf_image_each_symbol(image, take_symbol, &length, &err);
	elf_image_each_slot(image, take_slot, &length, &err);
	elf_image_section(image, ".eh_frame", &section, &err);
	return 0;
}

static void truncated_files_are_refused_at_every_length(void **state)
{
	CLEANUP(fd_closep) int fd = compiled("-s");
	static char bytes[1 << 20];
	size_t n = read_program(fd, bytes, sizeof(bytes));

	assert_int_equal(use(bytes, n), 0);
	for (size_t length = 0; length < n; length += length < 1200 ? 1 : 97)
		assert_int_equal(use(bytes, length), -EBADMSG);
}

static void corrupted_files_do_no_harm(void **state)
{
	CLEANUP(fd_closep) int fd = compiled("");
	static char bytes[1 << 20], broken[1 << 20];
	size_t n = read_program(fd, bytes, sizeof(bytes));
	Elf64_Ehdr header;

	memcpy(&header, bytes, sizeof(header));
	srandom(1);
	for (int i = 0; i < 4000; i++) {
		memcpy(broken, bytes, n);
		/* Headers of the file, segments and sections are where it hurts. */
		size_t headers = header.e_shnum * sizeof(Elf64_Shdr);
		size_t at = i & 1 ? (size_t)random() % 1024
				  : header.e_shoff + (size_t)random() % headers;
		broken[at] = (char)random();
		use(broken, n);
	}
}

static int make_file(void **state)
{
	int fd = mkstemp(program);

	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_build_id_is_the_one_the_linker_wrote),
		cmocka_unit_test(type_and_machine_are_told),
		cmocka_unit_test(file_offsets_become_the_addresses_of_symbols),
		cmocka_unit_test(sections_are_read_and_decompressed),
		cmocka_unit_test(code_is_read_by_address_and_nothing_else_is),
		cmocka_unit_test(what_is_not_elf_is_refused),
		cmocka_unit_test(truncated_files_are_refused_at_every_length),
		cmocka_unit_test(corrupted_files_do_no_harm),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, make_file, remove_file);
}

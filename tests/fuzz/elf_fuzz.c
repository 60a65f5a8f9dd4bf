/* Any bytes as an ELF file: segments, sections, symbols, linkage tables, calls, function bounds,
 * compressed symbols and DWARF, links to debug files; and as the debug file of itself. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "elf/image.h"
#include "symbolize/debug_file.h"
#include "symbolize/worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { ADDRESSES_MAX = 64 };

struct addresses {
	uint64_t vaddr[ADDRESSES_MAX];
	uint32_t n;
};

static int add_address(void *context, const struct elf_symbol *s)
{
	struct addresses *a = context;

	if (a->n < ADDRESSES_MAX && s->in_code)
		a->vaddr[a->n++] = s->vaddr + s->size / 2;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int take_place(void *context, uint32_t index, const struct worker_place *places, uint32_t n)
{
	volatile char *sink = context;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < places[i].function_bytes; k++)
			*sink = places[i].function[k];
		for (uint32_t k = 0; k < places[i].file_bytes; k++)
			*sink = places[i].file[k];
	}
	return 0;
}

static void read_name(void *context, struct worker_name name)
{
	volatile char *sink = context;

	for (uint32_t k = 0; k < name.n; k++)
		*sink = name.at[k];
}

static int take_start(void *context, uint32_t index, uint64_t start_vaddr)
{
	return 0;
}

static int take_ifunc(void *context, struct worker_name name, struct worker_name best)
{
	read_name(context, name);
	read_name(context, best);
	return 0;
}

static int take_call(void *context, uint32_t index, struct worker_name name)
{
	read_name(context, name);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CLEANUP(fd_closep) int fd = memfd_create("fuzz", MFD_CLOEXEC);
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct addresses a = { { 0, 0x1000, 0x1040, 0x1139, 0x401000, 0x401136 }, 6 };
	struct elf_bytes section;
	struct error err;
	uint64_t vaddr;
	char sink;

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		return 0;
	if (elf_image_open(fd, &image, &err))
		return 0;
	elf_image_vaddr(image, 0x1000, &vaddr);
	elf_image_each_symbol(image, add_address, &a, &err);
	qsort(a.vaddr, a.n, sizeof(*a.vaddr), compare);
	elf_image_section(image, ".eh_frame", &section, &err);
	elf_image_section(image, ".debug_str", &section, &err);
	struct worker_task task = { .fd = fd,
		.vaddrs = a.vaddr,
		.count = a.n,
		.build_id_unchecked = true,
		.place = take_place,
		.start = take_start,
		.ifunc = take_ifunc,
		.context = &sink };
	worker_run_here(&task, &err);
	CLEANUP(fd_closep) int scratch = memfd_create("scratch", MFD_CLOEXEC);
	struct debug_files found;
	struct debug_search search = { .fd = fd, .path = "/nowhere/program" };
	debug_files_open(&search, &found, &err);
	debug_files_close(&found);
	task.debug_fd = task.alt_fd = fd;
	task.scratch_fd = scratch;
	worker_run_here(&task, &err);
	task.call = take_call;
	worker_run_here(&task, &err);
	return 0;
}

/* The inside of an ELF image, shared by the files of this room only. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef ELF_IMAGE_PRIVATE_H
#define ELF_IMAGE_PRIVATE_H

#include <gelf.h>

#include "base/vec.h"
#include "elf/image.h"

struct segment {
	uint64_t offset, vaddr, file_bytes;
	bool executable;
};

struct section {
	Elf_Scn *scn;
	const char *name; /* borrowed from the section name table; "" when it has none */
	uint64_t vaddr, bytes, flags;
	uint32_t type, link;
};

struct elf_image {
	int fd;
	Elf *elf;
	uint64_t file_bytes;
	uint16_t type, machine;
	bool wide, section_headers, sections_read;
	uint32_t build_id_bytes;
	uint8_t build_id[ELF_BUILD_ID_BYTES];
	VEC(struct segment) segments;
	VEC(struct section) sections; /* [0] is the empty section, as in the file */
};

/* Fills image->sections once: every section that has bytes lies inside of the file. */
int elf_image_sections(struct elf_image *image, struct error *err);

/* A string table: text that ends in NUL, so that every offset below n is a C string. */
struct elf_strings {
	const char *at;
	size_t n;
};

/* The section's text up to its last NUL; an unusable section gives no strings. */
struct elf_strings elf_section_strings(struct elf_image *image, uint32_t index);

#endif

/*
 * An ELF file of a running program, read with pread from hostile hands.
 *
 * Opening reads the file header and the program headers only, so that it is cheap enough to be done
 * when a mapping is learned; sections and symbols are read when they are first asked for. Nothing
 * is ever mapped: a file that shrinks under us gives an error, not SIGBUS. All sizes and counts are
 * held against the file's size before libelf sees them.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include <elf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	ELF_BUILD_ID_BYTES = 32,           /* longer build ids are cut */
	ELF_SECTION_BYTES_MAX = 256 << 20, /* largest section handed out, after decompression */
	ELF_SYMBOLS_MAX = 8 << 20,         /* symbols visited per table */
};

struct elf_image;

/* Opens the ELF executable or shared object (ET_EXEC, ET_DYN; 32 or 64 bit, little endian) behind
 * @fd. The image keeps a duplicate: @fd stays the caller's and may be closed at once.
 * -EBADMSG: not ELF, or headers that contradict the file's size (hint names the cause);
 * -ENOTSUP: another kind or byte order of ELF; -EINVAL: not a regular file; -EMFILE, -ENOMEM. */
int elf_image_open(int fd, struct elf_image **ret, struct error *err);
/* As elf_image_open, for files of debug information: those may also be relocatable files without
 * program headers, as dwz writes them. */
int elf_image_open_debug(int fd, struct elf_image **ret, struct error *err);
/* Takes NULL. Bytes and names borrowed from the image end here. */
void elf_image_close(struct elf_image *image);
/* For CLEANUP(elf_image_closep). */
void elf_image_closep(struct elf_image **image);

uint16_t elf_image_type(const struct elf_image *image);    /* ET_EXEC or ET_DYN */
uint16_t elf_image_machine(const struct elf_image *image); /* EM_X86_64, ... */
uint64_t elf_image_file_bytes(const struct elf_image *image);

/* The GNU build id: its length in bytes (0 = the file has none) and its bytes in @ret_id, borrowed.
 * Source: NT_GNU_BUILD_ID in a PT_NOTE segment. */
uint32_t elf_image_build_id(const struct elf_image *image, const uint8_t **ret_id);

/* Translates a file offset (bytes) into an ELF virtual address through the PT_LOAD segments, as the
 * kernel maps them: whole pages, so that an offset in front of a segment on its first page counts.
 * Where segments share a page the executable one wins, for code is what is asked for. False when no
 * segment covers the offset. Costs one pass over the segments, no system call. */
bool elf_image_vaddr(const struct elf_image *image, uint64_t file_offset, uint64_t *ret_vaddr);

/* Reads the @n bytes of code at the ELF virtual address @vaddr into @to. False when no executable
 * PT_LOAD segment has them all in the file. One system call; no section is needed. */
bool elf_image_code(const struct elf_image *image, uint64_t vaddr, void *to, size_t n);

/* A section's content. */
struct elf_bytes {
	const uint8_t *at; /* borrowed from the image */
	size_t n;          /* bytes */
	uint64_t vaddr;    /* ELF virtual address of the first byte; 0 for sections not loaded */
	uint64_t flags;    /* SHF_* */
};

/* Reads the first section called @name, decompressed where it is compressed.
 * -ENOENT: no such section, or it has no bytes in the file; -E2BIG: above ELF_SECTION_BYTES_MAX;
 * -EBADMSG: the section table or the section cannot be read. */
int elf_image_section(
	struct elf_image *image, const char *name, struct elf_bytes *ret, struct error *err);

/* Whether the file holds bytes of a section called @name. A broken section table has none. */
bool elf_image_has_section(struct elf_image *image, const char *name);

struct elf_symbol {
	const char *name; /* borrowed from the image, never empty; hostile bytes */
	uint64_t vaddr;
	uint64_t size;        /* bytes; 0 = not given */
	uint64_t section_end; /* ELF virtual address where its section ends */
	uint8_t type;         /* STT_* */
	uint8_t binding;      /* STB_* */
	bool in_code;         /* defined in an executable section */
	bool old_version;     /* kept for old programs only (not the default version of its name) */
};

/* Calls @each for every defined, named symbol of .symtab and then of .dynsym, until it returns
 * other than 0, which is then returned. A file without either gives 0 calls. -EBADMSG on broken
 * tables; symbols beyond ELF_SYMBOLS_MAX per table are left out. */
int elf_image_each_symbol(struct elf_image *image,
	int (*each)(void *context, const struct elf_symbol *symbol), void *context,
	struct error *err);

/* The names behind the dynamic relocations: calls @each with every slot address
 * (vaddr of the GOT entry) of .rela.plt and .rela.dyn that is bound to a symbol by name. */
int elf_image_each_slot(struct elf_image *image,
	int (*each)(void *context, uint64_t slot_vaddr, const char *name), void *context,
	struct error *err);

/* libelf's handle, for libdw. Borrowed; its sections were held against the file's size.
 * -EBADMSG as elf_image_section. */
int elf_image_libelf(struct elf_image *image, Elf **ret, struct error *err);

#endif

/*
 * The function symbols of one ELF file, sorted by address, one per place.
 *
 * Taken are STT_FUNC and STT_GNU_IFUNC, and untyped symbols in executable sections (assembly labels
 * such as _start). Of several names for one address the table keeps one, always the same: typed
 * before untyped, global before weak before local, fewest leading underscores, then alphabetical.
 * A symbol without a size reaches to the next symbol or its section's end. Slots of the procedure
 * linkage table are added under the name of the function they jump to.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_SYMBOLS_H
#define SYMBOLIZE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "elf/image.h"

struct symbol {
	uint64_t vaddr;   /* ELF virtual address */
	uint64_t size;    /* bytes */
	const char *name; /* mangled, hostile bytes; borrowed from the image */
	uint8_t rank;     /* preference among aliases, lower is better */
	bool plt;         /* a jump to @name, shown as name@plt */
};

struct symbols;

/* Reads @image's symbols; @image must outlive the table. A file without symbols gives an empty
 * table. -EBADMSG: broken symbol table; -ENOMEM. */
int symbols_new(struct elf_image *image, struct symbols **ret, struct error *err);
/* As symbols_new, with the symbols of @n other images of the same program: its separate debug file
 * or the symbol table that it holds compressed. They must outlive the table, too. */
int symbols_new_with(struct elf_image *image, struct elf_image *const *others, uint32_t n,
	struct symbols **ret, struct error *err);
void symbols_free(struct symbols *symbols);
void symbols_freep(struct symbols **symbols);

/* The symbol that covers the ELF virtual address @vaddr, or NULL. O(log n). */
const struct symbol *symbols_find(const struct symbols *symbols, uint64_t vaddr);

uint32_t symbols_count(const struct symbols *symbols);

/* Calls @each with every slot of the procedure linkage tables of @image (x86-64): its address, size
 * in bytes and the name of the function it jumps to. Source: System V ABI, AMD64 supplement, 5.2,
 * and the layouts of .plt, .plt.sec and .plt.got that ld, gold and lld write. */
int plt_each(struct elf_image *image,
	int (*each)(void *context, uint64_t vaddr, uint64_t size, const char *name), void *context,
	struct error *err);

#endif

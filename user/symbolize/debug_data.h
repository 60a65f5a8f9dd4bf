/* The symbol table that distributions compress into stripped programs ("MiniDebugInfo"). */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_DEBUG_DATA_H
#define SYMBOLIZE_DEBUG_DATA_H

#include "base/error.h"
#include "elf/image.h"

enum { DEBUG_DATA_BYTES_MAX = 64 << 20 }; /* decompressed */

/* Decompresses section .gnu_debugdata of @image, an ELF file with a .symtab in xz form, into the
 * empty file @scratch_fd (borrowed), and opens it. -ENOENT: there is no such section; -E2BIG: above
 * DEBUG_DATA_BYTES_MAX; -EBADMSG: not xz, or no ELF file in it; -EIO, -ENOSPC: it cannot be
 * written; -ENOMEM. */
int debug_data_open(
	struct elf_image *image, int scratch_fd, struct elf_image **ret, struct error *err);

#endif

/*
 * Where functions begin and end, by call frame information.
 *
 * Stripping a file removes the symbols of its static functions but not .eh_frame, which lists the
 * range of every function that can be unwound. Only x86-64 files have one that is understood.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_BOUNDS_H
#define SYMBOLIZE_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "elf/image.h"

/* A function: [start, end) in ELF virtual addresses. */
struct function_range {
	uint64_t start, end;
};

struct bounds {
	VEC(struct function_range) functions; /* by start */
};

/* Reads from @image's .eh_frame the functions that hold one of the @count ELF virtual addresses
 * @vaddrs, which ascend. A file without call frame information gives none. 0, -ENOMEM, or what
 * elf_image_section returns; call bounds_done in every case. */
int bounds_read(struct elf_image *image, const uint64_t *vaddrs, uint32_t count, struct bounds *ret,
	struct error *err);
void bounds_done(struct bounds *b);

/* Whether the function around @vaddr is known, and in @ret_start where it begins. */
bool bounds_find(const struct bounds *b, uint64_t vaddr, uint64_t *ret_start);

#endif

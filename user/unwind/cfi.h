/* Call frame information: the functions of an .eh_frame section and the rules of each. Pure. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef UNWIND_CFI_H
#define UNWIND_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/table.h"

/* What all functions of one common information entry share. */
struct cfi_common {
	uint64_t offset; /* of the entry in the section */
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;
	bool has_augmentation_data, signal_frame;
	const uint8_t *instructions, *end;
};

/* One function: [start, end) in ELF virtual addresses. Pointers go into the section. */
struct cfi_function {
	uint64_t start, end;
	struct cfi_common common;
	const uint8_t *instructions, *instructions_end;
};

/*
 * Reads the function entry at *@offset and moves it on to the next entry. Returns 1 with @ret
 * filled, 0 when the entry is none or does not parse (skipped), -ENODATA at the section's end.
 * @cache holds the common entry read last; zero it before the first call.
 */
int cfi_next(const struct unwind_section *s, uint64_t *offset, struct cfi_common *cache,
	struct cfi_function *ret);

/* Called with each new rule, from @pc on. Returns 0 to go on. */
typedef int (*cfi_rule_fn)(void *context, uint64_t pc, struct unwind_row rule);

/* Runs the instructions of @f and reports its rules in order of pc (row.pc is not set). Returns 0,
 * what @each returned, or -EBADMSG when the instructions do not parse: what was reported holds. */
int cfi_run(const struct cfi_function *f, cfi_rule_fn each, void *context);

#endif

/*
 * The name that a call instruction asks the dynamic linker for.
 *
 * A call into another file goes through a slot that a relocation binds to a symbol: `call rel32` to
 * an entry of the procedure linkage table, which jumps through the slot, or `call *disp(%rip)`
 * through the slot itself (-fno-plt). So the bytes in front of a return address may tell under
 * which name the function was called. Only x86-64 files are understood.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_CALL_SLOTS_H
#define SYMBOLIZE_CALL_SLOTS_H

#include <stdint.h>

#include "base/error.h"
#include "elf/image.h"

struct call_slots;

/* Reads the slots of @image, which must outlive them. -EBADMSG: broken relocations; -ENOMEM. */
int call_slots_new(struct elf_image *image, struct call_slots **ret, struct error *err);
void call_slots_free(struct call_slots *slots);
void call_slots_freep(struct call_slots **slots);

/* The symbol's name (hostile, borrowed from the image) that the call in front of the ELF virtual
 * address @return_vaddr goes to; NULL: no call, none through a slot, or unreadable. */
const char *call_slots_find(const struct call_slots *slots, uint64_t return_vaddr);

#endif

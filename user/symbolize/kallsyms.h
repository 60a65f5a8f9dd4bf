/* The kernel's functions by address, from the text of /proc/kallsyms. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_KALLSYMS_H
#define SYMBOLIZE_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct kallsyms;

struct kallsyms_symbol {
	uint64_t start, end; /* kernel addresses, end exclusive */
	const char *name;    /* borrowed from the table; BPF programs: bpf_prog_TAG_NAME */
	const char *module;  /* "[kernel]", "[nf_tables]", "[bpf]"; borrowed */
};

/* Reads all of @f, which stays open and the caller's.
 * -EPERM: the kernel shows no addresses to us; -EBADMSG: not kallsyms; -E2BIG: above 64 MB;
 * -ENOMEM; -EIO. */
int kallsyms_read(FILE *f, struct kallsyms **ret, struct error *err);

/* As kallsyms_read, from @n bytes at @text (copied). */
int kallsyms_parse(const char *text, size_t n, struct kallsyms **ret, struct error *err);

void kallsyms_free(struct kallsyms *k);
void kallsyms_freep(struct kallsyms **k);

/* The function that covers @address, or NULL. A function ends where the next symbol of any type
 * begins, and when that belongs to another module no later than 64 KB on. */
const struct kallsyms_symbol *kallsyms_find(const struct kallsyms *k, uint64_t address);

uint32_t kallsyms_count(const struct kallsyms *k);

#endif

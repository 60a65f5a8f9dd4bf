/* What the files that just-in-time compilers write for profilers have in common. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_JIT_NAMES_H
#define SYMBOLIZE_JIT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "symbolize/worker.h"

/*
 * The addresses to be named. Compilers use memory again, so that entries of a file overlap and the
 * newest one counts: a file is gone through from its end, and an address is taken once. That needs
 * no table of the entries, and costs O((entries + addresses) log addresses) whatever they are.
 */
struct jit_names {
	const uint64_t *addresses; /* ascending; borrowed */
	uint32_t count;
	uint32_t left;  /* not named yet */
	uint32_t *next; /* [i]: an unnamed address at or behind number i is not before this */
	/* Called once for an address, number @index, with its function. Returns 0 or -errno. */
	int (*place)(void *context, uint32_t index, const struct worker_place *place, uint32_t n);
	void *context;
};

/* 0 or -ENOMEM. */
int jit_names_init(struct jit_names *j, const uint64_t *addresses, uint32_t count);
void jit_names_done(struct jit_names *j);

/* The first address that is not named in [start, end), its number in @ret_index; 0 = there is none.
 * The address counts as named from now on. */
int jit_names_take(struct jit_names *j, uint64_t start, uint64_t end, uint32_t *ret_index);

/*
 * Splits the @n bytes of a compiler's name. V8 writes "JS:*fib /srv/x.js:3:13": the tier after the
 * first colon, the function, and where it is defined. The function goes without its tier, so that
 * all its versions are one; a nameless one is "(anonymous:3)", in @scratch. Of the place only the
 * file is taken: the line is where the function begins, not where it ran. Other names stay whole.
 */
enum { JIT_SCRATCH_BYTES = 32 };
struct worker_place jit_name_split(const char *name, uint32_t n, char scratch[JIT_SCRATCH_BYTES]);

#endif

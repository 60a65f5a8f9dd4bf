/*
 * Names indirect functions by the calls to them.
 *
 * strcmp in libc is an STT_GNU_IFUNC: its symbol stands for a resolver that chooses among several
 * implementations, whose own names are local symbols that stripping removes. But whoever called the
 * implementation did so through a slot that is bound to the name "strcmp". So a function without a
 * name gets the name N when a stack shows it called by an instruction that goes through a slot for
 * N, and its file exports N as an indirect function. Other kinds of functions are not named so:
 * they may have jumped on to the one that was sampled. Calls that name one function differently
 * leave it without a name, unless the file says that both are names of the same function.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_CALL_NAMES_H
#define SYMBOLIZE_CALL_NAMES_H

#include <stdint.h>

#include "base/vec.h"
#include "profile/profile.h"
#include "symbolize/worker.h"

/* An indirect function that a module exports. */
struct ifunc {
	uint32_t module;     /* index into the profile's modules */
	uint32_t name, best; /* strings; best: the preferred one of this function's names */
};

struct ifuncs {
	VEC(struct ifunc) all;
};

/* Names the functions of @p that begin at a frame's `start`, all their frames at once, and counts
 * the frames in @ret_named. @read runs a task (vaddrs, count and receivers are set) on the file of
 * @module; it returns 0 also when the file cannot be read. 0, -ENOMEM, or what @read returned.
 * Time: O(stacks log stacks). */
int call_names(struct profile *p, const struct ifuncs *ifuncs,
	int (*read)(void *context, uint32_t module, struct worker_task *task), void *context,
	uint32_t *ret_named);

#endif

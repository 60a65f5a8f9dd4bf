/* Names of just-in-time compiled code, from what its process wrote for profilers. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_JIT_H
#define SYMBOLIZE_JIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "profile/profile.h"
#include "symbolize/worker.h"

/* What the profile calls named and nameless JIT code once symbolized: one module for all. */
#define JIT_MODULE "[jit]"

/* The name of the module of @pid's anonymous memory, where an address means nothing in any other
 * process: "[anon:PID]". */
enum { JIT_MODULE_NAME_BYTES = 24 };
void jit_module_name(uint32_t pid, char ret[JIT_MODULE_NAME_BYTES]);
/* Whether @path is such a name, or "[anon]" (in @ret_pid 0 then). */
bool jit_module_is(const char *path, uint32_t *ret_pid);

struct jit_task {
	const struct profile *profile;
	uint32_t process;          /* index of the process that ran the code */
	const uint64_t *addresses; /* ascending */
	uint32_t count;
	/* Opens @path as process @pid sees it: a new fd of a regular file, or -errno. NULL = only
	 * this process's own root is looked into. */
	int (*open_file)(void *context, uint32_t pid, const char *path);
	void *open_context;
	/* Called once for each address that has a name, number @index; @n is 1. 0 or -errno. */
	int (*place)(void *context, uint32_t index, const struct worker_place *place, uint32_t n);
	void *context;
};

/*
 * Names what it can: by the jitdump files that the process has mapped (modules called
 * "jit-PID.dump"), then by /tmp/perf-PID.map in its root and in ours, PID being its number in its
 * own pid namespace or in ours. Since anybody may write to /tmp, a file must belong to the user of
 * the process or to root and be no older than the process; of a process that has ended the user is
 * not known, and only files of root, of our user, or of who called sudo are taken.
 * 0: all are named; -ENOENT: not all, @err says why, and which option of the runtime would help;
 * -EPERM, -EFBIG, -EBADMSG: a file was refused; -ENOMEM, or what @place returned.
 */
int jit_run(const struct jit_task *task, struct error *err);

#endif

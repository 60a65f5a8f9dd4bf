/* Separate debug information: the file that distributions split off a program. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_DEBUG_FILE_H
#define SYMBOLIZE_DEBUG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct debug_search {
	int fd;           /* the program's file; borrowed */
	const char *path; /* as its process sees it */
	/* Opens @path as the process sees it: a new fd of a regular file, or -errno. Asked before
	 * our own root is; NULL = only our own. */
	int (*open_beside)(void *context, const char *path);
	void *context;
	bool debuginfod; /* ask the servers in DEBUGINFOD_URLS for what is not here */
};

/* What was found; 0 = nothing. The caller closes both. */
struct debug_files {
	int debug_fd;
	int alt_fd; /* what dwz moved out of the DWARF */
};

/*
 * Looks for the debug information of a file that has none itself: by build id below
 * /usr/lib/debug/.build-id, then by the name in .gnu_debuglink beside the file, in .debug there and
 * below /usr/lib/debug, then at the debuginfod servers. A file counts when it has the program's
 * build id, or, where one of them has none, the checksum in the link. Then looks for the file that
 * .gnu_debugaltlink names, by its build id. 0, also when nothing is found; or why the servers could
 * not be asked (debuginfod.h), with what was found without them.
 * Source: GDB manual, "Debugging Information in Separate Files"; dwz(1).
 */
int debug_files_open(const struct debug_search *s, struct debug_files *ret, struct error *err);
void debug_files_close(struct debug_files *f);

#endif

/* The lines of /proc/PID/maps. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PROC_MAPS_H
#define PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* One mapping. Addresses and sizes in bytes. */
struct proc_mapping {
	uint64_t start, end, file_offset;
	uint64_t inode;
	uint32_t device_major, device_minor;
	bool executable;
	const char *path; /* borrowed, hostile text; "" for anonymous memory */
};

/* Parses one line (without its newline, NUL-terminated; its bytes are changed). The kernel writes
 * a newline in a path as \012, which is undone. Returns false when it is no mapping. */
bool proc_mapping_parse(char *line, struct proc_mapping *ret);

typedef int (*proc_mapping_fn)(void *context, const struct proc_mapping *m);

/* Calls @each for every mapping of @pid until it returns non-zero, and returns that; -ESRCH when
 * the process is gone, -EACCES without permission. */
int proc_maps_each(pid_t pid, proc_mapping_fn each, void *context, struct error *err);

#endif

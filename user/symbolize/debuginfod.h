/* Debug information from debuginfod servers: the one place where symbolizing uses the network. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_DEBUGINFOD_H
#define SYMBOLIZE_DEBUGINFOD_H

#include <stdint.h>

#include "base/error.h"

enum {
	DEBUGINFOD_SECONDS = 60,        /* for one file */
	DEBUGINFOD_BYTES_MAX = 1 << 30, /* of one file */
};

/*
 * Asks the servers in the environment variable DEBUGINFOD_URLS for the debug file of @build_id, and
 * opens it in *@ret_fd; 0 there when they do not have it. What leaves the machine is the build id.
 * The library (libdebuginfod.so.1) is loaded at the first call, and keeps files in its cache
 * (DEBUGINFOD_CACHE_PATH). 0; -ENOSYS: no servers are named, or no library; -ETIMEDOUT, -EFBIG:
 * above the limits; another -errno: the servers cannot be reached. Not for several threads at once.
 */
int debuginfod_open(
	const uint8_t *build_id, uint32_t build_id_bytes, int *ret_fd, struct error *err);

#endif

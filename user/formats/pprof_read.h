/* Reading pprof files of any origin: gzipped or plain Profile messages. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_PPROF_READ_H
#define FORMATS_PPROF_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "profile/profile.h"

/* Whether the bytes look like a pprof file rather than like text: gzipped, or with bytes that no
 * text has. */
bool pprof_is(const char *bytes, size_t n);

/* Reads @n foreign bytes into a new profile (*ret, owned by the caller) with weights_imported set.
 * The value is CPU time: sample type "cpu" in a unit of time, else "samples" times the period, else
 * "samples" as they are. Labels pid, tid, process and thread name threads; loss counts in the
 * comments of our own files are taken back. -EBADMSG with EXIT_INPUT when the bytes are no such
 * message or refer to what is not there, -ENOTSUP for profiles of something else than CPU time
 * (memory, locks) and for differences, -EFBIG beyond 256 MiB unpacked or 1 GiB of memory for the
 * message, -ENOMEM. */
int pprof_read(const char *bytes, size_t n, struct profile **ret, struct error *err);

#endif

/* From the bytes of a pprof file to its message, within bounds; for the reader alone. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_PPROF_MESSAGE_H
#define FORMATS_PPROF_MESSAGE_H

#include <stddef.h>

#include "base/error.h"

struct Perftools__Profiles__Profile;

struct pprof_message {
	struct Perftools__Profiles__Profile *profile; /* NULL = none */
	size_t memory;                                /* bytes that it takes */
};

/* Unpacks @n bytes, gzipped or plain, into @m (zeroed by the caller; pprof_message_done whatever is
 * returned). Errors as pprof_read. */
int pprof_message_unpack(struct pprof_message *m, const char *bytes, size_t n, struct error *err);
void pprof_message_done(struct pprof_message *m);

/* -EBADMSG with EXIT_INPUT: what is wrong with the file. */
int pprof_bad(struct error *err, const char *what);

#endif

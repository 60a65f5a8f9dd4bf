/* Jitdump files: the log in which a just-in-time compiler records code, moves of it, and lines. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_JITDUMP_H
#define SYMBOLIZE_JITDUMP_H

#include "symbolize/jit_names.h"

enum { JITDUMP_ENTRIES_MAX = 4 << 20 }; /* loads and moves; later ones are left out */

/*
 * Names addresses by the @n bytes of a jitdump file, little endian, with file and line where debug
 * information was recorded. The newest record for an address counts. A file that is cut short, or
 * is still being written, is good up to the last whole record. 0, -EBADMSG: not a jitdump file,
 * with a text in @err; -ENOMEM, or what @j->place returned. Source:
 * tools/perf/Documentation/jitdump-specification.txt of Linux, versions 1 and 2.
 */
int jitdump_read(struct jit_names *j, const char *bytes, size_t n, struct error *err);

#endif

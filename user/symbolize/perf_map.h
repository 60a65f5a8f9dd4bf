/* Perf maps: the text in which a just-in-time compiler lists the code it has made. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_PERF_MAP_H
#define SYMBOLIZE_PERF_MAP_H

#include "symbolize/jit_names.h"

/*
 * Names addresses by the @n bytes of a perf map, of which a part of the first line may be missing.
 * A line is "START SIZE NAME": hexadecimal numbers and the rest of the line. Other lines are passed
 * over, and so is an end without a newline, which is still being written. Of several lines for one
 * address the last one counts. 0, or what @j->place returned.
 * Source: tools/perf/Documentation/jit-interface.txt of Linux.
 */
int perf_map_read(struct jit_names *j, const char *text, size_t n);

#endif

/* Function names as people write them: C++ (Itanium ABI) and Rust, legacy and v0. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_DEMANGLE_H
#define SYMBOLIZE_DEMANGLE_H

#include "base/strbuf.h"

enum {
	DEMANGLE_INPUT_BYTES = 8192,  /* longer names stay as they are */
	DEMANGLE_OUTPUT_BYTES = 4096, /* names that grow beyond this stay mangled */
};

/* Adds the readable form of the symbol @name to @out, or @name itself where there is none. C++ by
 * __cxa_demangle; a legacy Rust path loses its hash ("::h0123456789abcdef") and its $..$ escapes,
 * a v0 one its crate hashes. The
 * result is as hostile as the name.
 * The time and memory that __cxa_demangle takes for a hostile name is bounded by neither: names
 * from untrusted files belong into a process with limits (symbolize/worker.h). */
void demangle(struct strbuf *out, const char *name);

#endif

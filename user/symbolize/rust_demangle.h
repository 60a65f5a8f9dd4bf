/* Readable names of Rust's v0 symbols ("_RNvC6mycrate3foo"). */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_RUST_DEMANGLE_H
#define SYMBOLIZE_RUST_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Adds the readable form of @name, without crate hashes, to @out: "mycrate::foo". False, and
 * nothing added, when @name is no v0 symbol, uses a constant that is not understood, or would grow
 * beyond @max_bytes. Time is bounded: back references cannot make it more than a fixed number of
 * steps. @out->oom tells that memory ran out. Source: Rust RFC 2603 and its reference in The rustc
 * book, "v0 Symbol Format". */
bool rust_demangle(struct strbuf *out, const char *name, size_t max_bytes);

#endif

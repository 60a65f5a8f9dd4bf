/* Demangles C++ by libstdc++, and Rust. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/demangle.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/rust_demangle.h"

/* libstdc++ (Itanium C++ ABI, 3.4): returns malloc'd text, or NULL for anything but a mangled name.
 */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

enum { RUST_HASH_BYTES = 19 }; /* "::h" and 16 hexadecimal digits */

/* Escapes of legacy Rust symbols. Source: rustc_symbol_mangling/src/legacy.rs. */
static const struct {
	const char *from, *to;
} rust_escapes[] = {
	{ "$SP$", "@" },
	{ "$BP$", "*" },
	{ "$RF$", "&" },
	{ "$LT$", "<" },
	{ "$GT$", ">" },
	{ "$LP$", "(" },
	{ "$RP$", ")" },
	{ "$C$", "," },
	{ "..", "::" },
};

/* The length of @name without its Rust hash, or 0 when it ends in none. */
static size_t rust_path_bytes(const char *name, size_t n)
{
	if (n <= RUST_HASH_BYTES || memcmp(name + n - RUST_HASH_BYTES, "::h", 3))
		return 0;
	for (size_t i = n - 16; i < n; i++)
		if (!isdigit((unsigned char)name[i]) && !(name[i] >= 'a' && name[i] <= 'f'))
			return 0;
	return n - RUST_HASH_BYTES;
}

/* Adds what the escape at @s stands for; returns the escape's length, or 0 for no escape. */
static size_t rust_escape(struct strbuf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof(rust_escapes) / sizeof(*rust_escapes); i++) {
		size_t length = strlen(rust_escapes[i].from);

		if (length <= n && !memcmp(s, rust_escapes[i].from, length)) {
			strbuf_puts(out, rust_escapes[i].to);
			return length;
		}
	}
	/* $u7e$: a character by its code point; printable ASCII is all that names need. */
	if (n < 5 || s[0] != '$' || s[1] != 'u')
		return 0;
	char *end;
	unsigned long code = isxdigit((unsigned char)s[2]) ? strtoul(s + 2, &end, 16) : 0;
	if (code < 0x20 || code > 0x7e || *end != '$' || (size_t)(end + 1 - s) > n)
		return 0;
	strbuf_putc(out, (char)code);
	return (size_t)(end + 1 - s);
}

static void add_rust_path(struct strbuf *out, const char *path, size_t n)
{
	for (size_t i = 0; i < n;) {
		/* A component that would begin with an escape has a "_" in front of it. */
		bool first = i == 0 || path[i - 1] == ':';
		if (first && path[i] == '_' && i + 1 < n && path[i + 1] == '$') {
			i++;
			continue;
		}
		size_t escape = rust_escape(out, path + i, n - i);
		if (!escape)
			strbuf_putc(out, path[i]);
		i += escape ? escape : 1;
	}
}

void demangle(struct strbuf *out, const char *name)
{
	CLEANUP(freep) char *readable = NULL;

	if (strnlen(name, DEMANGLE_INPUT_BYTES) < DEMANGLE_INPUT_BYTES &&
		rust_demangle(out, name, DEMANGLE_OUTPUT_BYTES))
		return;
	if (!strncmp(name, "_Z", 2) && strnlen(name, DEMANGLE_INPUT_BYTES) < DEMANGLE_INPUT_BYTES)
		readable = __cxa_demangle(name, NULL, NULL, NULL);
	size_t n = readable ? strlen(readable) : 0;
	if (!n || n > DEMANGLE_OUTPUT_BYTES) {
		strbuf_puts(out, name);
		return;
	}
	size_t rust = rust_path_bytes(readable, n);
	if (rust)
		add_rust_path(out, readable, rust);
	else
		strbuf_add(out, readable, n);
}

/* Untrusted text: made valid UTF-8 when it enters, escaped in this one place when it leaves. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Decodes one code point of @n > 0 bytes at @s. Returns its length in bytes (1-4) and stores the
 * code point; a byte that starts no valid sequence gives length 1 and U+FFFD. */
size_t text_decode(const char *s, size_t n, uint32_t *ret_code_point);

/* Adds one code point as UTF-8; what is none (surrogates, beyond U+10FFFF) becomes U+FFFD. */
void text_encode(struct strbuf *out, uint32_t code_point);

/* Adds @n bytes as valid UTF-8: each byte that belongs to no valid sequence becomes U+FFFD, and
 * NUL ends the text. Used where foreign bytes enter a profile. */
void text_sanitize(struct strbuf *out, const char *s, size_t n);

/* Adds @s so that no terminal acts on it: control characters (C0, DEL, C1), bidirectional
 * overrides and invalid bytes appear as \xNN or \u{NNNN}. */
void text_terminal(struct strbuf *out, const char *s);

/* As text_terminal, cut to @columns terminal columns (wide characters counted as wcwidth says; a
 * cut text ends in "~"). Returns the columns used. */
size_t text_terminal_cut(struct strbuf *out, const char *s, size_t columns);

/* Adds @s escaped for HTML text and double-quoted attributes. */
void text_html(struct strbuf *out, const char *s);

/* Adds @s as a JSON string with its quotes; "<", ">" and "&" become \uXXXX, so that the result may
 * stand inside an HTML script element. */
void text_json(struct strbuf *out, const char *s);

/* Adds @s as one word of a POSIX shell: as it is when it holds nothing special, else in single
 * quotes. */
void text_shell(struct strbuf *out, const char *s);

#endif

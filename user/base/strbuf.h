/* A growing text buffer; running out of memory is remembered and reported once, at the end. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *text;    /* always NUL-terminated once anything was added; may be NULL when empty */
	size_t length; /* bytes without the NUL */
	size_t capacity;
	bool oom; /* something could not be added */
};

void strbuf_done(struct strbuf *b);
/* Empties the buffer and keeps its memory. */
void strbuf_reset(struct strbuf *b);
void strbuf_add(struct strbuf *b, const void *bytes, size_t n);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Adds @n times the character @c. */
void strbuf_pad(struct strbuf *b, char c, size_t n);
/* The text as a C string, never NULL. Borrowed. */
const char *strbuf_cstr(const struct strbuf *b);
/* Hands the text over (heap, caller frees) and empties the buffer; NULL when memory ran out. */
char *strbuf_steal(struct strbuf *b);

#endif

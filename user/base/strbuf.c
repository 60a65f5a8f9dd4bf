/* A growing text buffer; running out of memory is remembered and reported once, at the end. */
// SPDX-License-Identifier: BSD-2-Clause
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct strbuf *b, size_t more)
{
	if (b->oom)
		return false;
	size_t need = b->length + more + 1;
	if (need < more) {
		b->oom = true;
		return false;
	}
	if (need <= b->capacity)
		return true;
	size_t capacity = b->capacity ? b->capacity : 64;
	while (capacity < need)
		capacity *= 2;
	char *text = realloc(b->text, capacity);
	if (!text) {
		b->oom = true;
		return false;
	}
	b->text = text;
	b->capacity = capacity;
	return true;
}

void strbuf_done(struct strbuf *b)
{
	free(b->text);
	*b = (struct strbuf){ 0 };
}

void strbuf_reset(struct strbuf *b)
{
	b->length = 0;
	b->oom = false;
	if (b->text)
		b->text[0] = 0;
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
	if (!grow(b, n))
		return;
	if (n)
		memcpy(b->text + b->length, bytes, n);
	b->length += n;
	b->text[b->length] = 0;
}

void strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_putc(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !grow(b, (size_t)n)) {
		b->oom = true;
		return;
	}
	vsnprintf(b->text + b->length, (size_t)n + 1, fmt, ap);
	b->length += (size_t)n;
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(b, fmt, ap);
	va_end(ap);
}

void strbuf_pad(struct strbuf *b, char c, size_t n)
{
	if (!grow(b, n))
		return;
	memset(b->text + b->length, c, n);
	b->length += n;
	b->text[b->length] = 0;
}

const char *strbuf_cstr(const struct strbuf *b)
{
	return b->text ? b->text : "";
}

char *strbuf_steal(struct strbuf *b)
{
	if (b->oom) {
		strbuf_done(b);
		return NULL;
	}
	char *text = b->text ? b->text : strdup("");
	*b = (struct strbuf){ 0 };
	return text;
}

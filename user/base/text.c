/* Untrusted text: made valid UTF-8 when it enters, escaped in this one place when it leaves. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

size_t text_decode(const char *s, size_t n, uint32_t *ret_code_point)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t length;

	*ret_code_point = 0xfffd;
	if (u[0] < 0x80) {
		*ret_code_point = u[0];
		return 1;
	} else if ((u[0] & 0xe0) == 0xc0) {
		length = 2;
		code = u[0] & 0x1f;
	} else if ((u[0] & 0xf0) == 0xe0) {
		length = 3;
		code = u[0] & 0x0f;
	} else if ((u[0] & 0xf8) == 0xf0) {
		length = 4;
		code = u[0] & 0x07;
	} else {
		return 1;
	}
	if (length > n)
		return 1;
	for (size_t i = 1; i < length; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 1;
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 1;
	*ret_code_point = code;
	return length;
}

void text_encode(struct strbuf *out, uint32_t code)
{
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		code = 0xfffd;
	if (code < 0x80) {
		strbuf_putc(out, (char)code);
	} else if (code < 0x800) {
		strbuf_putc(out, (char)(0xc0 | code >> 6));
		strbuf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		strbuf_putc(out, (char)(0xe0 | code >> 12));
		strbuf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else {
		strbuf_putc(out, (char)(0xf0 | code >> 18));
		strbuf_putc(out, (char)(0x80 | (code >> 12 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (code & 0x3f)));
	}
}

void text_sanitize(struct strbuf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n && s[i];) {
		uint32_t code;
		size_t length = text_decode(s + i, n - i, &code);

		if (code == 0xfffd)
			strbuf_add(out, "\xef\xbf\xbd", 3);
		else
			strbuf_add(out, s + i, length);
		i += length;
	}
}

/* Characters that a terminal may act on or that change the order of what is shown. */
static bool acts_on_terminal(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

/* Renders one character into @piece (at least 16 bytes); returns its columns. */
static size_t render(char *piece, const char *s, size_t n, size_t *ret_length)
{
	uint32_t code;
	size_t length = text_decode(s, n, &code);

	*ret_length = length;
	if (code == 0xfffd && length == 1)
		return (size_t)snprintf(piece, 16, "\\x%02x", (unsigned char)s[0]);
	if (acts_on_terminal(code))
		return (size_t)snprintf(piece, 16, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
	memcpy(piece, s, length);
	piece[length] = 0;
	if (code < 0x80)
		return 1;
	int columns = wcwidth((wchar_t)code);
	return columns < 0 ? 1 : (size_t)columns;
}

void text_terminal(struct strbuf *out, const char *s)
{
	text_terminal_cut(out, s, SIZE_MAX);
}

size_t text_terminal_cut(struct strbuf *out, const char *s, size_t columns)
{
	size_t n = strlen(s), used = 0, whole_end = out->length, whole_used = 0;

	/* whole_end remembers the last place where "~" still fits. */
	for (size_t i = 0; i < n;) {
		char piece[16];
		size_t length, width = render(piece, s + i, n - i, &length);

		if (columns - used < width) {
			if (columns > whole_used && !out->oom) {
				out->length = whole_end;
				if (out->text)
					out->text[whole_end] = 0;
				strbuf_putc(out, '~');
				used = whole_used + 1;
			}
			return used;
		}
		strbuf_puts(out, piece);
		used += width;
		i += length;
		if (used < columns) {
			whole_end = out->length;
			whole_used = used;
		}
	}
	return used;
}

void text_html(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			strbuf_puts(out, "&amp;");
			break;
		case '<':
			strbuf_puts(out, "&lt;");
			break;
		case '>':
			strbuf_puts(out, "&gt;");
			break;
		case '"':
			strbuf_puts(out, "&quot;");
			break;
		case '\'':
			strbuf_puts(out, "&#39;");
			break;
		default:
			strbuf_putc(out, *s);
		}
	}
}

void text_json(struct strbuf *out, const char *s)
{
	size_t n = strlen(s);

	strbuf_putc(out, '"');
	for (size_t i = 0; i < n;) {
		uint32_t code;
		size_t length = text_decode(s + i, n - i, &code);

		if (code == '"' || code == '\\')
			strbuf_printf(out, "\\%c", (int)code);
		else if (code < 0x20 || code == 0x7f || code == '<' || code == '>' || code == '&' ||
			 code == 0x2028 || code == 0x2029)
			strbuf_printf(out, "\\u%04x", code);
		else if (code == 0xfffd)
			strbuf_puts(out, "\\ufffd");
		else
			strbuf_add(out, s + i, length);
		i += length;
	}
	strbuf_putc(out, '"');
}

void text_shell(struct strbuf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./:=,+-@%";

	if (s[0] && !s[strspn(s, plain)]) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_putc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *s);
	}
	strbuf_putc(out, '\'');
}

/* Word wrap by terminal columns. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/paragraph.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

size_t paragraph_columns(const char *text)
{
	CLEANUP_STRBUF struct strbuf b = { 0 };

	return text_terminal_cut(&b, text, SIZE_MAX);
}

void paragraph(struct strbuf *out, const char *label, const char *text, size_t indent, size_t width)
{
	size_t column = indent + strlen(label), room = width > indent + 16 ? width : indent + 16;
	bool first = true;

	strbuf_pad(out, ' ', indent);
	strbuf_puts(out, label);
	while (*text) {
		CLEANUP_STRBUF struct strbuf word = { 0 };
		size_t n = strcspn(text, " \n");
		strbuf_add(&word, text, n);
		text += n;
		text += strspn(text, " \n");
		if (!n)
			continue;
		size_t columns = paragraph_columns(strbuf_cstr(&word));
		if (!first && column + 1 + columns > room) {
			strbuf_putc(out, '\n');
			strbuf_pad(out, ' ', indent);
			column = indent;
			first = true;
		}
		if (!first) {
			strbuf_putc(out, ' ');
			column++;
		}
		column += text_terminal_cut(
			out, strbuf_cstr(&word), room > column + 1 ? room - column : 1);
		first = false;
		out->oom |= word.oom;
	}
	strbuf_putc(out, '\n');
}

const char *colour_severity(enum severity severity, bool colour)
{
	static const char *const codes[] = { "\033[2m", "\033[33m", "\033[1;33m", "\033[1;31m" };

	return colour ? codes[severity] : "";
}

const char *colour_bold(bool colour)
{
	return colour ? "\033[1m" : "";
}

const char *colour_dim(bool colour)
{
	return colour ? "\033[2m" : "";
}

const char *colour_off(bool colour)
{
	return colour ? "\033[0m" : "";
}

void gain_text(struct strbuf *out, double low, double high)
{
	if (low <= 0.005)
		strbuf_printf(out, "up to -%.0f %%", 100 * high);
	else
		strbuf_printf(out, "-%.0f..-%.0f %%", 100 * low, 100 * high);
}

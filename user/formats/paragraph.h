/* Text for terminals: paragraphs that wrap, colours that are only there when wanted. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_PARAGRAPH_H
#define FORMATS_PARAGRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "detect/detect.h"

/* Adds @text (foreign; escaped) wrapped to @width columns, every line indented by @indent. The
 * first line begins with @label (plain ASCII, may be ""). */
void paragraph(
	struct strbuf *out, const char *label, const char *text, size_t indent, size_t width);

/* The columns that @text takes once escaped. */
size_t paragraph_columns(const char *text);

/* ANSI on and off for a severity; "" without @colour. */
const char *colour_severity(enum severity severity, bool colour);
const char *colour_bold(bool colour);
const char *colour_dim(bool colour);
const char *colour_off(bool colour);

/* "-46..-53 %": what a gain of a cost metric does to it; "up to -53 %" without a lower end. */
void gain_text(struct strbuf *out, double low, double high);

#endif

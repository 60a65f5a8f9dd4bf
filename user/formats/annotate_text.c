/* Annotated source for people: each line with its cost, never wider than the terminal. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/annotate_text.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "formats/paragraph.h"

#define HOT  "\x1b[1;31m"
#define WARM "\x1b[33m"

enum {
	WIDTH_DEFAULT = 80,
	WIDTH_MIN = 40,
	WIDTH_BOTH = 120, /* from here on both shares have their interval */
	WIDTH_SELF = 72,  /* from here on self has it */
	TAB = 8,
	BOUNDS_COLUMNS = 18, /* " 54.0 % (50-58)   " */
	SHARE_COLUMNS = 9,   /* " 54.0 %  " */
	FEW_SAMPLES = 10,    /* without an interval, fewer are too few */
};

struct page {
	const struct annotation *a;
	struct strbuf *out;
	size_t width;
	bool colour, self_bounds, total_bounds;
};

/* ---- shares ---- */

/* "54.0 % (50-58)" in exactly @columns columns; below 10 % the bounds have one decimal. */
static void share(struct page *p, const struct table_row *r, bool total, bool bounds)
{
	size_t columns = bounds ? BOUNDS_COLUMNS : SHARE_COLUMNS;
	double value = total ? r->total : r->self;
	double low = total ? r->total_low : r->self_low,
	       high = total ? r->total_high : r->self_high;
	char text[64] = "";
	int n = 0;

	if (total ? r->total_count : r->self_count)
		n = snprintf(text, sizeof(text), "%5.1f %%", 100 * value);
	if (n && bounds && r->has_bounds)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " (%.*f-%.*f)", high < 0.1,
			100 * low, high < 0.1, 100 * high);
	strbuf_puts(p->out, text);
	strbuf_pad(p->out, ' ', (size_t)n < columns ? columns - (size_t)n : 1);
}

static bool is_under_sampled(const struct table_row *r)
{
	if (!r->has_bounds)
		return r->total_count < FEW_SAMPLES;
	return r->total_high - r->total_low > r->total;
}

/* A line that costs at least half as much as the part's most expensive one, with what it calls;
 * where much of the part's time is its own, also by self. */
static bool is_hot(const struct annotate_part *part, const struct table_row *row)
{
	uint64_t self = 0, total = 0;

	vec_each (line, &part->lines) {
		const struct table_row *r = line->row;

		self = r && r->self_count > self ? r->self_count : self;
		total = r && r->total_count > total ? r->total_count : total;
	}
	return 2 * row->total_count >= total || (5 * self >= total && 2 * row->self_count >= self);
}

/* ---- lines ---- */

/* The columns of the indentation, or SIZE_MAX for an empty line. */
static size_t indentation(const struct annotate_line *line)
{
	size_t column = 0, i;

	for (i = 0; i < line->length && strchr(" \t", line->text[i]); i++)
		column += line->text[i] == '\t' ? TAB - column % TAB : 1;
	return i < line->length && line->text[i] != '\r' ? column : SIZE_MAX;
}

/* Copies a line up to about @room columns, its tabs as spaces and @skip columns of indentation
 * taken off. */
static void untabbed(struct strbuf *out, const struct annotate_line *line, size_t skip, size_t room)
{
	size_t column = 0;

	for (size_t i = 0; i < line->length && column <= skip + room;) {
		uint32_t code_point;
		size_t n = text_decode(line->text + i, line->length - i, &code_point);
		size_t wide = code_point == '\t' ? TAB - column % TAB : 1;

		for (size_t k = 0; code_point == '\t' && k < wide; k++)
			if (column + k >= skip)
				strbuf_putc(out, ' ');
		bool last_return = code_point == '\r' && i + n == line->length;
		if (code_point != '\t' && column >= skip && !last_return)
			strbuf_add(out, line->text + i, n);
		column += wide;
		i += n;
	}
}

static void source_line(struct page *p, const struct annotate_part *part,
	const struct annotate_line *line, int digits, size_t skip)
{
	CLEANUP_STRBUF struct strbuf code = { 0 };
	size_t used = 2 + (p->self_bounds ? BOUNDS_COLUMNS : SHARE_COLUMNS) +
		      (p->total_bounds ? BOUNDS_COLUMNS : SHARE_COLUMNS) + (size_t)digits + 3;
	const struct table_row none = { 0 }, *row = line->row ? line->row : &none;
	bool doubtful = line->row && is_under_sampled(row);
	bool hot = line->row && !doubtful && is_hot(part, row);
	const char *paint = hot                      ? HOT
			    : doubtful || !line->row ? colour_dim(true)
			    : row->self_count        ? WARM
						     : "";

	strbuf_puts(p->out, p->colour ? paint : "");
	strbuf_puts(p->out, hot ? "> " : doubtful ? "? " : "  ");
	share(p, row, false, p->self_bounds);
	share(p, row, true, p->total_bounds);
	strbuf_printf(p->out, "%*u | ", digits, line->number);
	if (line->text)
		untabbed(&code, line, skip, p->width);
	text_terminal_cut(p->out, strbuf_cstr(&code), p->width > used ? p->width - used : 1);
	while (p->out->length && p->out->text[p->out->length - 1] == ' ')
		p->out->text[--p->out->length] = 0;
	strbuf_puts(p->out, p->colour && *paint ? colour_off(true) : "");
	strbuf_putc(p->out, '\n');
	p->out->oom |= code.oom;
}

static void source_lines(struct page *p, const struct annotate_part *part)
{
	size_t skip = SIZE_MAX;
	uint32_t before = 0;
	char number[16];

	vec_each (line, &part->lines) {
		size_t here = line->text ? indentation(line) : SIZE_MAX;

		skip = here < skip ? here : skip;
	}
	int digits = snprintf(number, sizeof(number), "%u",
		part->lines.n ? part->lines.at[part->lines.n - 1].number : 0);
	digits = digits < 4 ? 4 : digits;
	vec_each (line, &part->lines) {
		if (before && line->number != before + 1) {
			strbuf_pad(p->out, ' ', 2);
			strbuf_puts(p->out, "...\n");
		}
		source_line(p, part, line, digits, skip == SIZE_MAX ? 0 : skip);
		before = line->number;
	}
}

/* ---- parts ---- */

/* "find_duplicates  /srv/orders.c  (orders)" and what it costs in all. */
static void heading(struct page *p, const struct annotate_part *part)
{
	CLEANUP_STRBUF struct strbuf name = { 0 }, cost = { 0 };
	const struct profile *profile = p->a->profile;
	const struct table_row *r = part->row;

	annotate_part_name(p->a, part, &name);
	if (!part->is_file) {
		strbuf_puts(&name, "  ");
		strbuf_puts(&name, profile_str(profile, part->file));
	}
	if (!part->is_file && part->module)
		strbuf_printf(&name, "  (%s)",
			profile_basename(
				profile_str(profile, profile->modules.at[part->module].path)));
	strbuf_puts(p->out, colour_bold(p->colour));
	text_terminal_cut(p->out, strbuf_cstr(&name), p->width);
	strbuf_puts(p->out, colour_off(p->colour));
	strbuf_printf(&cost, "self %.1f %%", 100 * r->self);
	if (r->has_bounds)
		strbuf_printf(&cost, " (%.1f-%.1f)", 100 * r->self_low, 100 * r->self_high);
	strbuf_printf(&cost, ", total %.1f %%", 100 * r->total);
	if (r->has_bounds)
		strbuf_printf(&cost, " (%.1f-%.1f)", 100 * r->total_low, 100 * r->total_high);
	strbuf_putc(p->out, '\n');
	paragraph(p->out, "", strbuf_cstr(&cost), 0, p->width);
	strbuf_putc(p->out, '\n');
	p->out->oom |= name.oom || cost.oom;
}

static void column_heads(struct page *p)
{
	size_t self = p->self_bounds ? BOUNDS_COLUMNS : SHARE_COLUMNS;
	size_t total = p->total_bounds ? BOUNDS_COLUMNS : SHARE_COLUMNS;

	strbuf_puts(p->out, colour_dim(p->colour));
	strbuf_puts(p->out, "    self");
	strbuf_pad(p->out, ' ', self - 6);
	strbuf_puts(p->out, "  total");
	strbuf_pad(p->out, ' ', total - 7);
	strbuf_puts(p->out, "line");
	strbuf_puts(p->out, colour_off(p->colour));
	strbuf_putc(p->out, '\n');
}

/* Why there is no text, and how to get it. */
static void source_note(struct page *p, const struct annotate_part *part)
{
	if (!part->lines.n)
		paragraph(p->out, "note: ",
			part->is_file || part->row->file
				? "no samples on these lines."
				: "the code has no line numbers: install its debug symbols, or "
				  "build it with -g.",
			0, p->width);
	else if (part->source == ANNOTATE_NEWER)
		paragraph(p->out, "note: ",
			"the source was changed after the program was built, so its lines are not "
			"shown. Build and record again, or give the text it was built from with "
			"--source-path DIR.",
			0, p->width);
	else if (part->source == ANNOTATE_MISSING)
		paragraph(p->out, "note: ",
			"the recording does not hold this source: it was not on the machine, not "
			"among the hottest files, or left out by --no-source. Say where it is "
			"with --source-path DIR.",
			0, p->width);
}

static void bare_note(struct page *p)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	uint32_t told = 0;

	if (!p->a->bare.n)
		return;
	vec_each (row, &p->a->bare) {
		strbuf_puts(&text, told++ ? ", " : "");
		table_row_name(p->a->profile, p->a->functions, *row, &text);
		strbuf_printf(&text, " (%.1f %%)", 100 * (*row)->self);
	}
	paragraph(p->out, "hot without lines: ", strbuf_cstr(&text), 0, p->width);
	p->out->oom |= text.oom;
}

static void ending(struct page *p)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };

	bare_note(p);
	if (p->a->matched > p->a->parts.n) {
		strbuf_printf(&text, "%u more; --limit %u shows all of them.",
			p->a->matched - p->a->parts.n, p->a->matched);
		paragraph(p->out, "", strbuf_cstr(&text), 0, p->width);
	}
	p->out->oom |= text.oom;
}

int annotate_text(const struct annotation *a, const struct report_style *style, struct strbuf *out,
	struct error *err)
{
	size_t width = style->width ? style->width : WIDTH_DEFAULT;
	struct page p = { a, out, width < WIDTH_MIN ? WIDTH_MIN : width, style->colour,
		width >= WIDTH_SELF, width >= WIDTH_BOTH };

	vec_each (part, &a->parts) {
		heading(&p, part);
		if (part->lines.n)
			column_heads(&p);
		source_lines(&p, part);
		source_note(&p, part);
		strbuf_putc(out, '\n');
	}
	ending(&p);
	return out->oom ? error_oom(err) : quality_text(a->profile, a->kind, style, out, err);
}

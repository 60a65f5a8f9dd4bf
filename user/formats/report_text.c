/* A table of a profile for people: aligned, as wide as the terminal, with what it can be trusted.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/report_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "formats/report_quality.h"

#define GREY  "\x1b[90m"
#define BOLD  "\x1b[1m"
#define PLAIN "\x1b[0m"

enum {
	WIDTH_DEFAULT = 80,
	WIDTH_MIN = 40,
	SHARE_COLUMNS = 18, /* "54.0 % (50-58)    " */
	NAME_MIN = 20,      /* columns left out before the name gets narrower than this */
	PLACE_MIN = 14,
	FEW_SAMPLES = 10, /* a row without intervals and with fewer samples is under-sampled */
};

static uint32_t width_of(const struct report_style *style)
{
	uint32_t width = style->width ? style->width : WIDTH_DEFAULT;

	return width < WIDTH_MIN ? WIDTH_MIN : width;
}

static void colour(struct strbuf *out, const struct report_style *style, const char *code)
{
	if (style->colour)
		strbuf_puts(out, code);
}

/* Text in exactly @columns columns. */
static void cell(struct strbuf *out, const char *text, size_t columns)
{
	size_t used = text_terminal_cut(out, text, columns);

	strbuf_pad(out, ' ', columns - used);
}

/* 1234567 as "1,234,567". */
static void grouped(struct strbuf *out, uint64_t number)
{
	char digits[32];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			strbuf_putc(out, ',');
		strbuf_putc(out, digits[i]);
	}
}

static void amount(struct strbuf *out, int64_t value, const char *unit)
{
	if (!strcmp(unit, "nanoseconds"))
		strbuf_printf(out, "%.2f s", (double)value / 1e9);
	else
		strbuf_printf(out, "%" PRId64 " %s", value, unit);
}

/* ---- Shares ---------------------------------------------------------------------------------- */

/* "54.0 % (50-58)"; below 10 % the bounds have one decimal. */
static void share_cell(struct strbuf *out, double share, bool has_bounds, double low, double high)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%5.1f %%", 100 * share);

	if (has_bounds) {
		int decimals = high < 0.1;

		n += snprintf(text + n, sizeof(text) - (size_t)n, " (%.*f-%.*f)", decimals,
			100 * low, decimals, 100 * high);
	}
	strbuf_puts(out, text);
	strbuf_pad(out, ' ', n < SHARE_COLUMNS ? (size_t)(SHARE_COLUMNS - n) : 1);
}

/* Whether the figure that the table is sorted by is mostly chance: its interval is wider than
 * itself, or it has no interval and hardly any samples. */
static bool is_under_sampled(const struct table *t, const struct table_row *r)
{
	bool by_total = t->sort == TABLE_SORT_TOTAL || !r->self_count;
	double share = by_total ? r->total : r->self;
	double low = by_total ? r->total_low : r->self_low;
	double high = by_total ? r->total_high : r->self_high;

	if (!r->has_bounds)
		return (by_total ? r->total_count : r->self_count) < FEW_SAMPLES;
	return high - low > share;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

struct layout {
	bool total;
	uint32_t name, place; /* columns; place 0 = left out */
};

/* Shares the width out: self, name, then total, then the place as far as there is room. */
static struct layout layout_of(const struct table *t, const struct report_style *style)
{
	uint32_t rest = width_of(style) - 2 - SHARE_COLUMNS;
	struct layout layout = { 0 };

	layout.total = t->by != TABLE_BY_THREAD && rest >= SHARE_COLUMNS + NAME_MIN;
	if (layout.total)
		rest -= SHARE_COLUMNS;
	bool has_place = t->by != TABLE_BY_FILE && t->by != TABLE_BY_MODULE;
	if (has_place && rest >= NAME_MIN + 2 + PLACE_MIN) {
		layout.place = rest / 2 < PLACE_MIN ? PLACE_MIN : rest / 2 - 1;
		rest -= layout.place + 2;
	}
	layout.name = rest;
	return layout;
}

static void row_place(const struct profile *p, const struct table *t, const struct table_row *r,
	struct strbuf *out)
{
	if (t->by == TABLE_BY_THREAD) {
		const struct profile_thread *thread = &p->threads.at[r->thread];
		const struct profile_process *process = &p->processes.at[thread->process];

		strbuf_printf(
			out, "%u/%u %s", process->pid, thread->tid, profile_str(p, process->comm));
	} else if (r->file && r->line) {
		strbuf_printf(out, "%s:%u", profile_basename(profile_str(p, r->file)), r->line);
	} else if (r->file) {
		strbuf_puts(out, profile_basename(profile_str(p, r->file)));
	} else {
		uint32_t path = p->modules.at[r->module].path;

		strbuf_puts(out, profile_basename(profile_str(p, path)));
	}
}

static void trim_line(struct strbuf *out)
{
	while (out->length && out->text[out->length - 1] == ' ')
		out->text[--out->length] = 0;
}

static void add_heading(const struct table *t, const struct layout *layout,
	const struct report_style *style, struct strbuf *out)
{
	colour(out, style, BOLD);
	strbuf_puts(out, "  ");
	cell(out, t->by == TABLE_BY_THREAD ? "share" : "  self", SHARE_COLUMNS);
	if (layout->total)
		cell(out, "  total", SHARE_COLUMNS);
	cell(out, table_by_name(t->by), layout->name);
	if (layout->place) {
		strbuf_puts(out, "  ");
		cell(out, t->by == TABLE_BY_THREAD ? "pid/tid process" : "place", layout->place);
	}
	trim_line(out);
	colour(out, style, PLAIN);
	strbuf_putc(out, '\n');
}

static void add_row(const struct profile *p, const struct table *t, const struct table_row *r,
	const struct layout *layout, const struct report_style *style, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };
	CLEANUP_STRBUF struct strbuf place = { 0 };
	bool doubtful = is_under_sampled(t, r);

	table_row_name(p, t, r, &name);
	row_place(p, t, r, &place);
	out->oom |= name.oom || place.oom;
	colour(out, style, doubtful ? GREY : "");
	strbuf_puts(out, doubtful && !style->colour ? "? " : "  ");
	share_cell(out, r->self, r->has_bounds, r->self_low, r->self_high);
	if (layout->total)
		share_cell(out, r->total, r->has_bounds, r->total_low, r->total_high);
	cell(out, strbuf_cstr(&name), layout->name);
	if (layout->place) {
		strbuf_puts(out, "  ");
		cell(out, strbuf_cstr(&place), layout->place);
	}
	trim_line(out);
	colour(out, style, doubtful ? PLAIN : "");
	strbuf_putc(out, '\n');
}

/* ---- Quality --------------------------------------------------------------------------------- */

/* Adds @text word by word, in lines of at most @width columns. Newlines in it are spaces. */
static void wrap(struct strbuf *out, char *text, uint32_t width)
{
	size_t used = 0;

	for (char *word; (word = strsep(&text, " \n"));) {
		CLEANUP_STRBUF struct strbuf shown = { 0 };

		if (!*word)
			continue;
		size_t columns = text_terminal_cut(&shown, word, width);
		if (used && used + 1 + columns > width) {
			strbuf_putc(out, '\n');
			used = 0;
		} else if (used) {
			strbuf_putc(out, ' ');
			used++;
		}
		strbuf_puts(out, strbuf_cstr(&shown));
		out->oom |= shown.oom;
		used += columns;
	}
	strbuf_putc(out, '\n');
}

int quality_text(const struct profile *p, enum sample_kind kind, const struct report_style *style,
	struct strbuf *out, struct error *err)
{
	CLEANUP(profile_quality_done) struct profile_quality q = { 0 };
	CLEANUP_STRBUF struct strbuf notes = { 0 };
	CLEANUP_STRBUF struct strbuf text = { 0 };

	if (profile_quality(p, kind, &q))
		return error_oom(err);
	enum quality_grade grade = quality_judge(p, &q, &notes);
	strbuf_printf(&text, "Quality: %s. ", quality_grade_name(grade));
	if (q.samples) {
		grouped(&text, q.samples);
		strbuf_puts(&text, q.samples == 1 ? " sample" : " samples");
		if (p->capture.rate_had_hz > 0)
			strbuf_printf(&text, " at %.0f Hz", p->capture.rate_had_hz);
		strbuf_printf(&text, ", %.1f %% whole, %.1f %% of frames named, ",
			100 * q.stacks_whole, 100 * q.frames_named);
		grouped(&text, q.lost);
		strbuf_puts(&text, " lost. ");
	}
	strbuf_puts(&text, strbuf_cstr(&notes));
	CLEANUP(freep) char *whole = notes.oom ? NULL : strbuf_steal(&text);
	if (!whole)
		return error_oom(err);
	wrap(out, whole, width_of(style));
	return out->oom ? error_oom(err) : 0;
}

/* ---- The report ------------------------------------------------------------------------------ */

static void add_title(const struct table *t, const struct report_style *style, struct strbuf *dest)
{
	CLEANUP_STRBUF struct strbuf title = { 0 };
	struct strbuf *out = &title;

	strbuf_printf(out, "%s by %s: ", sample_kind_name(t->kind), table_by_name(t->by));
	amount(out, t->value, sample_kind_unit(t->kind));
	strbuf_puts(out, " in ");
	grouped(out, t->count);
	strbuf_puts(out, t->count == 1 ? " sample" : " samples");
	if (t->seconds > 0)
		strbuf_printf(out, ", %.1f s", t->seconds);
	if (t->focus_share < 1)
		strbuf_printf(out, ", %.1f %% of all", 100 * t->focus_share);
	CLEANUP(freep) char *text = strbuf_steal(&title);
	if (text)
		wrap(dest, text, width_of(style));
	dest->oom |= !text;
}

int report_text(const struct profile *p, const struct table *t, const struct report_style *style,
	struct strbuf *out, struct error *err)
{
	struct layout layout = layout_of(t, style);
	uint32_t n = style->limit && style->limit < t->rows.n ? style->limit : t->rows.n;
	bool doubtful = false;

	add_title(t, style, out);
	if (n) {
		strbuf_putc(out, '\n');
		add_heading(t, &layout, style, out);
	}
	for (uint32_t i = 0; i < n; i++) {
		add_row(p, t, &t->rows.at[i], &layout, style, out);
		doubtful |= is_under_sampled(t, &t->rows.at[i]);
	}
	if (n < t->rows.n)
		strbuf_printf(out, "  ... and %u more rows\n", t->rows.n - n);
	if (doubtful)
		strbuf_printf(
			out, "%s: too few samples to rely on\n", style->colour ? "grey" : "?");
	strbuf_putc(out, '\n');
	return quality_text(p, t->kind, style, out, err);
}

/* The face of diagnose. Every line is built from cut pieces, so that none is wider than asked. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/finding_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "formats/paragraph.h"
#include "formats/report_quality.h"

enum { WIDTH_MIN = 40, WIDTH_DEFAULT = 80, TAB = 8 };

struct page {
	const struct findings *f;
	struct strbuf *out;
	size_t width;
	bool colour;
};

static void count_text(struct strbuf *out, double n)
{
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%.0f", n);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			strbuf_putc(out, ',');
		strbuf_putc(out, digits[i]);
	}
}

/* One line of foreign text, cut to the page. */
static void line(struct page *p, const struct strbuf *text)
{
	text_terminal_cut(p->out, strbuf_cstr(text), p->width);
	strbuf_putc(p->out, '\n');
	p->out->oom |= text->oom;
}

static void target(struct strbuf *b, const struct profile *p)
{
	const char *comm = profile_fact_find(p, "target_comm");
	const char *command = profile_fact_find(p, "target_command");
	const char *what = profile_fact_find(p, "target");

	if (command && *command)
		strbuf_puts(b, command);
	else if (comm && *comm)
		strbuf_printf(b, "%s  %s", comm, what ? what : "");
	else if (what && *what)
		strbuf_puts(b, what);
	else if (p->processes.n == 2)
		strbuf_puts(b, profile_str(p, p->processes.at[1].comm));
	else
		strbuf_puts(b, "profile");
}

static int heading(struct page *p, const struct profile_quality *q)
{
	CLEANUP_STRBUF struct strbuf b = { 0 }, load = { 0 };
	const struct profile *profile = p->f->profile;
	const struct profile_capture *c = &profile->capture;

	target(&b, profile);
	if (c->duration_ns)
		strbuf_printf(&b, " · %.1f s", (double)c->duration_ns / 1e9);
	strbuf_puts(&b, " · ");
	count_text(&b, p->f->total);
	strbuf_printf(&b, " samples, %.1f %% whole, ", 100 * q->stacks_whole);
	count_text(&b, (double)q->lost);
	strbuf_puts(&b, " lost");
	strbuf_puts(p->out, colour_bold(p->colour));
	if (paragraph_columns(strbuf_cstr(&b)) <= p->width)
		line(p, &b);
	else
		paragraph(p->out, "", strbuf_cstr(&b), 0, p->width);
	strbuf_puts(p->out, colour_off(p->colour));
	if (c->duration_ns && c->on_cpu_ns) {
		double cpus = (double)c->on_cpu_ns / (double)c->duration_ns;
		strbuf_printf(&load, "cpu     %.2f CPUs busy: %.1f s of CPU time in %.1f s", cpus,
			(double)c->on_cpu_ns / 1e9, (double)c->duration_ns / 1e9);
		line(p, &load);
	}
	strbuf_putc(p->out, '\n');
	return b.oom || load.oom ? -ENOMEM : 0;
}

static void place(struct strbuf *b, const struct findings *f, const struct finding *one)
{
	const struct profile *p = f->profile;
	const struct function_row *row = &f->functions.at[one->function_id];
	const char *file = profile_str(p, row->file);
	const char *module = profile_str(p, p->modules.at[row->module].path);

	if (*file)
		strbuf_puts(b, profile_basename(file));
	else if (*module)
		strbuf_printf(b, "[%s]", profile_basename(module));
	if (*file && one->line)
		strbuf_printf(b, ":%u", one->line);
}

/* "1 CRITICAL  algorithmic_complexity   54 % of CPU (50-58)    find  orders.py:88" */
static int title(struct page *p, size_t number, const struct finding *one)
{
	CLEANUP_STRBUF struct strbuf head = { 0 }, where = { 0 };
	CLEANUP(freep) char *name = findings_function_name(p->f, one->function_id);
	char upper[16] = "";

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; severity_name(one->severity)[i]; i++)
		upper[i] = (char)toupper((unsigned char)severity_name(one->severity)[i]);
	strbuf_puts(p->out, colour_severity(one->severity, p->colour));
	strbuf_printf(p->out, "%zu %-8s", number, upper);
	strbuf_puts(p->out, colour_off(p->colour));
	strbuf_printf(
		&head, "  %-22s  %3.0f %% of CPU", finding_kind_name(one->kind), 100 * one->impact);
	if (one->has_bounds)
		strbuf_printf(&head, " (%.0f-%.0f)", 100 * one->impact_low, 100 * one->impact_high);
	strbuf_puts(&where, name);
	strbuf_puts(&where, "  ");
	place(&where, p->f, one);
	size_t used = 10 + (number > 9) + head.length,
	       need = paragraph_columns(strbuf_cstr(&where));
	if (used > p->width) { /* too narrow for the figures: the kind alone */
		strbuf_reset(&head);
		strbuf_printf(&head, "  %s", finding_kind_name(one->kind));
		used = p->width;
	}
	text_terminal_cut(p->out, strbuf_cstr(&head), p->width - 10 - (number > 9));
	if (used + 3 + need <= p->width) {
		size_t gap = used < 54 && 54 + 2 + need <= p->width ? 54 - used + 2 : 3;
		strbuf_pad(p->out, ' ', gap);
	} else {
		strbuf_puts(p->out, "\n    ");
		used = 1;
	}
	strbuf_puts(p->out, colour_bold(p->colour));
	text_terminal_cut(p->out, strbuf_cstr(&where), p->width - (used == 1 ? 4 : used + 3));
	strbuf_puts(p->out, colour_off(p->colour));
	strbuf_putc(p->out, '\n');
	return head.oom || where.oom ? -ENOMEM : 0;
}

/* Copies a line with its tabs as columns, @skip columns of indentation taken off. */
static void untabbed(struct strbuf *out, const char *text, size_t n, size_t skip)
{
	size_t column = 0;

	for (size_t i = 0; i < n; i++) {
		size_t wide = text[i] == '\t' ? TAB - column % TAB : 1;
		for (size_t k = 0; text[i] == '\t' && k < wide; k++)
			if (column + k >= skip)
				strbuf_putc(out, ' ');
		if (text[i] != '\t' && column >= skip && text[i] != '\r')
			strbuf_putc(out, text[i]);
		column += wide;
	}
}

static size_t indentation(const char *text, size_t n)
{
	size_t column = 0, i;

	for (i = 0; i < n && (text[i] == ' ' || text[i] == '\t'); i++)
		column += text[i] == '\t' ? TAB - column % TAB : 1;
	return i < n ? column : SIZE_MAX;
}

static void snippet(struct page *p, const struct snippet *s)
{
	size_t skip = SIZE_MAX;
	const char *text;
	uint32_t i;

	for (text = s->text; *text; text += *text == '\n') {
		size_t n = strcspn(text, "\n"), here = indentation(text, n);
		skip = here < skip ? here : skip;
		text += n;
	}
	for (text = s->text, i = 0; i < s->lines; i++) {
		CLEANUP_STRBUF struct strbuf code = { 0 };
		size_t n = strcspn(text, "\n"), room = p->width - 16 - 7, used;
		bool hot = s->first_line + i == s->hot_line;
		untabbed(&code, text, n, skip);
		strbuf_puts(p->out, hot ? colour_bold(p->colour) : colour_dim(p->colour));
		strbuf_printf(p->out, "    %c %6u |  ", hot ? '>' : ' ', s->first_line + i);
		used = text_terminal_cut(p->out, strbuf_cstr(&code), room);
		if (s->share[i] >= 0.005) {
			size_t column = room < 48 ? room : 48;
			strbuf_pad(p->out, ' ', used < column ? column - used : 1);
			strbuf_printf(p->out, "%4.0f %%", 100 * s->share[i]);
		}
		strbuf_puts(p->out, colour_off(p->colour));
		strbuf_putc(p->out, '\n');
		p->out->oom |= code.oom;
		text += n + (text[n] == '\n');
	}
}

static int fix(struct page *p, const struct fix *fix)
{
	CLEANUP_STRBUF struct strbuf gain = { 0 }, left = { 0 };

	strbuf_printf(&left, "fix: %s", fix->title);
	strbuf_puts(&gain, "CPU ");
	gain_text(&gain, fix->gain_low, fix->gain_high);
	strbuf_printf(&gain, ", %s risk", fix->risk);
	size_t columns = paragraph_columns(strbuf_cstr(&left));
	if (4 + columns + 2 + gain.length <= p->width) {
		size_t column = 58 + gain.length <= p->width ? 58 : 0;
		strbuf_puts(p->out, "    ");
		text_terminal(p->out, strbuf_cstr(&left));
		strbuf_pad(p->out, ' ', column > 4 + columns + 2 ? column - 4 - columns : 2);
		strbuf_puts(p->out, strbuf_cstr(&gain));
		strbuf_putc(p->out, '\n');
	} else {
		paragraph(p->out, "", strbuf_cstr(&left), 4, p->width);
		paragraph(p->out, "", strbuf_cstr(&gain), 9, p->width);
	}
	return left.oom || gain.oom ? -ENOMEM : 0;
}

static int finding(struct page *p, size_t number, const struct finding *one)
{
	if (title(p, number, one))
		return -ENOMEM;
	paragraph(p->out, "", one->description, 4, p->width);
	if (one->snippet.file)
		snippet(p, &one->snippet);
	vec_each (f, &one->fixes)
		if (fix(p, f))
			return -ENOMEM;
	strbuf_putc(p->out, '\n');
	return 0;
}

static void nothing_found(struct page *p)
{
	if (p->f->total < 1)
		paragraph(p->out, "",
			"No samples: the target used no CPU time while it was watched. It may be "
			"idle, or wait for something.",
			0, p->width);
	else
		paragraph(p->out, "",
			"No bottleneck found: no function takes a large part of the CPU time, and "
			"no "
			"rule saw avoidable work.",
			0, p->width);
	strbuf_putc(p->out, '\n');
}

/* Where the figures cannot be relied on, and why. */
static int warnings(struct page *p, const struct profile_quality *q)
{
	CLEANUP_STRBUF struct strbuf notes = { 0 }, bounds = { 0 };
	enum quality_grade grade = quality_judge(p->f->profile, q, &notes);

	if (p->f->no_bounds && p->f->total >= 1) {
		strbuf_printf(&bounds,
			"No intervals (%s), so no severity above medium and no promise of a gain.",
			p->f->no_bounds);
		paragraph(p->out, "note: ", strbuf_cstr(&bounds), 0, p->width);
	}
	if (grade != QUALITY_GOOD && grade != QUALITY_NONE && notes.length)
		paragraph(p->out, "quality: ", strbuf_cstr(&notes), 0, p->width);
	return notes.oom || bounds.oom ? -ENOMEM : 0;
}

static int ending(struct page *p, const struct plan *plan, size_t told)
{
	CLEANUP_STRBUF struct strbuf b = { 0 };

	if (told < p->f->list.n) {
		strbuf_printf(&b, "%zu more findings; all of them: --json", p->f->list.n - told);
		paragraph(p->out, "", strbuf_cstr(&b), 0, p->width);
		strbuf_reset(&b);
	}
	if (plan && plan->steps.n && plan->total.n) {
		strbuf_printf(
			&b, "plan: %u step%s, CPU ", plan->steps.n, plan->steps.n == 1 ? "" : "s");
		gain_text(&b, plan->total.at[0].low, plan->total.at[0].high);
		strbuf_puts(&b, "     next: assay plan -o plan.json     pictures: assay flame");
		if (paragraph_columns(strbuf_cstr(&b)) <= p->width)
			line(p, &b);
		else
			paragraph(p->out, "", strbuf_cstr(&b), 0, p->width);
	}
	return b.oom ? -ENOMEM : 0;
}

int finding_text(const struct findings *f, const struct plan *plan,
	const struct report_style *style, struct strbuf *out, struct error *err)
{
	size_t width = style->width ? style->width : WIDTH_DEFAULT, told = 0;
	struct page p = { f, out, width < WIDTH_MIN ? WIDTH_MIN : width, style->colour };
	CLEANUP(profile_quality_done) struct profile_quality q = { 0 };

	if (profile_quality(f->profile, SAMPLE_ON_CPU, &q) || heading(&p, &q))
		return error_oom(err);
	vec_each (one, &f->list) {
		if (style->limit && told >= style->limit)
			break;
		if (finding(&p, ++told, one))
			return error_oom(err);
	}
	if (!f->list.n)
		nothing_found(&p);
	if (warnings(&p, &q) || ending(&p, plan, told) || out->oom)
		return error_oom(err);
	return 0;
}

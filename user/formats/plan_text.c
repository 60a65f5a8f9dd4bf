/* Step by step: what, how much, what before it, how to check it. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/plan_text.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "formats/paragraph.h"

enum { WIDTH_MIN = 40, WIDTH_DEFAULT = 80 };

static size_t page_width(const struct report_style *style)
{
	size_t width = style->width ? style->width : WIDTH_DEFAULT;

	return width < WIDTH_MIN ? WIDTH_MIN : width;
}

static int step(const struct plan *p, const struct plan_step *s, const struct report_style *style,
	struct strbuf *out)
{
	CLEANUP(freep) char *name = findings_function_name(p->findings, s->finding->function_id);
	CLEANUP_STRBUF struct strbuf b = { 0 };
	size_t width = page_width(style);

	if (!name)
		return -ENOMEM;
	strbuf_puts(out, colour_bold(style->colour));
	strbuf_printf(&b, "%u. %s", s->order, s->fix->title);
	paragraph(out, "", strbuf_cstr(&b), 0, width);
	strbuf_puts(out, colour_off(style->colour));
	strbuf_reset(&b);
	strbuf_puts(&b, "CPU ");
	gain_text(&b, s->fix->gain_low, s->fix->gain_high);
	strbuf_printf(&b, " · complexity %s · risk %s · %s in %s", s->fix->complexity, s->fix->risk,
		finding_kind_name(s->finding->kind), name);
	paragraph(out, "", strbuf_cstr(&b), 3, width);
	paragraph(out, "", s->fix->text, 3, width);
	vec_each (text, &s->prerequisites)
		paragraph(out, "first: ", *text, 3, width);
	paragraph(out, "rollback: ", s->fix->rollback, 3, width);
	paragraph(out, "rollout: ", s->fix->rollout, 3, width);
	paragraph(out, "expect: ", s->expect, 3, width);
	strbuf_puts(out, "   check:\n     ");
	text_terminal(out, s->command);
	strbuf_puts(out, "\n\n");
	return b.oom ? -ENOMEM : 0;
}

int plan_text(const struct plan *p, const struct report_style *style, struct strbuf *out,
	struct error *err)
{
	CLEANUP_STRBUF struct strbuf b = { 0 };
	size_t width = page_width(style);

	if (!p->steps.n) {
		paragraph(out, "",
			"Nothing to plan: no finding has a known fix. What is hot and why: assay "
			"diagnose.",
			0, width);
		return out->oom ? error_oom(err) : 0;
	}
	strbuf_printf(&b, "plan: %u step%s", p->steps.n, p->steps.n == 1 ? "" : "s");
	vec_each (t, &p->total) {
		strbuf_puts(&b, ", CPU ");
		gain_text(&b, t->low, t->high);
	}
	strbuf_printf(&b, " together · complexity %s · risk %s", p->complexity, p->risk);
	paragraph(out, "", strbuf_cstr(&b), 0, width);
	strbuf_putc(out, '\n');
	vec_each (text, &p->prerequisites)
		paragraph(out, "before: ", *text, 0, width);
	strbuf_putc(out, '\n');
	vec_each (s, &p->steps)
		if (step(p, s, style, out))
			return error_oom(err);
	vec_each (text, &p->validation_strategy)
		paragraph(out, "- ", *text, 0, width);
	return b.oom || out->oom ? error_oom(err) : 0;
}

static const char *verdict_colour(enum verdict v, bool colour)
{
	static const char *const codes[] = { "\033[1;32m", "\033[1;31m", "\033[1;33m" };

	return colour ? codes[v] : "";
}

static void verdict(
	const struct verify_step *s, const struct report_style *style, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf b = { 0 };
	size_t width = page_width(style);

	strbuf_puts(out, verdict_colour(s->verdict, style->colour));
	strbuf_printf(&b, "step %u %s: %s", s->order, verdict_name(s->verdict), s->title);
	paragraph(out, "", strbuf_cstr(&b), 0, width);
	strbuf_puts(out, colour_off(style->colour));
	strbuf_reset(&b);
	strbuf_puts(&b, "promised: CPU ");
	gain_text(&b, s->promised_low, s->promised_high);
	if (s->measured)
		strbuf_printf(&b, " · measured: CPU %+.1f %% (%+.1f..%+.1f)", -100 * s->gain,
			-100 * s->gain_high, -100 * s->gain_low);
	if (s->share_before > 0)
		strbuf_printf(&b, " · share %.1f -> %.1f %%", 100 * s->share_before,
			100 * s->share_after);
	paragraph(out, "", strbuf_cstr(&b), 4, width);
	strbuf_reset(&b);
	strbuf_puts(&b, s->reason);
	if (s->verdict == VERDICT_UNDECIDED && s->more_seconds > 0)
		strbuf_printf(&b, "; record for about %.0f s (-d %.0f)", s->more_seconds,
			s->more_seconds);
	paragraph(out, "", strbuf_cstr(&b), 4, width);
	out->oom |= b.oom;
}

int verify_text(const struct verify_result *r, const struct report_style *style, struct strbuf *out,
	struct error *err)
{
	char text[96];

	vec_each (s, &r->steps)
		verdict(s, style, out);
	if (!r->steps.n)
		strbuf_puts(out, "The plan has no steps: nothing to verify.\n");
	if (r->has_mix) {
		snprintf(text, sizeof(text),
			"the rest of the program: %.0f %% of it moved (p = %.3g that nothing did)",
			100 * r->mix_moved, r->mix_p);
		paragraph(out, "", text, 0, page_width(style));
	}
	return out->oom ? error_oom(err) : 0;
}

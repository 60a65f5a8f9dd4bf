/* Markdown with foreign text in it. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/plan_md.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "formats/paragraph.h"

/* Foreign text in running text: no control characters, no markup of Markdown or HTML. */
static void md(struct strbuf *out, const char *text)
{
	CLEANUP_STRBUF struct strbuf plain = { 0 };

	text_terminal(&plain, text);
	for (const char *c = strbuf_cstr(&plain); *c; c++) {
		if (*c == '<')
			strbuf_puts(out, "&lt;");
		else if (*c == '>')
			strbuf_puts(out, "&gt;");
		else if (*c == '&')
			strbuf_puts(out, "&amp;");
		else {
			if (strchr("\\`*_[]()#!|~", *c))
				strbuf_putc(out, '\\');
			strbuf_putc(out, *c);
		}
	}
	out->oom |= plain.oom;
}

/* A block of code, fenced longer than any run of backticks in it. */
static void code(struct strbuf *out, const char *indent, const char *language, const char *text)
{
	CLEANUP_STRBUF struct strbuf plain = { 0 };
	size_t longest = 2, run = 0;

	for (; *text; text += *text == '\n') {
		CLEANUP_STRBUF struct strbuf one = { 0 };
		size_t n = strcspn(text, "\n");
		for (size_t i = 0; i < n; i++) {
			run = text[i] == '`' ? run + 1 : 0;
			longest = run > longest ? run : longest;
			if (text[i] == '\t')
				strbuf_puts(&one, "    ");
			else
				strbuf_putc(&one, text[i]);
		}
		strbuf_puts(&plain, indent);
		text_terminal(&plain, strbuf_cstr(&one));
		strbuf_putc(&plain, '\n');
		plain.oom |= one.oom;
		text += n;
	}
	strbuf_puts(out, indent);
	strbuf_pad(out, '`', longest + 1);
	strbuf_printf(out, "%s\n%s%s", language, strbuf_cstr(&plain), indent);
	strbuf_pad(out, '`', longest + 1);
	strbuf_puts(out, "\n");
	out->oom |= plain.oom;
}

static int step(const struct plan *p, const struct plan_step *s, struct strbuf *out)
{
	CLEANUP(freep) char *name = findings_function_name(p->findings, s->finding->function_id);
	const struct finding *f = s->finding;

	if (!name)
		return -ENOMEM;
	strbuf_printf(out, "## %u. ", s->order);
	md(out, s->fix->title);
	strbuf_puts(out, "\n\n- gain: CPU ");
	gain_text(out, s->fix->gain_low, s->fix->gain_high);
	strbuf_puts(out, " (");
	md(out, s->fix->reason);
	strbuf_printf(out, ")\n- complexity: %s, risk: %s\n- finding: ", s->fix->complexity,
		s->fix->risk);
	md(out, finding_kind_name(f->kind));
	strbuf_puts(out, " in ");
	md(out, name);
	strbuf_printf(out, ", severity %s, %.0f %% of CPU\n\n", severity_name(f->severity),
		100 * f->impact);
	md(out, f->description);
	strbuf_puts(out, "\n\n");
	if (f->snippet.file) {
		code(out, "", "", f->snippet.text);
		strbuf_putc(out, '\n');
	}
	md(out, s->fix->text);
	strbuf_puts(out, "\n\nBefore it:\n\n");
	vec_each (text, &s->prerequisites) {
		strbuf_puts(out, "- [ ] ");
		md(out, *text);
		strbuf_putc(out, '\n');
	}
	strbuf_puts(out, "\nValidation (");
	md(out, s->expect);
	strbuf_puts(out, "):\n\n");
	code(out, "", "sh", s->command);
	strbuf_puts(out, "\n- rollout: ");
	md(out, s->fix->rollout);
	strbuf_puts(out, "\n- rollback: ");
	md(out, s->fix->rollback);
	strbuf_puts(out, "\n\n");
	return 0;
}

int plan_md(const struct plan *p, struct strbuf *out, struct error *err)
{
	strbuf_puts(out, "# Performance plan");
	if (*p->target) {
		strbuf_puts(out, ": ");
		md(out, p->target);
	}
	strbuf_puts(out, "\n\n");
	if (!p->steps.n) {
		strbuf_puts(out, "Nothing to plan: no finding has a known fix.\n");
		return out->oom ? error_oom(err) : 0;
	}
	vec_each (t, &p->total) {
		strbuf_puts(out, "Together: CPU ");
		gain_text(out, t->low, t->high);
	}
	strbuf_printf(out, "; complexity %s, risk %s. Baseline: %.0f samples in %.1f s.\n\n",
		p->complexity, p->risk, p->total_samples, p->seconds);
	strbuf_puts(out, "Before the first step:\n\n");
	vec_each (text, &p->prerequisites)
		strbuf_printf(out, "- [ ] %s\n", *text);
	strbuf_putc(out, '\n');
	vec_each (s, &p->steps)
		if (step(p, s, out))
			return error_oom(err);
	strbuf_puts(out, "## Validation\n\n");
	vec_each (text, &p->validation_strategy)
		strbuf_printf(out, "- %s\n", *text);
	return out->oom ? error_oom(err) : 0;
}

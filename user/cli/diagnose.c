/* assay diagnose: the bottlenecks, with evidence. */
// SPDX-License-Identifier: BSD-2-Clause
#include "base/cleanup.h"
#include "cli/cli.h"
#include "detect/detect.h"
#include "formats/finding_json.h"
#include "formats/finding_text.h"
#include "formats/paragraph.h"
#include "plan/plan.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct findings *, findings_free)
CLEANUP_DEFINE(struct plan *, plan_free)

/* Shares of a part must not pass for shares of the whole. */
static void focus_text(const struct arguments *a, double share, uint32_t width, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf line = { 0 };

	if (!a->focus)
		return;
	strbuf_printf(&line,
		"only stacks with %s: %.1f %% of the CPU time. Shares below are of these.",
		a->focus, 100 * share);
	paragraph(out, "", strbuf_cstr(&line), 0, width);
	strbuf_putc(out, '\n');
	out->oom |= line.oom;
}

static int diagnose_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = NULL;
	double share;
	CLEANUP(findings_freep) struct findings *findings = NULL;
	CLEANUP(plan_freep) struct plan *plan = NULL;
	CLEANUP_STRBUF struct strbuf text = { 0 };
	int r = profile_get_focused(a, &p, &share, err);

	if (!r)
		r = detect(&(struct detect_input){ .profile = p }, &findings, err);
	if (!r && a->json) {
		struct json_object *o = findings_json(findings);

		if (o)
			focus_json(o, a, share);
		r = print_json(o, err);
	} else if (!r) {
		struct report_style style = report_style_get((uint32_t)a->limit);

		r = plan_make(findings, &(struct plan_options){ 0 }, &plan, err);
		if (!r)
			focus_text(a, share, style.width, &text);
		if (!r)
			r = finding_text(findings, plan, &style, &text, err);
		if (!r)
			r = print_text(&text, err);
	}
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_diagnose = {
	.name = "diagnose",
	.synopsis = "FILE | TARGET [-d SECS]",
	.text = "what is slow and why, with evidence",
	.about = "Names the bottlenecks of a recording, or of a live TARGET that is captured for "
		 "-d\n"
		 "seconds (10) first: severity, impact with its 95 % interval, where, the "
		 "evidence, and\n"
		 "what would mend it. Findings are sorted by impact.",
	.options = "focus limit duration rate force no-source json quiet debuginfod",
	.target = TARGET_OPTIONAL,
	.files_min = 1,
	.files_max = 1,
	.run = diagnose_run,
};

/* assay plan: the fixes in order, each with a promise and a way to check it. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "detect/detect.h"
#include "formats/plan_json.h"
#include "formats/plan_md.h"
#include "formats/plan_text.h"
#include "plan/plan.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct findings *, findings_free)
CLEANUP_DEFINE(struct plan *, plan_free)

static int text_write(void *context, FILE *out, struct error *err)
{
	const struct strbuf *text = context;

	errno = 0;
	if (fwrite(strbuf_cstr(text), 1, text->length, out) == text->length && !fflush(out))
		return 0;
	int code = errno ? errno : EIO;
	return error_exit(err, EXIT_OUTPUT, -code, "cannot write the plan: %s", strerror(code));
}

/* The plan as it goes into a file: Markdown when asked for, else JSON, which verify reads. */
static int plan_encode(
	const struct arguments *a, const struct plan *plan, struct strbuf *out, struct error *err)
{
	if (a->markdown)
		return plan_md(plan, out, err);
	struct json_object *o = plan_json(plan);
	const char *s = o ? json_object_to_json_string_ext(
				    o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)
			  : NULL;
	if (s) {
		strbuf_puts(out, s);
		strbuf_putc(out, '\n');
	}
	json_object_put(o);
	return s && !out->oom ? 0 : error_oom(err);
}

static int plan_print(const struct arguments *a, const struct plan *plan, struct error *err)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	struct report_style style = report_style_get(0);
	int r;

	if (a->json && !a->output)
		return print_json(plan_json(plan), err);
	if (a->markdown && !a->output) {
		r = plan_md(plan, &text, err);
		return r ? r : print_text(&text, err);
	}
	r = plan_text(plan, &style, &text, err);
	if (!r && a->output && strcmp(a->output, "-")) {
		strbuf_puts(&text, "\nwrote ");
		text_terminal(&text, a->output);
		strbuf_putc(&text, '\n');
	}
	return r ? r : print_text(&text, err);
}

static int plan_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = NULL;
	CLEANUP(findings_freep) struct findings *findings = NULL;
	CLEANUP(plan_freep) struct plan *plan = NULL;
	CLEANUP_STRBUF struct strbuf encoded = { 0 };
	struct plan_options options = { .plan_path = a->output && !a->markdown ? a->output : NULL };
	char work[64];
	int r = work_parse(a, work, sizeof(work), &options.work_value, err);

	options.work_metric = a->work ? work : NULL;
	if (!r)
		r = profile_get(a, &p, err);
	if (!r)
		r = detect(&(struct detect_input){ .profile = p }, &findings, err);
	if (!r)
		r = plan_make(findings, &options, &plan, err);
	if (!r && a->output) {
		r = plan_encode(a, plan, &encoded, err);
		if (!r)
			r = write_file(a->output, text_write, &encoded, err);
	}
	/* A plan that went to standard output is not followed by another one. */
	if (!r && !(a->output && (a->json || !strcmp(a->output, "-"))))
		r = plan_print(a, plan, err);
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_plan = {
	.name = "plan",
	.synopsis = "FILE | TARGET [-o plan.json] [--md]",
	.text = "the fixes in order, with expected gain, risk and a check",
	.about = "Orders the fixes of all findings: expected gain (share of CPU time per unit of "
		 "work),\n"
		 "complexity, risk, prerequisites, rollback, and a command that checks the "
		 "promise.\n"
		 "-o plan.json writes what `assay verify` needs; --md writes Markdown for a "
		 "ticket.\n"
		 "--work tells how many units of work were done while recording, so that verify\n"
		 "can compare the cost of one.",
	.options = "output md work duration rate force no-source json quiet debuginfod",
	.target = TARGET_OPTIONAL,
	.files_min = 1,
	.files_max = 1,
	.run = plan_run,
};

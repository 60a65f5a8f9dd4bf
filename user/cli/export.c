/* assay export: a recording in other tools' formats. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "formats/formats.h"
#include "formats/report_json.h"

CLEANUP_DEFINE(struct profile *, profile_free)

struct exported {
	const struct profile *profile;
	const struct format_ops *format;
};

static int exported_write(void *context, FILE *out, struct error *err)
{
	struct exported *e = context;

	return e->format->write(e->profile, SAMPLE_ON_CPU, out, err);
}

static int format_missing(const char *name, struct error *err)
{
	CLEANUP_STRBUF struct strbuf names = { 0 };

	for (size_t i = 0; format_at(i); i++)
		strbuf_printf(&names, "%s%s", i ? ", " : "", format_at(i)->name);
	if (name)
		error_exit(err, EXIT_USAGE, -EINVAL, "there is no format '%s'", name);
	else
		error_exit(err, EXIT_USAGE, -EINVAL, "say which format: --to FORMAT");
	return error_hint(err, "formats: %s", strbuf_cstr(&names));
}

static int export_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = NULL;
	double share;
	CLEANUP_STRBUF struct strbuf path = { 0 };
	const struct format_ops *format = a->to ? format_find(a->to) : NULL;

	if (!format) {
		format_missing(a->to, err);
		return failure(err);
	}
	int r = profile_get_focused(a, &p, &share, err);
	if (r)
		return failure(err);
	if (a->output)
		strbuf_puts(&path, a->output);
	else
		strbuf_printf(&path, "profile%s", format->suffix);
	if (path.oom)
		return error_oom(err), failure(err);
	r = write_file(strbuf_cstr(&path), exported_write, &(struct exported){ p, format }, err);
	if (r)
		return failure(err);
	if (!strcmp(strbuf_cstr(&path), "-"))
		return EXIT_FINE;
	if (a->json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "file", json_text(strbuf_cstr(&path)));
		json_object_object_add(o, "format", json_object_new_string(format->name));
		focus_json(o, a, share);
		json_object_object_add(o, "quality", quality_json(p, SAMPLE_ON_CPU));
		r = print_json(o, err);
	} else {
		CLEANUP_STRBUF struct strbuf text = { 0 };

		strbuf_puts(&text, "wrote ");
		text_terminal(&text, strbuf_cstr(&path));
		strbuf_putc(&text, '\n');
		r = print_text(&text, err);
	}
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_export = {
	.name = "export",
	.synopsis = "FILE | TARGET --to FORMAT [-o FILE]",
	.text = "write other tools' formats",
	.about = "Formats: pprof (go tool pprof, Pyroscope, Parca), folded (flamegraph.pl, "
		 "speedscope)\n"
		 "and html (the flame graph page). A live TARGET is captured for -d seconds (10) "
		 "first.",
	.options = "focus to output duration rate force json quiet debuginfod",
	.target = TARGET_OPTIONAL,
	.files_min = 1,
	.files_max = 1,
	.run = export_run,
};

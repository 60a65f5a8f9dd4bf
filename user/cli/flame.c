/* assay flame: the flame graph page. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "formats/formats.h"
#include "formats/report_json.h"

CLEANUP_DEFINE(struct profile *, profile_free)

struct page {
	const struct profile *profile;
	struct flame_options options;
};

static int page_write(void *context, FILE *out, struct error *err)
{
	struct page *page = context;

	return flame_write(page->profile, &page->options, out, err);
}

static int flame_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = NULL;
	double share;
	CLEANUP_STRBUF struct strbuf text = { 0 };
	CLEANUP_STRBUF struct strbuf title = { 0 };
	const char *path = a->output ? a->output : "flame.html";
	int r = profile_get_focused(a, &p, &share, err);

	if (a->focus && !a->title)
		strbuf_printf(&title, "stacks with %s", a->focus);
	if (!r)
		r = write_file(path, page_write,
			&(struct page){
				p, { .kind = SAMPLE_ON_CPU,
					   .title = title.length ? title.text : a->title } },
			err);
	if (r)
		return failure(err);
	if (!strcmp(path, "-"))
		return EXIT_FINE;
	if (a->json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "file", json_text(path));
		focus_json(o, a, share);
		json_object_object_add(o, "quality", quality_json(p, SAMPLE_ON_CPU));
		r = print_json(o, err);
	} else {
		strbuf_puts(&text, "wrote ");
		text_terminal(&text, path);
		strbuf_puts(&text, ": open it in a browser, it needs no network\n");
		r = print_text(&text, err);
	}
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_flame = {
	.name = "flame",
	.synopsis = "FILE | TARGET [-o x.html]",
	.text = "an interactive flame graph as one HTML page",
	.about = "Writes one self-contained page (flame.html): zoom, search, callers (inverted), "
		 "self and\n"
		 "total, keyboard; press ? in it for help. A live TARGET is captured for -d "
		 "seconds\n"
		 "(10) first.",
	.options = "focus output title duration rate force json quiet debuginfod",
	.target = TARGET_OPTIONAL,
	.files_min = 1,
	.files_max = 1,
	.run = flame_run,
};

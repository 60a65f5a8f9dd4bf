/* assay report: a recording as a table. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "formats/report_json.h"
#include "formats/report_text.h"
#include "profile/table.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct table *, table_free)

static int options_read(const struct arguments *a, struct table_options *ret, struct error *err)
{
	int by = a->by ? table_by_find(a->by) : TABLE_BY_FUNCTION;
	int kind = a->kind ? sample_kind_find(a->kind) : SAMPLE_ON_CPU;

	if (by < 0) {
		error_exit(err, EXIT_USAGE, -EINVAL, "there is no table by '%s'", a->by);
		return error_hint(err, "use function, line, file, module or thread");
	}
	if (kind < 0) {
		error_exit(err, EXIT_USAGE, -EINVAL, "there is no kind '%s'", a->kind);
		return error_hint(err, "use on_cpu");
	}
	if (a->sort && strcmp(a->sort, "self") && strcmp(a->sort, "total")) {
		error_exit(err, EXIT_USAGE, -EINVAL, "cannot sort by '%s'", a->sort);
		return error_hint(err, "use self or total");
	}
	*ret = (struct table_options){
		.by = by,
		.kind = kind,
		.sort = a->sort && !strcmp(a->sort, "total") ? TABLE_SORT_TOTAL : TABLE_SORT_SELF,
		.focus = a->focus,
	};
	return 0;
}

static int report_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = NULL;
	CLEANUP(table_freep) struct table *table = NULL;
	struct table_options options;
	int r = options_read(a, &options, err);

	if (!r)
		r = profile_get(a, &p, err);
	if (!r)
		r = profile_table(p, &options, &table, err);
	if (r)
		return failure(err);
	uint32_t limit = (uint32_t)a->limit;
	if (a->json) {
		r = print_json(report_json(p, table, a->focus, limit), err);
	} else {
		CLEANUP_STRBUF struct strbuf text = { 0 };
		struct report_style style = report_style_get(limit ? limit : 20);

		r = report_text(p, table, &style, &text, err);
		if (!r)
			r = print_text(&text, err);
	}
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_report = {
	.name = "report",
	.synopsis = "FILE | TARGET [--by WHAT] [--sort KEY] [--focus FUNC]",
	.text = "tables of what costs most",
	.about =
		"Shows what each function, line, file, module or thread costs: self is what ran in "
		"it,\n"
		"total with everything it called; both with their 95 % interval. A live TARGET is\n"
		"captured for -d seconds (10) first.",
	.options = "by sort kind focus limit duration rate force json quiet debuginfod",
	.target = TARGET_OPTIONAL,
	.files_min = 1,
	.files_max = 1,
	.run = report_run,
};

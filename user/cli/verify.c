/* assay verify: did the fix do what the plan promised? */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "formats/plan_json.h"
#include "formats/plan_text.h"
#include "plan/plan_file.h"
#include "plan/verify.h"
#include "recording/recording.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct verify_result *, verify_result_free)

/* All of a file of at most PLAN_FILE_BYTES_MAX bytes. */
static int file_read(const char *path, struct strbuf *out, struct error *err)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char bytes[65536];

	if (fd < 0) {
		error_exit(err, EXIT_INPUT, -errno, "cannot open plan '%s': %s", path,
			strerror(errno));
		return error_hint(err, "make one with: assay plan FILE -o plan.json");
	}
	for (;;) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_exit(err, EXIT_INPUT, -errno, "cannot read plan '%s': %s",
				path, strerror(errno));
		if (!n)
			return out->oom ? error_oom(err) : 0;
		strbuf_add(out, bytes, (size_t)n);
		if (out->length > PLAN_FILE_BYTES_MAX)
			return error_exit(err, EXIT_INPUT, -EFBIG, "plan '%s' is too big", path);
	}
}

static int verify_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *after = NULL;
	CLEANUP(verify_result_freep) struct verify_result *result = NULL;
	CLEANUP_STRBUF struct strbuf plan = { 0 };
	CLEANUP_STRBUF struct strbuf text = { 0 };
	struct verify_options options = { .step = (uint32_t)a->step };
	struct arguments recording = { 0 };
	char work[64];
	int r = work_parse(a, work, sizeof(work), &options.work_value, err);

	options.work_name = a->work ? work : NULL;
	if (!r)
		r = file_read(a->files.at[0], &plan, err);
	if (!r && vec_push(&recording.files, a->files.at[1]))
		r = error_oom(err);
	if (!r)
		r = profile_get(&recording, &after, err);
	arguments_done(&recording);
	if (!r)
		r = verify(strbuf_cstr(&plan), plan.length, after, &options, &result, err);
	if (!r && a->json) {
		r = print_json(verify_json(result), err);
	} else if (!r) {
		struct report_style style = report_style_get(0);

		r = verify_text(result, &style, &text, err);
		if (!r)
			r = print_text(&text, err);
	}
	return r ? failure(err) : verdict_exit(result->verdict);
}

const struct command command_verify = {
	.name = "verify",
	.synopsis = "PLAN FILE [--step N] [--work NAME=VALUE]",
	.text = "did the fix do what the plan promised?",
	.about =
		"Compares a recording made after a fix with the plan made before it, step by "
		"step:\n"
		"accepted (exit 0), rejected (1) or undecided (7, and how much longer to record).\n"
		"Without --work the rest of the program must do the same as before; that is "
		"tested.",
	.options = "step work json",
	.target = TARGET_NONE,
	.files_min = 2,
	.files_max = 2,
	.run = verify_run,
};

/* assay record: a live target into a recording. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "formats/report_json.h"
#include "recording/recording.h"

CLEANUP_DEFINE(struct profile *, profile_free)

static void default_name(char *ret, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(ret, size, "assay-%Y%m%d-%H%M%S.assay", &tm);
}

static struct json_object *child_json(const struct arguments *a, int status)
{
	if (!a->command)
		return NULL;
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "exit_code",
		WIFEXITED(status) ? json_object_new_int(WEXITSTATUS(status)) : NULL);
	json_object_object_add(
		o, "signal", WIFSIGNALED(status) ? json_object_new_int(WTERMSIG(status)) : NULL);
	return o;
}

static int record_json(const struct arguments *a, const char *path,
	const struct capture_result *result, const struct profile *p, struct error *err)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "file", json_text(path));
	json_object_object_add(
		o, "seconds", json_object_new_double((double)p->capture.duration_ns / 1e9));
	json_object_object_add(o, "samples", json_object_new_int64((int64_t)result->samples));
	json_object_object_add(o, "interrupted", json_object_new_boolean(result->interrupted));
	json_object_object_add(o, "child", child_json(a, result->child_status));
	json_object_object_add(o, "quality", quality_json(p, SAMPLE_ON_CPU));
	return print_json(o, err);
}

/* "wrote x.assay: 10.0 s, 990 samples, 99.8 % whole, 0 lost" and how to go on. */
static int record_text(
	const struct arguments *a, const char *path, const struct profile *p, struct error *err)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	CLEANUP(profile_quality_done) struct profile_quality q;

	if (profile_quality(p, SAMPLE_ON_CPU, &q))
		return error_oom(err);
	strbuf_puts(&text, "wrote ");
	text_terminal(&text, path);
	strbuf_printf(&text, ": %.1f s, %llu samples, %.1f %% of stacks whole, %llu lost\n",
		(double)p->capture.duration_ns / 1e9, (unsigned long long)q.samples,
		100 * q.stacks_whole, (unsigned long long)q.lost);
	if (a->verbose)
		vec_each (f, &p->facts) {
			strbuf_puts(&text, "  ");
			text_terminal(&text, profile_str(p, f->name));
			strbuf_puts(&text, ": ");
			text_terminal(&text, profile_str(p, f->value));
			strbuf_putc(&text, '\n');
		}
	strbuf_puts(&text, "next: assay diagnose ");
	text_terminal(&text, path);
	strbuf_putc(&text, '\n');
	return print_text(&text, err);
}

static int record_run(struct arguments *a, struct error *err)
{
	char name[64];
	const char *path = a->output;
	struct capture_result result;
	struct stat before;

	if (!path) {
		default_name(name, sizeof(name));
		path = name;
	}
	bool existed = !lstat(path, &before);
	int r = live_capture(a, path, &result, err);
	profile_free(result.profile);
	if (r) {
		/* A recording without a single sample is of no use to anybody. */
		if (!result.samples && !existed)
			unlink(path);
		return failure(err);
	}
	/* The samples have left memory for the file: what is said of it is read from it. */
	CLEANUP(profile_freep) struct profile *p = NULL;
	r = recording_read(path, &p, err);
	if (!r)
		r = a->json ? record_json(a, path, &result, p, err) : record_text(a, path, p, err);
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_record = {
	.name = "record",
	.synopsis = "TARGET [-o FILE] [-d SECS] [-F HZ]",
	.text = "capture a live target into a recording",
	.about = "Samples the target's stacks and writes a recording (.assay) for diagnose, plan, "
		 "report,\n"
		 "flame and export. Ends after -d SECS, when the target ends, or by Ctrl-C; what "
		 "was\n"
		 "captured by then is kept. Without -o the file is assay-DATE-TIME.assay.",
	.options = "output duration rate force no-source json quiet verbose debuginfod",
	.target = TARGET_REQUIRED,
	.run = record_run,
};

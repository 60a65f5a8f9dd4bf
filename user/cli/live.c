/* Live captures for commands: the progress line, and where a profile comes from. */
// SPDX-License-Identifier: BSD-2-Clause
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "formats/report_json.h"
#include "profile/filter.h"
#include "recording/recording.h"

CLEANUP_DEFINE(struct profile *, profile_free)

static void progress_line(void *context, const struct capture_progress *p)
{
	const struct arguments *a = context;

	fprintf(stderr, "\r\033[K%.0f s", p->seconds);
	if (a->duration_s > 0)
		fprintf(stderr, " of %g", a->duration_s);
	fprintf(stderr, ", %llu samples", (unsigned long long)p->samples);
	if (p->lost)
		fprintf(stderr, ", %llu lost", (unsigned long long)p->lost);
	fprintf(stderr, "   (Ctrl-C ends it and keeps what is there)");
}

int live_capture(const struct arguments *a, const char *recording, struct capture_result *ret,
	struct error *err)
{
	bool show = !a->quiet && !a->json && isatty(STDERR_FILENO);
	struct capture_options o = {
		.pids = a->pids.at,
		.pid_count = a->pids.n,
		.command = a->command,
		.system_wide = a->system_wide,
		.comm = a->comm,
		.cgroup = a->cgroup,
		.rate_hz = a->rate_hz,
		.duration_s = a->duration_s,
		.no_source = a->no_source,
		.debuginfod = a->debuginfod,
		.force = a->force,
		.recording = recording,
		.overwrite = a->force,
		.keep_samples = !recording,
		.progress = show ? progress_line : NULL,
		.context = (void *)a,
	};
	int r = capture_run(&o, ret, err);

	if (show)
		fprintf(stderr, "\r\033[K");
	return r;
}

int profile_get(const struct arguments *a, struct profile **ret, struct error *err)
{
	struct capture_result result;
	int r;

	if (!arguments_target(a)) {
		r = recording_read(a->files.at[0], ret, err);
		if (!r && (*ret)->capture.unfinished)
			r = capture_resolve(*ret, a->debuginfod, err);
		return r;
	}
	struct arguments live = *a;
	if (!live.duration_s)
		live.duration_s = 10;
	r = live_capture(&live, NULL, &result, err);
	*ret = result.profile;
	return r;
}

static double on_cpu_value(const struct profile *p)
{
	double sum = 0;

	vec_each (s, &p->samples)
		sum += s->kind == SAMPLE_ON_CPU ? (double)s->value : 0;
	return sum;
}

int profile_get_focused(
	const struct arguments *a, struct profile **ret, double *ret_share, struct error *err)
{
	CLEANUP(profile_freep) struct profile *whole = NULL;
	int r = profile_get(a, a->focus ? &whole : ret, err);

	*ret_share = 1;
	if (r || !a->focus)
		return r;
	r = profile_filter(whole, a->focus, ret, err);
	if (!r && on_cpu_value(whole) > 0)
		*ret_share = on_cpu_value(*ret) / on_cpu_value(whole);
	return r;
}

void focus_json(struct json_object *o, const struct arguments *a, double share)
{
	struct json_object *focus = a->focus ? json_object_new_object() : NULL;

	if (focus) {
		json_object_object_add(focus, "function", json_text(a->focus));
		json_object_object_add(focus, "share", json_object_new_double(share));
	}
	json_object_object_add(o, "focus", focus);
}

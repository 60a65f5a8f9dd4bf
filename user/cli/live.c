/* Live captures for commands: the progress line, and where a profile comes from. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "recording/recording.h"

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
		.rate_hz = a->rate_hz,
		.duration_s = a->duration_s,
		.no_source = a->no_source,
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

	if (a->files.n) {
		r = recording_read(a->files.at[0], ret, err);
		if (!r && (*ret)->capture.unfinished)
			r = capture_resolve(*ret, err);
		return r;
	}
	struct arguments live = *a;
	if (!live.duration_s)
		live.duration_s = 10;
	r = live_capture(&live, NULL, &result, err);
	*ret = result.profile;
	return r;
}

/* A capture: from a live target to a profile and its recording. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "profile/profile.h"

/* What the capture has so far, for a progress line. */
struct capture_progress {
	double seconds;
	uint64_t samples, lost;
};

/* Exactly one target: pids, a command, a name, a control group, or the whole machine. Zero is the
 * default of the rest. */
struct capture_options {
	const pid_t *pids;
	size_t pid_count;
	char *const *command; /* argv, NULL-terminated; started by the capture */
	const char *comm;     /* threads and processes of exactly this name, up to 15 bytes */
	const char *cgroup;   /* a directory, or a path as in /proc/PID/cgroup */
	bool system_wide;

	double rate_hz;        /* samples per second; 0 = 99 */
	double duration_s;     /* 0 = until interrupted or the target ends */
	bool debuginfod;       /* ask the servers of DEBUGINFOD_URLS for missing names */
	bool no_source;        /* keep no source text */
	bool force;            /* capture even on kernels known to deadlock */
	const char *recording; /* path of the file to write; NULL = none */
	bool overwrite;        /* an existing recording */
	bool keep_samples;     /* keep all samples in memory for the caller, not only in the file */
	/* Called about twice a second while capturing; NULL = not. */
	void (*progress)(void *context, const struct capture_progress *progress);
	void *context;
};

struct capture_result {
	struct profile *profile; /* owned by the caller; without samples unless keep_samples */
	uint64_t samples;        /* taken, also those already written and forgotten */
	int child_status;        /* of a command: as waitpid(2) tells; else 0 */
	bool interrupted;        /* ended by SIGINT, SIGTERM or SIGHUP */
};

/*
 * Captures until the duration is over, the target ends, or a signal comes; what was captured by
 * then is complete. Blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD while it runs. Drops capabilities
 * that are not needed after attaching, for good. Errors: as collect_open(); -ESRCH with EXIT_TARGET
 * for a target that is gone; EXIT_OUTPUT when the recording cannot be written (what was committed
 * stays readable); EXIT_TARGET when the target ended before a single sample was taken.
 */
int capture_run(
	const struct capture_options *options, struct capture_result *ret, struct error *err);

/* Names the functions of a recording that was cut short, as far as its files are still here. */
int capture_resolve(struct profile *p, bool debuginfod, struct error *err);

#endif

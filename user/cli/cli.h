/* The command line: options as rows, commands as rows, one file a command. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "capture/capture.h"
#include "formats/report_text.h"
#include "profile/profile.h"

struct json_object;

/* What the arguments say; the defaults are those of the option rows. */
struct arguments {
	VEC(pid_t) pids;
	bool system_wide;
	const char *comm, *cgroup; /* targets by name; NULL = none */
	char *const *command;      /* behind "--"; NULL = none */
	VEC(const char *) files;   /* the other arguments */

	double duration_s, rate_hz, limit, step;
	const char *output, *by, *sort, *kind, *focus, *to, *title, *work, *from, *source_path;
	bool force, json, markdown, no_source, debuginfod, verbose, quiet, help;
};

/* One command. */
struct command {
	const char *name;
	const char *synopsis; /* behind "assay NAME" */
	const char *text;     /* one line */
	const char *about;    /* what --help tells besides the options */
	const char *options;  /* names of the rows it takes, separated by spaces */
	enum { TARGET_NONE, TARGET_REQUIRED, TARGET_OPTIONAL } target;
	int files_min, files_max;                           /* arguments with a recording */
	int words_max;                                      /* arguments with a live target */
	int (*run)(struct arguments *a, struct error *err); /* an exit code */
};

extern const struct command command_record, command_diagnose, command_plan, command_verify,
	command_report, command_annotate, command_flame, command_export, command_import,
	command_doctor;

/* The commands, by index; NULL at the end. */
const struct command *command_at(size_t i);

/* options.c. 0, or EXIT_USAGE with @err. */
int arguments_parse(
	struct arguments *a, const struct command *c, int argc, char **argv, struct error *err);
void arguments_done(struct arguments *a);
/* How many targets the arguments name: 0, or 1 once they have been parsed. */
int arguments_target(const struct arguments *a);
/* Prints the command's help to @out. */
void command_help(const struct command *c, struct strbuf *out);

/* Reads --work NAME=VALUE into @name (of @size bytes) and *ret_value; 0 and nothing read when it
 * was not given. */
int work_parse(
	const struct arguments *a, char *name, size_t size, double *ret_value, struct error *err);

/* ---- what commands share (output.c, live.c) ---- */

/* How stdout looks: width, colour; and at most @limit rows (0 = all). */
struct report_style report_style_get(uint32_t limit);
/* Writes all of @text to stdout. -EIO etc. with EXIT_OUTPUT when that fails. */
int print_text(const struct strbuf *text, struct error *err);
/* Prints @o and releases it; NULL is out of memory. */
int print_json(struct json_object *o, struct error *err);
/* Opens @path for writing ("-" = stdout), calls @write, and closes it; a file appears only when
 * everything was written. */
int write_file(const char *path, int (*write)(void *context, FILE *out, struct error *err),
	void *context, struct error *err);

/* Captures the target of @a with a progress line; see capture_run(). */
int live_capture(const struct arguments *a, const char *recording, struct capture_result *ret,
	struct error *err);
/* The recording named by the first argument, or a live capture of the target for @a->duration_s
 * (10 s when not given). Names missing symbols of an unfinished recording. */
int profile_get(const struct arguments *a, struct profile **ret, struct error *err);
/* The same, with the samples of the stacks that --focus names (profile_filter) and no others;
 * *ret_share is their part of the value of all, 1 without --focus. */
int profile_get_focused(
	const struct arguments *a, struct profile **ret, double *ret_share, struct error *err);
/* Adds "focus": null, or {function, share}. */
void focus_json(struct json_object *o, const struct arguments *a, double share);

/* The exit code for @err. */
int failure(const struct error *err);

#endif

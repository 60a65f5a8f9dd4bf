/* The option rows, and parsing by them. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"

enum option_kind { OPTION_FLAG, OPTION_NUMBER, OPTION_TEXT, OPTION_PIDS };

struct option_row {
	const char *name;
	char letter;
	enum option_kind kind;
	const char *argument; /* how help calls its value */
	const char *text;
	double low, high; /* of numbers */
	size_t at;        /* offset in struct arguments */
};

#define AT(field) offsetof(struct arguments, field)

static const struct option_row rows[] = {
	{ "pid", 'p', OPTION_PIDS, "PID[,PID]",
		"profile these processes, their threads and children", .at = AT(pids) },
	{ "all", 'a', OPTION_FLAG, NULL, "profile the whole machine", .at = AT(system_wide) },
	{ "comm", 0, OPTION_TEXT, "NAME", "profile processes and threads of this name",
		.at = AT(comm) },
	{ "cgroup", 0, OPTION_TEXT, "PATH", "profile a control group and the groups below it",
		.at = AT(cgroup) },
	{ "duration", 'd', OPTION_NUMBER, "SECS", "stop after so many seconds", 0.01, 1e7,
		AT(duration_s) },
	{ "rate", 'F', OPTION_NUMBER, "HZ", "samples per second and CPU (99)", 1, 1e6,
		AT(rate_hz) },
	{ "output", 'o', OPTION_TEXT, "FILE", "write to FILE ('-' is standard output)",
		.at = AT(output) },
	{ "force", 'f', OPTION_FLAG, NULL,
		"overwrite an existing recording; capture on kernels known to hang",
		.at = AT(force) },
	{ "by", 0, OPTION_TEXT, "WHAT", "rows by function, line, file, module or thread",
		.at = AT(by) },
	{ "sort", 0, OPTION_TEXT, "KEY", "sort by self or total", .at = AT(sort) },
	{ "kind", 0, OPTION_TEXT, "KIND", "what to count: on_cpu", .at = AT(kind) },
	{ "focus", 0, OPTION_TEXT, "FUNC", "only stacks that contain FUNC", .at = AT(focus) },
	{ "limit", 'n', OPTION_NUMBER, "N", "at most N rows, findings or functions", 1, 1e9,
		AT(limit) },
	{ "to", 0, OPTION_TEXT, "FORMAT", "pprof, folded or html", .at = AT(to) },
	{ "from", 0, OPTION_TEXT, "FORMAT", "what the file is: pprof or folded", .at = AT(from) },
	{ "source-path", 0, OPTION_TEXT, "DIR", "where sources lie that the recording lacks",
		.at = AT(source_path) },
	{ "title", 0, OPTION_TEXT, "TEXT", "heading of the page", .at = AT(title) },
	{ "md", 0, OPTION_FLAG, NULL, "Markdown, for a ticket", .at = AT(markdown) },
	{ "step", 0, OPTION_NUMBER, "N", "only the plan's step N", 1, 1e6, AT(step) },
	{ "work", 0, OPTION_TEXT, "NAME=VALUE", "units of work done while recording",
		.at = AT(work) },
	{ "debuginfod", 0, OPTION_FLAG, NULL,
		"ask the servers of DEBUGINFOD_URLS for missing names (sends build ids)",
		.at = AT(debuginfod) },
	{ "no-source", 0, OPTION_FLAG, NULL, "keep no source text in the recording",
		.at = AT(no_source) },
	{ "json", 0, OPTION_FLAG, NULL, "print JSON", .at = AT(json) },
	{ "quiet", 'q', OPTION_FLAG, NULL, "no progress line", .at = AT(quiet) },
	{ "verbose", 'v', OPTION_FLAG, NULL, "say more about how it was done", .at = AT(verbose) },
	{ "help", 'h', OPTION_FLAG, NULL, "this help", .at = AT(help) },
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* Whether the space-separated @list has @word. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static bool row_applies(const struct command *c, const struct option_row *row)
{
	if (row->at == AT(help) || has_word(c->options, row->name))
		return true;
	return c->target != TARGET_NONE && (row->at == AT(pids) || row->at == AT(system_wide) ||
						   row->at == AT(comm) || row->at == AT(cgroup));
}

static int usage_error(const struct command *c, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int usage_error(const struct command *c, struct error *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_exit(err, EXIT_USAGE, -EINVAL, "%s", text);
	return error_hint(err, "see: assay %s --help", c->name);
}

static int pids_parse(
	struct arguments *a, const struct command *c, const char *list, struct error *err)
{
	while (*list) {
		char *end;
		long pid = strtol(list, &end, 10);

		if (end == list || (*end && *end != ',') || pid <= 0 || pid > 1 << 22)
			return usage_error(c, err, "'%s' is not a process id", list);
		if (vec_push(&a->pids, (pid_t)pid))
			return error_oom(err);
		list = *end ? end + 1 : end;
	}
	return a->pids.n ? 0 : usage_error(c, err, "-p needs a process id");
}

static int value_set(struct arguments *a, const struct command *c, const struct option_row *row,
	const char *value, struct error *err)
{
	void *field = (char *)a + row->at;
	char *end;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case OPTION_PIDS:
		return pids_parse(a, c, value, err);
	case OPTION_NUMBER:
		break;
	}
	double number = strtod(value, &end);
	if (end == value || *end || !isfinite(number))
		return usage_error(c, err, "--%s needs a number, not '%s'", row->name, value);
	if (number < row->low || number > row->high)
		return usage_error(c, err, "--%s must be between %g and %g, not %g", row->name,
			row->low, row->high, number);
	*(double *)field = number;
	return 0;
}

/* The row that @argument names ("--name", "--name=value", "-x", "-xvalue"); *ret_value is what
 * stands behind it in the same argument, or NULL. */
static const struct option_row *row_find(const char *argument, const char **ret_value)
{
	*ret_value = NULL;
	for (int i = 0; i < ROWS; i++) {
		size_t n = strlen(rows[i].name);

		if (argument[1] != '-') {
			if (!rows[i].letter || argument[1] != rows[i].letter)
				continue;
			*ret_value = argument[2] ? argument + 2 : NULL;
			return &rows[i];
		}
		if (!strncmp(argument + 2, rows[i].name, n) &&
			(!argument[2 + n] || argument[2 + n] == '=')) {
			*ret_value = argument[2 + n] ? argument + 3 + n : NULL;
			return &rows[i];
		}
	}
	return NULL;
}

static int option_parse(
	struct arguments *a, const struct command *c, char **argv, int *i, struct error *err)
{
	const char *value;
	const struct option_row *row = row_find(argv[*i], &value);

	if (!row || !row_applies(c, row))
		return usage_error(c, err, "'assay %s' has no option '%s'", c->name, argv[*i]);
	if (row->kind == OPTION_FLAG && value)
		return usage_error(c, err, "--%s takes no value ('%s')", row->name, argv[*i]);
	if (row->kind != OPTION_FLAG && !value) {
		value = argv[*i + 1];
		if (!value)
			return usage_error(
				c, err, "--%s needs a value: %s", row->name, row->argument);
		(*i)++;
	}
	return value_set(a, c, row, value, err);
}

int arguments_target(const struct arguments *a)
{
	return (a->pids.n > 0) + a->system_wide + (a->command != NULL) + (a->comm != NULL) +
	       (a->cgroup != NULL);
}

static int arguments_check(const struct arguments *a, const struct command *c, struct error *err)
{
	int targets = arguments_target(a);
	int files = (int)a->files.n;

	if (a->command && (c->target == TARGET_NONE || !a->command[0]))
		return usage_error(c, err,
			c->target == TARGET_NONE ? "no command is run here"
						 : "'--' needs a command");
	if (targets > 1)
		return usage_error(
			c, err, "one target at a time: -p, --comm, --cgroup, -a or -- CMD");
	if (c->target == TARGET_REQUIRED && !targets)
		return usage_error(c, err, "say what to profile: -p PID, -a or -- CMD");
	if (c->target == TARGET_OPTIONAL && !targets && !files)
		return usage_error(
			c, err, "say what to look at: a recording, -p PID, -a or -- CMD");
	if (targets && files > c->words_max)
		return usage_error(c, err, "a recording or a live target, not both ('%s')",
			a->files.at[c->words_max]);
	if (!targets && files < c->files_min)
		return usage_error(c, err, "usage: assay %s %s", c->name, c->synopsis);
	if (files > c->files_max)
		return usage_error(c, err, "too many arguments: '%s'", a->files.at[c->files_max]);
	return 0;
}

int arguments_parse(
	struct arguments *a, const struct command *c, int argc, char **argv, struct error *err)
{
	for (int i = 0; i < argc; i++) {
		int r = 0;

		if (!strcmp(argv[i], "--")) {
			a->command = argv + i + 1;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1])
			r = option_parse(a, c, argv, &i, err);
		else if (vec_push(&a->files, argv[i]))
			r = error_oom(err);
		if (r)
			return r;
	}
	return a->help ? 0 : arguments_check(a, c, err);
}

int work_parse(
	const struct arguments *a, char *name, size_t size, double *ret_value, struct error *err)
{
	const char *equals = a->work ? strchr(a->work, '=') : NULL;
	char *end;

	if (!a->work)
		return 0;
	if (!equals || equals == a->work || (size_t)(equals - a->work) >= size) {
		error_exit(err, EXIT_USAGE, -EINVAL, "--work needs NAME=VALUE, not '%s'", a->work);
		return error_hint(err, "for example: --work orders=12000");
	}
	memcpy(name, a->work, (size_t)(equals - a->work));
	name[equals - a->work] = 0;
	*ret_value = strtod(equals + 1, &end);
	if (end == equals + 1 || *end || !isfinite(*ret_value) || *ret_value <= 0)
		return error_exit(err, EXIT_USAGE, -EINVAL,
			"--work needs a positive number, not '%s'", equals + 1);
	return 0;
}

void arguments_done(struct arguments *a)
{
	vec_done(&a->pids);
	vec_done(&a->files);
}

void command_help(const struct command *c, struct strbuf *out)
{
	strbuf_printf(out, "assay %s - %s\n\nusage: assay %s %s\n\n%s\n\n", c->name, c->text,
		c->name, c->synopsis, c->about);
	for (int i = 0; i < ROWS; i++) {
		char left[64];

		if (!row_applies(c, &rows[i]))
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
			rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ",
			rows[i].name, rows[i].argument ? " " : "",
			rows[i].argument ? rows[i].argument : "");
		strbuf_printf(out, "  %-26s %s\n", left, rows[i].text);
	}
	if (c->target != TARGET_NONE)
		strbuf_printf(
			out, "  %-26s %s\n", "    -- CMD ARG...", "start and profile a command");
	strbuf_printf(out, "\nexit status: ");
#define X(name, number, text) strbuf_printf(out, "%s%d %s", number ? ", " : "", number, text);
	EXIT_CODES(X)
#undef X
	strbuf_printf(out, "\n");
}

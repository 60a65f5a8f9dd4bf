/* assay: finds the command's row, lets it run, and says what went wrong. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"

static const struct command *const commands[] = {
	&command_record,
	&command_diagnose,
	&command_plan,
	&command_verify,
	&command_report,
	&command_annotate,
	&command_flame,
	&command_export,
	&command_import,
	&command_doctor,
};

const struct command *command_at(size_t i)
{
	return i < sizeof(commands) / sizeof(*commands) ? commands[i] : NULL;
}

int failure(const struct error *err)
{
	return error_exit_code(err);
}

/* Errors quote file names and symbols: nothing of that may reach the terminal raw. */
static void complain(const struct error *err)
{
	CLEANUP_STRBUF struct strbuf line = { 0 };

	strbuf_puts(&line, "assay: ");
	text_terminal(&line, err->text);
	if (err->hint[0]) {
		strbuf_puts(&line, "; ");
		text_terminal(&line, err->hint);
	}
	fprintf(stderr, "%s\n", strbuf_cstr(&line));
}

static void usage(struct strbuf *out)
{
	strbuf_puts(out, "assay finds what makes a live program slow, and checks that the mend "
			 "worked.\n\nusage: assay COMMAND [TARGET | FILE] [OPTIONS] [-- CMD "
			 "ARG...]\n\n");
	for (size_t i = 0; command_at(i); i++)
		strbuf_printf(out, "  %-10s %s\n", command_at(i)->name, command_at(i)->text);
	strbuf_puts(out, "\nTARGET is -p PID[,PID], --comm NAME, --cgroup PATH, -a (the whole "
			 "machine) or -- CMD\nARG...\n"
			 "start with:  sudo assay diagnose -p PID\n"
			 "more:        assay COMMAND --help, man assay\n");
}

static int run(const struct command *c, int argc, char **argv, struct error *err)
{
	CLEANUP(arguments_done) struct arguments a = { 0 };
	int r = arguments_parse(&a, c, argc, argv, err);

	if (r)
		return failure(err);
	if (a.help) {
		CLEANUP_STRBUF struct strbuf help = { 0 };

		command_help(c, &help);
		return print_text(&help, err) ? failure(err) : 0;
	}
	return c->run(&a, err);
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	const char *name = argc > 1 ? argv[1] : "--help";
	CLEANUP_STRBUF struct strbuf text = { 0 };
	int r = EXIT_USAGE;

	setlocale(LC_CTYPE, "");
	if (!strcmp(name, "--version")) {
		strbuf_puts(&text, "assay " ASSAY_VERSION "\n");
		r = print_text(&text, &err) ? failure(&err) : 0;
	} else if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(&text);
		r = print_text(&text, &err) ? failure(&err) : argc > 1 ? 0 : EXIT_USAGE;
	} else {
		const struct command *found = NULL;

		for (size_t i = 0; command_at(i); i++)
			if (!strcmp(name, command_at(i)->name))
				found = command_at(i);
		if (found) {
			r = run(found, argc - 2, argv + 2, &err);
		} else {
			error_exit(&err, EXIT_USAGE, -EINVAL, "there is no command '%s'", name);
			error_hint(&err, "see: assay --help");
		}
	}
	if (err.code)
		complain(&err);
	return r;
}

/* What commands print and write, and how the terminal looks. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"

struct report_style report_style_get(uint32_t limit)
{
	struct winsize size;
	bool tty = isatty(STDOUT_FILENO);
	const char *columns = getenv("COLUMNS"), *term = getenv("TERM");
	struct report_style s = { .width = 100, .limit = limit };

	if (tty && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		s.width = size.ws_col;
	else if (columns && atoi(columns) > 0)
		s.width = (uint32_t)atoi(columns);
	if (s.width < 40)
		s.width = 40;
	if (s.width > 500)
		s.width = 500;
	s.colour = tty && !getenv("NO_COLOR") && term && strcmp(term, "dumb");
	return s;
}

static int output_error(struct error *err, const char *name)
{
	int code = errno ? errno : EIO;

	error_exit(err, EXIT_OUTPUT, -code, "cannot write '%s': %s", name, strerror(code));
	if (code == ENOSPC)
		error_hint(err, "the disk is full");
	return -code;
}

int print_text(const struct strbuf *text, struct error *err)
{
	if (text->oom)
		return error_oom(err);
	errno = 0;
	if (fwrite(strbuf_cstr(text), 1, text->length, stdout) != text->length || fflush(stdout))
		return output_error(err, "standard output");
	return 0;
}

int print_json(struct json_object *o, struct error *err)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	const char *s = o ? json_object_to_json_string_ext(
				    o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)
			  : NULL;

	if (s) {
		strbuf_puts(&text, s);
		strbuf_putc(&text, '\n');
	}
	json_object_put(o);
	return s ? print_text(&text, err) : error_oom(err);
}

int write_file(const char *path, int (*write)(void *context, FILE *out, struct error *err),
	void *context, struct error *err)
{
	CLEANUP_STRBUF struct strbuf partial = { 0 };
	struct stat st;

	if (!strcmp(path, "-"))
		return write(context, stdout, err);
	/* Devices and pipes are written as they are; files appear whole or not at all. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		CLEANUP(file_closep) FILE *out = fopen(path, "we");

		return out ? write(context, out, err) : output_error(err, path);
	}
	strbuf_printf(&partial, "%s.XXXXXX", path);
	if (partial.oom)
		return error_oom(err);
	CLEANUP(fd_closep) int fd = mkostemp(partial.text, O_CLOEXEC);
	if (fd < 0)
		return output_error(err, path);
	mode_t mask = umask(0);
	umask(mask);
	CLEANUP(file_closep) FILE *out = fdopen(fd, "w");
	if (!out)
		return output_error(err, path);
	fd = -1;
	int r = fchmod(fileno(out), 0666 & ~mask) ? output_error(err, path) : 0;
	if (!r)
		r = write(context, out, err);
	FILE *closing = STEAL(out);
	if (fclose(closing) && !r)
		r = output_error(err, path);
	if (!r && rename(partial.text, path))
		r = output_error(err, path);
	if (r)
		unlink(partial.text);
	return r;
}

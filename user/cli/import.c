/* assay import: other tools' profiles as recordings. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "formats/formats.h"
#include "formats/pprof_read.h"
#include "formats/report_json.h"
#include "recording/recording.h"

enum { IMPORT_BYTES_MAX = 512 << 20 };

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct recording *, recording_close)

static int input_error(struct error *err, const char *path, const char *what)
{
	int code = errno ? errno : EIO;

	return error_exit(err, EXIT_INPUT, -code, "cannot %s '%s': %s", what, path, strerror(code));
}

/* All of a file ("-" = standard input) of at most IMPORT_BYTES_MAX bytes. */
static int input_read(const char *path, struct strbuf *out, struct error *err)
{
	bool is_stdin = !strcmp(path, "-");
	CLEANUP(fd_closep)
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char bytes[65536];

	if (fd < 0)
		return input_error(err, path, "open");
	for (;;) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return input_error(err, path, "read");
		if (!n)
			return out->oom ? error_oom(err) : 0;
		strbuf_add(out, bytes, (size_t)n);
		if (out->length > IMPORT_BYTES_MAX)
			return error_exit(err, EXIT_INPUT, -EFBIG,
				"'%s' is too big: at most 512 MiB are read", path);
	}
}

/* The format that was named, or else the one that the content looks like. */
static int format_get(const struct arguments *a, const struct strbuf *content,
	const struct format_ops **ret, struct error *err)
{
	CLEANUP_STRBUF struct strbuf names = { 0 };

	if (!a->from) {
		*ret = pprof_is(strbuf_cstr(content), content->length) ? &format_pprof
								       : &format_folded;
		return 0;
	}
	*ret = format_find(a->from);
	if (*ret && (*ret)->read)
		return 0;
	for (size_t i = 0; format_at(i); i++)
		if (format_at(i)->read)
			strbuf_printf(&names, "%s%s", names.length ? ", " : "", format_at(i)->name);
	error_exit(err, EXIT_USAGE, -EINVAL, "format '%s' cannot be imported", a->from);
	return error_hint(err, "formats that can: %s", strbuf_cstr(&names));
}

/* "x.pb.gz" becomes "x.assay". */
static void default_name(const char *input, struct strbuf *out)
{
	const char *base = strcmp(input, "-") ? profile_basename(input) : "stdin";
	const char *dot = strchr(base + (base[0] == '.'), '.');

	strbuf_add(out, base, dot ? (size_t)(dot - base) : strlen(base));
	strbuf_puts(out, ".assay");
}

static int recording_make(
	const struct arguments *a, const char *path, struct profile *p, struct error *err)
{
	CLEANUP(recording_closep) struct recording *r = NULL;
	int failed = recording_create(path, a->force, &r, err);

	if (failed)
		return failed;
	failed = recording_finish(r, p, err);
	if (failed)
		unlink(path);
	return failed;
}

static int told(const struct arguments *a, const char *path, const char *format,
	const struct profile *p, struct error *err)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	CLEANUP(profile_quality_done) struct profile_quality q = { 0 };

	if (a->json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "file", json_text(path));
		json_object_object_add(o, "format", json_object_new_string(format));
		json_object_object_add(o, "quality", quality_json(p, SAMPLE_ON_CPU));
		return print_json(o, err);
	}
	if (profile_quality(p, SAMPLE_ON_CPU, &q))
		return error_oom(err);
	strbuf_puts(&text, "wrote ");
	text_terminal(&text, path);
	strbuf_printf(&text, ": %llu samples from %s, %.1f %% of frames named\n",
		(unsigned long long)q.samples, format, 100 * q.frames_named);
	strbuf_puts(&text, "next: assay report ");
	text_terminal(&text, path);
	strbuf_putc(&text, '\n');
	return print_text(&text, err);
}

static int import_run(struct arguments *a, struct error *err)
{
	CLEANUP_STRBUF struct strbuf content = { 0 };
	CLEANUP_STRBUF struct strbuf path = { 0 };
	CLEANUP(profile_freep) struct profile *p = NULL;
	const struct format_ops *format = NULL;
	const char *input = a->files.at[0];
	int r = input_read(input, &content, err);

	if (!r)
		r = format_get(a, &content, &format, err);
	if (!r)
		r = format->read(strbuf_cstr(&content), content.length, &p, err);
	if (!r && (profile_fact(p, "imported_from", format->name) ||
			  profile_fact(p, "target", profile_basename(input))))
		r = error_oom(err);
	if (a->output)
		strbuf_puts(&path, a->output);
	else
		default_name(input, &path);
	if (!r && path.oom)
		r = error_oom(err);
	if (!r)
		r = recording_make(a, strbuf_cstr(&path), p, err);
	if (!r)
		r = told(a, strbuf_cstr(&path), format->name, p, err);
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_import = {
	.name = "import",
	.synopsis = "FILE [-o x.assay] [--from FORMAT]",
	.text = "make a recording from another tool's profile",
	.about = "Reads a CPU profile in pprof (gzipped or plain) or folded form and writes a "
		 "recording\n"
		 "that every command takes. Which of the two it is shows in the content. There are "
		 "no\n"
		 "intervals: such files do not say when a sample was taken.",
	.options = "output from force json",
	.target = TARGET_NONE,
	.files_min = 1,
	.files_max = 1,
	.run = import_run,
};

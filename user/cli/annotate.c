/* assay annotate: source lines with their cost. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "formats/annotate.h"
#include "formats/annotate_json.h"
#include "formats/annotate_text.h"

enum { SOURCE_BYTES_MAX = 4 << 20 };

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct annotation *, annotation_free)

/* ---- sources that the recording does not hold ---- */

/* Opens @path below @folder: all of it, else without its first folders, down to the file's name.
 * Parts called ".." are not followed. A regular file, or -1. */
static int source_open(int folder, const char *path)
{
	for (const char *rest = path; rest; rest = strchr(rest, '/')) {
		struct stat st;

		while (*rest == '/')
			rest++;
		if (!*rest || !strncmp(rest, "../", 3) || strstr(rest, "/../"))
			continue;
		CLEANUP(fd_closep)
		int fd = openat(folder, rest, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
			return fd_steal(&fd);
	}
	return -1;
}

static void complain_newer(const char *file)
{
	CLEANUP_STRBUF struct strbuf line = { 0 };

	text_terminal(&line, file);
	fprintf(stderr,
		"assay: %s was changed after the recording was made: its lines may have moved\n",
		strbuf_cstr(&line));
}

/* Adds the text of @file (a string index) when it is below @folder. 1 = added, 0 = not there. */
static int source_add(struct profile *p, int folder, uint32_t file)
{
	CLEANUP(fd_closep) int fd = source_open(folder, profile_str(p, file));
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) || st.st_size <= 0 || st.st_size > SOURCE_BYTES_MAX)
		return 0;
	CLEANUP(freep) char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = 0;
	if (!n || memchr(text, 0, n)) /* not text */
		return 0;
	uint64_t start_s = p->capture.start_unix_ns / 1000000000;
	if (start_s && (uint64_t)st.st_mtime > start_s)
		complain_newer(profile_str(p, file));
	int r = profile_source(p, file, 1, text);
	return r ? r : 1;
}

/* Reads what the parts miss from --source-path. The number of files read, or -errno. */
static int sources_add(
	struct profile *p, const struct annotation *a, const char *path, struct error *err)
{
	CLEANUP(fd_closep) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int added = 0;

	if (folder < 0)
		return error_exit(err, EXIT_INPUT, -errno, "cannot open the folder '%s': %s", path,
			strerror(errno));
	vec_each (part, &a->parts) {
		bool known = part->source == ANNOTATE_RECORDED || !part->file;

		vec_each (s, &p->sources) /* an earlier part's */
			known |= s->file == part->file;
		int r = known ? 0 : source_add(p, folder, part->file);
		if (r < 0)
			return error_oom(err);
		added += r;
	}
	return added;
}

/* ---- the command ---- */

static int annotation_get(
	struct arguments *a, struct profile *p, struct annotation **ret, struct error *err)
{
	uint32_t recordings = arguments_target(a) ? 0 : 1;
	struct annotate_options options = {
		.what = a->files.n > recordings ? a->files.at[recordings] : NULL,
		.focus = a->focus,
		.kind = SAMPLE_ON_CPU,
		.limit = (uint32_t)a->limit,
	};
	int r = annotate(p, &options, ret, err);

	if (r || !a->source_path)
		return r;
	r = sources_add(p, *ret, a->source_path, err);
	if (r <= 0)
		return r;
	annotation_free(STEAL(*ret));
	return annotate(p, &options, ret, err);
}

static int annotate_run(struct arguments *a, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = NULL;
	CLEANUP(annotation_freep) struct annotation *annotation = NULL;
	CLEANUP_STRBUF struct strbuf text = { 0 };
	int r = profile_get(a, &p, err);

	if (!r)
		r = annotation_get(a, p, &annotation, err);
	if (!r && a->json) {
		r = print_json(annotate_json(annotation), err);
	} else if (!r) {
		struct report_style style = report_style_get(0);

		r = annotate_text(annotation, &style, &text, err);
		if (!r)
			r = print_text(&text, err);
	}
	return r ? failure(err) : EXIT_FINE;
}

const struct command command_annotate = {
	.name = "annotate",
	.synopsis = "FILE | TARGET [FUNC | SOURCE | SOURCE:LINE]",
	.text = "source lines with their cost",
	.about = "Shows the source lines of the hottest functions, of a function, or of a source "
		 "file,\n"
		 "each with its self and total share and their 95 % interval. A live TARGET is "
		 "captured\n"
		 "for -d seconds (10) first.",
	.options = "focus limit source-path duration rate force json quiet debuginfod",
	.target = TARGET_OPTIONAL,
	.files_min = 1,
	.files_max = 2,
	.words_max = 1,
	.run = annotate_run,
};

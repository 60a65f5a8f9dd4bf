/*
 * Source text around hot frames, read when the capture ends, through the root of the process.
 *
 * Kept for verdicts that are made later or elsewhere. Files are chosen by the time spent in them
 * and below them; a source that is newer than the binary is left out, since its lines may have
 * moved. Bounds: FILES_MAX files of at most FILE_BYTES_MAX, TOTAL_BYTES_MAX together.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "capture/private.h"
#include "proc/process.h"

enum {
	FILES_MAX = 128,
	FILE_BYTES_MAX = 512 << 10,
	TOTAL_BYTES_MAX = 16 << 20,
};

struct hot_file {
	uint32_t file;    /* string */
	uint32_t module;  /* profile index */
	uint32_t process; /* that ran it */
	uint64_t count;   /* samples, with those below */
};

static int by_count(const void *a, const void *b)
{
	const struct hot_file *x = a, *y = b;

	return x->count != y->count ? (x->count > y->count ? -1 : 1) : (int)x->file - (int)y->file;
}

/* The use of every stack node with everything below it; n = stacks. NULL when memory is out. */
static struct stack_use *uses_with_callees(const struct capture *c)
{
	const struct profile *p = c->profile;
	struct stack_use *uses = calloc(p->stacks.n, sizeof(*uses));

	if (!uses)
		return NULL;
	if (c->stack_uses.n)
		memcpy(uses, c->stack_uses.at, c->stack_uses.n * sizeof(*uses));
	for (uint32_t i = p->stacks.n; i-- > 1;) {
		struct stack_use *parent = &uses[p->stacks.at[i].parent];

		parent->count += uses[i].count;
		if (uses[i].process)
			parent->process = uses[i].process;
	}
	return uses;
}

static int read_text(int fd, char **ret, size_t room)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0 || (size_t)st.st_size > room)
		return -EFBIG;
	CLEANUP(freep) char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
	if (n <= 0 || memchr(text, 0, (size_t)n)) /* not text */
		return -EINVAL;
	text[n] = 0;
	*ret = STEAL(text);
	return 0;
}

/* Whether the source was changed after the module was built. */
static bool is_newer(struct capture *c, int fd, uint32_t module)
{
	struct stat source, binary;
	CLEANUP(fd_closep) int module_fd = modules_open_fd(c->modules, module);

	return module_fd >= 0 && !fstat(module_fd, &binary) && !fstat(fd, &source) &&
	       source.st_mtime > binary.st_mtime;
}

/* Sources left out because they are newer than the code. */
struct newer {
	uint32_t count;
	struct strbuf paths; /* one a line */
};

static void newer_done(struct newer *newer)
{
	strbuf_done(&newer->paths);
}

static int source_add(
	struct capture *c, const struct hot_file *hot, size_t *room, struct newer *newer)
{
	struct profile *p = c->profile;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(fd_closep)
	int fd = proc_open_in_root(
		(pid_t)p->processes.at[hot->process].pid, profile_str(p, hot->file));

	if (fd < 0)
		return 0;
	if (is_newer(c, fd, hot->module)) {
		strbuf_printf(&newer->paths, "%s%s", newer->count++ ? "\n" : "",
			profile_str(p, hot->file));
		return 0;
	}
	int r = read_text(fd, &text, *room < FILE_BYTES_MAX ? *room : FILE_BYTES_MAX);
	if (r)
		return r == -ENOMEM ? r : 0;
	*room -= strlen(text);
	return profile_source(p, hot->file, 1, text);
}

int sources_read(struct capture *c)
{
	struct profile *p = c->profile;
	CLEANUP(freep) struct stack_use *uses = uses_with_callees(c);
	CLEANUP(freep) struct hot_file *hot = calloc(p->strings.n, sizeof(*hot));
	size_t room = TOTAL_BYTES_MAX;
	CLEANUP(newer_done) struct newer newer = { 0 };
	char text[32];

	if (!uses || !hot)
		return -ENOMEM;
	for (uint32_t i = 1; i < p->stacks.n; i++) {
		uint32_t frame = p->stacks.at[i].frame;

		for (; frame; frame = p->frames.at[frame].outer) {
			const struct profile_frame *f = &p->frames.at[frame];

			hot[f->file].file = f->file;
			hot[f->file].module = f->module;
			hot[f->file].count += uses[i].count;
			if (uses[i].process)
				hot[f->file].process = uses[i].process;
		}
	}
	hot[0].count = 0;
	uint32_t n = p->strings.n;
	qsort(hot, n, sizeof(*hot), by_count);
	for (uint32_t i = 0; i < n && i < FILES_MAX && hot[i].count; i++) {
		int r = source_add(c, &hot[i], &room, &newer);

		if (r)
			return r;
	}
	snprintf(text, sizeof(text), "%u", newer.count);
	if (!newer.count)
		return 0;
	return newer.paths.oom || profile_fact(p, "sources_newer_than_binary", text) ||
			       profile_fact(p, "sources_newer", strbuf_cstr(&newer.paths))
		       ? -ENOMEM
		       : 0;
}

/* Searches the places where debug files are put, and checks what is there. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "elf/image.h"
#include "symbolize/debuginfod.h"

enum {
	CHECKED_BYTES_MAX = 1 << 30, /* larger files are not read for their checksum */
	PIECE_BYTES = 64 << 10,
};

#define DEBUG_ROOT "/usr/lib/debug"

/* What a candidate must be. */
struct wanted {
	const uint8_t *build_id;
	uint32_t build_id_bytes; /* 0 = has none */
	bool has_crc;
	uint32_t crc;
};

static bool checksum_is(int fd, uint32_t wanted)
{
	uint8_t piece[PIECE_BYTES];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), at)) > 0 && at < CHECKED_BYTES_MAX) {
		crc = crc32(crc, piece, (uInt)n);
		at += n;
	}
	return !n && crc == wanted;
}

/* Whether the file at @fd is the one, and not the program itself. */
static bool is_wanted(const struct debug_search *s, int fd, const struct wanted *w)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct stat program, found;
	const uint8_t *id;

	if (fstat(s->fd, &program) || fstat(fd, &found) || !S_ISREG(found.st_mode) ||
		(program.st_dev == found.st_dev && program.st_ino == found.st_ino) ||
		elf_image_open_debug(fd, &image, NULL))
		return false;
	uint32_t n = elf_image_build_id(image, &id);
	if (n && w->build_id_bytes)
		return n == w->build_id_bytes && !memcmp(id, w->build_id, n);
	return w->has_crc && checksum_is(fd, w->crc);
}

/* The file at @path, in the process's root or in ours; 0 = not there, or another. */
static int try(const struct debug_search *s, const char *path, const struct wanted *w)
{
	CLEANUP(fd_closep) int fd = s->open_beside ? s->open_beside(s->context, path) : -ENOENT;

	if (fd > 0 && is_wanted(s, fd, w))
		return fd_steal(&fd);
	fd_closep(&fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd > 0 && is_wanted(s, fd, w) ? fd_steal(&fd) : 0;
}

static int by_build_id(const struct debug_search *s, const struct wanted *w)
{
	CLEANUP_STRBUF struct strbuf path = { 0 };

	if (w->build_id_bytes < 2)
		return 0;
	strbuf_puts(&path, DEBUG_ROOT "/.build-id/");
	for (uint32_t i = 0; i < w->build_id_bytes; i++)
		strbuf_printf(&path, "%02x%s", w->build_id[i], i ? "" : "/");
	strbuf_puts(&path, ".debug");
	return path.oom ? 0 : try(s, path.text, w);
}

/* The text at the front of a section, up to PATH_MAX bytes with its NUL; NULL = there is none. */
static const char *section_text(struct elf_image *image, const char *section, struct elf_bytes *ret)
{
	struct error err;

	if (!elf_image_has_section(image, section) ||
		elf_image_section(image, section, ret, &err) || !ret->n || !ret->at[0] ||
		!memchr(ret->at, 0, ret->n < PATH_MAX ? ret->n : PATH_MAX))
		return NULL;
	return (const char *)ret->at;
}

/* The checksum stands behind the name, at the next multiple of 4. */
static int by_link(const struct debug_search *s, struct elf_image *image, struct wanted w)
{
	static const char *const places[][2] = { { "", "/" }, { "", "/.debug/" },
		{ DEBUG_ROOT, "/" } };
	CLEANUP_STRBUF struct strbuf path = { 0 };
	struct elf_bytes link;
	const char *name = section_text(image, ".gnu_debuglink", &link);
	const char *slash = strrchr(s->path, '/');

	if (!name || strchr(name, '/') || s->path[0] != '/')
		return 0;
	size_t at = (strlen(name) + 4) & ~(size_t)3;
	if (at + sizeof(w.crc) > link.n)
		return 0;
	memcpy(&w.crc, link.at + at, sizeof(w.crc));
	w.has_crc = true;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		strbuf_reset(&path);
		strbuf_printf(&path, "%s%.*s%s%s", places[i][0], (int)(slash - s->path), s->path,
			places[i][1], name);
		int fd = path.oom ? 0 : try(s, path.text, &w);
		if (fd)
			return fd;
	}
	return 0;
}

/* The file that dwz shared parts with, as named by the DWARF at @image. */
static int find_alt(
	const struct debug_search *s, struct elf_image *image, struct error *err, int *ret_fd)
{
	CLEANUP_STRBUF struct strbuf path = { 0 };
	struct elf_bytes link;
	const char *name = section_text(image, ".gnu_debugaltlink", &link), *dwz;

	if (!name)
		return 0;
	size_t n = strlen(name) + 1;
	struct wanted w = { .build_id = link.at + n,
		.build_id_bytes = link.n - n < ELF_BUILD_ID_BYTES ? (uint32_t)(link.n - n)
								  : ELF_BUILD_ID_BYTES };
	*ret_fd = by_build_id(s, &w);
	/* Names are relative to the debug file, wherever it was found; the folder is one. A hostile
	 * name must not make us open devices. */
	if (!*ret_fd && (dwz = strstr(name, ".dwz/")) && !strstr(dwz, "..")) {
		strbuf_printf(&path, DEBUG_ROOT "/%s", dwz);
		*ret_fd = path.oom ? 0 : try(s, path.text, &w);
	}
	if (*ret_fd || !s->debuginfod)
		return 0;
	return debuginfod_open(w.build_id, w.build_id_bytes, ret_fd, err);
}

static int find_debug(
	const struct debug_search *s, struct elf_image *image, struct error *err, int *ret_fd)
{
	struct wanted w = { 0 };

	w.build_id_bytes = elf_image_build_id(image, &w.build_id);
	*ret_fd = by_build_id(s, &w);
	if (!*ret_fd)
		*ret_fd = by_link(s, image, w);
	if (*ret_fd || !s->debuginfod || !w.build_id_bytes)
		return 0;
	int r = debuginfod_open(w.build_id, w.build_id_bytes, ret_fd, err);
	if (*ret_fd && !is_wanted(s, *ret_fd, &w)) {
		close(*ret_fd);
		*ret_fd = 0;
	}
	return r;
}

int debug_files_open(const struct debug_search *s, struct debug_files *ret, struct error *err)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL, *debug = NULL;

	*ret = (struct debug_files){ 0 };
	if (elf_image_open(s->fd, &image, NULL))
		return 0; /* who reads its symbols will say why */
	if (elf_image_has_section(image, ".debug_info"))
		return find_alt(s, image, err, &ret->alt_fd);
	int r = find_debug(s, image, err, &ret->debug_fd);
	if (r || !ret->debug_fd || elf_image_open(ret->debug_fd, &debug, NULL))
		return r;
	return find_alt(s, debug, err, &ret->alt_fd);
}

void debug_files_close(struct debug_files *f)
{
	if (f->debug_fd)
		close(f->debug_fd);
	if (f->alt_fd)
		close(f->alt_fd);
	*f = (struct debug_files){ 0 };
}

/*
 * Unwind tables of a command before it starts: of its file, its interpreter and its libraries.
 *
 * A program that lives for milliseconds would be gone before its tables are built. Its files are
 * found as the loader would find most of them; what is missed here is learned from its mappings.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/private.h"
#include "elf/image.h"
#include "proc/maps.h"

enum { FILES_MAX = 64, SCRIPT_DEPTH = 2 };

static const char *const library_folders[] = { "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib64", "/usr/lib64", "/usr/local/lib", "/lib", "/usr/lib" };

struct preload {
	struct capture *capture;
	VEC(uint32_t) modules;
	struct error *err;
};

static int file_add(struct preload *p, const char *path);

/* Finds a library by its soname. */
static int library_add(struct preload *p, const char *name, size_t name_bytes)
{
	char path[PATH_MAX];

	if (name_bytes > NAME_MAX || memchr(name, '/', name_bytes))
		return 0;
	for (size_t i = 0; i < sizeof(library_folders) / sizeof(*library_folders); i++) {
		snprintf(path, sizeof(path), "%s/%.*s", library_folders[i], (int)name_bytes, name);
		if (!access(path, R_OK))
			return file_add(p, path);
	}
	return 0;
}

/* The libraries that a file names (DT_NEEDED). */
static int needed_add(struct preload *p, struct elf_image *image)
{
	struct elf_bytes dynamic, names;
	Elf64_Dyn entry;

	if (elf_image_machine(image) != EM_X86_64 ||
		elf_image_section(image, ".dynamic", &dynamic, NULL) ||
		elf_image_section(image, ".dynstr", &names, NULL))
		return 0;
	for (size_t at = 0; at + sizeof(entry) <= dynamic.n; at += sizeof(entry)) {
		memcpy(&entry, dynamic.at + at, sizeof(entry));
		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag != DT_NEEDED || entry.d_un.d_val >= names.n)
			continue;
		const char *name = (const char *)names.at + entry.d_un.d_val;
		int r = library_add(p, name, strnlen(name, names.n - entry.d_un.d_val));
		if (r)
			return r;
	}
	return 0;
}

static int file_add(struct preload *p, const char *path)
{
	CLEANUP(freep) char *real = realpath(path, NULL);
	struct elf_bytes interpreter;
	struct stat st;
	uint32_t number;
	uint64_t vaddr;

	if (!real || stat(real, &st) || !S_ISREG(st.st_mode) || p->modules.n >= FILES_MAX)
		return 0;
	int r = modules_learn(p->capture->modules, getpid(),
		&(struct proc_mapping){
			.inode = st.st_ino,
			.device_major = major(st.st_dev),
			.device_minor = minor(st.st_dev),
			.path = real,
		},
		&number, &vaddr);
	if (r)
		return r;
	vec_each (known, &p->modules)
		if (*known == number)
			return 0;
	if (vec_push(&p->modules, number))
		return -ENOMEM;
	struct elf_image *image = modules_image(p->capture->modules, number);
	if (!image)
		return 0;
	r = table_ready(p->capture, number, p->err);
	if (!r)
		modules_python(p->capture->modules, number);
	if (!r && !elf_image_section(image, ".interp", &interpreter, NULL) && interpreter.n &&
		!interpreter.at[interpreter.n - 1])
		r = file_add(p, (const char *)interpreter.at);
	return r ? r : needed_add(p, image);
}

/* The program that execvp() would run for @name. */
static bool program_find(const char *name, char *ret, size_t size)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/') || !path) {
		snprintf(ret, size, "%s", name);
		return !access(ret, X_OK);
	}
	for (const char *end; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(ret, size, "%.*s/%s", (int)(end - path), path, name);
		if (!access(ret, X_OK))
			return true;
	}
	return false;
}

/* For a script: the interpreter named by its first line, and what that names in turn ("env"). */
static bool script_interpreter(const char *path, char *ret, size_t size)
{
	char line[256], first[256], second[256];
	CLEANUP(file_closep) FILE *f = fopen(path, "re");

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	int n = sscanf(line, "#!%255s %255s", first, second);
	if (n == 2 && strlen(first) >= 4 && !strcmp(first + strlen(first) - 4, "/env"))
		return program_find(second, ret, size);
	if (n >= 1)
		snprintf(ret, size, "%s", first);
	return n >= 1;
}

int preload_command(struct capture *c, const char *name, struct error *err)
{
	struct preload p = { .capture = c, .err = err };
	char path[PATH_MAX], interpreter[PATH_MAX];
	int r = 0;

	for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
		if (!program_find(name, path, sizeof(path)))
			break;
		r = file_add(&p, path);
		if (r || !script_interpreter(path, interpreter, sizeof(interpreter)))
			break;
		name = interpreter;
	}
	vec_done(&p.modules);
	return r ? error_set(err, r, "cannot prepare '%s': %s", name, strerror(-r)) : 0;
}

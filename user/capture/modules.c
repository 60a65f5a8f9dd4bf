/* The files whose code runs: opened when a mapping of theirs is learned, kept until the end. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "capture/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "elf/image.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "symbolize/jit.h"
#include "unwind/python_layout.h"

/* What tells two files apart: where they are stored, or their name when that says nothing. */
struct module_key {
	uint64_t inode;
	uint32_t device_major, device_minor;
	uint32_t path; /* string of the profile */
	uint32_t pad;
};

struct module {
	struct module_key key;
	uint32_t number;
	uint32_t profile_index;
	pid_t pid; /* who had it first */
	uint32_t unwind_file;
	bool unwind_tried, python_tried;
	struct python_image *python;
	int fd;
	struct elf_image *image;
	UT_hash_handle hh;
};

struct modules {
	struct profile *profile;
	struct module *by_key;
	VEC(struct module *) all; /* [0] = NULL */
};

struct modules *modules_new(struct profile *p)
{
	struct modules *m = calloc(1, sizeof(*m));

	if (m && vec_push(&m->all, NULL)) {
		free(m);
		return NULL;
	}
	if (m)
		m->profile = p;
	return m;
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	HASH_CLEAR(hh, m->by_key);
	vec_each (module, &m->all) {
		if (!*module)
			continue;
		elf_image_close((*module)->image);
		free((*module)->python);
		fd_closep(&(*module)->fd);
		free(*module);
	}
	vec_done(&m->all);
	free(m);
}

/* The vDSO is the kernel's, the same in every 64-bit process: ours serves, through a memory file.
 * Its size is not told; its section headers stand at its end. */
static int vdso_open(void)
{
	const ElfW(Ehdr) *header = (const void *)getauxval(AT_SYSINFO_EHDR);

	if (!header)
		return -ENOENT;
	size_t size = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	CLEANUP(fd_closep) int fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, header, size) != (ssize_t)size)
		return -EIO;
	return fd_steal(&fd);
}

static void module_open(struct module *module, const struct proc_mapping *mapping)
{
	if (!strcmp(mapping->path, "[vdso]"))
		module->fd = vdso_open();
	else if (mapping->path[0] == '/' && strcmp(mapping->path, "//anon"))
		module->fd = proc_open_mapped(
			module->pid, mapping->start, mapping->end, mapping->path, mapping->inode);
	if (module->fd < 0)
		return;
	if (elf_image_open(module->fd, &module->image, NULL))
		module->image = NULL; /* not ELF: a JIT's file, data; shown as module+offset */
}

/* What the profile calls the module: the kernel marks deleted files in /proc but not elsewhere.
 * Anonymous memory is a module of its own in every process. */
static const char *shown_path(const char *path, pid_t pid, char scratch[4096], size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t n = strlen(path), tail = sizeof(deleted) - 1;

	if (!path[0] || !strcmp(path, "//anon") || !strncmp(path, "[anon:", 6)) {
		jit_module_name((uint32_t)pid, scratch);
		return scratch;
	}
	if (n > tail && n < size && !strcmp(path + n - tail, deleted)) {
		memcpy(scratch, path, n - tail);
		scratch[n - tail] = 0;
		return scratch;
	}
	return path;
}

static int module_add(struct modules *m, pid_t pid, const struct module_key *key,
	const struct proc_mapping *mapping, const char *path, struct module **ret)
{
	struct module *module = calloc(1, sizeof(*module));
	const uint8_t *build_id = NULL;
	uint32_t build_id_bytes = 0;

	if (!module)
		return -ENOMEM;
	if (vec_push(&m->all, module)) {
		free(module);
		return -ENOMEM;
	}
	module->key = *key;
	module->number = m->all.n - 1;
	module->pid = pid;
	module->fd = -1;
	module_open(module, mapping);
	if (module->image)
		build_id_bytes = elf_image_build_id(module->image, &build_id);
	int64_t index = profile_module(m->profile, path, build_id, build_id_bytes);
	if (index < 0)
		return (int)index;
	module->profile_index = (uint32_t)index;
	HASH_ADD(hh, m->by_key, key, sizeof(module->key), module);
	*ret = module;
	return module->hh.tbl ? 0 : -ENOMEM;
}

int modules_learn(struct modules *m, pid_t pid, const struct proc_mapping *mapping,
	uint32_t *ret_number, uint64_t *ret_vaddr)
{
	char scratch[4096];
	const char *path = shown_path(mapping->path, pid, scratch, sizeof(scratch));
	struct module_key key;
	struct module *module;
	int64_t name = profile_string(m->profile, path);

	if (name < 0)
		return (int)name;
	memset(&key, 0, sizeof(key));
	key.inode = mapping->inode;
	key.device_major = mapping->device_major;
	key.device_minor = mapping->device_minor;
	key.path = (uint32_t)name;
	HASH_FIND(hh, m->by_key, &key, sizeof(key), module);
	if (!module) {
		int r = module_add(m, pid, &key, mapping, path, &module);

		if (r)
			return r;
	}
	*ret_number = module->number;
	*ret_vaddr = mapping->file_offset;
	if (module->image)
		elf_image_vaddr(module->image, mapping->file_offset, ret_vaddr);
	else if (path[0] == '[')
		*ret_vaddr = mapping->start; /* no file: addresses are all there is */
	return 0;
}

uint32_t modules_profile_index(const struct modules *m, uint32_t number)
{
	return m->all.at[number]->profile_index;
}

struct elf_image *modules_image(const struct modules *m, uint32_t number)
{
	return m->all.at[number]->image;
}

uint32_t *modules_unwind_file(struct modules *m, uint32_t number)
{
	return &m->all.at[number]->unwind_file;
}

bool *modules_unwind_tried(struct modules *m, uint32_t number)
{
	return &m->all.at[number]->unwind_tried;
}

const struct python_image *modules_python(struct modules *m, uint32_t number)
{
	struct module *module = m->all.at[number];
	struct python_image found;
	struct error err = { 0 };

	if (module->python_tried || !module->image)
		return module->python;
	module->python_tried = true;
	int r = python_image_find(module->image, &found, &err);
	if (r == -ENOTSUP || r == -EBADMSG)
		profile_fact(m->profile, "python_refused", err.text);
	if (r)
		return NULL;
	module->python = malloc(sizeof(found));
	if (module->python)
		*module->python = found;
	return module->python;
}

int modules_open_fd(void *context, uint32_t profile_index)
{
	struct modules *m = context;

	for (uint32_t i = 1; i < m->all.n; i++) {
		if (m->all.at[i]->profile_index != profile_index)
			continue;
		if (m->all.at[i]->fd < 0)
			return -ENOENT;
		int fd = fcntl(m->all.at[i]->fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

int modules_open_beside(void *context, uint32_t profile_index, const char *path)
{
	struct modules *m = context;

	for (uint32_t i = 1; i < m->all.n; i++)
		if (m->all.at[i]->profile_index == profile_index)
			return proc_open_in_root(m->all.at[i]->pid, path);
	return -ENOENT;
}

int modules_open_process_file(void *modules, uint32_t pid, const char *path)
{
	(void)modules;
	return proc_open_in_root((pid_t)pid, path);
}

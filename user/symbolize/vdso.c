/* Copies the vdso, an ELF image that exists in memory only, so that it reads like a file. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/vdso.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/cleanup.h"

int vdso_open(struct error *err)
{
	const ElfW(Ehdr) *header = (const void *)getauxval(AT_SYSINFO_EHDR);
	CLEANUP(fd_closep) int fd = -1;

	if (!header)
		return error_set(err, -ENOENT, "this process has no vdso");
	/* The linker puts the section headers last. */
	size_t n = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "no memory file for the vdso: %s", strerror(errno));
	ssize_t written = write(fd, header, n);
	if (written != (ssize_t)n)
		return error_set(err, written < 0 ? -errno : -EIO, "the vdso cannot be copied");
	return fd_steal(&fd);
}

/* The files whose code runs: opened when a mapping of theirs is learned, kept until the end. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef CAPTURE_MODULES_H
#define CAPTURE_MODULES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "profile/profile.h"

struct modules;
struct elf_image;

struct modules *modules_new(struct profile *p); /* NULL when memory is out */
void modules_free(struct modules *m);

/*
 * The module of @mapping in @pid, opened at first sight: *ret_number (> 0) for the calls below and
 * *ret_vaddr, the ELF virtual address of mapping->start (the file offset where the file cannot be
 * read). 0 or -ENOMEM; a file that cannot be opened is still a module.
 */
struct proc_mapping;
int modules_learn(struct modules *m, pid_t pid, const struct proc_mapping *mapping,
	uint32_t *ret_number, uint64_t *ret_vaddr);

/* Its index in the profile. */
uint32_t modules_profile_index(const struct modules *m, uint32_t number);
/* Its image, or NULL. Borrowed. */
struct elf_image *modules_image(const struct modules *m, uint32_t number);
/* The number of its unwind table in the kernel (0 = none), and whether one was tried. */
uint32_t *modules_unwind_file(struct modules *m, uint32_t number);
bool *modules_unwind_tried(struct modules *m, uint32_t number);
/* The CPython interpreter in it, or NULL; looked for once. A CPython that cannot be read is noted
 * in the profile as the fact "python_refused". Borrowed. */
struct python_image;
const struct python_image *modules_python(struct modules *m, uint32_t number);
/* For symbolizing: a new fd of the module with this index in the profile, or -errno. */
int modules_open_fd(void *modules, uint32_t profile_index);
/* For symbolizing: a new fd of the regular file @path as the process sees it that mapped the module
 * first, or -errno. */
int modules_open_beside(void *modules, uint32_t profile_index, const char *path);
/* For symbolizing: a new fd of the regular file @path as process @pid sees it, or -errno. */
int modules_open_process_file(void *modules, uint32_t pid, const char *path);

#endif

/*
 * Which process has which file mapped where, at the moment of an event.
 *
 * Events are applied in the order of their time stamps; a look-up then answers for that moment.
 * The table knows files only by a number that its owner chose (a module).
 *
 * Each process keeps its executable mappings sorted and without overlap: a new mapping replaces
 * what it covers, as mmap(2) does. A fork copies the parent's, an exec drops all.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PROC_PROCESS_TABLE_H
#define PROC_PROCESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

enum {
	PROCESS_MAPPINGS_MAX = 8192, /* executable mappings of one process; more are not kept */
	PROCESSES_MAX = 1 << 18,
};

struct python_layout;

struct process_mapping {
	uint64_t start, end; /* addresses */
	uint64_t vaddr;      /* of start in the module: ELF virtual address */
	uint32_t module;     /* the owner's number of the file */
};

struct process {
	pid_t pid;
	uint64_t start_ns; /* CLOCK_BOOTTIME; 0 = not known yet */
	uint32_t number;   /* the owner's number of the process; 0 = not set */
	bool scanned;      /* its mappings were read or are known from its birth on */
	bool exited;
	const struct python_layout
		*python;  /* the owner's: how to read its Python; NULL = has none */
	uint32_t changes; /* counts changes of the mappings */
	VEC(struct process_mapping) mappings;
};

struct process_table;

struct process_table *process_table_new(void); /* NULL when memory is out */
void process_table_free(struct process_table *t);

/* The process, or NULL. Borrowed; valid until it is removed. */
struct process *process_find(const struct process_table *t, pid_t pid);
/* Finds or adds it. When @start_ns is not 0 and tells that the pid was reused, the old process's
 * mappings and number are dropped. NULL when memory or the table is out. */
struct process *process_get(struct process_table *t, pid_t pid, uint64_t start_ns);
/* A new process with the parent's mappings. 0 or -ENOMEM. */
int process_fork(struct process_table *t, pid_t parent, pid_t child, uint64_t start_ns);
/* Drops all mappings. */
void process_exec(struct process *p);
/* Forgets the process. */
void process_remove(struct process_table *t, pid_t pid);
/* Adds @m, replacing what it covers; -E2BIG beyond PROCESS_MAPPINGS_MAX, -EINVAL when empty. */
int process_map(struct process *p, const struct process_mapping *m);
/* The mapping that covers @address, or NULL. Borrowed until the next change. */
const struct process_mapping *process_mapping_find(const struct process *p, uint64_t address);
/* Calls @each for every process until it returns non-zero; returns that. */
int process_each(
	struct process_table *t, int (*each)(void *context, struct process *p), void *context);

#endif

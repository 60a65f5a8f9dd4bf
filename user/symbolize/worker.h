/*
 * Reads one untrusted ELF file in a child process: what its symbols and DWARF say about addresses.
 *
 * libelf, libdw and the demangler are written for files one trusts. A file of a profiled program
 * may make them crash, loop or eat memory, and we run as root. So a forked child does the reading,
 * with limits on its CPU time and memory, without capabilities and unable to open files or to run
 * programs; it sends names down a pipe. The parent believes nothing but the lengths it checks. A
 * child that dies costs the names of its own file only, and what it sent before counts: names from
 * the symbol table go first, DWARF follows.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_WORKER_H
#define SYMBOLIZE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* One function at an address; texts are not terminated by NUL, hostile, valid during the call only.
 */
struct worker_place {
	const char *function; /* demangled; function_bytes 0 = unknown */
	const char *file;     /* file_bytes 0 = unknown */
	uint32_t function_bytes, file_bytes;
	uint32_t line;
};

/* A name; not terminated by NUL, hostile, valid during the call only. */
struct worker_name {
	const char *at; /* demangled */
	uint32_t n;     /* bytes */
};

/* What is asked of a file; receivers return 0, or -errno to stop. NULL = not asked. */
struct worker_task {
	int fd; /* the file; borrowed */
	/* Other files that belong to it and were found to do so; borrowed, 0 = none. */
	int debug_fd; /* its separate debug information (debug_file.h) */
	int alt_fd;   /* what dwz moved out of its DWARF, or out of that of debug_fd */
	/* An empty file for symbols that the file holds compressed; 0 = leave them. worker_run()
	 * brings its own. */
	int scratch_fd;
	const uint64_t *vaddrs; /* ELF virtual addresses, ascending */
	uint32_t count;
	const uint8_t *build_id; /* the file must have this one ... */
	uint32_t build_id_bytes; /* ... or none, when 0 */
	bool build_id_unchecked; /* take the file as it is */
	/* Called with what is known of address number @index: @n places (1 or more), innermost
	 * first. Comes again when DWARF knows more than the symbol table. */
	int (*place)(void *context, uint32_t index, const struct worker_place *places, uint32_t n);
	/* Called for an address number @index that has no name: where its function begins. */
	int (*start)(void *context, uint32_t index, uint64_t start_vaddr);
	/* When there is such an address: called with each indirect function (STT_GNU_IFUNC) that
	 * the file exports; @best is the name to be preferred among those of the same function. */
	int (*ifunc)(void *context, struct worker_name name, struct worker_name best);
	/* Instead of all this: called with the name of the linkage-table slot that the call at
	 * address number @index goes through; the addresses are return addresses. */
	int (*call)(void *context, uint32_t index, struct worker_name name);
	void *context;
};

/* Runs @task to its end; takes at most 30 seconds. 0, or why some or all names are missing: -ESTALE
 * (other build id), -EBADMSG (unreadable file), -ETIMEDOUT, -EFAULT (the child died of the file),
 * -EMFILE, -EAGAIN, -ENOMEM, or what @place returned. */
int worker_run(const struct worker_task *task, struct error *err);

/* The child's work in this process: for files that are our own, and for fuzzing. */
int worker_run_here(const struct worker_task *task, struct error *err);

#endif

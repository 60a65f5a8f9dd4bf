/* What /proc tells about processes and their threads. All text is hostile. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

enum { PROC_COMM_BYTES = 64 };

struct proc_ids {
	VEC(pid_t) ids;
};

struct proc_stat {
	char comm[PROC_COMM_BYTES];
	char state; /* 'R', 'S', 'Z', ... */
	bool kthread;
	uint64_t start_ns; /* CLOCK_BOOTTIME, in steps of a clock tick (10 ms) */
};

/* All processes; 0 or -errno. */
int proc_list(struct proc_ids *ret, struct error *err);
/* The threads of @pid, in the order of /proc; -ESRCH when it is gone. */
int proc_threads(pid_t pid, struct proc_ids *ret, struct error *err);
void proc_ids_done(struct proc_ids *ids);

/* /proc/PID/stat, or of the thread when @tid is not 0; -ESRCH when it is gone. */
int proc_stat_read(pid_t pid, pid_t tid, struct proc_stat *ret, struct error *err);

/* The executable's path as the process sees it; 0, or -errno (kernel threads: -ENOENT). */
int proc_exe(pid_t pid, char *ret, size_t size);

/* The arguments, joined by spaces and cut to @size; "" for kernel threads. */
int proc_command(pid_t pid, char *ret, size_t size);

/* Sum over the threads of how often each was put on a CPU since it began (schedstat), for
 * measuring switch rates; 0 when it cannot be told. */
uint64_t proc_timeslices(pid_t pid);

/* Whether @pid has started processes that still run; true when it cannot be told. */
bool proc_has_children(pid_t pid);

/* Processes and threads that were born on this machine since it started; 0 when it cannot be told.
 */
uint64_t proc_forks(void);

/*
 * Opens a file that @pid has mapped at [start, end): through map_files, which gives the very file
 * even when it was deleted or replaced; else by @path inside the process's root, if that still is
 * the file with @inode (0 = do not compare). Returns a read-only fd or -errno.
 */
int proc_open_mapped(pid_t pid, uint64_t start, uint64_t end, const char *path, uint64_t inode);

/* Copies @n bytes of the process's memory at @address. 0, or -errno (-EFAULT: not mapped, or only
 * in part; -ESRCH: gone). */
int proc_memory_read(pid_t pid, uint64_t address, void *to, size_t n);

/* Opens @path as @pid sees it, for reading a source file; regular files only. fd or -errno. */
int proc_open_in_root(pid_t pid, const char *path);

#endif

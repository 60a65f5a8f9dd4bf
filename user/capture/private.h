/* What the files of this room share. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef CAPTURE_PRIVATE_H
#define CAPTURE_PRIVATE_H

#include <limits.h>

#include "capture/capture.h"
#include "capture/modules.h"
#include "collect/collect.h"
#include "proc/process.h"
#include "proc/process_table.h"
#include "recording/recording.h"

/* How often a stack was sampled, and in which process last. */
struct stack_use {
	uint64_t count;
	uint32_t process;
};

struct capture {
	const struct capture_options *options;
	struct profile *profile;
	struct process_table *processes;
	struct modules *modules;
	struct collect *collect;
	struct recording *recording;
	uint64_t start_ns;  /* CLOCK_MONOTONIC of bucket 0 */
	uint64_t period_ns; /* CPU time that one sample stands for */
	uint64_t samples;
	uint64_t sideband_lost;
	uint64_t mappings_dropped; /* more mappings than a process may have */
	uint64_t python_unread;    /* Python frames whose code object could not be read any more */
	uint64_t python_reused;    /* code objects that were replaced by others at their address */
	struct python_code *codes; /* by process and address */
	uint32_t drains;
	uint64_t tables_dropped;           /* unwind tables that did not fit */
	uint32_t kernel_module;            /* profile index of "[kernel]"; 0 = not needed yet */
	uint32_t stops[STOP_REASON_COUNT]; /* string indexes of the stop reasons' names */
	bool no_python;                    /* the kernel half was loaded without its Python steps */
	VEC(struct stack_use) stack_uses; /* by stack index; samples may leave memory, this stays */
	uint64_t starting_until_ns;       /* a program has just started: drain at once */
	uint64_t busy_until_ns; /* mappings come in: drain often, new code has no tables yet */
	VEC(pid_t) changed;     /* processes whose mappings must be uploaded */
	VEC(pid_t) ended;       /* processes to forget after this drain */
};

/* take_up.c: from drained events to the profile. */
int take_up_init(struct capture *c, struct error *err);
/* Drains everything up to now into the profile, then uploads what has changed. */
int take_up(struct capture *c, struct error *err);
/* Reads the mappings of @pid from /proc and marks it for upload. 0 also when it is gone. */
int take_up_process(struct capture *c, pid_t pid);

/* python.c: code objects of Python processes. */
/* The frame of the code object at @code of @p, at byte @instruction; an index or -errno. */
int64_t python_frame(struct capture *c, struct process *p, uint64_t code, uint32_t instruction);
/* The sink's code function. */
int python_code_add(void *context, const struct wire_code *code, uint32_t bytes);
void python_forget(struct capture *c, pid_t pid);
void python_done(struct capture *c);

/* tables.c: unwind tables and mappings, up to the kernel half. */
int tables_upload(struct capture *c, struct error *err);
/* Builds and uploads the table of @module once. A file without a usable .eh_frame stays without:
 * the walk then goes by frame pointer. */
int table_ready(struct capture *c, uint32_t module, struct error *err);

/* preload.c: the tables of the files that the command @name will run, as far as can be told. */
int preload_command(struct capture *c, const char *name, struct error *err);

/* cgroup.c: control groups as directories. */
struct cgroup_dir {
	char path[PATH_MAX];
	struct collect_cgroup id;
};
/* Finds the group: a directory of a mounted hierarchy, or a path below the root of one, version 2
 * first. -ENOENT with EXIT_TARGET when there is none, -ENOTSUP for a version 1 hierarchy without a
 * controller. */
int cgroup_open(const char *path, struct cgroup_dir *ret, struct error *err);
/* Adds the processes of the group and of those below it. 0 or -ENOMEM. */
int cgroup_processes(const struct cgroup_dir *dir, struct proc_ids *ret);

/* target.c: commands, and waiting for the end. */
struct target;
/* Starts the command stopped before exec, or opens the pids; *ret_pids and count are what to
 * profile (borrowed). */
int target_open(const struct capture_options *o, struct target **ret, struct error *err);
void target_close(struct target *t);
const pid_t *target_pids(const struct target *t, size_t *ret_count);
/* The control group that is the target; id 0 = none. Its text is static. */
struct collect_cgroup target_cgroup(const struct target *t);
/* Adds the processes that run now and fit the target's name or group; *ret is empty for other
 * targets. Later ones are found when they are sampled. 0 or -errno. */
int target_find(const struct target *t, struct proc_ids *ret, struct error *err);
/* Lets the command exec. */
int target_release(struct target *t, struct error *err);
/* Sleeps up to @ms, or until @full_fd is readable; returns true when the capture should end: a
 * signal (*ret_interrupted) or all targets have ended. */
bool target_wait(struct target *t, int ms, int full_fd, bool *ret_interrupted);
/* Sampling may not be starved by a target that keeps all CPUs busy: runs at a higher priority until
 * target_priority_restore(). Without the permission nothing changes. */
void target_priority_raise(struct target *t);
void target_priority_restore(struct target *t);
/* Collects the command's status, ending it first when it still runs; 0 when there is none. */
int target_status(struct target *t);

/* facts.c: machine, kernel, options. */
int facts_add(struct capture *c, const struct target *t);
int losses_add(struct capture *c);

/* privileges.c */
int privileges_drop(struct error *err);
void files_limit_raise(void);

/* sources.c: source text around hot frames, read through the target's root. */
int sources_read(struct capture *c);

#endif

/*
 * The kernel half as user space sees it: load, attach, drain, upload, count.
 *
 *   collect_open --> collect_enable --> collect_drain ... --> collect_disable --> collect_close
 *
 * This is the only room that knows libbpf.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "base/error.h"
#include "proc/maps.h"
#include "wire/loss.h"
#include "wire/python.h"
#include "wire/record.h"
#include "wire/unwind.h"

/* How the sampling events are attached. */
enum collect_attach {
	COLLECT_PER_TASK, /* one event per thread, inherited by what it creates */
	COLLECT_PER_CPU, /* one event per CPU, processes filtered in the kernel if there are targets
			  */
};

/* A control group as the kernel knows it. */
struct collect_cgroup {
	uint64_t id;            /* inode number of its directory; 0 = none */
	const char *controller; /* of a version 1 hierarchy: "cpu"; NULL = version 2 */
};

struct collect_config {
	const pid_t *pids; /* target processes; none = the whole machine, unless narrowed by: */
	size_t pid_count;
	const char *comm;             /* threads and processes of exactly this name; NULL = any */
	struct collect_cgroup cgroup; /* this group and those below it */
	bool command;                 /* the target is a command that is about to be started */
	double rate_hz;               /* samples per second and CPU; 0 = 99 */
	bool no_python; /* leave the Python steps out: the targets run none; loads faster */
	bool no_loop;   /* use the program for kernels without bpf_loop(), for tests */
	bool force;     /* load even on kernels known to deadlock */
};

struct collect;

/* A process or thread took a new name. */
struct collect_comm {
	pid_t pid, tid;
	uint64_t time_ns;
	bool exec; /* by exec: the old mappings of the process are gone */
	const char *comm;
};

/* Where drained events go, in the order of their time stamps. A function returns 0 or -errno,
 * which ends the drain. Records are borrowed for the call. */
struct collect_sink {
	int (*sample)(void *context, const struct wire_sample *s, const uint64_t *frames);
	int (*process)(void *context, const struct wire_process_event *e);
	/* A new executable mapping; its path is borrowed, "//anon" for anonymous memory. */
	int (*mapping)(void *context, pid_t pid, const struct proc_mapping *m);
	int (*comm)(void *context, const struct collect_comm *c);
	/* A Python code object at first sight; @bytes of it are there. */
	int (*code)(void *context, const struct wire_code *c, uint32_t bytes);
	/* The side-band lost events: what is known about mappings may be stale. */
	int (*sideband_lost)(void *context, uint64_t count);
	void *context;
};

/*
 * Loads the programs and opens everything; nothing is counted before collect_enable(). Errors:
 * -EPERM/-EACCES without the capabilities, -EOPNOTSUPP for a missing kernel feature, -ESRCH when
 * a target is gone, -EINVAL for a rate beyond the kernel's maximum, a name that is too long or a
 * controller that the kernel does not have.
 */
int collect_open(const struct collect_config *config, struct collect **ret, struct error *err);
void collect_close(struct collect *c);
int collect_enable(struct collect *c, struct error *err);
/* Stops sampling; what was sampled can still be drained. */
void collect_disable(struct collect *c);

/* Hands all events up to now to @sink, in order. */
int collect_drain(struct collect *c, const struct collect_sink *sink, struct error *err);

/* A file descriptor that is readable when collect_drain() should be called at once. Borrowed. */
int collect_full_fd(const struct collect *c);

enum collect_attach collect_attach_mode(const struct collect *c);
/* Why the attach mode was chosen: one sentence. Static. */
const char *collect_attach_reason(const struct collect *c);
/* CLOCK_MONOTONIC of the moment the last event was enabled; 0 before. */
uint64_t collect_enabled_ns(const struct collect *c);
/* Nanoseconds of CPU time that one sample stands for. */
uint64_t collect_period_ns(const struct collect *c);
/* The sum of all losses of kind @counter so far. */
uint64_t collect_loss(const struct collect *c, enum loss_counter counter);

struct collect_counts {
	uint64_t event_ns; /* time the sampling clocks ran (per task: the targets' CPU time) */
	uint64_t runs;     /* runs of the sampling program */
};

int collect_counts(const struct collect *c, struct collect_counts *ret);

/* ---- unwind tables ---- */

struct unwind_table;

/* Uploads the table of one file; *ret_file is its number for mappings. -ENOSPC at the memory cap.
 * Slow (milliseconds): it may wait for the kernel. */
int collect_file_add(
	struct collect *c, const struct unwind_table *table, uint32_t *ret_file, struct error *err);
/* Replaces the mappings of @pid (sorted by start, no overlap) and what is known of its Python
 * (NULL = it runs none). -ENOSPC when a table is full. */
int collect_process_set(struct collect *c, pid_t pid, const struct unwind_mapping *mappings,
	uint32_t count, const struct python_process *python);
/* Forgets the mappings of @pid. */
void collect_process_drop(struct collect *c, pid_t pid);
/* Bytes of kernel memory in the maps that grow with processes and files. */
uint64_t collect_map_bytes(const struct collect *c);

/* The kernel's maximum sampling rate (perf_event_max_sample_rate). */
double collect_rate_max_hz(void);

#endif

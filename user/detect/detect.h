/*
 * From a profile to verdicts: what is slow, how sure that is, and what would mend it.
 *
 * The detectors run from the most specific kind to the least. Each groups the samples that nobody
 * has claimed by the function a user could change (owner.h), asks its rules for evidence, and
 * claims the samples it explains:
 *
 *   F1  a sample belongs to at most one finding, so impacts never count anything twice.
 *   F2  severity is the band of impact_low. Without evidence of *avoidable* work it is capped:
 *       at medium when the time is spent in own code, at low in library and system code that does
 *       its job.
 *   F3  without an interval (too few time buckets, imported weights) it is at most medium.
 *   F4  evidence comes from structure only: sample counts, symbols of well-known libraries, the
 *       source text in the profile, and time. Names of the profiled program mean nothing.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "profile/profile.h"

/* X(enumerator, name, one line about it). The names are part of the JSON contract. */
#define FINDING_KINDS(X)                                                                         \
	X(FINDING_CPU_HOT_PATH, "cpu_hot_path", "most of the time is spent here")                \
	X(FINDING_ALGORITHMIC_COMPLEXITY, "algorithmic_complexity", "work grows too fast")       \
	X(FINDING_REPEATED_WORK, "repeated_work", "the same thing is done again and again")      \
	X(FINDING_SERIALIZATION, "serialization", "turning data into text and back")             \
	X(FINDING_LOGGING_OVERHEAD, "logging_overhead", "writing logs costs more than it tells") \
	X(FINDING_STARTUP_COST, "startup_cost", "work before the work")                          \
	X(FINDING_LOCK_CONTENTION, "lock_contention", "threads wait for a lock")                 \
	X(FINDING_GIL_CONTENTION, "gil_contention", "Python threads wait for the interpreter")   \
	X(FINDING_GC_PRESSURE, "gc_pressure", "the garbage collector runs too much")             \
	X(FINDING_ALLOCATION_CHURN, "allocation_churn", "objects live too short to be worth it") \
	X(FINDING_MEMORY_LEAK, "memory_leak", "memory is never given back")                      \
	X(FINDING_MEMORY_GROWTH, "memory_growth", "memory grows")                                \
	X(FINDING_PAGE_FAULT_STORM, "page_fault_storm", "memory is mapped page by page")         \
	X(FINDING_COPY_BOUND, "copy_bound", "bytes are moved instead of used")                   \
	X(FINDING_SYSCALL_STORM, "syscall_storm", "too many system calls")                       \
	X(FINDING_SMALL_IO, "small_io", "input and output in tiny pieces")                       \
	X(FINDING_DISK_WAIT, "disk_wait", "waiting for the disk")                                \
	X(FINDING_FSYNC_WAIT, "fsync_wait", "waiting for data to be safe")                       \
	X(FINDING_NETWORK_WAIT, "network_wait", "waiting for the network")                       \
	X(FINDING_DATABASE_WAIT, "database_wait", "waiting for a database")                      \
	X(FINDING_N_PLUS_ONE_QUERIES, "n_plus_one_queries", "one query per row")                 \
	X(FINDING_SLEEP_IN_WORK, "sleep_in_work", "work sleeps")                                 \
	X(FINDING_RUN_QUEUE_SATURATION, "run_queue_saturation", "more threads than CPUs")        \
	X(FINDING_CGROUP_THROTTLING, "cgroup_throttling", "the CPU quota is used up")            \
	X(FINDING_PREEMPTION, "preemption", "others take the CPU away")                          \
	X(FINDING_THREAD_IMBALANCE, "thread_imbalance", "one thread does the work of many")      \
	X(FINDING_DEADLOCK, "deadlock", "threads wait for each other for ever")                  \
	X(FINDING_IDLE, "idle", "nothing to do")

enum finding_kind {
#define X(e, name, text) e,
	FINDING_KINDS(X)
#undef X
		FINDING_KIND_COUNT
};

#define SEVERITIES(X)                \
	X(SEVERITY_LOW, "low")       \
	X(SEVERITY_MEDIUM, "medium") \
	X(SEVERITY_HIGH, "high")     \
	X(SEVERITY_CRITICAL, "critical")

enum severity {
#define X(e, name) e,
	SEVERITIES(X)
#undef X
		SEVERITY_COUNT
};

#define FIX_CATEGORIES(X)                                     \
	X(FIX_ALGORITHM_IMPROVEMENT, "algorithm_improvement") \
	X(FIX_CACHING, "caching")                             \
	X(FIX_CONCURRENCY, "concurrency")                     \
	X(FIX_MEMORY_OPTIMIZATION, "memory_optimization")     \
	X(FIX_IO_OPTIMIZATION, "io_optimization")             \
	X(FIX_DATABASE_OPTIMIZATION, "database_optimization") \
	X(FIX_DATA_STRUCTURE_CHANGE, "data_structure_change")

enum fix_category {
#define X(e, name) e,
	FIX_CATEGORIES(X)
#undef X
		FIX_CATEGORY_COUNT
};

#define METRICS(X)                             \
	X(METRIC_CPU_TIME, "cpu_time")         \
	X(METRIC_WALL_TIME, "wall_time")       \
	X(METRIC_MEMORY_BYTES, "memory_bytes") \
	X(METRIC_IO_BYTES, "io_bytes")

enum metric {
#define X(e, name) e,
	METRICS(X)
#undef X
		METRIC_COUNT
};

/* Whose code it is; decides the cap of F2. */
enum owner { OWNER_OWN, OWNER_LIBRARY, OWNER_SYSTEM, OWNER_KERNEL };

const char *finding_kind_name(enum finding_kind kind); /* "cpu_hot_path" */
const char *finding_kind_text(enum finding_kind kind);
const char *severity_name(enum severity severity); /* "low" */
const char *fix_category_name(enum fix_category category);
const char *metric_name(enum metric metric);
/* The kind or metric called @name, or -1. */
int finding_kind_find(const char *name);
int metric_find(const char *name);

struct evidence {
	const char *name, *unit; /* static */
	double value;
};

/* A catalogue row (fixes.c), its blanks filled in from what was seen. */
struct fix {
	enum fix_category category;
	enum metric metric;
	char *title, *text, *prerequisite;    /* owned */
	double gain_low, gain_high;           /* share of the metric that disappears, 0..1 */
	double removable_low, removable_high; /* share of the affected samples */
	const char *reason;            /* where that share comes from; static, as are all below */
	const char *complexity, *risk; /* "low", "medium", "high" */
	const char *rollback, *rollout;
	double effort; /* of the work, in person-days; orders the plan */
};

/* Source around the hot line. Empty when file is 0. */
struct snippet {
	uint32_t file; /* string of the profile */
	uint32_t first_line, hot_line, lines;
	char *text;    /* @lines lines joined by '\n'; owned */
	double *share; /* per line, of all on-CPU samples: those of the finding; owned */
};

struct finding {
	char id[17]; /* hash of kind, module name, file, function: stable across recordings */
	enum finding_kind kind;
	enum severity severity;
	enum owner owner;
	bool avoidable;  /* a rule has seen avoidable work */
	bool in_library; /* most of the time is spent in libraries or the kernel, doing their job */
	double impact;   /* share of the on-CPU samples, 0..1 */
	double impact_low, impact_high;
	bool has_bounds;
	double dispersion; /* of the impact; 0 = unknown */
	double count;      /* samples affected */
	double confidence; /* 0..1 */

	uint32_t function_id; /* index into findings.functions */
	uint32_t line;        /* the hottest line; 0 = unknown */
	uint32_t thread;      /* of the profile; 0 = more than one thread */
	char *description;    /* owned */
	VEC(struct evidence) evidence;
	VEC(struct fix) fixes;
	struct snippet snippet;
	VEC(uint32_t) samples; /* indexes into profile->samples, ascending */
};

/* A function of the profile: what samples are attributed to. Strings of the profile. */
struct function_row {
	uint32_t function, file, module;
	uint32_t frame; /* one of its frames, for its name */
	enum owner owner;
	double count;      /* on-CPU samples attributed to it */
	double dispersion; /* of that share; 0 = unknown */
};

struct findings {
	const struct profile *profile;      /* borrowed: must outlive the findings */
	VEC(struct finding) list;           /* by impact, largest first */
	VEC(struct function_row) functions; /* [0] = none */
	uint32_t *sample_function; /* by sample of the profile: its target function, or 0 */
	double total;              /* on-CPU samples, weighted */
	uint32_t buckets;
	uint32_t hot_left_out; /* hot functions below the thresholds of cpu_hot_path.c */
	const char *no_bounds; /* why there are no intervals (static), or NULL */
};

struct detect_input {
	const struct profile *profile;
};

/* Finds bottlenecks. 0 (an empty list is an answer) or -ENOMEM. The caller frees with
 * findings_free; @input->profile stays borrowed by the result. */
int detect(const struct detect_input *input, struct findings **ret, struct error *err);
void findings_free(struct findings *f);

/* The name of @id's function as a person sees it; heap, or NULL when memory is out. */
char *findings_function_name(const struct findings *f, uint32_t id);
/* "module||function", or "|file|function" where the source is known (base names only): how a
 * function is found again in another recording. Heap, or NULL when memory is out. */
char *findings_function_key(const struct findings *f, uint32_t id);

#endif

/*
 * The model: what was sampled, where, by whom, and how far it can be trusted.
 *
 * A profile is a handful of arrays that refer to each other by index. Index 0 of every table is
 * the empty row ("none"), so that a zero reference is always valid to follow.
 *
 *   sample -> thread -> process
 *      \---> stack -> parent stack ... -> 0       one calling-context tree: leaf to root
 *              \----> frame -> module             where in which file
 *                       \----> outer frame        the function this frame was inlined into
 *
 * Invariants, kept by the add functions and checked by profile_check() on foreign data:
 *   P1  stacks[i].parent < i, so that a walk to the root ends; the depth is at most PROFILE_DEPTH.
 *   P2  frames[i].outer is 0 or a frame that is not itself reached again: the chain is at most
 *       PROFILE_INLINE_DEPTH long.
 *   P3  every index is below the n of its table.
 *   P4  strings are valid UTF-8 without NUL (text_sanitize), but otherwise hostile: control
 *       characters, markup and any length up to PROFILE_STRING_BYTES may occur.
 *   P5  equal rows are stored once: profile_string/_module/_frame/_stack/_thread return the index
 *       of the row that is already there.
 *   P6  frames[i].start is at most frames[i].offset.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

enum {
	PROFILE_DEPTH = 4096,        /* stack nodes from leaf to root */
	PROFILE_INLINE_DEPTH = 64,   /* frames at one location */
	PROFILE_STRING_BYTES = 4096, /* longer strings are cut when they are added */
	PROFILE_BUILD_ID_BYTES = 32,
	PROFILE_BUCKET_NS = 250000000, /* the time unit of samples */
};

/* X(enumerator, name): what a frame is. */
#define FRAME_KINDS(X)              \
	X(FRAME_UNKNOWN, "unknown") \
	X(FRAME_KERNEL, "kernel")   \
	X(FRAME_NATIVE, "native")   \
	X(FRAME_INLINED, "inlined") \
	X(FRAME_PYTHON, "python")   \
	X(FRAME_JIT, "jit")

enum frame_kind {
#define X(e, name) e,
	FRAME_KINDS(X)
#undef X
		FRAME_KIND_COUNT
};

/* X(enumerator, name, unit, pprof type, text): what a sample measures. */
#define SAMPLE_KINDS(X) X(SAMPLE_ON_CPU, "on_cpu", "nanoseconds", "cpu", "time on a CPU")

enum sample_kind {
#define X(e, name, unit, pprof, text) e,
	SAMPLE_KINDS(X)
#undef X
		SAMPLE_KIND_COUNT
};

const char *frame_kind_name(enum frame_kind kind);
const char *sample_kind_name(enum sample_kind kind);  /* "on_cpu" */
const char *sample_kind_unit(enum sample_kind kind);  /* "nanoseconds" */
const char *sample_kind_pprof(enum sample_kind kind); /* "cpu" */
/* The kind with this name, or -1. */
int sample_kind_find(const char *name);
int frame_kind_find(const char *name);

/* A file whose code ran: an ELF image, "[kernel]", a kernel module "[name]", "[vdso]", "[anon]". */
struct profile_module {
	uint32_t path;                            /* string: as the process sees it */
	uint8_t build_id[PROFILE_BUILD_ID_BYTES]; /* GNU build id */
	uint8_t build_id_bytes;                   /* 0 = none known */
};

/* FRAME_FLAG_GUESSED: found by frame pointer where no unwind table said how to go on. */
enum { FRAME_FLAG_GUESSED = 1 };

/* One place in the code. Raw frames have function 0 until they are symbolized. */
struct profile_frame {
	uint8_t kind;      /* enum frame_kind */
	uint8_t flags;     /* FRAME_FLAG_* */
	uint32_t function; /* string; 0 = has no name (shown as module+offset) */
	uint32_t file;     /* string: source file; 0 = unknown */
	uint32_t line;     /* 1-based; 0 = unknown */
	uint32_t module;
	uint64_t offset; /* ELF virtual address in the module; kernel: address. Caller frames hold
			  * the return address minus 1 (an address inside the call). */
	uint64_t start;  /* ELF virtual address where the function begins, for functions without a
			  * name; 0 = unknown */
	uint32_t outer;  /* frame this one is inlined into at the same offset, or 0. A location
			  * with inlined calls is the chain innermost (FRAME_INLINED) ... outermost
			  * (FRAME_NATIVE); stacks refer to the innermost. */
};

struct profile_stack {
	uint32_t parent; /* the caller's node, or 0 for a root */
	uint32_t frame;
	uint32_t stop; /* string; roots only: why unwinding ended here ("end", "fp_zero", ...) */
};

struct profile_process {
	uint32_t pid;
	uint64_t start_ns; /* since boot; tells pids apart that were reused */
	uint32_t comm;     /* string */
	uint32_t exe;      /* string: path of the executable as the process sees it; 0 = unknown */
	uint32_t command;  /* string: arguments joined by spaces; 0 = unknown */
};

struct profile_thread {
	uint32_t process; /* index into processes */
	uint32_t tid;
	uint32_t comm;      /* string */
	uint64_t on_cpu_ns; /* measured, not sampled; 0 = not measured */
};

/* Samples of one thread, stack and kind within one time bucket, added up. */
struct profile_sample {
	uint32_t bucket; /* time since the capture's start / PROFILE_BUCKET_NS */
	uint32_t thread;
	uint32_t stack;
	uint8_t kind;   /* enum sample_kind */
	uint32_t count; /* samples taken */
	int64_t value;  /* in the kind's unit */
	double weight;  /* 1; other weights mark samples that stand for more than themselves */
};

/* Where a process had a module mapped (kept for readers; samples do not need it). */
struct profile_mapping {
	uint32_t process, module;
	uint64_t start, end, file_offset; /* bytes */
};

/* Source text around hot frames, read when the capture ended. */
struct profile_source {
	uint32_t file;       /* string */
	uint32_t first_line; /* 1-based line of the text's first line */
	char *text;          /* lines joined by '\n'; valid UTF-8; owned by the profile */
};

/* A module and the package that installed it. */
struct profile_library {
	uint32_t module;
	uint32_t package; /* string; 0 = no package owns it */
	uint32_t version; /* string */
};

/* A loss counter: what was not kept, and how often. */
struct profile_lost {
	uint32_t name; /* string: "ring_full" */
	uint32_t text; /* string: one sentence */
	uint64_t count;
};

/* A named fact about the capture: machine, kernel, options ("kernel_release" = "6.18.44"). */
struct profile_fact {
	uint32_t name, value; /* strings */
};

/* How the capture was made; zero where not known. */
struct profile_capture {
	double rate_asked_hz, rate_had_hz;
	uint64_t start_unix_ns; /* wall clock of the start */
	uint64_t duration_ns;
	uint64_t on_cpu_ns;    /* measured by the sampling clocks of the target, not from samples */
	bool weights_imported; /* samples came from another tool: no intervals */
	bool unfinished;       /* the recorder ended without closing the recording */
};

struct profile_tables; /* hash indexes for P5; private to profile.c */

struct profile {
	VEC(char *) strings; /* [0] = "" */
	VEC(struct profile_module) modules;
	VEC(struct profile_frame) frames;
	VEC(struct profile_stack) stacks;
	VEC(struct profile_process) processes;
	VEC(struct profile_thread) threads;
	VEC(struct profile_sample) samples;
	VEC(struct profile_mapping) mappings;
	VEC(struct profile_source) sources;
	VEC(struct profile_library) libraries;
	VEC(struct profile_lost) lost;
	VEC(struct profile_fact) facts;
	struct profile_capture capture;
	struct profile_tables *tables;
};

/* A new empty profile, or NULL when memory is out. */
struct profile *profile_new(void);
void profile_free(struct profile *p);

/* Each add function returns an index > 0, or a negative errno (-ENOMEM, -E2BIG when a table is
 * full, -EINVAL when an index breaks P1-P3 or P6). 0 is only returned for the empty row. */
int64_t profile_string(struct profile *p, const char *s);
int64_t profile_string_n(struct profile *p, const char *s, size_t n);
int64_t profile_module(
	struct profile *p, const char *path, const uint8_t *build_id, uint32_t build_id_bytes);
/* Adds or finds an equal frame (all fields compared). */
int64_t profile_frame(struct profile *p, const struct profile_frame *f);
int64_t profile_stack(struct profile *p, uint32_t parent, uint32_t frame, uint32_t stop);
/* Adds or finds by (pid, start_ns). */
int64_t profile_process(struct profile *p, uint32_t pid, uint64_t start_ns);
/* Adds or finds by (process, tid). */
int64_t profile_thread(struct profile *p, uint32_t process, uint32_t tid);
/* Adds to an equal (bucket, thread, stack, kind) of the newest bucket or appends. Samples need not
 * come in time order, but rows only merge within a bucket while it is the newest. 0 or -errno. */
int profile_sample(struct profile *p, const struct profile_sample *s);
/* Closes the samples of the buckets before @bucket: moves those at @first and later to the front,
 * in their order, and adds nothing to them any more. Returns the index of the first open sample. */
uint32_t profile_samples_close(struct profile *p, uint32_t first, uint32_t bucket);
/* Drops the first @n samples, which must be closed: they have been written elsewhere. */
void profile_samples_drop(struct profile *p, uint32_t n);
/* Sets or adds to (@add) the loss counter @name. */
int profile_lost(struct profile *p, const char *name, const char *text, uint64_t count, bool add);
int profile_fact(struct profile *p, const char *name, const char *value);
/* The fact's value, or NULL. Borrowed. */
const char *profile_fact_find(const struct profile *p, const char *name);
/* Takes a copy of @text (sanitized). */
int profile_source(struct profile *p, uint32_t file, uint32_t first_line, const char *text);

/* The string at @index; "" for 0. Borrowed. */
static inline const char *profile_str(const struct profile *p, uint32_t index)
{
	return p->strings.at[index];
}

/* Checks P1-P3 and P6 on a profile filled from a file; -EBADMSG with the first breach. */
int profile_check(const struct profile *p, struct error *err);

/* A walk over one stack's frames, leaf first, inlined frames before the function they stand in:
 *   struct stack_walk w = stack_walk(p, stack);
 *   for (uint32_t f; (f = stack_walk_next(&w));) ...  */
struct stack_walk {
	const struct profile *profile;
	uint32_t stack, frame;
};

static inline struct stack_walk stack_walk(const struct profile *p, uint32_t stack)
{
	return (struct stack_walk){ p, stack, p->stacks.at[stack].frame };
}

/* The next frame's index, or 0 at the end. */
static inline uint32_t stack_walk_next(struct stack_walk *w)
{
	uint32_t frame = w->frame;

	if (!frame)
		return 0;
	w->frame = w->profile->frames.at[frame].outer;
	if (!w->frame) {
		w->stack = w->profile->stacks.at[w->stack].parent;
		w->frame = w->profile->stacks.at[w->stack].frame;
	}
	return frame;
}

/* The name a person sees: the function; without one "module+0xstart" of the function, or where that
 * is unknown "module+0xoffset"; or "[unknown]". Added to @out unescaped. */
struct strbuf;
void profile_frame_name(const struct profile *p, uint32_t frame, struct strbuf *out);
/* The last component of a path: "libc.so.6". Borrowed from @path. */
const char *profile_basename(const char *path);

/* Whether this stop reason proves that the stack's root was reached. */
bool profile_stop_is_end(const char *stop);

/* The stop reason of a stack's root (a string index; 0 = none given). */
uint32_t profile_stack_stop(const struct profile *p, uint32_t stack);

/* How much of the profile can be believed. Samples of kind @kind only. */
struct profile_quality {
	uint64_t samples;
	uint64_t lost;       /* sum of the loss counters */
	double stacks_whole; /* share of samples, 0..1: ended at an end-of-stack rule, at _start,
			      * clone, or a kernel thread's root */
	double stacks_named; /* share of samples in which every frame has a function name */
	double frames_named; /* share of frames (weighted by samples) that have a function name */
	uint32_t buckets;    /* time buckets the capture spans */
	VEC(struct profile_lost) stops; /* samples by stop reason; name only */
};

/* Computes @q (call profile_quality_done when finished). 0 or -ENOMEM. */
int profile_quality(const struct profile *p, enum sample_kind kind, struct profile_quality *q);
void profile_quality_done(struct profile_quality *q);

#endif

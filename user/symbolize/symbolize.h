/* Gives the raw frames of a profile their functions, files, lines and inlined calls. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_SYMBOLIZE_H
#define SYMBOLIZE_SYMBOLIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "profile/profile.h"

struct symbolize_options {
	/* Opens the file of p->modules.at[@module]: a file descriptor, which symbolize_profile
	 * closes (hand out a dup of what you want to keep), or -errno. NULL = open the module's
	 * path here, good only on the machine of the capture; a file without build id must then be
	 * older than the capture's end. Not called for the kernel and "[vdso]". */
	int (*open_module)(void *context, uint32_t module);
	/* Opens @path as process @process_pid sees it, for what lies beside the modules: a file
	 * descriptor of a regular file, which symbolize_profile closes, or -errno. NULL = only our
	 * own root is looked into. */
	int (*open_process_file)(void *context, uint32_t process_pid, const char *path);
	/* Opens @path as a process sees it that has p->modules.at[@module] mapped, for the module's
	 * separate debug file: as above. NULL = only our own root is looked into. */
	int (*open_beside)(void *context, uint32_t module, const char *path);
	void *context;
	/* Ask the servers in DEBUGINFOD_URLS for debug files that are not here: build ids leave the
	 * machine. */
	bool debuginfod;
	const char *kallsyms_path; /* NULL = /proc/kallsyms */
	bool skip_kernel;          /* leave kernel frames raw */
};

/* A module whose frames stay raw, all or some of them, and why. */
struct symbolize_failure {
	uint32_t module; /* index into the profile's modules; 0 = the kernel without a module row */
	int code;        /* -errno */
	char text[200];  /* may quote hostile bytes: escape when printing */
};

struct symbolize_stats {
	uint32_t frames;         /* raw frames asked for */
	uint32_t named;          /* of these: have a function now */
	uint32_t named_by_calls; /* of these: indirect functions named by their callers */
	uint32_t with_start;     /* without a name, but known where the function begins */
	uint32_t with_line;      /* of these: have a file and line now */
	uint32_t outer;          /* rows added for functions around inlined calls */
	VEC(struct symbolize_failure) failures;
};

/* Fills, in place, every frame of @p that has a module (or is a kernel frame) but no function.
 * Module files are read one by one in confined child processes (worker.h); a file must carry the
 * build id that the module row records. A stripped one is read together with its separate debug
 * file (debug_file.h). Frames in kernel space are looked up in kallsyms and their module becomes
 * "[kernel]" or "[module]"; when the profile has a fact "boot_id" it must be that of the running
 * kernel, for addresses change with each boot. "[vdso]" is read from this process.
 *
 * Code in anonymous memory was made by a just-in-time compiler: an unknown frame of a module
 * "[anon:PID]" (jit.h: one per process, since the same address is other code elsewhere) becomes a
 * FRAME_JIT of module "[jit]". It has a name where the process has told one (perf map, jitdump);
 * where not, a failure row says which option of its runtime would make it do so.
 *
 * Where calls are inlined the frame becomes the innermost function (FRAME_INLINED) and the
 * functions around it are added as rows linked by `outer` (P2). Frames without an answer keep
 * function 0, but get the start of their function where the file's call frame information tells it;
 * indirect functions are named by the calls to them (call_names.h). What cannot be read is a row in
 * @ret->failures, not an error; call symbolize_stats_done() whatever is returned. 0, -ENOMEM, or
 * -E2BIG when a table of the profile is full. */
int symbolize_profile(struct profile *p, const struct symbolize_options *o,
	struct symbolize_stats *ret, struct error *err);
void symbolize_stats_done(struct symbolize_stats *stats);

/* Adds @path to @out with "//", "/./" and "/dir/../" resolved, as compilers join directories. */
struct strbuf;
void source_path(struct strbuf *out, const char *path, size_t n);

#endif

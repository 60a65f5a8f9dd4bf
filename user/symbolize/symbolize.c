/*
 * Symbolizes a profile: raw frames sorted by module and address, one pass per module.
 *
 * The frame rows that exist keep their numbers, since stacks refer to them; only functions around
 * inlined calls are new rows. Those always have a name: a nameless one could equal the raw row that
 * it is the outer frame of, and close a circle.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/symbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "symbolize/call_names.h"
#include "symbolize/debug_file.h"
#include "symbolize/jit.h"
#include "symbolize/kallsyms.h"
#include "symbolize/vdso.h"
#include "symbolize/worker.h"

enum { IFUNCS_MAX = 1 << 16 }; /* of all modules together */

static const char other_boot[] = "captured on another machine or before a reboot";

/* A raw frame to resolve. */
struct asked {
	uint64_t offset;
	uint32_t module, frame;
	bool kernel;
};

struct work {
	struct profile *profile;
	const struct symbolize_options *options;
	struct symbolize_stats *stats;
	VEC(struct asked) asked; /* kernel last, then by module, offset */
	/* The module in progress: its addresses, and where each one's frames begin in asked. */
	VEC(uint64_t) vaddrs;
	VEC(uint32_t) first;
	bool no_debuginfod;   /* the servers have failed */
	struct ifuncs ifuncs; /* of the modules that have nameless functions */
};

static void work_done(struct work *w)
{
	vec_done(&w->asked);
	vec_done(&w->vaddrs);
	vec_done(&w->first);
	vec_done(&w->ifuncs.all);
}

void symbolize_stats_done(struct symbolize_stats *stats)
{
	vec_done(&stats->failures);
}

static const char *module_path(const struct profile *p, uint32_t module)
{
	return profile_str(p, p->modules.at[module].path);
}

static int compare(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	if (x->kernel != y->kernel)
		return x->kernel - y->kernel;
	if (!x->kernel && x->module != y->module)
		return x->module < y->module ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int gather(struct work *w)
{
	const struct profile *p = w->profile;

	for (uint32_t i = 1; i < p->frames.n; i++) {
		const struct profile_frame *f = &p->frames.at[i];
		bool kernel =
			f->kind == FRAME_KERNEL || !strcmp(module_path(p, f->module), "[kernel]");

		if (f->function || (!f->module && !kernel) ||
			(f->kind != FRAME_NATIVE && f->kind != FRAME_UNKNOWN && !kernel))
			continue;
		if (vec_push(&w->asked, (struct asked){ f->offset, f->module, i, kernel }))
			return -ENOMEM;
	}
	if (w->asked.n)
		qsort(w->asked.at, w->asked.n, sizeof(*w->asked.at), compare);
	return 0;
}

static int fail(struct work *w, uint32_t module, int code, const char *text)
{
	struct symbolize_failure failure = { .module = module, .code = code };

	strncpy(failure.text, text, sizeof(failure.text) - 1);
	return vec_push(&w->stats->failures, failure);
}

/* ---- Kernel ---------------------------------------------------------------------------------- */

/* Whether the profile's kernel addresses are of this boot, as far as it tells. */
static bool same_boot(const struct profile *p)
{
	const char *recorded = profile_fact_find(p, "boot_id");
	CLEANUP(file_closep)
	FILE *f = recorded ? fopen("/proc/sys/kernel/random/boot_id", "re") : NULL;
	char running[64] = "";

	if (!recorded || !f || !fgets(running, sizeof(running), f))
		return true;
	running[strcspn(running, "\n")] = 0;
	return !strcmp(recorded, running);
}

static int open_kallsyms(struct work *w, struct kallsyms **ret, struct error *err)
{
	const char *path = w->options->kallsyms_path ? w->options->kallsyms_path : "/proc/kallsyms";

	if (!same_boot(w->profile))
		return error_set(err, -ESTALE, "%s", other_boot);
	CLEANUP(file_closep) FILE *f = fopen(path, "re");
	if (!f)
		return error_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	return kallsyms_read(f, ret, err);
}

static int name_kernel_frame(
	struct profile *p, uint32_t frame, const struct kallsyms_symbol *symbol)
{
	int64_t module = profile_module(p, symbol->module, NULL, 0);
	int64_t function = profile_string(p, symbol->name);

	if (module < 0 || function < 0)
		return module < 0 ? (int)module : (int)function;
	p->frames.at[frame].kind = FRAME_KERNEL;
	p->frames.at[frame].module = (uint32_t)module;
	p->frames.at[frame].function = (uint32_t)function;
	return 0;
}

/* Resolves the kernel frames, which are asked[@at] and all behind. */
static int resolve_kernel(struct work *w, uint32_t at)
{
	CLEANUP(kallsyms_freep) struct kallsyms *k = NULL;
	struct error why = { 0 };

	if (at == w->asked.n || w->options->skip_kernel)
		return 0;
	int r = open_kallsyms(w, &k, &why);
	if (r)
		return r == -ENOMEM ? r : fail(w, w->asked.at[at].module, r, why.text);
	for (; !r && at < w->asked.n; at++) {
		const struct kallsyms_symbol *symbol = kallsyms_find(k, w->asked.at[at].offset);

		if (symbol)
			r = name_kernel_frame(w->profile, w->asked.at[at].frame, symbol);
	}
	return r;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* A file that has no build id to tell it by must at least not have changed since the capture. */
static int check_age(const struct profile *p, int fd, struct error *err)
{
	uint64_t end_s = (p->capture.start_unix_ns + p->capture.duration_ns) / 1000000000 + 1;
	struct stat st;

	if (fstat(fd, &st))
		return error_set(err, -errno, "cannot be examined: %s", strerror(errno));
	if (p->capture.start_unix_ns && (uint64_t)st.st_ctime > end_s)
		return error_set(err, -ESTALE, "no build id, and changed since the capture");
	return 0;
}

static int open_path(const struct profile *p, uint32_t module, struct error *err)
{
	const char *path = module_path(p, module);

	if (path[0] != '/')
		return error_set(err, -ENOENT, "not a file");
	/* Not blocking, should the path be a pipe by now. */
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set(err, -errno, "cannot be opened: %s", strerror(errno));
	int r = p->modules.at[module].build_id_bytes ? 0 : check_age(p, fd, err);
	return r ? r : fd_steal(&fd);
}

static int open_module(const struct work *w, uint32_t module, struct error *err)
{
	if (!strcmp(module_path(w->profile, module), "[vdso]")) {
		if (!w->profile->modules.at[module].build_id_bytes && !same_boot(w->profile))
			return error_set(err, -ESTALE, "%s", other_boot);
		return vdso_open(err);
	}
	if (!w->options->open_module)
		return open_path(w->profile, module, err);
	int fd = w->options->open_module(w->options->context, module);
	return fd >= 0 ? fd : error_set(err, fd, "cannot be opened: %s", strerror(-fd));
}

/* The place's texts as strings of the profile, into @f. A missing name leaves @f's. */
static int set_place(struct profile *p, struct profile_frame *f, const struct worker_place *place)
{
	CLEANUP_STRBUF struct strbuf path = { 0 };

	source_path(&path, place->file, place->file_bytes);
	if (path.oom)
		return -ENOMEM;
	int64_t function = profile_string_n(p, place->function, place->function_bytes);
	int64_t file = profile_string_n(p, strbuf_cstr(&path), path.length);
	if (function < 0 || file < 0)
		return function < 0 ? (int)function : (int)file;
	if (function)
		f->function = (uint32_t)function;
	f->file = (uint32_t)file;
	f->line = file ? place->line : 0;
	return 0;
}

/* Adds the functions around the innermost one; @f->outer becomes the nearest of them. */
static int add_outer(
	struct work *w, struct profile_frame *f, const struct worker_place *places, uint32_t n)
{
	struct profile *p = w->profile;
	uint32_t outer = 0;

	for (uint32_t i = n - 1; i > 0; i--) {
		struct profile_frame row = { .kind = outer ? FRAME_INLINED : FRAME_NATIVE,
			.flags = f->flags,
			.module = f->module,
			.offset = f->offset,
			.outer = outer };
		uint32_t before = p->frames.n;
		int r = set_place(p, &row, &places[i]);

		if (r)
			return r;
		if (!row.function)
			continue;
		int64_t added = profile_frame(p, &row);
		if (added < 0)
			return (int)added;
		outer = (uint32_t)added;
		w->stats->outer += p->frames.n - before;
	}
	f->outer = outer;
	return 0;
}

/* The end, in w->asked, of the frames at address number @index of the module in progress. */
static uint32_t asked_end(const struct work *w, uint32_t index)
{
	uint32_t end = w->first.at[index];
	struct asked first = w->asked.at[end];

	while (end < w->asked.n && !w->asked.at[end].kernel &&
		w->asked.at[end].module == first.module && w->asked.at[end].offset == first.offset)
		end++;
	return end;
}

static int place(void *context, uint32_t index, const struct worker_place *places, uint32_t n)
{
	struct work *w = context;
	uint32_t end = asked_end(w, index);

	for (uint32_t i = w->first.at[index]; i < end; i++) {
		const struct asked *a = &w->asked.at[i];
		struct profile_frame f = w->profile->frames.at[a->frame];
		int r = set_place(w->profile, &f, &places[0]);
		if (!r)
			r = add_outer(w, &f, places, f.function ? n : 1);
		if (r)
			return r;
		f.kind = f.outer ? FRAME_INLINED : f.function ? FRAME_NATIVE : f.kind;
		f.start = f.function ? 0 : f.start;
		w->profile->frames.at[a->frame] = f;
	}
	return 0;
}

static int note_start(void *context, uint32_t index, uint64_t start_vaddr)
{
	struct work *w = context;
	uint32_t end = asked_end(w, index);

	for (uint32_t i = w->first.at[index]; i < end; i++) {
		struct profile_frame *f = &w->profile->frames.at[w->asked.at[i].frame];

		if (!f->function)
			f->start = start_vaddr;
	}
	return 0;
}

static int note_ifunc(void *context, struct worker_name name, struct worker_name best)
{
	struct work *w = context;
	int64_t name_string = profile_string_n(w->profile, name.at, name.n);
	int64_t best_string = profile_string_n(w->profile, best.at, best.n);

	if (name_string < 0 || best_string < 0)
		return name_string < 0 ? (int)name_string : (int)best_string;
	if (w->ifuncs.all.n >= IFUNCS_MAX)
		return -E2BIG;
	return vec_push(&w->ifuncs.all, (struct ifunc){ w->asked.at[w->first.at[0]].module,
						(uint32_t)name_string, (uint32_t)best_string });
}

/* Lists the distinct addresses of the module whose frames begin at asked[@at]; returns the end. */
static int list_addresses(struct work *w, uint32_t at, uint32_t *ret_end)
{
	uint32_t module = w->asked.at[at].module;

	w->vaddrs.n = w->first.n = 0;
	for (; at < w->asked.n && !w->asked.at[at].kernel && w->asked.at[at].module == module;
		at++) {
		uint64_t offset = w->asked.at[at].offset;

		if (w->vaddrs.n && w->vaddrs.at[w->vaddrs.n - 1] == offset)
			continue;
		if (vec_push(&w->vaddrs, offset) || vec_push(&w->first, at))
			return -ENOMEM;
	}
	*ret_end = at;
	return 0;
}

static bool has_failed(const struct work *w, uint32_t module)
{
	vec_each (f, &w->stats->failures)
		if (f->module == module)
			return true;
	return false;
}

/* A module whose debug file is looked for. */
struct beside {
	const struct symbolize_options *options;
	uint32_t module;
};

static int open_beside(void *context, const char *path)
{
	const struct beside *b = context;

	return b->options->open_beside(b->options->context, b->module, path);
}

/* Finds what belongs to the module's file @fd. A server that fails is not asked again. */
static int find_debug(
	struct work *w, uint32_t module, int fd, struct debug_files *ret, struct error *err)
{
	struct beside beside = { w->options, module };
	struct debug_search search = { .fd = fd,
		.path = module_path(w->profile, module),
		.open_beside = w->options->open_beside ? open_beside : NULL,
		.context = &beside,
		.debuginfod = w->options->debuginfod && !w->no_debuginfod };
	int r = debug_files_open(&search, ret, err);

	w->no_debuginfod |= r != 0;
	return r;
}

/* Runs @task on the open file of @module. */
static int read_file(struct work *w, uint32_t module, struct worker_task *task, struct error *err)
{
	struct debug_files debug = { 0 };
	struct error other;
	int found = task->call ? 0 : find_debug(w, module, task->fd, &debug, &other);

	task->debug_fd = debug.debug_fd;
	task->alt_fd = debug.alt_fd;
	int r = worker_run(task, err);
	debug_files_close(&debug);
	if (found && !r) {
		*err = other;
		r = found;
	}
	return r;
}

/* Runs @task on the file of @module; what it could not do becomes a failure row, one a module. */
static int read_module(void *context, uint32_t module, struct worker_task *task)
{
	struct work *w = context;
	const struct profile_module *row = &w->profile->modules.at[module];
	struct error why = { 0 };

	if (has_failed(w, module) || !strcmp(module_path(w->profile, module), JIT_MODULE))
		return 0;
	CLEANUP(fd_closep) int fd = open_module(w, module, &why);
	if (fd < 0)
		return fail(w, module, fd, why.text);
	bool kept_open =
		w->options->open_module || !strcmp(module_path(w->profile, module), "[vdso]");
	uint8_t build_id[PROFILE_BUILD_ID_BYTES]; /* rows may move */
	memcpy(build_id, row->build_id, sizeof(build_id));
	task->fd = fd;
	task->build_id = build_id;
	task->build_id_bytes = row->build_id_bytes;
	task->build_id_unchecked = !row->build_id_bytes && kept_open;
	int r = read_file(w, module, task, &why);
	return r ? fail(w, module, r, why.text) : 0;
}

/* Asks for the addresses of the module in progress. */
static int resolve_module(struct work *w, uint32_t module)
{
	struct worker_task task = { .vaddrs = w->vaddrs.at,
		.count = w->vaddrs.n,
		.place = place,
		.start = note_start,
		.ifunc = note_ifunc,
		.context = w };

	return read_module(w, module, &task);
}

/* ---- JIT code -------------------------------------------------------------------------------- */

/* The newest process with this number; 0 as @pid: the only process there is. 0 = none. */
static uint32_t process_of(const struct profile *p, uint32_t pid)
{
	if (!pid)
		return p->processes.n == 2;
	for (uint32_t i = p->processes.n; i-- > 1;)
		if (p->processes.at[i].pid == pid)
			return i;
	return 0;
}

/* Marks the frames of the module in progress as JIT code, with or without a name. */
static int mark_jit(struct work *w, uint32_t module)
{
	int64_t jit = profile_module(w->profile, JIT_MODULE, NULL, 0);

	if (jit < 0)
		return (int)jit;
	for (uint32_t i = w->first.at[0]; i < w->asked.n && w->asked.at[i].module == module; i++) {
		struct profile_frame *f = &w->profile->frames.at[w->asked.at[i].frame];

		if (w->asked.at[i].kernel)
			break;
		f->kind = FRAME_JIT;
		f->module = (uint32_t)jit;
	}
	return 0;
}

/* Names the code in the anonymous memory of process @pid, which is module @module. */
static int resolve_jit(struct work *w, uint32_t module, uint32_t pid)
{
	struct jit_task task = { .profile = w->profile,
		.process = process_of(w->profile, pid),
		.addresses = w->vaddrs.at,
		.count = w->vaddrs.n,
		.open_file = w->options->open_process_file,
		.open_context = w->options->context,
		.place = place,
		.context = w };
	struct error why = { 0 };
	int r;

	if (!task.process)
		r = error_set(&why, -ENOENT, "JIT code: it is not known of which process");
	else if (!same_boot(w->profile))
		r = error_set(&why, -ESTALE, "%s", other_boot);
	else
		r = jit_run(&task, &why);
	if (r && !why.code)
		return r; /* the profile is full */
	if (r == -ENOMEM || (r && fail(w, module, r, why.text)))
		return -ENOMEM;
	return mark_jit(w, module);
}

/* ---------------------------------------------------------------------------------------------- */

static int resolve(struct work *w)
{
	uint32_t at = 0;

	while (at < w->asked.n && !w->asked.at[at].kernel) {
		uint32_t module = w->asked.at[at].module, pid;
		int r = list_addresses(w, at, &at);

		if (!r)
			r = jit_module_is(module_path(w->profile, module), &pid)
				    ? resolve_jit(w, module, pid)
				    : resolve_module(w, module);
		if (r)
			return r;
	}
	return resolve_kernel(w, at);
}

int symbolize_profile(struct profile *p, const struct symbolize_options *o,
	struct symbolize_stats *ret, struct error *err)
{
	static const struct symbolize_options defaults;
	CLEANUP(work_done)
	struct work w = { .profile = p, .options = o ? o : &defaults, .stats = ret };

	*ret = (struct symbolize_stats){ 0 };
	int r = gather(&w);
	if (!r)
		r = resolve(&w);
	if (!r)
		r = call_names(p, &w.ifuncs, read_module, &w, &ret->named_by_calls);
	ret->frames = w.asked.n;
	for (uint32_t i = 0; i < w.asked.n; i++) {
		const struct profile_frame *f = &p->frames.at[w.asked.at[i].frame];

		ret->named += f->function != 0;
		ret->with_start += f->start != 0;
		ret->with_line += f->file && f->line;
	}
	if (r == -ENOMEM)
		return error_oom(err);
	return r ? error_set(err, r, "the profile's tables are full") : 0;
}

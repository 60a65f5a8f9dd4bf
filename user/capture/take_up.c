/* Drained events become processes, threads, frames, stacks and samples of the profile. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "capture/private.h"
#include "proc/maps.h"
#include "proc/process.h"

/* How long the loader of a new program may map libraries. */
enum { STARTING_NS = 10000000 };

static int changed(struct capture *c, pid_t pid)
{
	for (uint32_t i = c->changed.n; i-- > 0;)
		if (c->changed.at[i] == pid)
			return 0;
	return vec_push(&c->changed, pid);
}

/* ---- mappings ---- */

static int map_add(struct capture *c, struct process *p, const struct proc_mapping *m)
{
	struct process_mapping mapping = { .start = m->start, .end = m->end };
	int r = modules_learn(c->modules, p->pid, m, &mapping.module, &mapping.vaddr);

	if (r)
		return r;
	r = process_map(p, &mapping);
	if (r == -E2BIG) {
		c->mappings_dropped++;
		return 0;
	}
	return r == -EINVAL ? 0 : r ? r : changed(c, p->pid);
}

struct scan {
	struct capture *capture;
	struct process *process;
};

static int scan_each(void *context, const struct proc_mapping *m)
{
	struct scan *scan = context;

	if (!m->executable)
		return 0;
	return map_add(scan->capture, scan->process, m);
}

static int process_scan(struct capture *c, struct process *p)
{
	struct scan scan = { c, p };
	int r = proc_maps_each(p->pid, scan_each, &scan, NULL);

	p->scanned = true;
	return r == -ENOMEM ? r : 0; /* gone or kernel thread: no mappings */
}

int take_up_process(struct capture *c, pid_t pid)
{
	struct proc_stat stat;

	if (proc_stat_read(pid, 0, &stat, NULL))
		return 0;
	struct process *p = process_get(c->processes, pid, stat.start_ns);
	if (!p)
		return -ENOMEM;
	return p->scanned || stat.kthread ? 0 : process_scan(c, p);
}

/* ---- rows of the profile ---- */

/* What /proc tells about a process, while it is there. */
static int process_describe(struct capture *c, struct profile_process *row, pid_t pid)
{
	char text[4096];
	struct proc_stat stat;
	int64_t s = 0;

	if (!proc_exe(pid, text, sizeof(text)))
		s = profile_string(c->profile, text);
	if (s > 0)
		row->exe = (uint32_t)s;
	if (s >= 0 && !proc_command(pid, text, sizeof(text)))
		s = profile_string(c->profile, text);
	else
		s = s < 0 ? s : 0;
	if (s > 0)
		row->command = (uint32_t)s;
	if (s >= 0 && !proc_stat_read(pid, 0, &stat, NULL))
		s = profile_string(c->profile, stat.comm);
	if (s > 0)
		row->comm = (uint32_t)s;
	return s < 0 ? (int)s : 0;
}

/* The process's row in the profile. */
static int64_t process_row(struct capture *c, struct process *p, const char *comm)
{
	if (p->number)
		return p->number;
	int64_t index = profile_process(c->profile, (uint32_t)p->pid, p->start_ns);
	if (index < 0)
		return index;
	/* process_describe() may move the string table, not this one. */
	struct profile_process *row = &c->profile->processes.at[index];
	int64_t name = profile_string(c->profile, comm);
	if (name < 0)
		return name;
	if (!row->comm)
		row->comm = (uint32_t)name;
	int r = process_describe(c, row, p->pid);
	if (r)
		return r;
	p->number = (uint32_t)index;
	return index;
}

static int64_t thread_row(struct capture *c, struct process *p, const struct wire_sample *s)
{
	char comm[sizeof(s->comm) + 1];

	memcpy(comm, s->comm, sizeof(s->comm));
	comm[sizeof(s->comm)] = 0;
	int64_t process = process_row(c, p, comm);
	if (process < 0)
		return process;
	int64_t index = profile_thread(c->profile, (uint32_t)process, s->tid);
	int64_t name = profile_string(c->profile, comm);
	if (index < 0 || name < 0)
		return index < 0 ? index : name;
	c->profile->threads.at[index].comm = (uint32_t)name;
	if (s->tid == s->pid)
		c->profile->processes.at[process].comm = (uint32_t)name;
	return index;
}

static int64_t user_frame(struct capture *c, const struct process *p, uint64_t word)
{
	uint64_t address = word & WIRE_FRAME_ADDRESS;
	struct profile_frame f = { .kind = FRAME_UNKNOWN };

	/* A return address may be the first byte of the next function: look inside the call. */
	if (!(word & WIRE_FRAME_EXACT))
		address--;
	f.offset = address;
	f.flags = word & WIRE_FRAME_GUESSED ? FRAME_FLAG_GUESSED : 0;
	const struct process_mapping *m = process_mapping_find(p, address);
	if (m) {
		f.module = modules_profile_index(c->modules, m->module);
		f.offset = address - m->start + m->vaddr;
		f.kind = modules_image(c->modules, m->module) ? FRAME_NATIVE : FRAME_UNKNOWN;
	}
	return profile_frame(c->profile, &f);
}

static int64_t kernel_frame(struct capture *c, uint64_t address, bool is_leaf)
{
	/* Looked up once: most samples of a busy kernel have a dozen such frames. */
	int64_t module = c->kernel_module ? c->kernel_module
					  : profile_module(c->profile, "[kernel]", NULL, 0);
	struct profile_frame f = {
		.kind = FRAME_KERNEL,
		.module = module < 0 ? 0 : (uint32_t)module,
		.offset = address - !is_leaf,
	};

	c->kernel_module = f.module;
	return module < 0 ? module : profile_frame(c->profile, &f);
}

/* The stack of a sample, built from the root: user frames, then kernel frames. */
static int64_t stack_row(
	struct capture *c, struct process *p, const struct wire_sample *s, const uint64_t *frames)
{
	uint32_t stop = s->stop < STOP_REASON_COUNT ? c->stops[s->stop] : 0;
	const uint64_t *kernel = frames + s->user_frames;
	int64_t stack = 0;

	for (uint32_t i = s->user_frames; i-- > 0 && stack >= 0;) {
		int64_t frame;

		if (i && frames[i - 1] & WIRE_FRAME_PYTHON) {
			frame = python_frame(
				c, p, frames[i - 1] & WIRE_FRAME_ADDRESS, (uint32_t)frames[i]);
			i--;
		} else {
			frame = user_frame(c, p, frames[i]);
		}
		stack = frame < 0
				? frame
				: profile_stack(c->profile, (uint32_t)stack, (uint32_t)frame, stop);
	}
	for (uint32_t i = s->kernel_frames; i-- > 0 && stack >= 0;) {
		int64_t frame = kernel_frame(c, kernel[i], i == 0);

		stack = frame < 0
				? frame
				: profile_stack(c->profile, (uint32_t)stack, (uint32_t)frame, stop);
	}
	if (!stack) { /* nothing is known but that it ran */
		int64_t frame = profile_frame(c->profile, &(struct profile_frame){ .offset = 1 });

		stack = frame < 0 ? frame : profile_stack(c->profile, 0, (uint32_t)frame, stop);
	}
	return stack;
}

static int stack_used(struct capture *c, uint32_t stack, uint32_t thread)
{
	while (c->stack_uses.n <= stack)
		if (vec_push(&c->stack_uses, (struct stack_use){ 0 }))
			return -ENOMEM;
	c->stack_uses.at[stack].count++;
	c->stack_uses.at[stack].process = c->profile->threads.at[thread].process;
	return 0;
}

/* ---- the sink ---- */

static int on_sample(void *context, const struct wire_sample *s, const uint64_t *frames)
{
	struct capture *c = context;
	struct process *p = process_get(c->processes, (pid_t)s->pid, s->start_ns);

	if (!p)
		return -ENOMEM;
	if (!p->scanned && !(s->flags & WIRE_SAMPLE_KTHREAD)) {
		int r = process_scan(c, p);

		if (r)
			return r;
	}
	int64_t thread = thread_row(c, p, s);
	int64_t stack = thread < 0 ? thread : stack_row(c, p, s, frames);
	if (stack < 0)
		return (int)stack;
	uint64_t since = s->time_ns > c->start_ns ? s->time_ns - c->start_ns : 0;
	c->samples++;
	if (stack_used(c, (uint32_t)stack, (uint32_t)thread))
		return -ENOMEM;
	return profile_sample(c->profile, &(struct profile_sample){
						  .bucket = (uint32_t)(since / PROFILE_BUCKET_NS),
						  .thread = (uint32_t)thread,
						  .stack = (uint32_t)stack,
						  .kind = SAMPLE_ON_CPU,
						  .count = 1,
						  .value = (int64_t)c->period_ns,
						  .weight = 1,
					  });
}

static int on_process(void *context, const struct wire_process_event *e)
{
	struct capture *c = context;

	if (e->type == WIRE_FORK) {
		int r = process_fork(
			c->processes, (pid_t)e->parent_pid, (pid_t)e->pid, e->start_ns);

		return r ? r : changed(c, (pid_t)e->pid);
	}
	if (e->type == WIRE_EXIT) {
		struct process *p = process_find(c->processes, (pid_t)e->pid);

		if (p)
			p->exited = true;
		return p ? vec_push(&c->ended, (pid_t)e->pid) : 0;
	}
	return 0;
}

static int on_mapping(void *context, pid_t pid, const struct proc_mapping *m)
{
	struct capture *c = context;
	struct process *p = process_find(c->processes, pid);

	/* Under a named target others' mappings are no concern; a process not seen yet is read
	 * from /proc when its first sample comes. */
	return p && p->scanned ? map_add(c, p, m) : 0;
}

static int on_comm(void *context, const struct collect_comm *comm)
{
	struct capture *c = context;
	struct process *p = process_find(c->processes, comm->pid);

	if (!p || !comm->exec)
		return 0;
	c->starting_until_ns = clock_now_ns() + STARTING_NS;
	/* A new program: its mappings follow; its name and arguments are read at its next sample.
	 */
	process_exec(p);
	p->number = 0;
	p->scanned = true;
	return changed(c, comm->pid);
}

static int rescan_each(void *context, struct process *p)
{
	return p->scanned && !p->exited ? process_scan(context, p) : 0;
}

static int on_sideband_lost(void *context, uint64_t count)
{
	struct capture *c = context;

	c->sideband_lost += count;
	return process_each(c->processes, rescan_each, c);
}

int take_up_init(struct capture *c, struct error *err)
{
	static const char *const names[] = {
#define X(e, name, text) [e] = name,
		STOP_REASONS(X)
#undef X
	};

	for (int i = 0; i < STOP_REASON_COUNT; i++) {
		int64_t s = profile_string(c->profile, names[i]);

		if (s < 0)
			return error_oom(err);
		c->stops[i] = (uint32_t)s;
	}
	return 0;
}

int take_up(struct capture *c, struct error *err)
{
	struct collect_sink sink = {
		.sample = on_sample,
		.process = on_process,
		.mapping = on_mapping,
		.comm = on_comm,
		.code = python_code_add,
		.sideband_lost = on_sideband_lost,
		.context = c,
	};
	c->drains++;
	int r = collect_drain(c->collect, &sink, err);

	if (r)
		return r;
	/* Events of a process that has ended may share its last moment: forget it only now. */
	vec_each (pid, &c->ended) {
		struct process *p = process_find(c->processes, *pid);

		if (p && p->exited) {
			collect_process_drop(c->collect, *pid);
			python_forget(c, *pid);
			process_remove(c->processes, *pid);
		}
	}
	c->ended.n = 0;
	return tables_upload(c, err);
}

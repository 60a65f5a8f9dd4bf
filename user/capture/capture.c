/*
 * The assembly line: collect -> symbolize -> profile -> recording.
 *
 *   OPEN      start the command stopped; create the recording; load and open the kernel half
 *     |       any failure ends here, nothing is left behind but an empty recording that is removed
 *   PREPARE   the targets' mappings and unwind tables go up (those that are known by then)
 *     |
 *   SAMPLE    events on; privileges dropped; every DRAIN_MS (DRAIN_BUSY_MS while programs start):
 *     |       drain, upload; every second: commit
 *     |       ends by duration, signal, or the end of all targets
 *   FINISH    events off, last drain; symbols, sources, facts; the recording is closed as one file
 *
 * An error while sampling (a full disk) still goes through what FINISH can do in memory, and is
 * then reported. The only arrow back to the kernel half is tables_upload().
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "capture/capture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "capture/private.h"
#include "symbolize/symbolize.h"

enum {
	DRAIN_MS = 100,
	DRAIN_BUSY_MS = 5,
	DRAIN_START_MS = 1,
	DRAIN_LEAST_US = 1000,
	COMMIT_MS = 1000,
	PROGRESS_MS = 500
};

CLEANUP_DEFINE(struct target *, target_close)

static void capture_done(struct capture *c)
{
	recording_close(c->recording);
	collect_close(c->collect);
	python_done(c);
	modules_free(c->modules);
	process_table_free(c->processes);
	profile_free(c->profile);
	vec_done(&c->stack_uses);
	vec_done(&c->changed);
	vec_done(&c->ended);
}

/* Any process may come to be sampled. */
static bool takes_all(const struct capture_options *o)
{
	return o->system_wide || o->comm || o->cgroup;
}

/* The Python steps cost 20 ms of loading. They are left out for named processes that run no Python
 * and have no children that could; should one start Python later, the profile says so. */
static int python_decide(struct capture *c, const pid_t *pids, size_t n)
{
	c->no_python = n && !c->options->command && !takes_all(c->options);
	for (size_t i = 0; i < n && c->no_python; i++) {
		int r = take_up_process(c, pids[i]);

		if (r)
			return r;
		const struct process *p = process_find(c->processes, pids[i]);
		for (uint32_t m = 0; p && m < p->mappings.n; m++)
			if (modules_python(c->modules, p->mappings.at[m].module))
				c->no_python = false;
		if (proc_has_children(pids[i]))
			c->no_python = false;
	}
	return 0;
}

/* OPEN */
static int capture_open(struct capture *c, struct target *target, struct error *err)
{
	const struct capture_options *o = c->options;
	struct collect_config config = {
		.command = o->command != NULL,
		.rate_hz = o->rate_hz,
		.force = o->force,
		.comm = o->comm,
		.cgroup = target_cgroup(target),
	};

	config.pids = target_pids(target, &config.pid_count);
	c->profile = profile_new();
	c->processes = process_table_new();
	c->modules = c->profile ? modules_new(c->profile) : NULL;
	if (!c->modules || !c->processes)
		return error_oom(err);
	int r = python_decide(c, config.pids, config.pid_count);
	if (r)
		return error_set(err, r, "cannot read the targets' mappings: %s", strerror(-r));
	config.no_python = c->no_python;
	r = collect_open(&config, &c->collect, err);
	if (r)
		return r;
	c->period_ns = collect_period_ns(c->collect);
	return take_up_init(c, err);
}

/* PREPARE: what is running now. For targets that are known this is done before sampling starts, for
 * all other processes (@all) after it. */
static int mappings_scan(struct capture *c, struct target *target, bool all, struct error *err)
{
	size_t n;
	const pid_t *pids = target_pids(target, &n);
	CLEANUP(proc_ids_done) struct proc_ids found = { 0 };
	int r = 0;

	if (!n) {
		r = all ? proc_list(&found, err) : target_find(target, &found, err);
		pids = found.ids.at;
		n = found.ids.n;
	}
	for (size_t i = 0; i < n && !r; i++)
		r = take_up_process(c, pids[i]);
	return r ? error_set(err, r, "cannot read the targets' mappings: %s", strerror(-r))
		 : tables_upload(c, err);
}

static int recording_open(struct capture *c, struct error *err)
{
	if (!c->options->recording)
		return 0;
	return recording_create(c->options->recording, c->options->overwrite, &c->recording, err);
}

static int commit(struct capture *c, struct error *err)
{
	if (!c->recording)
		return 0;
	c->profile->capture.duration_ns = clock_now_ns() - c->start_ns;
	if (losses_add(c))
		return error_oom(err);
	return recording_write(c->recording, c->profile, !c->options->keep_samples, err);
}

static void progress(struct capture *c)
{
	struct capture_progress p = {
		.seconds = (double)(clock_now_ns() - c->start_ns) / 1e9,
		.samples = c->samples,
		.lost = c->sideband_lost,
	};

	for (int i = 0; i < LOSS_COUNTER_COUNT; i++)
		p.lost += collect_loss(c->collect, i);
	c->options->progress(c->options->context, &p);
}

/* SAMPLE */
static int sample(
	struct capture *c, struct target *target, bool *ret_interrupted, struct error *err)
{
	uint64_t end_ns = UINT64_MAX, commit_ns = c->start_ns, progress_ns = c->start_ns;
	uint64_t drained_ns = 0;
	bool over = false;

	if (c->options->duration_s > 0)
		end_ns = c->start_ns + (uint64_t)(c->options->duration_s * 1e9);
	while (!over) {
		uint64_t now = clock_now_ns();
		uint64_t left_ms = now >= end_ns ? 0 : (end_ns - now + 999999) / 1000000;

		uint64_t drain_ms = now < c->starting_until_ns ? DRAIN_START_MS
				    : now < c->busy_until_ns   ? DRAIN_BUSY_MS
							       : DRAIN_MS;

		over = target_wait(target, (int)(left_ms < drain_ms ? left_ms : drain_ms),
			collect_full_fd(c->collect), ret_interrupted);
		now = clock_now_ns();
		/* Thousands of new programs a second wake us together, not one by one. */
		if (!over && now - drained_ns < DRAIN_LEAST_US * 1000ULL) {
			usleep(DRAIN_LEAST_US);
			now = clock_now_ns();
		}
		drained_ns = now;
		if (over || now >= end_ns) {
			collect_disable(c->collect);
			over = true;
		}
		int r = take_up(c, err);
		if (!r && !over && now - commit_ns >= COMMIT_MS * 1000000ULL) {
			r = commit(c, err);
			commit_ns = now;
		}
		if (r) {
			collect_disable(c->collect);
			return r;
		}
		if (c->options->progress && now - progress_ns >= PROGRESS_MS * 1000000ULL) {
			progress(c);
			progress_ns = now;
		}
	}
	return 0;
}

/* Keeps for people which modules have no names, and why. */
static int failures_add(struct profile *p, const struct symbolize_stats *stats)
{
	enum { SHOWN = 8 };
	CLEANUP_STRBUF struct strbuf text = { 0 };

	for (uint32_t i = 0; i < stats->failures.n && i < SHOWN; i++) {
		const struct symbolize_failure *f = &stats->failures.at[i];

		strbuf_printf(&text, "%s%s: %s", i ? "; " : "",
			profile_str(p, p->modules.at[f->module].path), f->text);
	}
	return text.oom || (text.length && profile_fact(p, "not_named", strbuf_cstr(&text)));
}

/* FINISH */
static int finish(struct capture *c, struct target *target, struct error *err)
{
	struct symbolize_options symbolize = {
		.open_module = modules_open_fd,
		.open_process_file = modules_open_process_file,
		.open_beside = modules_open_beside,
		.context = c->modules,
		.debuginfod = c->options->debuginfod,
	};
	CLEANUP(symbolize_stats_done) struct symbolize_stats stats = { 0 };
	struct collect_counts counts;
	struct profile_capture *capture = &c->profile->capture;

	if (!capture->duration_ns)
		capture->duration_ns = clock_now_ns() - c->start_ns;
	if (!collect_counts(c->collect, &counts) && counts.event_ns) {
		bool per_task = collect_attach_mode(c->collect) == COLLECT_PER_TASK;

		capture->on_cpu_ns = per_task ? counts.event_ns : 0;
		/* Per CPU the clocks also run while a CPU is idle, when nothing is sampled. */
		if (per_task) {
			uint64_t due = counts.event_ns / c->period_ns;

			capture->rate_had_hz = (double)counts.runs * 1e9 / (double)counts.event_ns;
			/* Each thread's last period is usually not over. */
			if (due > counts.runs + counts.runs / 100 + c->profile->threads.n + 2 &&
				profile_lost(c->profile, "skipped",
					"sampling events on which the program did not run",
					due - counts.runs, false))
				return error_oom(err);
		}
	}
	if (facts_add(c, target) || losses_add(c))
		return error_oom(err);
	int r = symbolize_profile(c->profile, &symbolize, &stats, err);
	if (r)
		return r;
	if (failures_add(c->profile, &stats))
		return error_oom(err);
	if (!c->options->no_source && sources_read(c))
		return error_oom(err);
	return c->recording ? recording_finish(c->recording, c->profile, err) : 0;
}

static int nothing_captured(struct capture *c, struct error *err)
{
	error_exit(err, EXIT_TARGET, -ESRCH, "nothing was captured: the target used no CPU time");
	return error_hint(err, "record for longer (-d), or sample faster (-F); a target that only "
			       "waits has no on-CPU profile");
}

static int run(
	struct capture *c, struct target *target, struct capture_result *ret, struct error *err)
{
	const struct capture_options *o = c->options;

	target_priority_raise(target);
	int r = capture_open(c, target, err);

	if (!r)
		r = recording_open(c, err);
	if (!r && !o->system_wide)
		r = mappings_scan(c, target, false, err);
	if (!r && o->command)
		r = preload_command(c, o->command[0], err);
	if (!r)
		r = collect_enable(c->collect, err);
	if (r)
		return r;
	c->start_ns = collect_enabled_ns(c->collect);
	c->profile->capture.start_unix_ns = (uint64_t)time(NULL) * 1000000000ULL;
	c->profile->capture.rate_asked_hz = o->rate_hz ? o->rate_hz : 99;
	c->profile->capture.rate_had_hz = c->profile->capture.rate_asked_hz;
	c->busy_until_ns = c->start_ns + 1000000ULL * COMMIT_MS / 5;
	if (o->command) {
		c->starting_until_ns = c->start_ns + 30000000;
		r = target_release(target, err);
	}
	if (!r && takes_all(o))
		r = mappings_scan(c, target, true, err);
	if (!r)
		r = commit(c, err);
	if (!r)
		r = privileges_drop(err);
	if (!r)
		r = sample(c, target, &ret->interrupted, err);
	c->profile->capture.duration_ns = clock_now_ns() - c->start_ns;
	target_priority_restore(target);
	ret->child_status = target_status(target);
	if (r)
		return r;
	r = finish(c, target, err);
	if (!r && !c->samples)
		r = nothing_captured(c, err);
	return r;
}

int capture_run(
	const struct capture_options *options, struct capture_result *ret, struct error *err)
{
	CLEANUP(target_closep) struct target *target = NULL;
	CLEANUP(capture_done) struct capture c = { .options = options };

	*ret = (struct capture_result){ 0 };
	files_limit_raise();
	int r = target_open(options, &target, err);
	if (!r)
		r = run(&c, target, ret, err);
	ret->samples = c.samples;
	if (!r)
		ret->profile = STEAL(c.profile);
	return r;
}

int capture_resolve(struct profile *p, bool debuginfod, struct error *err)
{
	CLEANUP(symbolize_stats_done) struct symbolize_stats stats = { 0 };

	return symbolize_profile(
		p, &(struct symbolize_options){ .debuginfod = debuginfod }, &stats, err);
}

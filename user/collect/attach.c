/*
 * Opening the sampling events.
 *
 * Per task, with inherit: the events run only while the target runs. A thread born while we open
 * may have inherited an event or not, so opening is all or nothing: open all threads' events,
 * list the threads again, and start over when the list has changed. Targets that switch so often
 * that arming the events at each switch costs more than sampling every CPU, or that have very many
 * threads, are sampled per CPU with the filter in the kernel. So are commands and machines on which
 * threads come and go: an inherited event begins with a full period, so that a thread that lives
 * for less is never sampled; the clock of a CPU knows no threads and is fair to all.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/private.h"
#include "proc/process.h"

enum {
	THREADS_MAX = 1000,        /* more threads: per CPU */
	SWITCHES_PER_S_MAX = 5000, /* more context switches a second: per CPU */
	FORKS_PER_S_MAX = 200,     /* threads and processes born on the machine: per CPU */
	TRIES = 8,                 /* of opening all threads before falling back to per CPU */
};

static int event_open(uint64_t period_ns, pid_t tid, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
		.inherit = tid != -1,
		.exclude_idle = 1,
		.exclude_guest = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void close_all(struct attach *a)
{
	vec_each (fd, &a->fds)
		close(*fd);
	a->fds.n = 0;
}

static int open_one(struct attach *a, pid_t tid, int cpu, int program_fd)
{
	CLEANUP(fd_closep) int fd = event_open(a->period_ns, tid, cpu);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd))
		return -errno;
	int r = vec_push(&a->fds, fd);
	if (!r)
		fd = -1;
	return r;
}

static int list_threads(
	const struct collect_config *config, struct proc_ids *ret, struct error *err)
{
	*ret = (struct proc_ids){ 0 };
	for (size_t i = 0; i < config->pid_count; i++) {
		struct proc_ids tids;
		int r = proc_threads(config->pids[i], &tids, err);

		vec_each (tid, &tids.ids)
			if (!r && vec_push(&ret->ids, *tid))
				r = error_oom(err);
		proc_ids_done(&tids);
		if (r)
			return r;
	}
	return 0;
}

static bool same_ids(const struct proc_ids *a, const struct proc_ids *b)
{
	return a->ids.n == b->ids.n &&
	       (!a->ids.n || !memcmp(a->ids.at, b->ids.at, a->ids.n * sizeof(*a->ids.at)));
}

static int open_threads(struct attach *a, const struct proc_ids *tids, int program_fd)
{
	vec_each (tid, &tids->ids) {
		int r = open_one(a, *tid, -1, program_fd);

		if (r && r != -ESRCH) /* a thread that has ended needs no event */
			return r;
	}
	return 0;
}

static int open_error(struct error *err, int code)
{
	if (code == -EPERM || code == -EACCES)
		return permission_error(err, code, "cannot open the sampling events");
	error_exit(err, EXIT_SYSTEM, code, "cannot open the sampling events: %s", strerror(-code));
	if (code == -EMFILE)
		error_hint(err, "raise the limit of open files (ulimit -n)");
	return code;
}

/* 0 when all threads have events, 1 when the threads kept changing, -errno. */
static int open_per_task(
	struct attach *a, const struct collect_config *config, int program_fd, struct error *err)
{
	CLEANUP(proc_ids_done) struct proc_ids tids = { 0 };
	int r = list_threads(config, &tids, err);

	for (int try = 0; !r && try < TRIES; try++) {
		CLEANUP(proc_ids_done) struct proc_ids again = { 0 };

		if (tids.ids.n > THREADS_MAX) {
			a->reason = "the target has more than 1,000 threads";
			return 1;
		}
		r = open_threads(a, &tids, program_fd);
		if (r)
			return open_error(err, r);
		r = list_threads(config, &again, err);
		if (r)
			return r;
		if (same_ids(&tids, &again))
			return 0;
		close_all(a);
		struct proc_ids swap = tids;
		tids = again;
		again = swap;
	}
	a->reason = "the target's threads come and go too fast for events of their own";
	return r ? r : 1;
}

static int open_per_cpu(struct attach *a, int program_fd, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	a->mode = COLLECT_PER_CPU;
	for (int cpu = 0; cpu < cpus; cpu++) {
		int r = open_one(a, -1, cpu, program_fd);

		if (r && r != -ENODEV) /* offline */
			return open_error(err, r);
	}
	return 0;
}

void attach_watch(struct attach *a, const struct collect_config *config)
{
	a->watch = (struct attach_watch){ .since_ns = clock_now_ns(), .forks = proc_forks() };
	for (size_t i = 0; i < config->pid_count; i++)
		a->watch.timeslices += proc_timeslices(config->pids[i]);
}

/* Why this target is sampled per CPU, or NULL. */
static const char *per_cpu_reason(const struct attach *a, const struct collect_config *config)
{
	double seconds = (double)(clock_now_ns() - a->watch.since_ns) / 1e9;
	uint64_t timeslices = 0;

	if (!config->pid_count)
		return "the whole machine is sampled";
	if (config->command)
		return "a command may start children that live shorter than a sampling period";
	for (size_t i = 0; i < config->pid_count; i++)
		timeslices += proc_timeslices(config->pids[i]);
	if ((double)(timeslices - a->watch.timeslices) > SWITCHES_PER_S_MAX * seconds + 50)
		return "the target switches more than 5,000 times a second";
	if ((double)(proc_forks() - a->watch.forks) > FORKS_PER_S_MAX * seconds + 10)
		return "more than 200 threads or processes a second are born on this machine";
	return NULL;
}

int attach_open(
	struct attach *a, const struct collect_config *config, int program_fd, struct error *err)
{
	a->period_ns = (uint64_t)(1e9 / config->rate_hz + 0.5);
	a->reason = per_cpu_reason(a, config);
	if (a->reason)
		return open_per_cpu(a, program_fd, err);
	a->mode = COLLECT_PER_TASK;
	a->reason = "each thread has its own event, inherited by what it creates";
	int r = open_per_task(a, config, program_fd, err);
	if (r <= 0)
		return r;
	close_all(a);
	return open_per_cpu(a, program_fd, err);
}

int attach_enable(struct attach *a, struct error *err)
{
	vec_each (fd, &a->fds)
		if (ioctl(*fd, PERF_EVENT_IOC_ENABLE, 0))
			return open_error(err, -errno);
	return 0;
}

void attach_disable(struct attach *a)
{
	vec_each (fd, &a->fds)
		ioctl(*fd, PERF_EVENT_IOC_DISABLE, 0);
}

void attach_done(struct attach *a)
{
	close_all(a);
	vec_done(&a->fds);
}

int attach_time_ns(const struct attach *a, uint64_t *ret_ns)
{
	*ret_ns = 0;
	vec_each (fd, &a->fds) {
		uint64_t ns;

		if (read(*fd, &ns, sizeof(ns)) != sizeof(ns))
			return -EIO;
		*ret_ns += ns;
	}
	return 0;
}

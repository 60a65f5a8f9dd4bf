/* The target of a capture: checking it, starting a command, waiting for the end. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/private.h"
#include "proc/process.h"

struct target {
	VEC(pid_t) pids;
	VEC(int) pidfds;   /* of those that still run; -1 = ended */
	pid_t child;       /* 0 = no command */
	int child_gate;    /* write end: one byte lets the child exec */
	int child_failure; /* read end: the child's errno when exec failed */
	int signals;       /* signalfd */
	sigset_t mask_before;
	const char *comm;         /* borrowed from the options; NULL = none */
	struct cgroup_dir cgroup; /* id 0 = none */
	int priority_before;
	bool priority_raised;
};

/* ---- signals ---- */

static int signals_open(struct target *t, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &t->mask_before);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0
		       ? error_exit(err, EXIT_SYSTEM, -errno, "signalfd: %s", strerror(errno))
		       : 0;
}

/* ---- a command ---- */

/* In the child: waits for the gate, then becomes the command. */
static void child_run(const struct target *t, char *const *argv, int gate, int failure)
{
	char byte;
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* not yet the command: ends with assay */
	do
		n = read(gate, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127);
	prctl(PR_SET_PDEATHSIG, 0);
	sigprocmask(SIG_SETMASK, &t->mask_before, NULL);
	execvp(argv[0], argv);
	int code = errno;
	n = write(failure, &code, sizeof(code));
	_exit(127);
}

static int child_start(struct target *t, char *const *argv, struct error *err)
{
	int gate[2], failure[2];

	if (pipe2(gate, O_CLOEXEC))
		return error_exit(err, EXIT_SYSTEM, -errno, "pipe: %s", strerror(errno));
	t->child_gate = gate[1];
	CLEANUP(fd_closep) int gate_read = gate[0];
	if (pipe2(failure, O_CLOEXEC))
		return error_exit(err, EXIT_SYSTEM, -errno, "pipe: %s", strerror(errno));
	t->child_failure = failure[0];
	CLEANUP(fd_closep) int failure_write = failure[1];
	t->child = fork();
	if (t->child < 0) {
		t->child = 0;
		return error_exit(err, EXIT_SYSTEM, -errno, "fork: %s", strerror(errno));
	}
	if (!t->child) {
		close(t->child_gate);
		child_run(t, argv, gate_read, failure_write);
	}
	return vec_push(&t->pids, t->child) ? error_oom(err) : 0;
}

int target_release(struct target *t, struct error *err)
{
	int code;

	if (write(t->child_gate, "", 1) != 1)
		return error_exit(err, EXIT_TARGET, -ESRCH, "the command's process has ended");
	/* Ends when exec has closed the pipe. */
	ssize_t n;
	do
		n = read(t->child_failure, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(code))
		return 0;
	error_exit(err, EXIT_TARGET, -code, "cannot run the command: %s", strerror(code));
	return error_hint(err, "check the name behind '--'");
}

/* ---- running processes ---- */

static int process_check(pid_t pid, struct error *err)
{
	char path[64], line[256];
	struct proc_stat stat;
	int tgid = 0;

	if (proc_stat_read(pid, 0, &stat, NULL) || stat.state == 'X') {
		error_exit(err, EXIT_TARGET, -ESRCH, "there is no process %d", pid);
		return error_hint(err, "list processes with: ps -e");
	}
	if (stat.state == 'Z')
		return error_exit(err, EXIT_TARGET, -ESRCH, "process %d has ended (zombie)", pid);
	if (stat.kthread) {
		error_exit(err, EXIT_TARGET, -EINVAL, "%d is a kernel thread", pid);
		return error_hint(err, "profile the whole machine with -a");
	}
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CLEANUP(file_closep) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	if (tgid && tgid != pid) {
		error_exit(err, EXIT_TARGET, -EINVAL, "%d is a thread of process %d", pid, tgid);
		return error_hint(err, "use: -p %d", tgid);
	}
	return 0;
}

int target_open(const struct capture_options *o, struct target **ret, struct error *err)
{
	struct target *t = calloc(1, sizeof(*t));
	int r = 0;

	if (!t)
		return error_oom(err);
	*ret = t;
	t->child_gate = t->child_failure = t->signals = -1;
	t->comm = o->comm;
	if (o->cgroup)
		r = cgroup_open(o->cgroup, &t->cgroup, err);
	for (size_t i = 0; i < o->pid_count && !r; i++) {
		r = process_check(o->pids[i], err);
		if (!r && vec_push(&t->pids, o->pids[i]))
			r = error_oom(err);
	}
	if (!r)
		r = signals_open(t, err);
	if (!r && o->command)
		r = child_start(t, o->command, err);
	for (uint32_t i = 0; i < t->pids.n && !r; i++) {
		int fd = (int)syscall(SYS_pidfd_open, t->pids.at[i], 0);

		if (fd < 0)
			r = error_exit(
				err, EXIT_TARGET, -errno, "there is no process %d", t->pids.at[i]);
		else if (vec_push(&t->pidfds, fd))
			r = error_oom(err);
	}
	return r;
}

void target_close(struct target *t)
{
	if (!t)
		return;
	target_status(t);
	vec_each (fd, &t->pidfds)
		fd_closep(fd);
	fd_closep(&t->child_gate);
	fd_closep(&t->child_failure);
	if (t->signals >= 0)
		sigprocmask(SIG_SETMASK, &t->mask_before, NULL);
	fd_closep(&t->signals);
	vec_done(&t->pids);
	vec_done(&t->pidfds);
	free(t);
}

const pid_t *target_pids(const struct target *t, size_t *ret_count)
{
	*ret_count = t->pids.n;
	return t->pids.at;
}

struct collect_cgroup target_cgroup(const struct target *t)
{
	return t->cgroup.id;
}

/* Whether a thread of @pid has the name. */
static bool has_comm(pid_t pid, const char *comm)
{
	CLEANUP(proc_ids_done) struct proc_ids threads = { 0 };
	struct proc_stat stat;

	if (!proc_stat_read(pid, 0, &stat, NULL) && !strcmp(stat.comm, comm))
		return true;
	if (proc_threads(pid, &threads, NULL))
		return false; /* gone */
	vec_each (tid, &threads.ids)
		if (!proc_stat_read(pid, *tid, &stat, NULL) && !strcmp(stat.comm, comm))
			return true;
	return false;
}

int target_find(const struct target *t, struct proc_ids *ret, struct error *err)
{
	CLEANUP(proc_ids_done) struct proc_ids all = { 0 };
	int r = 0;

	*ret = (struct proc_ids){ 0 };
	if (t->cgroup.id.id)
		return cgroup_processes(&t->cgroup, ret) ? error_oom(err) : 0;
	if (t->comm)
		r = proc_list(&all, err);
	for (uint32_t i = 0; i < all.ids.n && !r; i++)
		if (has_comm(all.ids.at[i], t->comm) && vec_push(&ret->ids, all.ids.at[i]))
			r = error_oom(err);
	return r;
}

bool target_wait(struct target *t, int ms, int full_fd, bool *ret_interrupted)
{
	CLEANUP(freep) struct pollfd *fds = calloc(2 + t->pidfds.n, sizeof(*fds));
	uint32_t running = 0;

	if (!fds) { /* without memory: sleep as asked, look at the signal only */
		struct signalfd_siginfo signal;

		usleep((useconds_t)ms * 1000);
		*ret_interrupted = read(t->signals, &signal, sizeof(signal)) == sizeof(signal);
		return *ret_interrupted;
	}

	fds[0] = (struct pollfd){ .fd = t->signals, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = full_fd, .events = POLLIN };
	for (uint32_t i = 0; i < t->pidfds.n; i++)
		fds[2 + i] = (struct pollfd){ .fd = t->pidfds.at[i], .events = POLLIN };
	poll(fds, 2 + t->pidfds.n, ms);
	for (uint32_t i = 0; i < t->pidfds.n; i++) {
		if (fds[2 + i].revents)
			fd_closep(&t->pidfds.at[i]);
		running += t->pidfds.at[i] >= 0;
	}
	struct signalfd_siginfo signal;
	if (fds[0].revents && read(t->signals, &signal, sizeof(signal)) == sizeof(signal)) {
		*ret_interrupted = true;
		return true;
	}
	return t->pidfds.n && !running;
}

void target_priority_raise(struct target *t)
{
	enum { RAISED = -10 };

	t->priority_before = getpriority(PRIO_PROCESS, 0);
	t->priority_raised = t->priority_before > RAISED && !setpriority(PRIO_PROCESS, 0, RAISED);
}

void target_priority_restore(struct target *t)
{
	if (t->priority_raised)
		setpriority(PRIO_PROCESS, 0, t->priority_before);
	t->priority_raised = false;
}

int target_status(struct target *t)
{
	int status = 0;

	if (!t->child)
		return 0;
	/* A command that still runs (the time was over) gets a moment to end by itself. */
	for (int tries = 0; tries < 50; tries++) {
		pid_t r = waitpid(t->child, &status, WNOHANG);

		if (r) {
			t->child = 0;
			return r < 0 ? 0 : status;
		}
		if (tries == 0)
			kill(t->child, SIGTERM);
		usleep(20000);
	}
	kill(t->child, SIGKILL);
	waitpid(t->child, &status, 0);
	t->child = 0;
	return status;
}

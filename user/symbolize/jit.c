/* Finds the files that name a process's JIT code, and distrusts them. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/jit.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "proc/process.h"
#include "symbolize/jit_names.h"
#include "symbolize/jitdump.h"
#include "symbolize/perf_map.h"

enum {
	MAP_BYTES_MAX = 128 << 20,  /* of longer ones the end is read */
	DUMP_BYTES_MAX = 512 << 20, /* longer ones are refused */
	AGE_SLACK_S = 2,            /* clocks of files are coarse */
	START_SLACK_NS = 20000000,  /* /proc counts in ticks of 10 ms */
};

/* What makes runtimes write such a file; by the name of the executable. */
static const struct {
	const char *program, *option;
} runtimes[] = {
	{ "node*", "start it with --perf-basic-prof" },
	{ "python*", "start it with -X perf (Python 3.12 or later)" },
	{ "java", "start it with -XX:+UnlockDiagnosticVMOptions -XX:+DumpPerfMapAtExit, or run "
		  "'jcmd PID Compiler.perfmap' during the capture" },
	{ "dotnet", "start it with DOTNET_PerfMapEnabled=1 in its environment" },
	{ "ruby*", "start it with --yjit --yjit-perf" },
	{ "beam.smp", "start it with +JPperf true" },
	{ "julia", "start it with ENABLE_JITPROFILING=1 in its environment" },
};

/* What is known of the process now. */
struct owner {
	bool alive; /* uid is known */
	uid_t uid;
	uint32_t ns_pid;   /* its number in its own pid namespace */
	int64_t started_s; /* since 1970 */
};

struct search {
	const struct jit_task *task;
	struct jit_names names;
	struct owner owner;
	uint32_t pid, found;
	struct error refused; /* the first file that was there and not taken */
};

void jit_module_name(uint32_t pid, char ret[JIT_MODULE_NAME_BYTES])
{
	snprintf(ret, JIT_MODULE_NAME_BYTES, "[anon:%u]", pid);
}

bool jit_module_is(const char *path, uint32_t *ret_pid)
{
	char name[JIT_MODULE_NAME_BYTES];

	*ret_pid = 0;
	if (!strcmp(path, "[anon]"))
		return true;
	if (strncmp(path, "[anon:", 6) != 0)
		return false;
	*ret_pid = (uint32_t)strtoul(path + 6, NULL, 10);
	jit_module_name(*ret_pid, name);
	return !strcmp(path, name);
}

static int64_t seconds_of(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return t.tv_sec;
}

/* Whether the process still runs, and its number was not given to another one. */
static bool is_alive(const struct profile_process *row)
{
	struct proc_stat stat;

	if (proc_stat_read((pid_t)row->pid, 0, &stat, NULL))
		return false;
	return !row->start_ns || (stat.start_ns < row->start_ns + START_SLACK_NS &&
					 row->start_ns < stat.start_ns + START_SLACK_NS);
}

/* Reads the user and the inner number from /proc/PID/status. */
static void read_owner(struct search *s)
{
	const struct profile_process *row = &s->task->profile->processes.at[s->task->process];
	char path[64], line[256];

	s->owner = (struct owner){ .ns_pid = s->pid };
	if (row->start_ns)
		s->owner.started_s = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) +
				     (int64_t)(row->start_ns / 1000000000);
	if (!is_alive(row))
		return;
	snprintf(path, sizeof(path), "/proc/%u/status", s->pid);
	CLEANUP(file_closep) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');
		unsigned uid;

		if (sscanf(line, "Uid: %*u %u", &uid) == 1) {
			s->owner.uid = uid;
			s->owner.alive = true;
		}
		if (!strncmp(line, "NSpid:", 6) && last)
			s->owner.ns_pid = (uint32_t)strtoul(last + 1, NULL, 10);
	}
}

static bool may_own(const struct owner *owner, uid_t uid)
{
	const char *sudo = getenv("SUDO_UID");

	if (!uid || (owner->alive && uid == owner->uid))
		return true;
	return !owner->alive &&
	       (uid == geteuid() || (sudo && !geteuid() && uid == strtoul(sudo, NULL, 10)));
}

static int check_file(
	const struct search *s, const char *path, const struct stat *st, struct error *err)
{
	if (!S_ISREG(st->st_mode))
		return error_set(err, -EPERM, "'%s' is not a regular file", path);
	if (!may_own(&s->owner, st->st_uid))
		return error_set(err, -EPERM, "'%s' belongs to user %u: not to the process's", path,
			st->st_uid);
	if (s->owner.started_s && st->st_mtime + AGE_SLACK_S < s->owner.started_s)
		return error_set(err, -EPERM, "'%s' is older than process %u", path, s->pid);
	return 0;
}

/* Reads up to @n bytes at @offset; what is missing was cut off meanwhile. */
static int read_bytes(int fd, char *to, size_t n, off_t offset, size_t *ret_n)
{
	for (*ret_n = 0; *ret_n < n;) {
		ssize_t r = pread(fd, to + *ret_n, n - *ret_n, offset + (off_t)*ret_n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		*ret_n += (size_t)r;
	}
	return 0;
}

static int read_file(struct search *s, int fd, const char *path, bool is_dump, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return error_set(err, -errno, "'%s' cannot be examined: %s", path, strerror(errno));
	int r = check_file(s, path, &st, err);
	if (r)
		return r;
	size_t n = (size_t)st.st_size;
	off_t offset = 0;
	if (is_dump && n > DUMP_BYTES_MAX)
		return error_set(err, -EFBIG, "'%s' has over %d MB", path, DUMP_BYTES_MAX >> 20);
	if (!is_dump && n > MAP_BYTES_MAX) {
		offset = (off_t)(n - MAP_BYTES_MAX);
		n = MAP_BYTES_MAX;
	}
	CLEANUP(freep) char *bytes = malloc(n + 1);
	if (!bytes)
		return error_oom(err);
	r = read_bytes(fd, bytes, n, offset, &n);
	if (r)
		return error_set(err, r, "'%s' cannot be read: %s", path, strerror(-r));
	s->found++;
	return is_dump ? jitdump_read(&s->names, bytes, n, err)
		       : perf_map_read(&s->names, bytes, n);
}

/* Tries the file that the process sees at @path, or that we see there. */
static int try(struct search *s, const char *path, bool in_its_root, bool is_dump)
{
	const struct jit_task *t = s->task;
	struct error err = { 0 };
	CLEANUP(fd_closep) int fd = -ENOENT;

	if (!s->names.left)
		return 0;
	if (!in_its_root) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
		if (fd < 0)
			fd = -errno;
	} else if (t->open_file) {
		fd = t->open_file(t->open_context, s->pid, path);
	}
	if (fd == -ENOENT || fd == -ESRCH)
		return 0;
	int r = fd < 0 ? error_set(&err, fd, "'%s' cannot be opened: %s", path, strerror(-fd))
		       : read_file(s, fd, path, is_dump, &err);
	/* Without an error in words it was not the file. */
	if (r == -ENOMEM || (r && !err.code))
		return r;
	if (r && !s->refused.code)
		s->refused = err;
	return 0;
}

/* The jitdump files among the modules that bear the process's number. */
static int try_dumps(struct search *s)
{
	const struct profile *p = s->task->profile;
	char of_pid[32], of_ns_pid[32];
	int r = 0;

	snprintf(of_pid, sizeof(of_pid), "jit-%u.dump", s->pid);
	snprintf(of_ns_pid, sizeof(of_ns_pid), "jit-%u.dump", s->owner.ns_pid);
	for (uint32_t i = 1; !r && i < p->modules.n; i++) {
		const char *path = profile_str(p, p->modules.at[i].path);
		const char *name = profile_basename(path);

		if (path[0] != '/' || (strcmp(name, of_pid) != 0 && strcmp(name, of_ns_pid) != 0))
			continue;
		r = try(s, path, true, true);
		if (!r)
			r = try(s, path, false, true);
	}
	return r;
}

static int try_maps(struct search *s)
{
	char path[64];
	int r = 0;

	if (s->owner.ns_pid != s->pid) {
		snprintf(path, sizeof(path), "/tmp/perf-%u.map", s->owner.ns_pid);
		r = try(s, path, true, false);
	}
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", s->pid);
	if (!r)
		r = try(s, path, true, false);
	return r ? r : try(s, path, false, false);
}

static const char *option_of(const struct profile *p, const struct profile_process *row)
{
	const char *exe = profile_basename(profile_str(p, row->exe ? row->exe : row->comm));

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++)
		if (!fnmatch(runtimes[i].program, exe, 0))
			return runtimes[i].option;
	return "see whether its runtime can write /tmp/perf-PID.map";
}

/* Why there are addresses left. */
static int explain(const struct search *s, struct error *err)
{
	const struct profile *p = s->task->profile;

	if (s->refused.code) {
		*err = s->refused;
		return err->code;
	}
	if (s->found)
		return error_set(err, -ENOENT,
			"JIT code: %u of %u addresses are not in what process %u wrote",
			s->names.left, s->names.count, s->pid);
	return error_set(err, -ENOENT, "JIT code of process %u has no names: %s", s->pid,
		option_of(p, &p->processes.at[s->task->process]));
}

int jit_run(const struct jit_task *task, struct error *err)
{
	struct search s = { .task = task, .pid = task->profile->processes.at[task->process].pid };

	if (jit_names_init(&s.names, task->addresses, task->count))
		return error_oom(err);
	s.names.place = task->place;
	s.names.context = task->context;
	read_owner(&s);
	int r = try_dumps(&s);
	if (!r)
		r = try_maps(&s);
	if (!r && s.names.left)
		r = explain(&s, err);
	jit_names_done(&s.names);
	return r == -ENOMEM ? error_oom(err) : r;
}

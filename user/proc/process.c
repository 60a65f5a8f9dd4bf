/* What /proc tells about processes and their threads. All text is hostile. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "proc/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int list_numbers(const char *path, struct proc_ids *ret, struct error *err)
{
	CLEANUP(dir_closep) DIR *d = opendir(path);

	*ret = (struct proc_ids){ 0 };
	if (!d)
		return error_set(err, errno == ENOENT ? -ESRCH : -errno, "cannot list '%s': %s",
			path, strerror(errno));
	for (struct dirent *e; (e = readdir(d));) {
		char *end;
		long id = strtol(e->d_name, &end, 10);

		if (*end || id <= 0 || id > INT32_MAX)
			continue;
		if (vec_push(&ret->ids, (pid_t)id)) {
			proc_ids_done(ret);
			return error_oom(err);
		}
	}
	return 0;
}

int proc_list(struct proc_ids *ret, struct error *err)
{
	return list_numbers("/proc", ret, err);
}

int proc_threads(pid_t pid, struct proc_ids *ret, struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	int r = list_numbers(path, ret, err);
	if (r == -ESRCH)
		return error_set(err, -ESRCH, "there is no process %d", pid);
	return r;
}

void proc_ids_done(struct proc_ids *ids)
{
	vec_done(&ids->ids);
}

/* Reads a small /proc file whole; returns the length or -errno, NUL-terminated. */
static ssize_t read_small(const char *path, char *ret, size_t size)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	size_t n = 0;
	while (n < size - 1) {
		ssize_t r = read(fd, ret + n, size - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	ret[n] = 0;
	return (ssize_t)n;
}

int proc_stat_read(pid_t pid, pid_t tid, struct proc_stat *ret, struct error *err)
{
	char path[80], text[1024];

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ssize_t n = read_small(path, text, sizeof(text));
	if (n < 0)
		return error_set(err, n == -ESRCH ? -ESRCH : (int)n, "there is no process %d", pid);

	/* The comm stands in parentheses and may hold any character: its end is the last ')'. */
	char *open_at = strchr(text, '('), *close_at = strrchr(text, ')');
	unsigned long flags;
	unsigned long long start_ticks;
	if (!open_at || !close_at || close_at < open_at ||
		sscanf(close_at + 1,
			" %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			"%*d %llu",
			&ret->state, &flags, &start_ticks) != 3)
		return error_set(err, -EBADMSG, "'%s' is not as expected", path);
	*close_at = 0;
	snprintf(ret->comm, sizeof(ret->comm), "%s", open_at + 1);
	ret->kthread = flags & 0x00200000; /* PF_KTHREAD */
	ret->start_ns = start_ticks * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

int proc_exe(pid_t pid, char *ret, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = 0;
	return 0;
}

int proc_command(pid_t pid, char *ret, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	ssize_t n = read_small(path, ret, size);
	if (n < 0)
		return (int)n;
	while (n && !ret[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!ret[i])
			ret[i] = ' ';
	return 0;
}

uint64_t proc_timeslices(pid_t pid)
{
	struct proc_ids tids;
	uint64_t sum = 0;

	if (proc_threads(pid, &tids, NULL))
		return 0;
	vec_each (tid, &tids.ids) {
		char path[80], text[128];
		unsigned long long slices;

		snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, *tid);
		if (read_small(path, text, sizeof(text)) > 0 &&
			sscanf(text, "%*u %*u %llu", &slices) == 1)
			sum += slices;
	}
	proc_ids_done(&tids);
	return sum;
}

bool proc_has_children(pid_t pid)
{
	char path[80], text[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	return read_small(path, text, sizeof(text)) != 0;
}

uint64_t proc_forks(void)
{
	CLEANUP(file_closep) FILE *f = fopen("/proc/stat", "re");
	CLEANUP(freep) char *line = NULL;
	size_t capacity = 0;
	unsigned long long forks = 0;

	while (f && getline(&line, &capacity, f) > 0)
		if (sscanf(line, "processes %llu", &forks) == 1)
			break;
	return forks;
}

/* Opens a regular file for reading without blocking on a FIFO put in its place. */
static int open_regular(const char *path, uint64_t inode)
{
	struct stat st;
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (inode && st.st_ino != inode)
		return -ESTALE;
	return fd_steal(&fd);
}

int proc_open_mapped(pid_t pid, uint64_t start, uint64_t end, const char *path, uint64_t inode)
{
	char name[4096 + 64];

	snprintf(name, sizeof(name), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)start,
		(unsigned long long)end);
	int fd = open_regular(name, 0);
	if (fd >= 0 || path[0] != '/')
		return fd;
	snprintf(name, sizeof(name), "/proc/%d/root%s", pid, path);
	fd = open_regular(name, inode);
	/* The process is gone: its root is lost, but usually it was ours. */
	if (fd == -ENOENT || fd == -ESRCH)
		fd = open_regular(path, inode);
	return fd;
}

int proc_memory_read(pid_t pid, uint64_t address, void *to, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)(uintptr_t)address, n };
	ssize_t r = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	return r < 0 ? -errno : (size_t)r == n ? 0 : -EFAULT;
}

int proc_open_in_root(pid_t pid, const char *path)
{
	char name[4096 + 64];

	if (path[0] != '/')
		return -ENOENT;
	snprintf(name, sizeof(name), "/proc/%d/root%s", pid, path);
	int fd = open_regular(name, 0);
	/* As in proc_open_mapped(): the process may be gone, its files are not. */
	snprintf(name, sizeof(name), "/proc/%d", pid);
	if (fd == -ENOENT && access(name, F_OK))
		fd = open_regular(path, 0);
	return fd;
}

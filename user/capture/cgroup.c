/*
 * Control groups as directories: which one a path means, and who is in it.
 *
 * A group's id is the inode number of its directory. Version 2 has one hierarchy; in version 1
 * every controller may have its own, named in the options of its mount (/proc/self/mountinfo).
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "capture/private.h"

enum { NESTING_MAX = 32, GROUPS_MAX = 65536 };

/* A controller's name as mount options and the kernel's enum have it; static text. */
static const char *const controllers[][2] = {
	{ "cpu", "cpu" },
	{ "cpuacct", "cpuacct" },
	{ "memory", "memory" },
	{ "pids", "pids" },
	{ "cpuset", "cpuset" },
	{ "blkio", "io" },
	{ "devices", "devices" },
	{ "freezer", "freezer" },
	{ "perf_event", "perf_event" },
	{ "net_cls", "net_cls" },
	{ "net_prio", "net_prio" },
	{ "hugetlb", "hugetlb" },
};

/* One line of mountinfo: a mounted hierarchy. */
struct mount {
	dev_t device;
	char path[PATH_MAX];
	bool is_v2;
	const char *controller; /* version 1; NULL = it has none */
};

/* Spaces and the like are written as \040. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		unsigned int c;

		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to = (char)c;
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = 0;
}

static const char *controller_of(char *options)
{
	for (char *word; (word = strsep(&options, ",\n"));)
		for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++)
			if (!strcmp(word, controllers[i][0]))
				return controllers[i][1];
	return NULL;
}

/* "36 35 98:0 /root /mount/point rw - cgroup name rw,cpu" */
static bool mount_read(char *line, struct mount *ret)
{
	char *kind = strstr(line, " - cgroup");
	unsigned int major, minor;
	char options[1024];

	if (!kind || sscanf(line, "%*d %*d %u:%u %*s %4095s", &major, &minor, ret->path) != 3)
		return false;
	ret->device = makedev(major, minor);
	ret->is_v2 = !strncmp(kind, " - cgroup2 ", 11);
	ret->controller = NULL;
	if (!ret->is_v2 && sscanf(kind, " - cgroup %*s %1023s", options) == 1)
		ret->controller = controller_of(options);
	unescape(ret->path);
	return ret->is_v2 || !strncmp(kind, " - cgroup ", 10);
}

/* Calls @each for every mounted hierarchy until it returns true; whether it did. */
static bool mounts_each(bool (*each)(void *context, const struct mount *m), void *context)
{
	CLEANUP(file_closep) FILE *f = fopen("/proc/self/mountinfo", "re");
	CLEANUP(freep) char *line = NULL;
	size_t size = 0;
	struct mount m;

	while (f && getline(&line, &size, f) > 0)
		if (mount_read(line, &m) && each(context, &m))
			return true;
	return false;
}

struct search {
	const char *path;
	struct cgroup_dir *found;
	bool v2;
	dev_t device;
};

/* Takes the directory @path as the group when it is one of this hierarchy. */
static bool directory_take(struct cgroup_dir *ret, const char *path, const struct mount *m)
{
	struct stat st;

	if (stat(path, &st) || !S_ISDIR(st.st_mode) || st.st_dev != m->device)
		return false;
	snprintf(ret->path, sizeof(ret->path), "%s", path);
	ret->id = (struct collect_cgroup){ st.st_ino, m->is_v2 ? NULL : m->controller };
	return true;
}

static bool by_device(void *context, const struct mount *m)
{
	struct search *s = context;

	return directory_take(s->found, s->path, m);
}

static bool below_mount(void *context, const struct mount *m)
{
	struct search *s = context;
	CLEANUP_STRBUF struct strbuf path = { 0 };

	if (m->is_v2 != s->v2 || (!m->is_v2 && !m->controller))
		return false;
	strbuf_printf(&path, "%s/%s", m->path, s->path);
	return !path.oom && directory_take(s->found, strbuf_cstr(&path), m);
}

static int not_found(const char *path, struct error *err)
{
	error_exit(err, EXIT_TARGET, -ENOENT, "there is no control group '%s'", path);
	return error_hint(err, "give its directory below /sys/fs/cgroup, or the path that "
			       "/proc/PID/cgroup has behind the last ':'");
}

int cgroup_open(const char *path, struct cgroup_dir *ret, struct error *err)
{
	struct search s = { .path = path, .found = ret };
	struct statfs fs;

	*ret = (struct cgroup_dir){ 0 };
	if (!*path || strlen(path) >= PATH_MAX)
		return not_found(path, err);
	bool is_group = !statfs(path, &fs) &&
			(fs.f_type == CGROUP2_SUPER_MAGIC || fs.f_type == CGROUP_SUPER_MAGIC);
	if (is_group && mounts_each(by_device, &s)) {
		if (fs.f_type == CGROUP2_SUPER_MAGIC || ret->id.controller)
			return 0;
		error_exit(err, EXIT_TARGET, -ENOTSUP,
			"the hierarchy of control group '%s' has no controller", path);
		return error_hint(err, "give its directory of the cpu or memory hierarchy");
	}
	for (int version = 2; version >= 1; version--) {
		s.v2 = version == 2;
		if (mounts_each(below_mount, &s))
			return 0;
	}
	return not_found(path, err);
}

/* Adds the pids of one file; unreadable ones (threaded groups) are left to the samples. */
static int pids_read(int dir, struct proc_ids *ret)
{
	CLEANUP(fd_closep) int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	CLEANUP(file_closep) FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!f)
		return 0;
	fd = -1;
	while (fscanf(f, "%d", &pid) == 1)
		if (pid > 0 && vec_push(&ret->ids, (pid_t)pid))
			return -ENOMEM;
	return 0;
}

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int group_read(int dir, int nesting, uint32_t *room, struct proc_ids *ret)
{
	CLEANUP(fd_closep) int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(dir_closep) DIR *d = copy < 0 ? NULL : fdopendir(copy);
	int r = pids_read(dir, ret);

	if (!d)
		return r;
	copy = -1;
	for (struct dirent *e; !r && *room && nesting < NESTING_MAX && (e = readdir(d));) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		CLEANUP(fd_closep)
		int below = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(*room)--;
		if (below >= 0)
			r = group_read(below, nesting + 1, room, ret);
	}
	return r;
}

int cgroup_processes(const struct cgroup_dir *dir, struct proc_ids *ret)
{
	CLEANUP(fd_closep) int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t room = GROUPS_MAX;

	return fd < 0 ? 0 : group_read(fd, 0, &room, ret);
}

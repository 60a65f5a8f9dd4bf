/* The lines of /proc/PID/maps. */
// SPDX-License-Identifier: BSD-2-Clause
#include "proc/maps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static void undo_newlines(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (!strncmp(from, "\\012", 4)) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

bool proc_mapping_parse(char *line, struct proc_mapping *ret)
{
	unsigned long long start, end, offset, inode;
	unsigned int device_major, device_minor;
	char permissions[5];
	int path_at = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, permissions, &offset,
		    &device_major, &device_minor, &inode, &path_at) < 7 ||
		start >= end || strlen(permissions) < 3)
		return false;
	char *path = path_at ? line + path_at : line + strlen(line);
	undo_newlines(path);
	*ret = (struct proc_mapping){
		.start = start,
		.end = end,
		.file_offset = offset,
		.inode = inode,
		.device_major = device_major,
		.device_minor = device_minor,
		.executable = permissions[2] == 'x',
		.path = path,
	};
	return true;
}

int proc_maps_each(pid_t pid, proc_mapping_fn each, void *context, struct error *err)
{
	char name[64];
	CLEANUP(freep) char *line = NULL;
	size_t capacity = 0;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	CLEANUP(file_closep) FILE *f = fopen(name, "re");
	if (!f)
		return error_set(err, errno == ENOENT ? -ESRCH : -errno,
			"cannot read the mappings of process %d: %s", pid, strerror(errno));
	for (ssize_t n; (n = getline(&line, &capacity, f)) > 0;) {
		struct proc_mapping m;

		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		int r = proc_mapping_parse(line, &m) ? each(context, &m) : 0;
		if (r)
			return r;
	}
	return 0;
}

/* Any bytes as a recording: reading and tabling them ends, in an error or a valid profile. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "profile/profile.h"
#include "profile/table.h"
#include "recording/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void write_file(const char *path, const uint8_t *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		abort();
	close(fd);
}

static void table_all(const struct profile *p)
{
	for (int by = 0; by < TABLE_BY_COUNT; by++) {
		struct table *t = NULL;
		struct error err = { 0 };

		if (!profile_table(p, &(struct table_options){ .by = (enum table_by)by }, &t, &err))
			table_free(t);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char path[64];
	struct profile *p = NULL;
	struct error err = { 0 };

	snprintf(path, sizeof(path), "/dev/shm/assay-fuzz-%d", (int)getpid());
	write_file(path, bytes, n);
	if (!recording_read(path, &p, &err)) {
		if (profile_check(p, &err))
			abort();
		table_all(p);
		profile_free(p);
	} else if (!err.text[0]) {
		abort();
	}
	unlink(path);
	return 0;
}

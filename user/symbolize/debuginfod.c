/* The client of libdebuginfod, with a deadline and a limit of size. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

/* Not linked: it would load an HTTP client into every run. */
struct library {
	__typeof__(debuginfod_begin) *begin;
	__typeof__(debuginfod_end) *end;
	__typeof__(debuginfod_find_debuginfo) *find;
	__typeof__(debuginfod_set_progressfn) *set_progress;
	__typeof__(debuginfod_set_user_data) *set_data;
	__typeof__(debuginfod_get_user_data) *get_data;
};

struct limits {
	time_t end;
	bool too_late, too_large;
};

static struct library library;

static bool load(void)
{
	void *handle = library.begin ? NULL : dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);

	if (handle) {
		library.end = (__typeof__(library.end))dlsym(handle, "debuginfod_end");
		library.find = (__typeof__(library.find))dlsym(handle, "debuginfod_find_debuginfo");
		library.set_progress = (__typeof__(library.set_progress))dlsym(
			handle, "debuginfod_set_progressfn");
		library.set_data =
			(__typeof__(library.set_data))dlsym(handle, "debuginfod_set_user_data");
		library.get_data =
			(__typeof__(library.get_data))dlsym(handle, "debuginfod_get_user_data");
		if (library.end && library.find && library.set_progress && library.set_data &&
			library.get_data)
			library.begin =
				(__typeof__(library.begin))dlsym(handle, "debuginfod_begin");
	}
	return library.begin != NULL;
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Called several times a second; @done and @total in bytes while a file is received. */
static int watch(debuginfod_client *client, long done, long total)
{
	struct limits *limits = library.get_data(client);

	limits->too_late |= now() >= limits->end;
	limits->too_large |= done > DEBUGINFOD_BYTES_MAX || total > DEBUGINFOD_BYTES_MAX;
	return limits->too_late || limits->too_large;
}

static int explain(const struct limits *limits, int code, struct error *err)
{
	if (limits->too_late)
		return error_set(err, -ETIMEDOUT, "the debuginfod servers took over %d s",
			DEBUGINFOD_SECONDS);
	if (limits->too_large)
		return error_set(err, -EFBIG, "the debuginfod servers have it, with over %d MB",
			DEBUGINFOD_BYTES_MAX >> 20);
	if (code == -ENOSYS) {
		error_set(err, -ENOSYS, "no debuginfod servers: DEBUGINFOD_URLS is not set");
		return error_hint(err, "export DEBUGINFOD_URLS=https://debuginfod.elfutils.org/");
	}
	return error_set(err, code, "the debuginfod servers cannot be asked: %s", strerror(-code));
}

int debuginfod_open(
	const uint8_t *build_id, uint32_t build_id_bytes, int *ret_fd, struct error *err)
{
	struct limits limits = { .end = now() + DEBUGINFOD_SECONDS };

	*ret_fd = 0;
	if (!load()) {
		error_set(err, -ENOSYS, "libdebuginfod.so.1 is not installed");
		return error_hint(err, "install libdebuginfod1, or leave out --debuginfod");
	}
	debuginfod_client *client = library.begin();
	if (!client)
		return error_oom(err);
	library.set_data(client, &limits);
	library.set_progress(client, watch);
	int fd = library.find(client, build_id, (int)build_id_bytes, NULL);
	library.end(client);
	if (fd > 0)
		*ret_fd = fd;
	return fd >= 0 || fd == -ENOENT ? 0 : explain(&limits, fd, err);
}

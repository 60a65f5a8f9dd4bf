/* What the files of this room share. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef COLLECT_PRIVATE_H
#define COLLECT_PRIVATE_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "collect/collect.h"
#include "wire/config.h"

#include "assay.skel.h"

/* What the target and the machine did while the programs were loaded. */
struct attach_watch {
	uint64_t since_ns, timeslices, forks;
};

/* The sampling events and how they are attached. */
struct attach {
	VEC(int) fds;
	struct attach_watch watch;
	enum collect_attach mode;
	const char *reason;
	uint64_t period_ns;
};

/* Begins to watch how busy the target is; attach_open() decides by it. */
void attach_watch(struct attach *a, const struct collect_config *config);
/* @program_fd runs on every sample. Events are opened disabled. */
int attach_open(
	struct attach *a, const struct collect_config *config, int program_fd, struct error *err);
int attach_enable(struct attach *a, struct error *err);
void attach_disable(struct attach *a);
void attach_done(struct attach *a);
int attach_time_ns(const struct attach *a, uint64_t *ret_ns);

/* One dummy event per CPU that tells of mappings and names. */
struct sideband_ring {
	int fd;
	void *map;
};

struct sideband {
	VEC(struct sideband_ring) rings;
	int epoll; /* readable when a ring is half full */
};

/* A copied event, waiting to be put in order. */
struct pending {
	uint64_t time_ns;
	uint32_t sequence;
	uint32_t bytes;
	uint64_t offset; /* into the batch's bytes */
	bool sideband;
};

struct batch {
	VEC(struct pending) events;
	struct strbuf bytes;
};

int sideband_open(struct sideband *s, struct error *err);
/* Copies all events into @batch. */
int sideband_read(struct sideband *s, struct batch *batch);
void sideband_done(struct sideband *s);
/* Hands one copied event to @sink. */
int sideband_dispatch(
	const void *event, uint32_t bytes, uint64_t time_ns, const struct collect_sink *sink);

/* A piece of the mappings array. */
struct slice {
	uint32_t first, count;
	pid_t pid;       /* 0 = free */
	uint32_t python; /* slot of python_processes; 0 = none */
};

/* A shard on its way into the outer map: that waits 5 to 15 ms for the kernel, so a thread does it
 * while other things are prepared. */
struct spare {
	pthread_t thread;
	bool running;
	int outer_fd, fd, result;
	uint32_t number;
	struct unwind_row *rows;
};

/* Unwind tables in the kernel. */
struct upload {
	struct unwind_mapping *mappings; /* mmapped; mapping_count entries */
	struct unwind_file *files;
	struct unwind_page *pages;
	uint32_t mapping_count, file_count, page_count, shard_count;
	uint32_t files_used, pages_used;
	VEC(struct unwind_row *) shards; /* mmapped */
	VEC(int) shard_fds;
	uint32_t shard_rows_used;       /* of the last shard */
	VEC(struct slice) slices;       /* of `mappings`, in order, together covering it */
	struct python_process *pythons; /* mmapped; python_count entries, [0] unused */
	uint32_t *python_uses;          /* slices that refer to each; 0 = free */
	uint32_t python_count;
	int processes_fd, shards_fd;
	struct spare spare; /* the next shard; rows NULL = none */
};

int upload_open(struct upload *u, struct assay_bpf *skel, struct error *err);
void upload_done(struct upload *u);
/* Called once a drain: slices that have rested become free. */
void upload_age(struct upload *u);
/* Waits until every shard in use can be seen by the kernel half. 0 or -errno. */
int upload_settle(struct upload *u);
/* Sizes the maps before loading. */
void upload_size(struct assay_bpf *skel, bool system_wide);

struct collect {
	struct assay_bpf *skel;
	struct ring_buffer *ring;
	struct attach attach;
	struct sideband sideband;
	struct upload upload;
	struct batch batch, later; /* events of this drain; events too new for it */
	int possible_cpus;
	uint64_t enabled_ns;
};

/* Collects what libbpf says while it loads, for error hints. */
void libbpf_log_start(void);
/* The last lines it said, or "". Borrowed until the next start. */
const char *libbpf_log_text(void);

/* -EPERM etc. with the mend: what to try when bpf() or perf_event_open() was refused. */
int permission_error(struct error *err, int code, const char *what);

#endif

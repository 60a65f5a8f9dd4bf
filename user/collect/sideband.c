/* The side-band: one dummy event per CPU that tells of new executable mappings and of names. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include "base/cleanup.h"
#include "collect/private.h"

/* 256 KiB a CPU: a burst of about 2,000 mappings, or of 4,000 threads born and gone, whose forks
 * and exits the kernel insists on telling. Half full, it asks to be drained. */
enum { RING_PAGES = 64 };

static int ring_open(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = RING_PAGES * 4096 / 2,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static size_t ring_bytes(void)
{
	return (size_t)(RING_PAGES + 1) * (size_t)sysconf(_SC_PAGESIZE);
}

int sideband_open(struct sideband *s, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return error_exit(err, EXIT_SYSTEM, -errno, "epoll: %s", strerror(errno));
	for (int cpu = 0; cpu < cpus; cpu++) {
		CLEANUP(fd_closep) int fd = ring_open(cpu);

		if (fd < 0 && errno == ENODEV)
			continue;
		if (fd < 0)
			return permission_error(err, -errno, "cannot listen to new mappings");
		void *map = mmap(NULL, ring_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED) {
			error_exit(err, EXIT_SYSTEM, -errno, "cannot map a perf buffer: %s",
				strerror(errno));
			return error_hint(err, "see /proc/sys/kernel/perf_event_mlock_kb");
		}
		if (vec_push(&s->rings, (struct sideband_ring){ fd, map })) {
			munmap(map, ring_bytes());
			return error_oom(err);
		}
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN });
		fd = -1;
	}
	return 0;
}

void sideband_done(struct sideband *s)
{
	vec_each (r, &s->rings) {
		munmap(r->map, ring_bytes());
		close(r->fd);
	}
	vec_done(&s->rings);
	fd_closep(&s->epoll);
}

/* The time of an event: PERF_SAMPLE_TID (8 bytes) and PERF_SAMPLE_TIME (8 bytes) end it. */
static uint64_t event_time(const void *event, uint32_t bytes)
{
	uint64_t time_ns = 0;

	if (bytes >= sizeof(struct perf_event_header) + 16)
		memcpy(&time_ns, (const char *)event + bytes - 8, 8);
	return time_ns;
}

static int event_copy(struct batch *b, const char *data, uint64_t mask, uint64_t at, uint32_t bytes)
{
	struct pending p = {
		.sequence = b->events.n, .bytes = bytes, .offset = b->bytes.length, .sideband = true
	};

	for (uint32_t done = 0; done < bytes;) {
		uint64_t from = (at + done) & mask;
		uint64_t n = mask + 1 - from < bytes - done ? mask + 1 - from : bytes - done;

		strbuf_add(&b->bytes, data + from, n);
		done += (uint32_t)n;
	}
	strbuf_pad(&b->bytes, 0, (8 - b->bytes.length % 8) % 8);
	if (b->bytes.oom)
		return -ENOMEM;
	p.time_ns = event_time(b->bytes.text + p.offset, bytes);
	return vec_push(&b->events, p);
}

int sideband_read(struct sideband *s, struct batch *batch)
{
	vec_each (ring, &s->rings) {
		struct perf_event_mmap_page *page = ring->map;
		const char *data = (const char *)ring->map + page->data_offset;
		uint64_t mask = page->data_size - 1;
		uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
		uint64_t tail = page->data_tail;

		while (tail < head) {
			struct perf_event_header header;

			/* Headers are 8 bytes and aligned: they never wrap. */
			memcpy(&header, data + (tail & mask), sizeof(header));
			if (header.size < sizeof(header))
				break;
			int r = event_copy(batch, data, mask, tail, header.size);
			if (r)
				return r;
			tail += header.size;
		}
		__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
	}
	return 0;
}

/* PERF_RECORD_MMAP2 as the kernel writes it without build ids. */
struct mmap2_event {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, bytes, file_offset;
	uint32_t device_major, device_minor;
	uint64_t inode, inode_generation;
	uint32_t protection, flags;
	char path[];
};

struct comm_event {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

struct lost_event {
	struct perf_event_header header;
	uint64_t id, lost;
};

int sideband_dispatch(
	const void *event, uint32_t bytes, uint64_t time_ns, const struct collect_sink *sink)
{
	const struct perf_event_header *header = event;

	if (header->type == PERF_RECORD_MMAP2 && bytes > sizeof(struct mmap2_event) + 16) {
		const struct mmap2_event *m = event;
		CLEANUP(freep)
		char *path = strndup(m->path, bytes - sizeof(*m) - 16);

		if (!path)
			return -ENOMEM;
		struct proc_mapping mapping = {
			.executable = true, /* others are not told */
			.start = m->start,
			.end = m->start + m->bytes,
			.file_offset = m->file_offset,
			.inode = m->inode,
			.device_major = m->device_major,
			.device_minor = m->device_minor,
			.path = path,
		};
		return sink->mapping(sink->context, (pid_t)m->pid, &mapping);
	}
	if (header->type == PERF_RECORD_COMM && bytes > sizeof(struct comm_event) + 16) {
		const struct comm_event *e = event;
		char comm[64];

		snprintf(comm, sizeof(comm), "%.*s", (int)(bytes - sizeof(*e) - 16), e->comm);
		struct collect_comm c = {
			.pid = (pid_t)e->pid,
			.tid = (pid_t)e->tid,
			.time_ns = time_ns,
			.exec = header->misc & PERF_RECORD_MISC_COMM_EXEC,
			.comm = comm,
		};
		return sink->comm(sink->context, &c);
	}
	if (header->type == PERF_RECORD_LOST && bytes >= sizeof(struct lost_event))
		return sink->sideband_lost(sink->context, ((const struct lost_event *)event)->lost);
	return 0;
}

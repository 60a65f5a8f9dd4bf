/*
 * Unwind tables and mappings in the kernel's maps.
 *
 * The big arrays are mmapped and written in place; the kernel half reads a slice or a file only
 * after its number was published (a hash entry, a mapping), so order of writing is all the
 * locking there is.
 *
 *   unwind_mappings  [ slice of pid 7 | free | slice of pid 9 | ............ free ............. ]
 *   unwind_pages     [ file 1 | file 2 | ...                  ]   grows; files are never removed
 *   shards           [ file 1, file 2, ... ] [ big file ] ...     before the capture ends
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collect/private.h"
#include "unwind/table.h"

enum { SHARDS_MAX = 512 }; /* 256 MiB of rows */

void upload_size(struct assay_bpf *skel, bool system_wide)
{
	bpf_map__set_max_entries(skel->maps.unwind_mappings, system_wide ? 1 << 17 : 1 << 15);
	bpf_map__set_max_entries(skel->maps.unwind_processes, system_wide ? 1 << 15 : 1 << 12);
	bpf_map__set_max_entries(skel->maps.unwind_files, 1 << 14);
	bpf_map__set_max_entries(skel->maps.unwind_pages, system_wide ? 1 << 20 : 1 << 18);
	bpf_map__set_max_entries(skel->maps.unwind_shards, SHARDS_MAX);
	bpf_map__set_max_entries(skel->maps.python_processes, system_wide ? PYTHON_PROCESSES : 256);
	bpf_map__set_max_entries(skel->maps.python_threads, system_wide ? 1 << 14 : 1 << 12);
	bpf_map__set_max_entries(skel->maps.python_seen, PYTHON_SEEN);
}

static size_t page_round(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static void *map_mmap(int fd, size_t bytes)
{
	void *at = mmap(NULL, page_round(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void *spare_insert(void *context)
{
	struct spare *s = context;

	s->result = bpf_map_update_elem(s->outer_fd, &s->number, &s->fd, BPF_ANY) ? -errno : 0;
	return NULL;
}

/* Creates the next shard and begins to insert it. */
static int spare_start(struct upload *u)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct spare *s = &u->spare;

	s->number = u->shards.n;
	s->outer_fd = u->shards_fd;
	if (s->number >= SHARDS_MAX)
		return -ENOSPC;
	CLEANUP(fd_closep)
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_shard", sizeof(__u32),
		UNWIND_SHARD_ROWS * sizeof(struct unwind_row), 1, &opts);
	if (fd < 0)
		return -errno;
	s->rows = map_mmap(fd, UNWIND_SHARD_ROWS * sizeof(*s->rows));
	if (!s->rows)
		return -errno;
	s->fd = fd_steal(&fd);
	s->running = !pthread_create(&s->thread, NULL, spare_insert, s);
	if (!s->running)
		spare_insert(s);
	return 0;
}

int upload_settle(struct upload *u)
{
	if (u->spare.running)
		pthread_join(u->spare.thread, NULL);
	u->spare.running = false;
	return u->spare.result;
}

int upload_open(struct upload *u, struct assay_bpf *skel, struct error *err)
{
	u->mapping_count = bpf_map__max_entries(skel->maps.unwind_mappings);
	u->file_count = bpf_map__max_entries(skel->maps.unwind_files);
	u->page_count = bpf_map__max_entries(skel->maps.unwind_pages);
	u->processes_fd = bpf_map__fd(skel->maps.unwind_processes);
	u->shards_fd = bpf_map__fd(skel->maps.unwind_shards);
	u->mappings = map_mmap(
		bpf_map__fd(skel->maps.unwind_mappings), u->mapping_count * sizeof(*u->mappings));
	u->files =
		map_mmap(bpf_map__fd(skel->maps.unwind_files), u->file_count * sizeof(*u->files));
	u->pages =
		map_mmap(bpf_map__fd(skel->maps.unwind_pages), u->page_count * sizeof(*u->pages));
	u->python_count = bpf_map__max_entries(skel->maps.python_processes);
	u->pythons = map_mmap(
		bpf_map__fd(skel->maps.python_processes), u->python_count * sizeof(*u->pythons));
	u->python_uses = calloc(u->python_count, sizeof(*u->python_uses));
	if (!u->python_uses)
		return error_oom(err);
	if (!u->mappings || !u->files || !u->pages || !u->pythons)
		return error_exit(err, EXIT_SYSTEM, -errno, "cannot map the unwind tables: %s",
			strerror(errno));
	u->files_used = 1; /* number 0 means "no table" */
	int r = spare_start(u);
	if (r)
		return error_exit(
			err, EXIT_SYSTEM, r, "cannot create an unwind table: %s", strerror(-r));
	return vec_push(&u->slices, (struct slice){ 0, u->mapping_count, 0 }) ? error_oom(err) : 0;
}

static void unmap(void *at, size_t bytes)
{
	if (at)
		munmap(at, page_round(bytes));
}

void upload_done(struct upload *u)
{
	upload_settle(u);
	if (u->spare.rows) {
		unmap(u->spare.rows, UNWIND_SHARD_ROWS * sizeof(*u->spare.rows));
		close(u->spare.fd);
	}
	unmap(u->mappings, u->mapping_count * sizeof(*u->mappings));
	unmap(u->files, u->file_count * sizeof(*u->files));
	unmap(u->pages, u->page_count * sizeof(*u->pages));
	unmap(u->pythons, u->python_count * sizeof(*u->pythons));
	free(u->python_uses);
	vec_each (shard, &u->shards)
		unmap(*shard, UNWIND_SHARD_ROWS * sizeof(**shard));
	vec_each (fd, &u->shard_fds)
		close(*fd);
	vec_done(&u->shards);
	vec_done(&u->shard_fds);
	vec_done(&u->slices);
}

/* Takes the spare shard into use; it may be written at once, but is seen by the kernel half only
 * after upload_settle(). */
static int shard_add(struct upload *u)
{
	if (!u->spare.rows) {
		int r = upload_settle(u);

		if (!r)
			r = spare_start(u);
		if (r)
			return r;
	}
	if (vec_push(&u->shards, u->spare.rows))
		return -ENOMEM;
	u->spare.rows = NULL;
	u->shard_rows_used = 0;
	return vec_push(&u->shard_fds, u->spare.fd);
}

/* Copies the rows of one page to where they do not cross a shard; *ret_row = first row's number. */
static int page_add(struct upload *u, const struct unwind_row *rows, uint32_t n, uint32_t *ret_row)
{
	if (n > UNWIND_SHARD_ROWS)
		return -E2BIG;
	if (!u->shards.n || u->shard_rows_used + n > UNWIND_SHARD_ROWS) {
		int r = shard_add(u);

		if (r)
			return r;
	}
	uint32_t shard = u->shards.n - 1;
	*ret_row = shard * UNWIND_SHARD_ROWS + u->shard_rows_used;
	memcpy(u->shards.at[shard] + u->shard_rows_used, rows, n * sizeof(*rows));
	u->shard_rows_used += n;
	return 0;
}

int collect_file_add(
	struct collect *c, const struct unwind_table *table, uint32_t *ret_file, struct error *err)
{
	struct upload *u = &c->upload;
	uint32_t first = u->pages_used, row = 0;

	if (u->files_used >= u->file_count || (uint64_t)first + table->pages > u->page_count)
		return error_set(err, -ENOSPC, "no room for another unwind table");
	for (uint32_t page = 0; page < table->pages; page++) {
		uint32_t from = table->first_row[page];
		uint32_t n = table->first_row[page + 1] - from;
		int r = page_add(u, table->rows + from, n, &row);

		if (r)
			return error_set(err, r, "cannot add unwind rows: %s", strerror(-r));
		u->pages[first + page] = (struct unwind_page){ row, n };
	}
	/* Before sampling starts collect_enable() waits; now a sample could miss the rows. */
	if (c->enabled_ns) {
		int r = upload_settle(u);

		if (r)
			return error_set(err, r, "cannot add unwind rows: %s", strerror(-r));
	}
	u->files[u->files_used] = (struct unwind_file){ table->base, first, table->pages };
	u->pages_used += table->pages;
	*ret_file = u->files_used++;
	return 0;
}

/* ---- mappings of processes ---- */

static struct slice *slice_find(struct upload *u, pid_t pid)
{
	vec_each (s, &u->slices)
		if (s->pid == pid)
			return s;
	return NULL;
}

/* Gives a slice back and joins it with free neighbours. */
static void slice_free(struct upload *u, struct slice *s)
{
	uint32_t i = (uint32_t)(s - u->slices.at);

	if (s->python)
		u->python_uses[s->python]--;
	s->python = 0;
	s->pid = 0;
	if (i + 1 < u->slices.n && !s[1].pid) {
		s->count += s[1].count;
		memmove(s + 1, s + 2, (u->slices.n - i - 2) * sizeof(*s));
		u->slices.n--;
	}
	if (i && !s[-1].pid) {
		s[-1].count += s->count;
		memmove(s, s + 1, (u->slices.n - i - 1) * sizeof(*s));
		u->slices.n--;
	}
}

/* Slices of which the kernel half may still hold a copy (a forked child, until its own slice is
 * there) rest for two drains before they are used again. */
enum { RESTING = -2, RESTING_LONGER = -3 };

void upload_age(struct upload *u)
{
	for (uint32_t i = u->slices.n; i-- > 0;) {
		if (i >= u->slices.n) /* joined with a neighbour */
			continue;
		struct slice *s = &u->slices.at[i];

		if (s->pid == RESTING)
			slice_free(u, s);
		else if (s->pid == RESTING_LONGER)
			s->pid = RESTING;
	}
}

/* Takes the first free slice that is large enough, or NULL. */
static struct slice *slice_take(struct upload *u, pid_t pid, uint32_t count)
{
	for (uint32_t i = 0; i < u->slices.n; i++) {
		if (u->slices.at[i].pid || u->slices.at[i].count < count)
			continue;
		uint32_t rest = u->slices.at[i].count - count;
		uint32_t after = u->slices.at[i].first + count;
		if (rest) {
			if (vec_push(&u->slices, (struct slice){ 0 }))
				return NULL;
			memmove(&u->slices.at[i + 2], &u->slices.at[i + 1],
				(u->slices.n - i - 2) * sizeof(struct slice));
			u->slices.at[i + 1] = (struct slice){ after, rest, 0 };
		}
		u->slices.at[i].count = count;
		u->slices.at[i].pid = pid;
		return &u->slices.at[i];
	}
	return NULL;
}

/* A slot that holds @python, shared by processes in which it is the same. 0 = all are in use. */
static uint32_t python_slot(struct upload *u, const struct python_process *python)
{
	uint32_t empty = 0;

	for (uint32_t i = 1; i < u->python_count; i++) {
		if (!u->python_uses[i])
			empty = empty ? empty : i;
		else if (!memcmp(&u->pythons[i], python, sizeof(*python)))
			return i;
	}
	if (empty)
		u->pythons[empty] = *python;
	return empty;
}

int collect_process_set(struct collect *c, pid_t pid, const struct unwind_mapping *mappings,
	uint32_t count, const struct python_process *python)
{
	struct upload *u = &c->upload;
	__u32 number = (__u32)pid;

	if (!count) {
		collect_process_drop(c, pid);
		return 0;
	}
	/* The new slice is published before the old one may be reused by anybody. */
	struct slice *s = slice_take(u, -1, count);
	if (!s)
		return -ENOSPC;
	s->python = python ? python_slot(u, python) : 0;
	if (s->python)
		u->python_uses[s->python]++;
	memcpy(u->mappings + s->first, mappings, count * sizeof(*mappings));
	struct unwind_process value = { s->first, count, s->python };
	if (bpf_map_update_elem(u->processes_fd, &number, &value, BPF_ANY)) {
		int code = -errno;

		slice_free(u, s);
		return code == -E2BIG ? -ENOSPC : code;
	}
	struct slice *old = slice_find(u, pid);
	if (old)
		old->pid = RESTING_LONGER;
	slice_find(u, -1)->pid = pid;
	return python && !value.python ? -ENOSPC : 0;
}

void collect_process_drop(struct collect *c, pid_t pid)
{
	__u32 number = (__u32)pid;
	struct slice *s = slice_find(&c->upload, pid);

	bpf_map_delete_elem(c->upload.processes_fd, &number);
	if (s)
		s->pid = RESTING_LONGER;
}

uint64_t collect_map_bytes(const struct collect *c)
{
	const struct upload *u = &c->upload;

	return u->mapping_count * sizeof(*u->mappings) + u->file_count * sizeof(*u->files) +
	       u->page_count * sizeof(*u->pages) +
	       (uint64_t)u->shards.n * UNWIND_SHARD_ROWS * sizeof(struct unwind_row);
}

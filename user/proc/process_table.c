/* Which process has which file mapped where, at the moment of an event. */
// SPDX-License-Identifier: BSD-2-Clause
#include "proc/process_table.h"

#include <string.h>

#include "base/hash.h"

/* Start times from /proc come in clock ticks, those of the kernel half in nanoseconds. */
enum { START_SLACK_NS = 20000000 };

struct entry {
	struct process process;
	UT_hash_handle hh;
};

struct process_table {
	struct entry *entries;
};

struct process_table *process_table_new(void)
{
	return calloc(1, sizeof(struct process_table));
}

static void entry_free(struct process_table *t, struct entry *e)
{
	HASH_DEL(t->entries, e);
	vec_done(&e->process.mappings);
	free(e);
}

void process_table_free(struct process_table *t)
{
	struct entry *e, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->entries, e, next)
		entry_free(t, e);
	free(t);
}

struct process *process_find(const struct process_table *t, pid_t pid)
{
	struct entry *e;

	HASH_FIND_INT(t->entries, &pid, e);
	return e ? &e->process : NULL;
}

static bool same_start(uint64_t a, uint64_t b)
{
	return !a || !b || (a > b ? a - b : b - a) < START_SLACK_NS;
}

struct process *process_get(struct process_table *t, pid_t pid, uint64_t start_ns)
{
	struct process *p = process_find(t, pid);

	if (p) {
		if (!same_start(p->start_ns, start_ns)) {
			process_exec(p);
			p->number = 0;
			p->scanned = p->exited = false;
			p->start_ns = start_ns;
		} else if (start_ns && start_ns % 1000000) {
			p->start_ns = start_ns; /* the exact one */
		} else if (!p->start_ns) {
			p->start_ns = start_ns;
		}
		return p;
	}
	if (HASH_COUNT(t->entries) >= PROCESSES_MAX)
		return NULL;
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->process.pid = pid;
	e->process.start_ns = start_ns;
	HASH_ADD_INT(t->entries, process.pid, e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	return &e->process;
}

int process_fork(struct process_table *t, pid_t parent, pid_t child, uint64_t start_ns)
{
	struct process *c = process_get(t, child, start_ns);
	struct process *p = process_find(t, parent);

	if (!c)
		return -ENOMEM;
	process_exec(c);
	c->number = 0;
	c->exited = false;
	if (!p || !p->scanned)
		return 0;
	if (!vec_reserve(&c->mappings, p->mappings.n))
		return -ENOMEM;
	if (p->mappings.n)
		memcpy(c->mappings.at, p->mappings.at, p->mappings.n * sizeof(*p->mappings.at));
	c->mappings.n = p->mappings.n;
	c->python = p->python;
	c->scanned = true;
	c->changes++;
	return 0;
}

void process_exec(struct process *p)
{
	p->mappings.n = 0;
	p->python = NULL;
	p->changes++;
}

void process_remove(struct process_table *t, pid_t pid)
{
	struct entry *e;

	HASH_FIND_INT(t->entries, &pid, e);
	if (e)
		entry_free(t, e);
}

/* Index of the first mapping that ends above @address. */
static uint32_t first_above(const struct process *p, uint64_t address)
{
	uint32_t low = 0, high = p->mappings.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->mappings.at[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int process_map(struct process *p, const struct process_mapping *m)
{
	struct process_mapping pieces[3];
	uint32_t n = 0, from = first_above(p, m->start), to = from;

	if (m->start >= m->end)
		return -EINVAL;
	while (to < p->mappings.n && p->mappings.at[to].start < m->end)
		to++;
	/* What sticks out of the replaced range on either side stays. */
	if (from < to && p->mappings.at[from].start < m->start) {
		pieces[n] = p->mappings.at[from];
		pieces[n++].end = m->start;
	}
	pieces[n++] = *m;
	if (from < to && p->mappings.at[to - 1].end > m->end) {
		struct process_mapping rest = p->mappings.at[to - 1];

		rest.vaddr += m->end - rest.start;
		rest.start = m->end;
		pieces[n++] = rest;
	}
	uint32_t count = p->mappings.n - (to - from) + n;
	if (count > PROCESS_MAPPINGS_MAX)
		return -E2BIG;
	if (!vec_reserve(&p->mappings, count))
		return -ENOMEM;
	memmove(p->mappings.at + from + n, p->mappings.at + to,
		(p->mappings.n - to) * sizeof(*p->mappings.at));
	memcpy(p->mappings.at + from, pieces, n * sizeof(*pieces));
	p->mappings.n = count;
	p->changes++;
	return 0;
}

const struct process_mapping *process_mapping_find(const struct process *p, uint64_t address)
{
	uint32_t i = first_above(p, address);

	if (i == p->mappings.n || p->mappings.at[i].start > address)
		return NULL;
	return &p->mappings.at[i];
}

int process_each(
	struct process_table *t, int (*each)(void *context, struct process *p), void *context)
{
	struct entry *e, *next;

	HASH_ITER (hh, t->entries, e, next) {
		int r = each(context, &e->process);

		if (r)
			return r;
	}
	return 0;
}

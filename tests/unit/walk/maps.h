/* The kernel half's maps, filled as user space fills them, and the scratch of one walk. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef TESTS_WALK_MAPS_H
#define TESTS_WALK_MAPS_H

#include "base/vec.h"
#include "unit/walk/shim.h"
#include "unwind/table.h"

static struct tables {
	VEC(struct unwind_mapping) mappings;
	VEC(struct unwind_file) files;
	VEC(struct unwind_page) pages;
	VEC(struct unwind_shard *) shards;
	struct unwind_process processes[2]; /* by pid: of process 1 */
	struct python_process pythons[2];
	uint32_t shard_rows_used;
} tables;

static struct walk *walk; /* on the heap, for ASan */
static struct wire_code *code;
static __u64 *seen;

static inline void tables_reset(void)
{
	vec_each (shard, &tables.shards)
		free(*shard);
	vec_done(&tables.mappings);
	vec_done(&tables.files);
	vec_done(&tables.pages);
	vec_done(&tables.shards);
	memset(&tables, 0, sizeof(tables));
	assert_int_equal(vec_push(&tables.files, (struct unwind_file){ 0 }), 0); /* no table */
}

/* Tells the shim where the maps are now. */
static inline void tables_publish(void)
{
	tables.processes[1].first = 0;
	tables.processes[1].count = tables.mappings.n;
	shim.map_count = 0;
	shim_map_add(&unwind_mappings, tables.mappings.at, sizeof(*tables.mappings.at),
		tables.mappings.n, false);
	shim_map_add(
		&unwind_files, tables.files.at, sizeof(*tables.files.at), tables.files.n, false);
	shim_map_add(
		&unwind_pages, tables.pages.at, sizeof(*tables.pages.at), tables.pages.n, false);
	shim_map_add(
		&unwind_shards, tables.shards.at, sizeof(*tables.shards.at), tables.shards.n, true);
	shim_map_add(&unwind_processes, tables.processes, sizeof(*tables.processes), 2, false);
	shim_map_add(&python_processes, tables.pythons, sizeof(*tables.pythons), 2, false);
	shim_map_add(&python_seen, seen, sizeof(*seen), PYTHON_SEEN, false);
	shim_map_add(&python_scratch, code, sizeof(*code), 1, false);
	shim_map_add(&walk_scratch, walk, sizeof(*walk), WALK_SLOT_COUNT, false);
}

static inline uint32_t page_add(const struct unwind_row *rows, uint32_t n)
{
	if (!tables.shards.n || tables.shard_rows_used + n > UNWIND_SHARD_ROWS) {
		struct unwind_shard *shard = calloc(1, sizeof(*shard));

		assert_non_null(shard);
		assert_int_equal(vec_push(&tables.shards, shard), 0);
		tables.shard_rows_used = 0;
	}
	uint32_t first =
		(tables.shards.n - 1) * (uint32_t)UNWIND_SHARD_ROWS + tables.shard_rows_used;

	memcpy(tables.shards.at[tables.shards.n - 1]->rows + tables.shard_rows_used, rows,
		n * sizeof(*rows));
	tables.shard_rows_used += n;
	return first;
}

/* Adds a file's table; returns its number. */
static inline uint32_t file_add(const struct unwind_table *t)
{
	struct unwind_file file = { t->base, tables.pages.n, t->pages };

	for (uint32_t page = 0; page < t->pages; page++) {
		uint32_t from = t->first_row[page], n = t->first_row[page + 1] - from;
		struct unwind_page p = { page_add(t->rows + from, n), n };

		assert_int_equal(vec_push(&tables.pages, p), 0);
	}
	assert_int_equal(vec_push(&tables.files, file), 0);
	return tables.files.n - 1;
}

static inline int maps_setup(void **state)
{
	walk = calloc(WALK_SLOT_COUNT, sizeof(*walk));
	code = calloc(1, sizeof(*code));
	seen = calloc(PYTHON_SEEN, sizeof(*seen));
	tables_reset();
	return !walk || !code || !seen;
}

static inline int maps_teardown(void **state)
{
	tables_reset();
	vec_done(&tables.files);
	free(walk);
	free(code);
	free(seen);
	return 0;
}

#endif

/* Which file is mapped where: mmap replaces, fork copies, exec drops, a reused pid starts anew. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "proc/process_table.h"

static int map(struct process *p, uint64_t start, uint64_t end, uint32_t module)
{
	return process_map(
		p, &(struct process_mapping){
			   .start = start, .end = end, .vaddr = start & 0xffff, .module = module });
}

/* The table as text: "1000-2000:1 3000-4000:2". */
static const char *as_text(const struct process *p)
{
	static char text[1024];
	size_t n = 0;

	text[0] = 0;
	vec_each (m, &p->mappings)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%llx-%llx:%u", n ? " " : "",
			(unsigned long long)m->start, (unsigned long long)m->end, m->module);
	return text;
}

static void an_address_is_in_the_mapping_that_covers_it(void **state)
{
	struct process_table *t = process_table_new();
	struct process *p = process_get(t, 7, 0);

	assert_int_equal(map(p, 0x3000, 0x4000, 2), 0);
	assert_int_equal(map(p, 0x1000, 0x2000, 1), 0);
	assert_null(process_mapping_find(p, 0xfff));
	assert_int_equal(process_mapping_find(p, 0x1000)->module, 1);
	assert_int_equal(process_mapping_find(p, 0x1fff)->module, 1);
	assert_null(process_mapping_find(p, 0x2000));
	assert_int_equal(process_mapping_find(p, 0x3fff)->module, 2);
	assert_null(process_mapping_find(p, 0x4000));
	process_table_free(t);
}

static void a_new_mapping_replaces_what_it_covers(void **state)
{
	static const struct {
		uint64_t start, end;
		const char *expected;
	} cases[] = {
		{ 0x3000, 0x6000, "1000-3000:1 3000-6000:9 6000-8000:1" },
		{ 0x1000, 0x3000, "1000-3000:9 3000-8000:1" },
		{ 0x5000, 0x8000, "1000-5000:1 5000-8000:9" },
		{ 0x1000, 0x8000, "1000-8000:9" },
		{ 0x800, 0x9000, "800-9000:9" },
		{ 0x800, 0x2000, "800-2000:9 2000-8000:1" },
		{ 0x7000, 0x9000, "1000-7000:1 7000-9000:9" },
		{ 0x800, 0x1000, "800-1000:9 1000-8000:1" },
		{ 0x8000, 0x9000, "1000-8000:1 8000-9000:9" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct process_table *t = process_table_new();
		struct process *p = process_get(t, 7, 0);

		assert_int_equal(map(p, 0x1000, 0x8000, 1), 0);
		assert_int_equal(map(p, cases[i].start, cases[i].end, 9), 0);
		assert_string_equal(as_text(p), cases[i].expected);
		process_table_free(t);
	}
}

static void the_rest_behind_a_replaced_part_keeps_its_place_in_the_file(void **state)
{
	struct process_table *t = process_table_new();
	struct process *p = process_get(t, 7, 0);

	map(p, 0x1000, 0x8000, 1);
	map(p, 0x3000, 0x4000, 2);
	assert_int_equal(process_mapping_find(p, 0x2000)->vaddr, 0x1000);
	assert_int_equal(process_mapping_find(p, 0x5000)->vaddr, 0x4000);
	process_table_free(t);
}

/* Every byte of a small address space is checked against a plain array after each random mapping.
 */
static void random_mappings_agree_with_a_plain_array(void **state)
{
	struct process_table *t = process_table_new();
	struct process *p = process_get(t, 7, 0);
	struct {
		uint32_t module;
		uint64_t vaddr;
	} plain[128] = { 0 };
	uint32_t seed = 42;

	for (uint32_t i = 1; i <= 3000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint64_t start = (seed >> 8) % 120, end = start + 1 + (seed >> 20) % 8;

		assert_int_equal(process_map(p, &(struct process_mapping){ .start = start,
							.end = end,
							.vaddr = i * 1000,
							.module = i }),
			0);
		for (uint64_t a = start; a < end; a++) {
			plain[a].module = i;
			plain[a].vaddr = i * 1000 + a - start;
		}
		for (uint64_t a = 0; a < 128; a++) {
			const struct process_mapping *m = process_mapping_find(p, a);

			assert_int_equal(m ? m->module : 0, plain[a].module);
			if (m)
				assert_int_equal(m->vaddr + a - m->start, plain[a].vaddr);
		}
	}
	process_table_free(t);
}

static void an_empty_mapping_and_one_too_many_are_refused(void **state)
{
	struct process_table *t = process_table_new();
	struct process *p = process_get(t, 7, 0);

	assert_int_equal(map(p, 0x1000, 0x1000, 1), -EINVAL);
	assert_int_equal(map(p, 0x2000, 0x1000, 1), -EINVAL);
	for (uint64_t i = 0; i < PROCESS_MAPPINGS_MAX; i++)
		assert_int_equal(map(p, 0x10000 + i * 2, 0x10000 + i * 2 + 1, 1), 0);
	assert_int_equal(map(p, 0x1000, 0x2000, 1), -E2BIG);
	assert_int_equal(p->mappings.n, PROCESS_MAPPINGS_MAX);
	process_table_free(t);
}

static void a_child_has_its_parents_mappings_and_then_its_own(void **state)
{
	struct process_table *t = process_table_new();
	struct process *parent = process_get(t, 7, 0);

	parent->scanned = true;
	map(parent, 0x1000, 0x2000, 1);
	assert_int_equal(process_fork(t, 7, 8, 0), 0);
	struct process *child = process_find(t, 8);
	assert_string_equal(as_text(child), "1000-2000:1");
	assert_true(child->scanned);
	map(child, 0x1000, 0x2000, 2);
	assert_string_equal(as_text(process_find(t, 7)), "1000-2000:1");
	process_table_free(t);
}

static void a_child_of_an_unknown_parent_still_has_to_be_read(void **state)
{
	struct process_table *t = process_table_new();

	process_get(t, 7, 0); /* known, but its mappings were never read */
	assert_int_equal(process_fork(t, 7, 8, 0), 0);
	assert_false(process_find(t, 8)->scanned);
	assert_int_equal(process_fork(t, 99, 9, 0), 0);
	assert_false(process_find(t, 9)->scanned);
	process_table_free(t);
}

static void an_exec_drops_all_mappings_and_counts_as_a_change(void **state)
{
	struct process_table *t = process_table_new();
	struct process *p = process_get(t, 7, 0);

	map(p, 0x1000, 0x2000, 1);
	uint32_t changes = p->changes;
	process_exec(p);
	assert_int_equal(p->mappings.n, 0);
	assert_true(p->changes != changes);
	process_table_free(t);
}

static void a_reused_pid_is_another_process(void **state)
{
	struct process_table *t = process_table_new();
	struct process *p = process_get(t, 7, 5000000001);

	p->number = 3;
	p->scanned = true;
	map(p, 0x1000, 0x2000, 1);
	/* The same start, once in clock ticks and once exactly. */
	assert_int_equal(process_get(t, 7, 5000000000)->number, 3);
	assert_int_equal(process_get(t, 7, 0)->number, 3);
	p = process_get(t, 7, 6000000001);
	assert_int_equal(p->number, 0);
	assert_int_equal(p->mappings.n, 0);
	assert_false(p->scanned);
	process_table_free(t);
}

static void a_removed_process_is_not_found(void **state)
{
	struct process_table *t = process_table_new();

	map(process_get(t, 7, 0), 0x1000, 0x2000, 1);
	process_remove(t, 7);
	process_remove(t, 7);
	assert_null(process_find(t, 7));
	assert_non_null(process_get(t, 7, 0));
	process_table_free(t);
}

static int remove_it(void *context, struct process *p)
{
	process_remove(context, p->pid);
	return 0;
}

static void processes_may_be_removed_while_each_is_visited(void **state)
{
	struct process_table *t = process_table_new();

	for (pid_t pid = 1; pid <= 100; pid++)
		process_get(t, pid, 0);
	assert_int_equal(process_each(t, remove_it, t), 0);
	for (pid_t pid = 1; pid <= 100; pid++)
		assert_null(process_find(t, pid));
	process_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_the_mapping_that_covers_it),
		cmocka_unit_test(a_new_mapping_replaces_what_it_covers),
		cmocka_unit_test(the_rest_behind_a_replaced_part_keeps_its_place_in_the_file),
		cmocka_unit_test(random_mappings_agree_with_a_plain_array),
		cmocka_unit_test(an_empty_mapping_and_one_too_many_are_refused),
		cmocka_unit_test(a_child_has_its_parents_mappings_and_then_its_own),
		cmocka_unit_test(a_child_of_an_unknown_parent_still_has_to_be_read),
		cmocka_unit_test(an_exec_drops_all_mappings_and_counts_as_a_change),
		cmocka_unit_test(a_reused_pid_is_another_process),
		cmocka_unit_test(a_removed_process_is_not_found),
		cmocka_unit_test(processes_may_be_removed_while_each_is_visited),
	};
	return RUN_TESTS(tests);
}

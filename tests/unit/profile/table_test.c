/* Tables: what counts as self and total, what rows are, how narrow their intervals may be. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "profile/filter.h"
#include "profile/profile.h"
#include "profile/table.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct table *, table_free)

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static uint32_t frame_at(struct profile *p, const char *function, const char *file, uint32_t line)
{
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = string(p, function),
		.file = string(p, file),
		.line = line,
		.module = (uint32_t)profile_module(p, "/srv/app", NULL, 0) };

	return (uint32_t)profile_frame(p, &f);
}

/* A stack from names, root first: "main a b". */
static uint32_t stack_of(struct profile *p, const char *names)
{
	CLEANUP(freep) char *copy = strdup(names);
	char *rest = copy;
	uint32_t stack = 0;

	for (char *name; (name = strsep(&rest, " "));)
		stack = (uint32_t)profile_stack(p, stack, frame_at(p, name, "app.c", 1), 0);
	return stack;
}

static void sample(struct profile *p, uint32_t bucket, uint32_t stack, uint32_t count)
{
	assert_int_equal(profile_sample(p, &(struct profile_sample){ .bucket = bucket,
						   .stack = stack,
						   .count = count,
						   .value = count * 10,
						   .weight = 1 }),
		0);
}

static struct table *table_of(const struct profile *p, struct table_options options)
{
	struct table *t = NULL;
	struct error err = { 0 };

	assert_int_equal(profile_table(p, &options, &t, &err), 0);
	return t;
}

static const struct table_row *row_named(
	const struct profile *p, const struct table *t, const char *name)
{
	vec_each (row, &t->rows) {
		CLEANUP_STRBUF struct strbuf b = { 0 };

		table_row_name(p, t, row, &b);
		if (!strcmp(strbuf_cstr(&b), name))
			return row;
	}
	return NULL;
}

static void self_is_the_leaf_and_total_everything_above_it(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	sample(p, 0, stack_of(p, "main a b"), 3);
	sample(p, 0, stack_of(p, "main a"), 1);
	CLEANUP(table_freep) struct table *t = table_of(p, (struct table_options){ 0 });
	assert_int_equal(t->rows.n, 3);
	assert_int_equal(t->count, 4);
	assert_int_equal(t->value, 40);
	const struct table_row *b = &t->rows.at[0];
	assert_ptr_equal(b, row_named(p, t, "b"));
	assert_int_equal(b->self_count, 3);
	assert_int_equal(b->self_value, 30);
	assert_float_equal(b->self, 0.75, 1e-12);
	const struct table_row *a = row_named(p, t, "a");
	assert_float_equal(a->self, 0.25, 1e-12);
	assert_float_equal(a->total, 1, 1e-12);
	assert_int_equal(row_named(p, t, "main")->self_count, 0);
	assert_int_equal(row_named(p, t, "main")->total_value, 40);
}

static void a_recursive_function_counts_once_per_sample(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	sample(p, 0, stack_of(p, "main f g f g f"), 5);
	sample(p, 0, stack_of(p, "main g"), 5);
	CLEANUP(table_freep) struct table *t = table_of(p, (struct table_options){ 0 });
	assert_int_equal(row_named(p, t, "f")->total_count, 5);
	assert_int_equal(row_named(p, t, "g")->total_count, 10);
	assert_int_equal(row_named(p, t, "main")->total_count, 10);
}

static void an_inlined_function_is_a_row_and_its_host_has_no_self(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t host = frame_at(p, "host", "app.c", 10);
	struct profile_frame f = {
		.kind = FRAME_INLINED, .function = string(p, "tiny"), .outer = host
	};

	sample(p, 0, (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &f), 0), 2);
	CLEANUP(table_freep) struct table *t = table_of(p, (struct table_options){ 0 });
	assert_int_equal(row_named(p, t, "tiny")->self_count, 2);
	assert_int_equal(row_named(p, t, "host")->self_count, 0);
	assert_int_equal(row_named(p, t, "host")->total_count, 2);
}

static void rows_by_line_split_what_rows_by_function_join(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	sample(p, 0, (uint32_t)profile_stack(p, 0, frame_at(p, "f", "app.c", 7), 0), 1);
	sample(p, 0, (uint32_t)profile_stack(p, 0, frame_at(p, "f", "app.c", 9), 0), 4);
	sample(p, 0, (uint32_t)profile_stack(p, 0, frame_at(p, "f", "other.c", 9), 0), 2);
	CLEANUP(table_freep)
	struct table *by_line = table_of(p, (struct table_options){ .by = TABLE_BY_LINE });
	CLEANUP(table_freep) struct table *by_function = table_of(p, (struct table_options){ 0 });
	CLEANUP(table_freep)
	struct table *by_file = table_of(p, (struct table_options){ .by = TABLE_BY_FILE });
	CLEANUP(table_freep)
	struct table *by_module = table_of(p, (struct table_options){ .by = TABLE_BY_MODULE });
	assert_int_equal(by_line->rows.n, 3);
	assert_int_equal(by_function->rows.n, 2);
	assert_int_equal(by_function->rows.at[0].self_count, 5);
	assert_int_equal(by_function->rows.at[0].line, 9);
	assert_int_equal(by_file->rows.n, 2);
	assert_int_equal(by_module->rows.n, 1);
	assert_int_equal(row_named(p, by_module, "/srv/app")->total_count, 7);
}

static void nameless_functions_are_rows_by_module_and_offset(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.module = (uint32_t)profile_module(p, "/lib/libx.so", NULL, 0) };

	for (f.offset = 16; f.offset <= 32; f.offset += 16)
		sample(p, 0, (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &f), 0), 1);
	sample(p, 0, 0, 3);
	CLEANUP(table_freep) struct table *t = table_of(p, (struct table_options){ 0 });
	assert_int_equal(t->rows.n, 3);
	assert_int_equal(row_named(p, t, "libx.so+0x10")->self_count, 1);
	assert_int_equal(row_named(p, t, "libx.so+0x20")->self_count, 1);
	assert_int_equal(row_named(p, t, "[unknown]")->total_count, 3);
}

static void nameless_addresses_of_one_function_are_one_row_but_lines_of_their_own(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.module = (uint32_t)profile_module(p, "/lib/libx.so", NULL, 0) };

	for (f.offset = 16; f.offset <= 64; f.offset += 16) {
		f.start = f.offset <= 48 ? 16 : 0; /* three of a function, one of none */
		sample(p, 0, (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &f), 0), 1);
	}
	CLEANUP(table_freep) struct table *t = table_of(p, (struct table_options){ 0 });
	assert_int_equal(t->rows.n, 2);
	assert_int_equal(row_named(p, t, "libx.so+0x10")->self_count, 3);
	assert_int_equal(row_named(p, t, "libx.so+0x40")->self_count, 1);
	CLEANUP(table_freep)
	struct table *lines = table_of(p, (struct table_options){ .by = TABLE_BY_LINE });
	assert_int_equal(lines->rows.n, 4);
	assert_int_equal(row_named(p, lines, "libx.so+0x30")->self_count, 1);
}

static void threads_are_rows_also_when_only_their_time_was_measured(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t process = (uint32_t)profile_process(p, 10, 1);
	uint32_t busy = (uint32_t)profile_thread(p, process, 11);
	uint32_t short_lived = (uint32_t)profile_thread(p, process, 12);

	profile_thread(p, process, 13);
	p->threads.at[busy].comm = string(p, "busy");
	p->threads.at[short_lived].on_cpu_ns = 700;
	sample(p, 0, stack_of(p, "main"), 1);
	p->samples.at[0].thread = busy;
	CLEANUP(table_freep)
	struct table *t = table_of(p, (struct table_options){ .by = TABLE_BY_THREAD });
	assert_int_equal(t->rows.n, 2);
	assert_int_equal(row_named(p, t, "busy")->self_count, 1);
	assert_int_equal(t->rows.at[1].thread, short_lived);
}

static void sorting_by_total_puts_the_root_first(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	sample(p, 0, stack_of(p, "main a"), 3);
	sample(p, 0, stack_of(p, "main b"), 2);
	CLEANUP(table_freep)
	struct table *t = table_of(p, (struct table_options){ .sort = TABLE_SORT_TOTAL });
	assert_ptr_equal(&t->rows.at[0], row_named(p, t, "main"));
	assert_ptr_equal(&t->rows.at[1], row_named(p, t, "a"));
}

static void focus_keeps_the_stacks_through_a_function(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	sample(p, 0, stack_of(p, "main parse strlen"), 3);
	sample(p, 0, stack_of(p, "main print strlen"), 1);
	CLEANUP(table_freep)
	struct table *t = table_of(p, (struct table_options){ .focus = "pars" });
	assert_int_equal(t->count, 3);
	assert_float_equal(t->focus_share, 0.75, 1e-12);
	assert_float_equal(row_named(p, t, "strlen")->self, 1, 1e-12);
	assert_null(row_named(p, t, "print"));
	CLEANUP(table_freep)
	struct table *regex = table_of(p, (struct table_options){ .focus = "/^p(arse|rint)$/" });
	assert_int_equal(regex->count, 4);

	struct error err = { 0 };
	struct table *none;
	assert_int_equal(
		profile_table(p, &(struct table_options){ .focus = "absent" }, &none, &err),
		-ENOENT);
	assert_int_equal(error_exit_code(&err), EXIT_USAGE);
	assert_int_equal(
		profile_table(p, &(struct table_options){ .focus = "/(/" }, &none, &err), -EINVAL);
	assert_int_equal(
		profile_table(p, &(struct table_options){ .focus = "" }, &none, &err), -EINVAL);
}

static void a_filtered_profile_has_the_same_table_as_the_focused_one(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	CLEANUP(profile_freep) struct profile *few = NULL;
	struct error err = { 0 };

	sample(p, 0, stack_of(p, "main print strlen"), 1);
	sample(p, 0, stack_of(p, "main parse strlen"), 3);
	uint32_t late = frame_at(p, "late", "app.c", 3);
	struct profile_frame inlined = { .kind = FRAME_INLINED, .function = string(p, "in") };
	uint32_t early = (uint32_t)profile_frame(p, &inlined);
	uint32_t host = frame_at(p, "host", "app.c", 4);
	p->frames.at[early].outer = host; /* as symbolizing does: the outer frame comes later */
	sample(p, 1, (uint32_t)profile_stack(p, stack_of(p, "main parse"), early, 0), 2);
	sample(p, 1, (uint32_t)profile_stack(p, 0, late, 0), 2);
	profile_source(p, string(p, "app.c"), 1, "text\n");
	profile_fact(p, "machine", "vm");
	profile_lost(p, "ring_full", "the ring was full", 4, false);
	p->capture.duration_ns = 99;
	assert_int_equal(profile_filter(p, "parse", &few, &err), 0);
	assert_int_equal(profile_check(few, &err), 0);
	CLEANUP(table_freep) struct table *a = table_of(few, (struct table_options){ 0 });
	CLEANUP(table_freep)
	struct table *b = table_of(p, (struct table_options){ .focus = "parse" });
	assert_int_equal(a->count, 5);
	assert_int_equal(a->rows.n, b->rows.n);
	for (uint32_t i = 0; i < a->rows.n; i++) {
		assert_string_equal(profile_str(few, a->rows.at[i].function),
			profile_str(p, b->rows.at[i].function));
		assert_int_equal(a->rows.at[i].total_count, b->rows.at[i].total_count);
		assert_int_equal(a->rows.at[i].self_count, b->rows.at[i].self_count);
	}
	assert_string_equal(profile_fact_find(few, "machine"), "vm");
	assert_string_equal(few->sources.at[0].text, "text\n");
	assert_int_equal(few->lost.at[0].count, 4);
	assert_int_equal(few->capture.duration_ns, 99);
}

/* 40 buckets of 20 samples each; "a" has @share of every bucket, or whole buckets. */
static struct profile *steady_or_bursty(bool bursty)
{
	struct profile *p = profile_new();
	uint32_t a = stack_of(p, "main a"), b = stack_of(p, "main b");

	for (uint32_t i = 0; i < 40; i++) {
		if (bursty) {
			sample(p, i, i / 4 % 2 ? a : b, 20);
		} else {
			sample(p, i, a, 10);
			sample(p, i, b, 10);
		}
	}
	return p;
}

static void bursty_functions_have_wider_intervals_than_steady_ones(void **state)
{
	CLEANUP(profile_freep) struct profile *steady = steady_or_bursty(false);
	CLEANUP(profile_freep) struct profile *bursty = steady_or_bursty(true);
	CLEANUP(table_freep) struct table *s = table_of(steady, (struct table_options){ 0 });
	CLEANUP(table_freep) struct table *u = table_of(bursty, (struct table_options){ 0 });
	const struct table_row *sa = row_named(steady, s, "a"), *ua = row_named(bursty, u, "a");

	assert_true(sa->has_bounds && ua->has_bounds);
	assert_true(sa->self_low < sa->self && sa->self < sa->self_high);
	assert_true(sa->self_dispersion == 1);
	assert_true(ua->self_dispersion > 20);
	assert_true(ua->self_high - ua->self_low > 3 * (sa->self_high - sa->self_low));
	assert_true(row_named(bursty, u, "main")->total_high == 1);
}

static void the_order_of_samples_does_not_matter(void **state)
{
	CLEANUP(profile_freep) struct profile *p = steady_or_bursty(true);
	CLEANUP(table_freep) struct table *in_order = table_of(p, (struct table_options){ 0 });
	double before = row_named(p, in_order, "a")->self_dispersion;

	for (uint32_t i = 0; i < p->samples.n / 2; i++) {
		struct profile_sample s = p->samples.at[i];

		p->samples.at[i] = p->samples.at[p->samples.n - 1 - i];
		p->samples.at[p->samples.n - 1 - i] = s;
	}
	CLEANUP(table_freep) struct table *reversed = table_of(p, (struct table_options){ 0 });
	assert_float_equal(row_named(p, reversed, "a")->self_dispersion, before, 1e-9);
	assert_int_equal(row_named(p, reversed, "a")->self_count, 400);
}

static void short_captures_and_imported_samples_have_no_intervals(void **state)
{
	CLEANUP(profile_freep) struct profile *p = steady_or_bursty(false);

	p->capture.weights_imported = true;
	CLEANUP(table_freep) struct table *imported = table_of(p, (struct table_options){ 0 });
	assert_false(imported->rows.at[0].has_bounds);
	p->capture.weights_imported = false;
	p->samples.n = 2 * 19;
	CLEANUP(table_freep) struct table *few = table_of(p, (struct table_options){ 0 });
	assert_false(few->rows.at[0].has_bounds);
	p->samples.n = 2 * 20;
	CLEANUP(table_freep) struct table *enough = table_of(p, (struct table_options){ 0 });
	assert_true(enough->rows.at[0].has_bounds);
	p->samples.at[3].weight = 2;
	CLEANUP(table_freep) struct table *weighted = table_of(p, (struct table_options){ 0 });
	assert_false(weighted->rows.at[0].has_bounds);
}

static void an_empty_profile_gives_an_empty_table(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	for (int by = 0; by < TABLE_BY_COUNT; by++) {
		CLEANUP(table_freep)
		struct table *t = table_of(p, (struct table_options){ .by = (enum table_by)by });
		assert_int_equal(t->rows.n, 0);
		assert_int_equal(table_by_find(table_by_name((enum table_by)by)), by);
	}
	assert_int_equal(table_by_find("colour"), -1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The bound is loose, for slow machines and sanitizers; the figure is what is of interest. */
static void a_million_samples_on_100000_stacks_take_well_under_a_second(void **state)
{
	enum { STACKS = 100000, SAMPLES = 1000000, DEPTH = 40, FUNCTIONS = 5000 };
	CLEANUP(profile_freep) struct profile *p = profile_new();
	CLEANUP(freep) uint32_t *frames = calloc(FUNCTIONS, sizeof(*frames));
	uint64_t seed = 7;

	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "function_%u", i);
		frames[i] = frame_at(p, name, "big.c", i + 1);
	}
	uint32_t trunk[DEPTH] = { 0 };
	while (p->stacks.n < STACKS) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		uint32_t depth = 1 + (uint32_t)(seed >> 33) % (DEPTH - 1);
		uint32_t frame = frames[(seed >> 40) % FUNCTIONS];

		trunk[depth] = (uint32_t)profile_stack(p, trunk[depth - 1], frame, 0);
		for (uint32_t d = depth + 1; d < DEPTH; d++)
			trunk[d] = trunk[depth];
	}
	for (uint32_t i = 0; i < SAMPLES; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		vec_push(&p->samples, (struct profile_sample){ .bucket = i / 1000,
					      .stack = (uint32_t)(seed >> 33) % STACKS,
					      .count = 1,
					      .value = 1,
					      .weight = 1 });
	}
	double start = now();
	CLEANUP(table_freep) struct table *t = table_of(p, (struct table_options){ 0 });
	double seconds = now() - start;
	print_message("# %u rows in %.3f s\n", t->rows.n, seconds);
	assert_int_equal(t->count, SAMPLES);
	assert_true(seconds < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_is_the_leaf_and_total_everything_above_it),
		cmocka_unit_test(a_recursive_function_counts_once_per_sample),
		cmocka_unit_test(an_inlined_function_is_a_row_and_its_host_has_no_self),
		cmocka_unit_test(rows_by_line_split_what_rows_by_function_join),
		cmocka_unit_test(nameless_functions_are_rows_by_module_and_offset),
		cmocka_unit_test(
			nameless_addresses_of_one_function_are_one_row_but_lines_of_their_own),
		cmocka_unit_test(threads_are_rows_also_when_only_their_time_was_measured),
		cmocka_unit_test(sorting_by_total_puts_the_root_first),
		cmocka_unit_test(focus_keeps_the_stacks_through_a_function),
		cmocka_unit_test(a_filtered_profile_has_the_same_table_as_the_focused_one),
		cmocka_unit_test(bursty_functions_have_wider_intervals_than_steady_ones),
		cmocka_unit_test(the_order_of_samples_does_not_matter),
		cmocka_unit_test(short_captures_and_imported_samples_have_no_intervals),
		cmocka_unit_test(an_empty_profile_gives_an_empty_table),
		cmocka_unit_test(a_million_samples_on_100000_stacks_take_well_under_a_second),
	};
	return RUN_TESTS(tests);
}

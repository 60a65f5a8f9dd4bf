/* Reports: the promised fields, nothing wider than the terminal, nothing that a terminal obeys. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "formats/report_json.h"
#include "formats/report_quality.h"
#include "formats/report_text.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct table *, table_free)

static void json_putp(struct json_object **o)
{
	json_object_put(*o);
}

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static uint32_t add_stack(
	struct profile *p, uint32_t parent, const char *function, const char *file, uint32_t line)
{
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = string(p, function),
		.file = string(p, file),
		.line = line,
		.offset = 16,
		.module = (uint32_t)profile_module(p, "/srv/app", NULL, 0) };

	return (uint32_t)profile_stack(
		p, parent, (uint32_t)profile_frame(p, &f), string(p, parent ? "" : "end"));
}

/* 10 s of a thread: 60 % in a function with @name, 40 % in main itself. */
static struct profile *profile_named(const char *name)
{
	struct profile *p = profile_new();
	uint32_t process = (uint32_t)profile_process(p, 42, 1);
	uint32_t thread = (uint32_t)profile_thread(p, process, 43);
	uint32_t root = add_stack(p, 0, "main", "/src/main.c", 7);
	uint32_t leaf = add_stack(p, root, name, "/src/very/long/path/to/orders.c", 88);

	p->processes.at[process].comm = string(p, "shop");
	p->threads.at[thread].comm = string(p, "worker");
	for (uint32_t i = 0; i < 40; i++) {
		profile_sample(p, &(struct profile_sample){
					  i, thread, leaf, SAMPLE_ON_CPU, 15, 150000000, 1 });
		profile_sample(p, &(struct profile_sample){
					  i, thread, root, SAMPLE_ON_CPU, 10, 100000000, 1 });
	}
	p->capture.duration_ns = 10000000000;
	p->capture.rate_asked_hz = p->capture.rate_had_hz = 99;
	profile_fact(p, "attach_mode", "per_task");
	profile_fact(p, "features_missing", "bpf_loop, bpf_find_vma");
	return p;
}

static struct table *table_by(const struct profile *p, enum table_by by)
{
	struct table *t = NULL;
	struct error err = { 0 };

	assert_int_equal(profile_table(p, &(struct table_options){ .by = by }, &t, &err), 0);
	return t;
}

static struct json_object *at(struct json_object *o, const char *name)
{
	struct json_object *found = NULL;

	if (!json_object_object_get_ex(o, name, &found))
		fail_msg("no '%s' in %s", name, json_object_to_json_string(o));
	return found;
}

static void a_json_report_has_the_documented_fields(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("find_duplicates");
	CLEANUP(table_freep) struct table *t = table_by(p, TABLE_BY_FUNCTION);
	CLEANUP(json_putp) struct json_object *o = report_json(p, t, NULL, 0);

	assert_string_equal(json_object_get_string(at(o, "kind")), "on_cpu");
	assert_string_equal(json_object_get_string(at(o, "unit")), "nanoseconds");
	assert_int_equal(json_object_get_int64(at(o, "total")), 10000000000);
	assert_string_equal(json_object_to_json_string(at(o, "seconds")), "10.0");
	assert_null(at(o, "focus"));
	assert_int_equal(json_object_array_length(at(o, "rows")), 2);
	struct json_object *row = json_object_array_get_idx(at(o, "rows"), 0);
	assert_string_equal(json_object_get_string(at(row, "function")), "find_duplicates");
	assert_string_equal(
		json_object_get_string(at(row, "file")), "/src/very/long/path/to/orders.c");
	assert_int_equal(json_object_get_int(at(row, "line")), 88);
	assert_string_equal(json_object_get_string(at(row, "module")), "/srv/app");
	assert_string_equal(json_object_to_json_string(at(row, "self")), "0.6");
	assert_true(json_object_get_double(at(row, "self_low")) < 0.6);
	assert_true(json_object_get_double(at(row, "self_high")) > 0.6);
	assert_string_equal(json_object_to_json_string(at(row, "total")), "0.6");
	assert_int_equal(json_object_get_int64(at(row, "value")), 6000000000);
	assert_null(at(row, "calls"));
	assert_null(at(row, "per_call_ns"));
	at(o, "quality");
}

static void bounds_that_are_not_known_are_null(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("f");

	p->capture.weights_imported = true;
	CLEANUP(table_freep) struct table *t = table_by(p, TABLE_BY_LINE);
	CLEANUP(json_putp) struct json_object *o = report_json(p, t, NULL, 1);
	assert_int_equal(json_object_array_length(at(o, "rows")), 1);
	struct json_object *row = json_object_array_get_idx(at(o, "rows"), 0);
	assert_null(at(row, "self_low"));
	assert_null(at(row, "total_high"));
}

static void thread_rows_have_null_for_times_that_were_not_measured(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("f");
	CLEANUP(table_freep) struct table *t = table_by(p, TABLE_BY_THREAD);
	CLEANUP(json_putp) struct json_object *o = report_json(p, t, NULL, 0);
	struct json_object *row = json_object_array_get_idx(at(o, "rows"), 0);

	assert_int_equal(json_object_get_int(at(row, "pid")), 42);
	assert_int_equal(json_object_get_int(at(row, "tid")), 43);
	assert_string_equal(json_object_get_string(at(row, "comm")), "worker");
	assert_string_equal(json_object_get_string(at(row, "group")), "shop");
	assert_int_equal(json_object_get_int64(at(row, "on_cpu_ns")), 10000000000);
	assert_false(json_object_get_boolean(at(row, "on_cpu_measured")));
	assert_null(at(row, "wall_ns"));
	assert_null(at(row, "blocked_ns"));
	p->threads.at[1].on_cpu_ns = 77;
	CLEANUP(json_putp) struct json_object *measured = report_json(p, t, NULL, 0);
	row = json_object_array_get_idx(at(measured, "rows"), 0);
	assert_int_equal(json_object_get_int64(at(row, "on_cpu_ns")), 77);
}

static void the_quality_object_counts_losses_and_stops(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("f");
	uint32_t cut = (uint32_t)profile_stack(p, 0, 1, string(p, "fp_zero"));

	p->frames.at[1].function = string(p, "anything");
	profile_sample(p, &(struct profile_sample){ 39, 1, cut, SAMPLE_ON_CPU, 250, 1, 1 });
	profile_lost(p, "ring_full", "the ring buffer was full", 4000, false);
	CLEANUP(json_putp) struct json_object *q = quality_json(p, SAMPLE_ON_CPU);
	assert_int_equal(json_object_get_int(at(q, "samples")), 1250);
	assert_int_equal(json_object_get_int(at(q, "cut")), 250);
	assert_string_equal(json_object_to_json_string(at(q, "stacks_whole")), "0.8");
	assert_int_equal(json_object_get_int(at(at(q, "lost"), "total")), 4000);
	struct json_object *reason = json_object_array_get_idx(at(at(q, "lost"), "reasons"), 0);
	assert_string_equal(json_object_get_string(at(reason, "name")), "ring_full");
	assert_int_equal(json_object_array_length(at(q, "stops")), 2);
	assert_string_equal(json_object_get_string(at(q, "attach_mode")), "per_task");
	assert_null(at(q, "machine"));
	assert_int_equal(json_object_array_length(at(q, "features_missing")), 2);
	assert_string_equal(json_object_to_json_string(at(at(q, "rate_hz"), "asked")), "99.0");
	assert_string_equal(json_object_get_string(at(q, "verdict")), "poor");
	assert_true(json_object_array_length(at(q, "notes")) >= 2);
}

static void names_in_json_cannot_end_a_script_element(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("</script>\x1b[31m\"");
	CLEANUP(table_freep) struct table *t = table_by(p, TABLE_BY_FUNCTION);
	CLEANUP(json_putp) struct json_object *o = report_json(p, t, "<b>", 0);
	const char *text = json_object_to_json_string(o);

	assert_null(strchr(text, '<'));
	assert_null(strchr(text, 0x1b));
	CLEANUP(json_putp) struct json_object *again = json_tokener_parse(text);
	struct json_object *row = json_object_array_get_idx(at(again, "rows"), 0);
	assert_string_equal(json_object_get_string(at(row, "function")), "</script>\x1b[31m\"");
}

static char *text_of(const struct profile *p, enum table_by by, struct report_style style)
{
	CLEANUP(table_freep) struct table *t = table_by(p, by);
	struct strbuf out = { 0 };
	struct error err = { 0 };

	assert_int_equal(report_text(p, t, &style, &out, &err), 0);
	return strbuf_steal(&out);
}

/* The columns a terminal uses for a line, without colours. */
static int columns_of(const char *line)
{
	wchar_t wide[4096];
	size_t n = mbstowcs(wide, line, 4096);

	assert_true(n < 4096);
	return wcswidth(wide, n);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	static const char *const names[] = { "f",
		"std::vector<std::__cxx11::basic_string<char>, std::allocator<...> >::emplace_back",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe9\x96\xa2\xe6\x95\xb0\xe5\x90\x8d\xe5\x89"
		"\x8d"
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe9\x96\xa2\xe6\x95\xb0\xe5\x90\x8d\xe5\x89"
		"\x8d" };

	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		CLEANUP(profile_freep) struct profile *p = profile_named(names[i]);

		for (uint32_t width = 40; width < 160; width += 7) {
			for (int by = 0; by < TABLE_BY_COUNT; by++) {
				CLEANUP(freep)
				char *text = text_of(p, (enum table_by)by,
					(struct report_style){ .width = width });
				char *rest = text;

				for (char *line; (line = strsep(&rest, "\n"));)
					if (columns_of(line) > (int)width || columns_of(line) < 0)
						fail_msg("wider than %u: '%s'", width, line);
			}
		}
	}
}

static void columns_stay_aligned_under_wide_characters(void **state)
{
	CLEANUP(profile_freep)
	struct profile *p = profile_named("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");

	setlocale(LC_CTYPE, "C.UTF-8");
	CLEANUP(freep)
	char *text = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ .width = 100 });
	char *a = strstr(text, "orders.c:88"), *b = strstr(text, "main.c:7");
	assert_non_null(a);
	assert_non_null(b);
	*a = *b = 0;
	assert_int_equal(columns_of(strrchr(text, '\n') + 1), columns_of(strrchr(a + 1, '\n') + 1));
}

static void a_terminal_gets_no_control_characters_from_names(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("x\x1b]0;owned\x07y\n! 99 %");
	CLEANUP(freep) char *text = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ 0 });

	assert_null(strchr(text, 0x1b));
	assert_null(strchr(text, 0x07));
	assert_null(strstr(text, "\n! 99"));
	assert_non_null(strstr(text, "x\\x1b]0;owned"));
}

static void intervals_stand_beside_the_shares(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("find_duplicates");
	CLEANUP(freep) char *text = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ 0 });

	assert_non_null(strstr(text, " 60.0 % (57-63)"));
	assert_non_null(strstr(text, "100.0 % (100-100)"));
	assert_non_null(strstr(text, "Quality: good. 1,000 samples at 99 Hz, 100.0 % whole"));
}

static void under_sampled_rows_are_marked(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("f");
	uint32_t rare = add_stack(p, 0, "rare", "/src/rare.c", 3);

	profile_sample(p, &(struct profile_sample){ 39, 1, rare, SAMPLE_ON_CPU, 1, 10000000, 1 });
	CLEANUP(freep) char *plain = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ 0 });
	assert_non_null(strstr(plain, "\n?   0.1 %"));
	assert_null(strstr(plain, "\n?  60"));
	CLEANUP(freep)
	char *grey = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ .colour = true });
	assert_non_null(strstr(grey, "\x1b[90m    0.1 %"));
}

static void a_limit_says_how_many_rows_are_not_shown(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("f");
	CLEANUP(freep)
	char *text = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ .limit = 1 });

	assert_null(strstr(text, "main.c"));
	assert_non_null(strstr(text, "... and 1 more rows"));
}

static void an_empty_profile_is_reported_as_such(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	CLEANUP(freep) char *text = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ 0 });

	assert_non_null(strstr(text, "No samples"));
	CLEANUP(json_putp) struct json_object *q = quality_json(p, SAMPLE_ON_CPU);
	assert_null(at(q, "stacks_whole"));
	assert_string_equal(json_object_get_string(at(q, "verdict")), "none");
}

static void each_doubt_lowers_the_grade_and_is_named(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_named("f");

	p->capture.unfinished = true;
	CLEANUP(freep) char *unfinished = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ 0 });
	assert_non_null(strstr(unfinished, "Quality: fair."));
	assert_non_null(strstr(unfinished, "without closing"));
	p->capture.unfinished = false;
	p->capture.rate_had_hz = 40;
	CLEANUP(freep) char *slow = text_of(p, TABLE_BY_FUNCTION, (struct report_style){ 0 });
	assert_non_null(strstr(slow, "Quality: poor."));
	assert_non_null(strstr(slow, "40 Hz instead of 99"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_json_report_has_the_documented_fields),
		cmocka_unit_test(bounds_that_are_not_known_are_null),
		cmocka_unit_test(thread_rows_have_null_for_times_that_were_not_measured),
		cmocka_unit_test(the_quality_object_counts_losses_and_stops),
		cmocka_unit_test(names_in_json_cannot_end_a_script_element),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(columns_stay_aligned_under_wide_characters),
		cmocka_unit_test(a_terminal_gets_no_control_characters_from_names),
		cmocka_unit_test(intervals_stand_beside_the_shares),
		cmocka_unit_test(under_sampled_rows_are_marked),
		cmocka_unit_test(a_limit_says_how_many_rows_are_not_shown),
		cmocka_unit_test(an_empty_profile_is_reported_as_such),
		cmocka_unit_test(each_doubt_lowers_the_grade_and_is_named),
	};
	return RUN_TESTS(tests);
}

/* Annotated source: what is chosen, what each line costs, and that no terminal is fooled. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "formats/annotate_json.h"
#include "formats/annotate_text.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct annotation *, annotation_free)

static void json_putp(struct json_object **o)
{
	json_object_put(*o);
}

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

struct place {
	const char *function, *file;
	uint32_t line;
	const char *module;
};

static uint32_t call(struct profile *p, uint32_t parent, struct place at)
{
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = string(p, at.function),
		.file = string(p, at.file),
		.line = at.line,
		.offset = 16 + at.line,
		.module =
			(uint32_t)profile_module(p, at.module ? at.module : "/srv/app", NULL, 0) };

	return (uint32_t)profile_stack(
		p, parent, (uint32_t)profile_frame(p, &f), string(p, parent ? "" : "end"));
}

static void run(struct profile *p, uint32_t stack, uint32_t count)
{
	for (uint32_t i = 0; i < 40; i++)
		profile_sample(p, &(struct profile_sample){
					  i, 0, stack, SAMPLE_ON_CPU, count, count * 10000000, 1 });
}

static const char orders_text[] =
	"int find(void)\n{\n\tfor (;;)\n\t\tif (same(a, b))\n\t\t\treturn "
	"1;\n\treturn 0;\n}\n\n\n\n\n\n\n\n\n\n\n\n\nvoid load(void)\n{\n\tread();"
	"\n}\n";

/* 10 s: 60 % in find (10 % of all on line 3, 20 % on line 4, 30 % in memcmp called from there),
 * 40 % in load on line 22, which main calls from lines 7 and 8. */
static struct profile *orders(void)
{
	struct profile *p = profile_new();
	uint32_t root = call(p, 0, (struct place){ "main", "/src/main.c", 7 });
	uint32_t again = call(p, 0, (struct place){ "main", "/src/main.c", 8 });
	uint32_t find = call(p, root, (struct place){ "find", "/src/shop/orders.c", 4 });

	run(p, call(p, root, (struct place){ "find", "/src/shop/orders.c", 3 }), 10);
	run(p, find, 20);
	run(p, call(p, find, (struct place){ "memcmp", "", 0, "/lib/libc.so.6" }), 30);
	run(p, call(p, root, (struct place){ "load", "/src/shop/orders.c", 22 }), 20);
	run(p, call(p, again, (struct place){ "load", "/src/shop/orders.c", 22 }), 20);
	profile_source(p, string(p, "/src/shop/orders.c"), 1, orders_text);
	p->capture.duration_ns = 10000000000;
	p->capture.rate_asked_hz = p->capture.rate_had_hz = 100;
	return p;
}

static struct annotation *annotated(const struct profile *p, const char *what)
{
	struct annotation *a = NULL;
	struct error err = { 0 };
	int r = annotate(p, &(struct annotate_options){ .what = what }, &a, &err);

	if (r)
		fail_msg("%s; %s", err.text, err.hint);
	return a;
}

static const struct annotate_line *line_of(const struct annotate_part *part, uint32_t number)
{
	vec_each (line, &part->lines)
		if (line->number == number)
			return line;
	return NULL;
}

static void name_is(const struct annotation *a, uint32_t part, const char *expected)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };

	assert_true(part < a->parts.n);
	annotate_part_name(a, &a->parts.at[part], &name);
	assert_string_equal(strbuf_cstr(&name), expected);
}

static void lines_have_their_self_and_total_share_with_bounds(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, "find");
	const struct table_row *row = line_of(&a->parts.at[0], 4)->row;

	assert_int_equal(a->parts.n, 1);
	assert_true(row->self > 0.199 && row->self < 0.201);
	assert_true(row->total > 0.499 && row->total < 0.501);
	assert_true(row->has_bounds && row->total_low < 0.5 && row->total_high > 0.5);
	row = line_of(&a->parts.at[0], 3)->row;
	assert_true(row->self > 0.099 && row->self < 0.101);
	assert_null(line_of(&a->parts.at[0], 22));
}

static void lines_around_hot_ones_have_text_and_no_cost(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, "find");
	const struct annotate_part *part = &a->parts.at[0];

	assert_int_equal(part->source, ANNOTATE_RECORDED);
	assert_int_equal(part->lines.at[0].number, 1);
	assert_int_equal(part->lines.at[part->lines.n - 1].number, 7);
	assert_null(line_of(part, 5)->row);
	assert_int_equal(line_of(part, 1)->length, strlen("int find(void)"));
	assert_memory_equal(line_of(part, 1)->text, "int find(void)", 14);
	assert_memory_equal(line_of(part, 4)->text, "\t\tif (same(a, b))", 17);
}

static void no_line_is_made_up_beyond_the_end_of_the_text(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, "load");
	const struct annotate_part *part = &a->parts.at[0];

	assert_int_equal(part->lines.at[part->lines.n - 1].number, 23);
}

static void the_hottest_come_first_with_what_they_spend_in_libraries(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, NULL);

	/* By self alone load (40 %) would be before find (30 %). */
	assert_int_equal(a->parts.n, 3);
	name_is(a, 0, "find");
	name_is(a, 1, "load");
	name_is(a, 2, "main");
	assert_int_equal(a->bare.n, 1);
	assert_string_equal(profile_str(p, a->bare.at[0]->function), "memcmp");
}

static void the_limit_counts_what_it_leaves_out(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	struct annotation *a = NULL;

	assert_int_equal(annotate(p, &(struct annotate_options){ .limit = 1 }, &a, NULL), 0);
	assert_int_equal(a->parts.n, 1);
	assert_int_equal(a->matched, 3);
	annotation_free(a);
}

static void a_source_file_is_named_by_the_end_of_its_path(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	static const char *const names[] = { "orders.c", "shop/orders.c", "/src/shop/orders.c" };
	struct annotation *none = NULL;

	for (int i = 0; i < 3; i++) {
		CLEANUP(annotation_freep) struct annotation *a = annotated(p, names[i]);
		const struct annotate_part *part = &a->parts.at[0];

		assert_int_equal(a->parts.n, 1);
		assert_true(part->is_file);
		name_is(a, 0, "/src/shop/orders.c");
		assert_non_null(line_of(part, 4)->row);
		assert_non_null(line_of(part, 22)->row);
		assert_null(line_of(part, 12)); /* nothing hot around it */
		assert_true(part->row->total > 0.99);
	}
	assert_int_equal(
		annotate(p, &(struct annotate_options){ .what = "ders.c" }, &none, NULL), -ENOENT);
}

static void a_line_of_a_file_shows_the_lines_around_it(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, "orders.c:12");
	const struct annotate_part *part = &a->parts.at[0];

	assert_int_equal(part->lines.at[0].number, 2);
	assert_int_equal(part->lines.at[part->lines.n - 1].number, 22);
	assert_non_null(line_of(part, 12)->text);
}

static void a_line_that_functions_share_is_one_row_of_the_file(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t outer = call(p, 0, (struct place){ "twice<int>", "/src/t.h", 5 });
	struct place other = { "twice<long>", "/src/t.h", 5, "/lib/other.so" };

	run(p, outer, 10);
	run(p, call(p, outer, other), 30);
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, "t.h");
	assert_int_equal(a->parts.n, 1);
	assert_int_equal(a->parts.at[0].lines.n, 1);
	const struct table_row *row = a->parts.at[0].lines.at[0].row;
	assert_int_equal(row->self_count, 1600);
	assert_int_equal(row->total_count, 1600); /* not 2,800: once a sample */
}

static void the_exact_name_wins_over_a_word_and_a_word_over_a_part(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	run(p, call(p, 0, (struct place){ "shop::weigh(int)", "/a.cc", 1 }), 10);
	run(p, call(p, 0, (struct place){ "weigh", "/b.cc", 2 }), 10);
	run(p, call(p, 0, (struct place){ "reweigh_all", "/c.cc", 3 }), 10);
	CLEANUP(annotation_freep) struct annotation *exact = annotated(p, "weigh");
	assert_int_equal(exact->parts.n, 1);
	name_is(exact, 0, "weigh");
	CLEANUP(annotation_freep) struct annotation *word = annotated(p, "shop");
	assert_int_equal(word->parts.n, 1);
	name_is(word, 0, "shop::weigh(int)");
	CLEANUP(annotation_freep) struct annotation *part = annotated(p, "weigh_");
	assert_int_equal(part->parts.n, 1);
	name_is(part, 0, "reweigh_all");
}

static void an_unknown_name_and_a_profile_without_lines_are_refused(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(profile_freep) struct profile *bare = profile_new();
	struct annotation *a = NULL;
	struct error err = { 0 };

	assert_int_equal(
		annotate(p, &(struct annotate_options){ .what = "nothing" }, &a, &err), -ENOENT);
	assert_int_equal(error_exit_code(&err), EXIT_USAGE);
	assert_non_null(strstr(err.text, "nothing"));
	run(bare, call(bare, 0, (struct place){ "f", "", 0 }), 10);
	assert_int_equal(annotate(bare, &(struct annotate_options){ 0 }, &a, &err), -ENOENT);
	assert_non_null(strstr(err.hint, "-g"));
}

static void focus_narrows_the_shares(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	struct annotate_options o = { .what = "find", .focus = "find" };
	struct annotation *a = NULL;

	assert_int_equal(annotate(p, &o, &a, NULL), 0);
	assert_true(a->parts.at[0].row->total > 0.99);
	annotation_free(a);
}

static char *text_of(const struct annotation *a, uint32_t width, bool colour)
{
	struct strbuf out = { 0 };
	struct error err = { 0 };
	struct report_style style = { .width = width, .colour = colour };

	assert_int_equal(annotate_text(a, &style, &out, &err), 0);
	return strbuf_steal(&out);
}

static void text_marks_hot_lines_and_expands_tabs(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, "find");
	CLEANUP(freep) char *text = text_of(a, 120, false);

	assert_non_null(strstr(text, "\n> "));
	assert_non_null(strstr(text, "   4 |                 if (same(a, b))\n"));
	assert_null(strchr(text, '\t'));
	assert_null(strchr(text, '\x1b'));
	CLEANUP(freep) char *coloured = text_of(a, 120, true);
	assert_non_null(strstr(coloured, "\x1b[1;31m> "));
}

static void text_says_why_a_source_is_not_there(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *missing = annotated(p, "main.c");
	CLEANUP(freep) char *text = text_of(missing, 80, false);

	assert_int_equal(missing->parts.at[0].source, ANNOTATE_MISSING);
	assert_int_equal(missing->parts.at[0].lines.n, 2);
	assert_non_null(strstr(text, "--source-path"));
	profile_fact(p, "sources_newer", "/src/other.c\n/src/main.c");
	CLEANUP(annotation_freep) struct annotation *newer = annotated(p, "main.c");
	assert_int_equal(newer->parts.at[0].source, ANNOTATE_NEWER);
	CLEANUP(freep) char *why = text_of(newer, 80, false);
	assert_non_null(strstr(why, "changed after"));
}

/* Columns of the widest line, ANSI sequences left out. */
static int widest(const char *text)
{
	int best = 0;

	while (*text) {
		wchar_t wide[4096];
		char line[4096];
		size_t n = strcspn(text, "\n");

		assert_true(n < sizeof(line));
		memcpy(line, text, n);
		line[n] = 0;
		size_t chars = mbstowcs(wide, line, 4096);
		assert_true(chars != (size_t)-1);
		int columns = wcswidth(wide, chars);
		assert_true(columns >= 0);
		best = columns > best ? columns : best;
		text += n + (text[n] == '\n');
	}
	return best;
}

static void hostile_text_is_escaped_and_no_line_is_too_wide(void **state)
{
	static const char hostile[] =
		"\x1b]0;pwned\x07 x = 1;\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2 "
		"\xe2\x80\xae\r\n\t\t\t\tlong long long long long long long long "
		"long long long long long long\n";
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t stack = call(p, 0, (struct place){ "\x1b[2Jf\n<b>", "/src/\x1b[1mx.c", 1 });

	run(p, stack, 10);
	run(p, call(p, stack, (struct place){ "g", "/src/\x1b[1mx.c", 4000000000u }), 10);
	profile_source(p, string(p, "/src/\x1b[1mx.c"), 1, hostile);
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, NULL);
	for (uint32_t width = 40; width < 200; width += 7) {
		CLEANUP(freep) char *text = text_of(a, width, false);

		assert_null(strchr(text, '\x1b'));
		assert_null(strstr(text, "\xe2\x80\xae"));
		assert_null(strchr(text, '\r'));
		if (widest(text) > (int)width)
			fail_msg("%d columns instead of %u:\n%s", widest(text), width, text);
	}
	CLEANUP(json_putp) struct json_object *o = annotate_json(a);
	const char *json = json_object_to_json_string(o);
	assert_null(strchr(json, '\x1b'));
	assert_null(strchr(json, '<'));
}

static struct json_object *at(struct json_object *o, const char *name)
{
	struct json_object *found = NULL;

	if (!json_object_object_get_ex(o, name, &found))
		fail_msg("no '%s' in %s", name, json_object_to_json_string(o));
	return found;
}

static void json_has_the_documented_fields(void **state)
{
	CLEANUP(profile_freep) struct profile *p = orders();
	CLEANUP(annotation_freep) struct annotation *a = annotated(p, NULL);
	CLEANUP(json_putp) struct json_object *o = annotate_json(a);
	struct json_object *lines = at(o, "lines");

	assert_string_equal(json_object_get_string(at(o, "function")), "find");
	assert_string_equal(json_object_get_string(at(o, "file")), "/src/shop/orders.c");
	assert_string_equal(json_object_get_string(at(o, "module")), "/srv/app");
	assert_string_equal(json_object_get_string(at(o, "source")), "recorded");
	assert_int_equal(json_object_get_int(at(o, "samples")), 1200);
	assert_int_equal(json_object_array_length(lines), 7);
	struct json_object *line = json_object_array_get_idx(lines, 3);
	assert_int_equal(json_object_get_int(at(line, "line")), 4);
	assert_string_equal(json_object_get_string(at(line, "text")), "\t\tif (same(a, b))");
	assert_true(json_object_get_double(at(line, "self")) == 0.2);
	assert_true(json_object_get_double(at(line, "self_low")) < 0.2);
	assert_true(json_object_get_double(at(line, "total_high")) > 0.5);
	assert_int_equal(json_object_get_int(at(line, "samples")), 800);
	line = json_object_array_get_idx(lines, 0);
	assert_null(at(line, "self_low"));
	assert_int_equal(json_object_array_length(at(o, "others")), 2);
	assert_string_equal(
		json_object_get_string(at(json_object_array_get_idx(at(o, "others"), 1), "source")),
		"missing");
	at(at(o, "quality"), "verdict");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_their_self_and_total_share_with_bounds),
		cmocka_unit_test(lines_around_hot_ones_have_text_and_no_cost),
		cmocka_unit_test(no_line_is_made_up_beyond_the_end_of_the_text),
		cmocka_unit_test(the_hottest_come_first_with_what_they_spend_in_libraries),
		cmocka_unit_test(the_limit_counts_what_it_leaves_out),
		cmocka_unit_test(a_source_file_is_named_by_the_end_of_its_path),
		cmocka_unit_test(a_line_of_a_file_shows_the_lines_around_it),
		cmocka_unit_test(a_line_that_functions_share_is_one_row_of_the_file),
		cmocka_unit_test(the_exact_name_wins_over_a_word_and_a_word_over_a_part),
		cmocka_unit_test(an_unknown_name_and_a_profile_without_lines_are_refused),
		cmocka_unit_test(focus_narrows_the_shares),
		cmocka_unit_test(text_marks_hot_lines_and_expands_tabs),
		cmocka_unit_test(text_says_why_a_source_is_not_there),
		cmocka_unit_test(hostile_text_is_escaped_and_no_line_is_too_wide),
		cmocka_unit_test(json_has_the_documented_fields),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return RUN_TESTS(tests);
}

/*
 * The flame graph page as text: its data is exact, and no name gets out of it. What a browser makes
 * of it is tested by tests/e2e/flame_test.sh, which calls this program as a writer:
 * flame_test FOLDED PAGE.html
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "formats/formats.h"

static struct profile *read_text(const char *text, size_t n)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	if (format_folded.read(text, n, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static char *page_of(const struct profile *p, const struct flame_options *o)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	struct error err = { 0 };

	assert_int_equal(flame_write(p, o, out, &err), 0);
	fclose(out);
	return text;
}

static void assert_contains(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("the page does not contain: %s", text);
}

static size_t count_of(const char *page, const char *text)
{
	size_t n = 0;

	for (; (page = strstr(page, text)); page++)
		n++;
	return n;
}

static void the_data_holds_the_merged_tree_parents_first(void **state)
{
	static const char text[] = "main;work;leaf 3\nmain;leaf 2\nmain;work 1\n";
	struct profile *p = read_text(text, strlen(text));
	char *page = page_of(p, &(struct flame_options){ .title = "a & b" });

	assert_contains(page, "\"name\":[\"\",\"main\",\"work\",\"leaf\"]");
	assert_contains(page, "\"parent\":[0,0,1,2,1]");
	assert_contains(page, "\"symbol\":[0,1,2,3,3]");
	assert_contains(page, "\"count\":[0,0,1,3,2]");
	assert_contains(page, "\"samples\":6,");
	assert_contains(page, "<title>a &amp; b - flame graph</title>");
	assert_contains(page, "default-src 'none'");
	free(page);
	profile_free(p);
}

static void processes_stand_below_the_root_and_losses_are_told(void **state)
{
	struct profile *p = profile_new();
	int64_t process = profile_process(p, 4211, 1);
	struct profile_frame f = { .kind = FRAME_PYTHON,
		.function = (uint32_t)profile_string(p, "work") };

	p->processes.at[process].comm = (uint32_t)profile_string(p, "orders");
	struct profile_sample s = {
		.kind = SAMPLE_ON_CPU, .count = 2, .value = 20000000, .weight = 1
	};
	s.thread = (uint32_t)profile_thread(p, (uint32_t)process, 4212);
	s.stack = (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &f), 0);
	profile_sample(p, &s);
	profile_lost(p, "ring_full", "the ring was <full>", 5, false);
	p->capture.duration_ns = 10000000000;
	char *page = page_of(p, &(struct flame_options){ 0 });

	assert_contains(page, "<title>orders (pid 4211) - flame graph</title>");
	assert_contains(page, "\"name\":[\"\",\"orders\",\"work\"]");
	assert_contains(page, "\"kind\":[0,6,4]");
	assert_contains(page, "\"value\":[0,0,20000000]");
	assert_contains(page, "\"seconds\":10.000");
	assert_contains(page, "\"lost\":5");
	assert_contains(page, "\"losses\":[\"5 ring_full: the ring was \\u003cfull\\u003e\"]");
	free(page);
	profile_free(p);
}

static void no_name_can_end_the_script_element_or_stand_for_a_part_of_the_page(void **state)
{
	static const char text[] = "main;</script><script>alert(1)</script> 1\nmain;{{JS}} 1\n"
				   "main;<!--<script> 1\n";
	struct profile *p = read_text(text, strlen(text));
	struct profile *plain = read_text("a 1", 3);
	char *page = page_of(p, &(struct flame_options){ .title = "</title><script>x</script>" });
	char *other = page_of(plain, &(struct flame_options){ .title = "t" });

	assert_int_equal(count_of(page, "<script"), count_of(other, "<script"));
	assert_int_equal(count_of(page, "</script"), count_of(other, "</script"));
	assert_int_equal(count_of(page, "<!--"), 0);
	assert_int_equal(count_of(page, "{{JS}}"), 1);
	assert_int_equal(count_of(page, "</title>"), 1);
	assert_int_equal(count_of(page, "window.assayFlame ="), 1);
	free(page);
	free(other);
	profile_free(p);
	profile_free(plain);
}

static void the_page_asks_for_nothing_outside_itself(void **state)
{
	struct profile *p = read_text("a 1", 3);
	char *page = page_of(p, &(struct flame_options){ 0 });

	assert_int_equal(count_of(page, "http:"), 0);
	assert_int_equal(count_of(page, "https:"), 0);
	assert_int_equal(count_of(page, " src="), 0);
	assert_int_equal(count_of(page, "@import"), 0);
	assert_int_equal(count_of(page, "<link"), 0);
	free(page);
	profile_free(p);
}

static void an_empty_profile_gives_a_page_that_says_so(void **state)
{
	struct profile *p = profile_new();
	char *page = page_of(p, &(struct flame_options){ 0 });

	assert_contains(page, "\"samples\":0,");
	assert_contains(page, "\"parent\":[0]");
	free(page);
	profile_free(p);
}

static int write_page(const char *folded, const char *path)
{
	struct strbuf text = { 0 };
	struct error err = { 0 };
	struct profile *p = NULL;
	FILE *in = fopen(folded, "r"), *out = fopen(path, "w");
	char piece[4096];

	if (!in || !out)
		return 1;
	for (size_t n; (n = fread(piece, 1, sizeof(piece), in)) > 0;)
		strbuf_add(&text, piece, n);
	int r = format_folded.read(text.text, text.length, &p, &err);
	if (!r)
		r = flame_write(p, &(struct flame_options){ 0 }, out, &err);
	if (r)
		fprintf(stderr, "%s\n", err.text);
	profile_free(p);
	strbuf_done(&text);
	fclose(in);
	return fclose(out) || r;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_data_holds_the_merged_tree_parents_first),
		cmocka_unit_test(processes_stand_below_the_root_and_losses_are_told),
		cmocka_unit_test(
			no_name_can_end_the_script_element_or_stand_for_a_part_of_the_page),
		cmocka_unit_test(the_page_asks_for_nothing_outside_itself),
		cmocka_unit_test(an_empty_profile_gives_a_page_that_says_so),
	};
	return argc == 3 ? write_page(argv[1], argv[2]) : RUN_TESTS(tests);
}

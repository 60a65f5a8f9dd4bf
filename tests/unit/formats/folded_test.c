/* Folded stacks: what is written is exact, what is read is bounded, and a round trip keeps it. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "formats/formats.h"

static char *written(const struct profile *p)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	struct error err = { 0 };

	assert_int_equal(format_folded.write(p, SAMPLE_ON_CPU, out, &err), 0);
	fclose(out);
	return text;
}

static struct profile *read_text(const char *text)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	if (format_folded.read(text, strlen(text), &p, &err))
		fail_msg("%s", err.text);
	assert_int_equal(profile_check(p, &err), 0);
	return p;
}

static uint32_t frame(struct profile *p, const char *name, uint32_t outer)
{
	return (uint32_t)profile_frame(
		p, &(struct profile_frame){ .kind = outer ? FRAME_INLINED : FRAME_NATIVE,
			   .function = (uint32_t)profile_string(p, name),
			   .outer = outer });
}

static void add(struct profile *p, uint32_t thread, uint32_t stack, uint32_t count)
{
	struct profile_sample s = {
		.thread = thread, .stack = stack, .count = count, .value = count * 10, .weight = 1
	};

	assert_int_equal(profile_sample(p, &s), 0);
}

static uint32_t thread_of(struct profile *p, uint32_t pid, const char *comm)
{
	int64_t process = profile_process(p, pid, 1);

	p->processes.at[process].comm = (uint32_t)profile_string(p, comm);
	return (uint32_t)profile_thread(p, (uint32_t)process, pid);
}

static void stacks_start_at_the_process_and_show_inlined_frames_in_order(void **state)
{
	struct profile *p = profile_new();
	uint32_t root = (uint32_t)profile_stack(p, 0, frame(p, "main", 0), 0);
	uint32_t inner = frame(p, "inlined", frame(p, "work", 0));
	uint32_t leaf = (uint32_t)profile_stack(p, root, inner, 0);

	add(p, thread_of(p, 7, "orders"), leaf, 3);
	add(p, thread_of(p, 7, "orders"), root, 1);
	char *text = written(p);
	assert_string_equal(text, "orders;main 1\norders;main;work;inlined 3\n");
	free(text);
	profile_free(p);
}

static void equal_stacks_of_two_processes_with_one_name_are_one_line(void **state)
{
	struct profile *p = profile_new();
	uint32_t b = (uint32_t)profile_stack(p, 0, frame(p, "b", 0), 0);
	uint32_t a = (uint32_t)profile_stack(p, 0, frame(p, "a", 0), 0);

	add(p, thread_of(p, 2, "worker"), b, 4);
	add(p, thread_of(p, 1, "worker"), b, 5);
	add(p, thread_of(p, 1, "worker"), a, 1);
	add(p, thread_of(p, 3, ""), a, 2);
	char *text = written(p);
	assert_string_equal(text, "pid 3;a 2\nworker;a 1\nworker;b 9\n");
	free(text);
	profile_free(p);
}

static void equal_names_of_different_modules_are_one_line(void **state)
{
	struct profile *p = profile_new();
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, "memcpy") };

	add(p, 0, (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &f), 0), 1);
	f.module = (uint32_t)profile_module(p, "/lib/a.so", NULL, 0);
	add(p, 0, (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &f), 0), 2);
	char *text = written(p);
	assert_string_equal(text, "memcpy 3\n");
	free(text);
	profile_free(p);
}

static void separators_and_control_characters_in_names_break_no_line(void **state)
{
	struct profile *p = profile_new();
	uint32_t f = frame(p, "a;b\nc\x1b[31m\xe2\x80\xae", 0);

	add(p, thread_of(p, 1, "x;y"), (uint32_t)profile_stack(p, 0, f, 0), 1);
	char *text = written(p);
	assert_string_equal(text, "x:y;a:b c\\x1b[31m\\u{202e} 1\n");
	free(text);
	profile_free(p);
}

static void what_was_read_is_written_again_unchanged(void **state)
{
	static const char text[] = "[unknown] 1\n"
				   "app;[unknown];g 2\n"
				   "app;f [clone .cold] 3\n"
				   "app;memcpy@@GLIBC_2.14 4\n"
				   "app;operator new[](unsigned long) 5\n"
				   "app;std::map<a, b>::find 6\n"
				   "app;x@y:z 7\n"
				   "app;\xce\xbb 8\n";
	struct profile *p = read_text(text);
	char *again = written(p);

	assert_string_equal(again, text);
	assert_true(p->capture.weights_imported);
	free(again);
	profile_free(p);
}

static const struct profile_frame *leaf_of(const struct profile *p, uint32_t sample)
{
	return &p->frames.at[p->stacks.at[p->samples.at[sample].stack].frame];
}

static void annotations_give_file_line_module_and_kind(void **state)
{
	struct profile *p = read_text("# a comment\n"
				      "\n"
				      "main@orders.c:12 [/srv/orders] 2\r\n"
				      "main;f@orders.py:88 3\n"
				      "main;vfs_read [kernel] 4\n"
				      "main;do_sys_open_[k] 5\n"
				      "main; [libc.so.6] 6\n"
				      "main;[unknown] 7");
	const struct profile_frame *f = leaf_of(p, 0);

	assert_string_equal(profile_str(p, f->function), "main");
	assert_string_equal(profile_str(p, f->file), "orders.c");
	assert_int_equal(f->line, 12);
	assert_string_equal(profile_str(p, p->modules.at[f->module].path), "/srv/orders");
	assert_int_equal(f->kind, FRAME_NATIVE);
	assert_int_equal(leaf_of(p, 1)->kind, FRAME_PYTHON);
	assert_int_equal(leaf_of(p, 1)->line, 88);
	f = leaf_of(p, 2);
	assert_int_equal(f->kind, FRAME_KERNEL);
	assert_string_equal(profile_str(p, p->modules.at[f->module].path), "[kernel]");
	assert_string_equal(profile_str(p, leaf_of(p, 3)->function), "do_sys_open");
	assert_int_equal(leaf_of(p, 3)->kind, FRAME_KERNEL);
	assert_int_equal(leaf_of(p, 5)->function, 0);
	assert_int_equal(leaf_of(p, 5)->kind, FRAME_UNKNOWN);
	assert_int_equal(p->samples.n, 6);
	assert_int_equal(p->samples.at[5].count, 7);
	profile_free(p);
}

static void refused(const char *text, size_t n, const char *says)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	assert_int_equal(format_folded.read(text, n, &p, &err), -EBADMSG);
	assert_int_equal(error_exit_code(&err), EXIT_INPUT);
	assert_non_null(strstr(err.text, says));
	assert_null(p);
}

static void bad_lines_are_refused_with_their_number(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "a 1\nb\n", "line 2" },
		{ "a 1\nb x\n", "line 2" },
		{ "a 1\n\nb 1.5\n", "line 3" },
		{ "a -1\n", "line 1" },
		{ " 5\n", "line 1" },
		{ "a 4294967296\n", "4294967295" },
		{ "a 99999999999999999999999999\n", "4294967295" },
		{ "a 1000000000\na 1000000000\na 1000000000\na 1000000000\na 1000000000\n",
			"line 5" },
		{ "", "no stacks" },
		{ "# nothing\n", "no stacks" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(cases[i].text, strlen(cases[i].text), cases[i].says);
	refused("a\0b 1\n", 6, "NUL");
}

static void depth_and_line_length_are_bounded(void **state)
{
	struct strbuf deep = { 0 };

	for (int i = 0; i < PROFILE_DEPTH; i++)
		strbuf_puts(&deep, i ? ";f" : "f");
	strbuf_puts(&deep, " 1\n");
	profile_free(read_text(strbuf_cstr(&deep)));
	strbuf_reset(&deep);
	for (int i = 0; i <= PROFILE_DEPTH; i++)
		strbuf_puts(&deep, i ? ";f" : "f");
	strbuf_puts(&deep, " 1\n");
	refused(deep.text, deep.length, "4096");
	strbuf_reset(&deep);
	strbuf_pad(&deep, 'x', 1 << 20);
	strbuf_puts(&deep, " 1\n");
	refused(deep.text, deep.length, "1 MiB");
	strbuf_done(&deep);
}

static void an_output_that_takes_no_more_is_an_error(void **state)
{
	struct profile *p = read_text("a;b 1\n");
	FILE *full = fopen("/dev/full", "w");
	struct error err = { 0 };

	assert_int_equal(format_folded.write(p, SAMPLE_ON_CPU, full, &err), -ENOSPC);
	assert_int_equal(error_exit_code(&err), EXIT_OUTPUT);
	fclose(full);
	profile_free(p);
}

static void every_format_is_found_by_its_name(void **state)
{
	size_t n = 0;

	for (const struct format_ops *f; (f = format_at(n)); n++)
		assert_ptr_equal(format_find(f->name), f);
	assert_true(n >= 1);
	assert_null(format_find("no such format"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_start_at_the_process_and_show_inlined_frames_in_order),
		cmocka_unit_test(equal_stacks_of_two_processes_with_one_name_are_one_line),
		cmocka_unit_test(equal_names_of_different_modules_are_one_line),
		cmocka_unit_test(separators_and_control_characters_in_names_break_no_line),
		cmocka_unit_test(what_was_read_is_written_again_unchanged),
		cmocka_unit_test(annotations_give_file_line_module_and_kind),
		cmocka_unit_test(bad_lines_are_refused_with_their_number),
		cmocka_unit_test(depth_and_line_length_are_bounded),
		cmocka_unit_test(an_output_that_takes_no_more_is_an_error),
		cmocka_unit_test(every_format_is_found_by_its_name),
	};
	return RUN_TESTS(tests);
}

/* The growing buffers and the error value: what is added comes out, what fails is remembered. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"

/* ---- strbuf ---- */

static void an_empty_buffer_is_an_empty_string(void **state)
{
	struct strbuf b = { 0 };

	assert_string_equal(strbuf_cstr(&b), "");
	char *text = strbuf_steal(&b);
	assert_string_equal(text, "");
	free(text);
	strbuf_done(&b);
}

static void a_buffer_grows_through_every_size(void **state)
{
	struct strbuf b = { 0 };

	for (int i = 0; i < 5000; i++) {
		strbuf_putc(&b, (char)('a' + i % 26));
		assert_int_equal(b.text[b.length], 0);
	}
	strbuf_printf(&b, "%0300d", 7);
	strbuf_pad(&b, '.', 70);
	strbuf_add(&b, "", 0);
	assert_false(b.oom);
	assert_int_equal(b.length, 5370);
	assert_int_equal(strlen(b.text), 5370);
	assert_int_equal(b.text[4999], 'a' + 4999 % 26);
	assert_int_equal(b.text[5299], '7');
	assert_string_equal(b.text + 5299 + 70, ".");
	strbuf_done(&b);
}

static void a_size_that_overflows_is_out_of_memory_and_stays_so(void **state)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, "kept");
	strbuf_pad(&b, 'x', SIZE_MAX - 2);
	assert_true(b.oom);
	strbuf_puts(&b, "not added");
	assert_string_equal(strbuf_cstr(&b), "kept");
	assert_null(strbuf_steal(&b));
	assert_int_equal(b.length, 0);
	strbuf_done(&b);
}

static void a_stolen_text_leaves_the_buffer_empty_and_usable(void **state)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, "one");
	char *one = strbuf_steal(&b);
	strbuf_puts(&b, "two");
	assert_string_equal(one, "one");
	assert_string_equal(strbuf_cstr(&b), "two");
	strbuf_reset(&b);
	assert_string_equal(strbuf_cstr(&b), "");
	free(one);
	strbuf_done(&b);
}

/* ---- vec ---- */

static void an_array_keeps_what_is_pushed(void **state)
{
	VEC(uint64_t) v = { 0 };
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(vec_push(&v, i * i), 0);
	assert_int_equal(v.n, 1000);
	vec_each (it, &v)
		sum += *it;
	assert_int_equal(sum, 332833500);
	vec_done(&v);
	assert_int_equal(v.n + v.capacity, 0);
}

static void an_array_that_cannot_grow_keeps_what_it_has(void **state)
{
	VEC(uint64_t) v = { 0 };

	assert_int_equal(vec_push(&v, 7), 0);
	assert_false(vec_reserve(&v, 1ULL << 33));
	assert_int_equal(v.n, 1);
	assert_int_equal(v.at[0], 7);
	vec_done(&v);
}

/* ---- error ---- */

static void an_error_says_what_failed_and_returns_its_code(void **state)
{
	struct error err = { .hint = "old" };

	assert_int_equal(error_set(&err, -ENOENT, "no build id in '%s'", "x"), -ENOENT);
	assert_string_equal(err.text, "no build id in 'x'");
	assert_string_equal(err.hint, "");
	assert_int_equal(error_hint(&err, "look at %d", 7), -ENOENT);
	assert_string_equal(err.hint, "look at 7");
}

static void an_error_may_quote_itself(void **state)
{
	struct error err;

	error_set(&err, -EIO, "inner");
	error_set(&err, -EIO, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
}

static void an_error_without_room_is_cut(void **state)
{
	struct error err;
	char big[4096];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	error_set(&err, -EIO, "%s", big);
	error_hint(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

static void nobody_has_to_listen_to_errors(void **state)
{
	assert_int_equal(error_set(NULL, -EIO, "x"), -EIO);
	assert_int_equal(error_exit(NULL, EXIT_INPUT, -EIO, "x"), -EIO);
	assert_int_equal(error_hint(NULL, "x"), 0);
	assert_int_equal(error_oom(NULL), -ENOMEM);
}

static void an_errno_decides_the_exit_code_unless_one_was_named(void **state)
{
	static const struct {
		int code;
		enum exit_code exit;
	} cases[] = {
		{ -EINVAL, EXIT_USAGE },
		{ -EPERM, EXIT_SYSTEM },
		{ -EOPNOTSUPP, EXIT_SYSTEM },
		{ -ESRCH, EXIT_TARGET },
		{ -ENOENT, EXIT_INPUT },
		{ -EBADMSG, EXIT_INPUT },
		{ -ENOSPC, EXIT_OUTPUT },
		{ -EXDEV, EXIT_BUG },
	};
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		error_set(&err, cases[i].code, "x");
		assert_int_equal(error_exit_code(&err), cases[i].exit);
	}
	error_exit(&err, EXIT_OUTPUT, -EINVAL, "x");
	assert_int_equal(error_exit_code(&err), EXIT_OUTPUT);
	error_set(&err, -EINVAL, "x"); /* forgets the one that was named before */
	assert_int_equal(error_exit_code(&err), EXIT_USAGE);
}

/* ---- cleanup ---- */

static void a_stolen_pointer_is_not_freed(void **state)
{
	char *kept;
	{
		CLEANUP(freep) char *text = strdup("kept");

		kept = STEAL(text);
		assert_null(text);
	}
	assert_string_equal(kept, "kept");
	free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_an_empty_string),
		cmocka_unit_test(a_buffer_grows_through_every_size),
		cmocka_unit_test(a_size_that_overflows_is_out_of_memory_and_stays_so),
		cmocka_unit_test(a_stolen_text_leaves_the_buffer_empty_and_usable),
		cmocka_unit_test(an_array_keeps_what_is_pushed),
		cmocka_unit_test(an_array_that_cannot_grow_keeps_what_it_has),
		cmocka_unit_test(an_error_says_what_failed_and_returns_its_code),
		cmocka_unit_test(an_error_may_quote_itself),
		cmocka_unit_test(an_error_without_room_is_cut),
		cmocka_unit_test(nobody_has_to_listen_to_errors),
		cmocka_unit_test(an_errno_decides_the_exit_code_unless_one_was_named),
		cmocka_unit_test(a_stolen_pointer_is_not_freed),
	};
	return RUN_TESTS(tests);
}

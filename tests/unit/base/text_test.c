/* Untrusted text: what enters is valid UTF-8, what leaves harms no terminal, page or JSON. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <json-c/json.h>
#include <locale.h>
#include <stdlib.h>

#include "base/text.h"

typedef void (*escape_fn)(struct strbuf *out, const char *s);

static void assert_escaped(escape_fn escape, const char *s, const char *expected)
{
	struct strbuf b = { 0 };

	escape(&b, s);
	assert_string_equal(strbuf_cstr(&b), expected);
	strbuf_done(&b);
}

static void assert_sanitized(const char *s, size_t n, const char *expected)
{
	struct strbuf b = { 0 };

	text_sanitize(&b, s, n);
	assert_string_equal(strbuf_cstr(&b), expected);
	strbuf_done(&b);
}

static void bytes_that_are_no_utf8_are_replaced_one_by_one(void **state)
{
	assert_sanitized("a\xff\xfez", 4, "a\xef\xbf\xbd\xef\xbf\xbdz");
	assert_sanitized("\xc3\xa9", 2, "\xc3\xa9");
	assert_sanitized("\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd"); /* cut off */
	assert_sanitized("\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd"); /* overlong "/" */
	assert_sanitized("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
	assert_sanitized("\xf4\x90\x80\x80", 4,
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* above U+10FFFF */
	assert_sanitized("ab\0cd", 5, "ab");
	assert_sanitized("abcd", 2, "ab");
}

static void no_decode_reads_past_the_length_it_was_given(void **state)
{
	for (int first = 0; first < 256; first++) {
		for (size_t n = 1; n <= 4; n++) {
			char *exact = malloc(n);
			uint32_t code;

			memset(exact, 0xbf, n);
			exact[0] = (char)first;
			size_t length = text_decode(exact, n, &code);
			assert_in_range(length, 1, n);
			assert_true(code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
			free(exact);
		}
	}
}

static void a_terminal_never_sees_a_control_character(void **state)
{
	assert_escaped(text_terminal, "\033[31mred\a\r\n\tx", "\\x1b[31mred\\x07\\x0d\\x0a\\x09x");
	assert_escaped(text_terminal, "\x7f", "\\x7f");
	assert_escaped(text_terminal,
		"\xc2\x9b"
		"31m",
		"\\u{9b}31m"); /* CSI as one C1 character */
	assert_escaped(text_terminal,
		"a\xe2\x80\xae"
		"b",
		"a\\u{202e}b"); /* right-to-left override */
	assert_escaped(text_terminal,
		"a\xe2\x81\xa6"
		"b",
		"a\\u{2066}b"); /* an isolate */
	assert_escaped(text_terminal,
		"a\xef\xbb\xbf"
		"b",
		"a\\u{feff}b");
	assert_escaped(text_terminal,
		"a\xff"
		"b",
		"a\\xffb");
	assert_escaped(text_terminal,
		"gr\xc3\xb6\xc3\x9f"
		"e",
		"gr\xc3\xb6\xc3\x9f"
		"e");
	for (int c = 1; c < 256; c++) {
		char one[2] = { (char)c, 0 };
		struct strbuf b = { 0 };

		text_terminal(&b, one);
		for (const char *at = strbuf_cstr(&b); *at; at++)
			assert_in_range((unsigned char)*at, 0x20, 0x7e);
		strbuf_done(&b);
	}
}

static void a_text_is_cut_at_columns_and_says_so(void **state)
{
	struct strbuf b = { 0 };

	assert_int_equal(text_terminal_cut(&b, "abcdef", 6), 6);
	assert_string_equal(strbuf_cstr(&b), "abcdef");
	strbuf_reset(&b);
	assert_int_equal(text_terminal_cut(&b, "abcdefg", 6), 6);
	assert_string_equal(strbuf_cstr(&b), "abcde~");
	strbuf_reset(&b);
	/* An escape is cut whole or not at all. */
	assert_int_equal(text_terminal_cut(&b, "abc\033xyz", 6), 4);
	assert_string_equal(strbuf_cstr(&b), "abc~");
	strbuf_reset(&b);
	assert_int_equal(text_terminal_cut(&b, "abc", 0), 0);
	assert_string_equal(strbuf_cstr(&b), "");
	strbuf_done(&b);
}

static void wide_characters_take_two_columns(void **state)
{
	struct strbuf b = { 0 };

	assert_int_equal(text_terminal_cut(&b, "\xe6\xbc\xa2\xe5\xad\x97", 4), 4);
	assert_string_equal(strbuf_cstr(&b), "\xe6\xbc\xa2\xe5\xad\x97");
	strbuf_reset(&b);
	assert_int_equal(text_terminal_cut(&b, "\xe6\xbc\xa2\xe5\xad\x97", 3), 3);
	assert_string_equal(strbuf_cstr(&b), "\xe6\xbc\xa2~");
	strbuf_done(&b);
}

static void markup_is_text_in_html(void **state)
{
	assert_escaped(text_html, "<a href=\"x\" id='y'>&amp;",
		"&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
}

static void json_may_stand_in_a_script_element(void **state)
{
	assert_escaped(text_json, "</script>&", "\"\\u003c/script\\u003e\\u0026\"");
	assert_escaped(text_json, "a\"b\\c\n\x01\x7f", "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\"");
	assert_escaped(text_json, "\xe2\x80\xa8", "\"\\u2028\"");
	assert_escaped(text_json, "\xff", "\"\\ufffd\"");
}

static void a_json_parser_reads_back_every_byte(void **state)
{
	char text[128];

	for (int c = 1; c < 128; c++)
		text[c - 1] = (char)c;
	text[127] = 0;
	struct strbuf b = { 0 };
	text_json(&b, text);
	struct json_object *o = json_tokener_parse(strbuf_cstr(&b));
	assert_non_null(o);
	assert_string_equal(json_object_get_string(o), text);
	json_object_put(o);
	strbuf_done(&b);
}

static void a_word_for_a_shell_comes_back_as_it_was(void **state)
{
	static const char *const words[] = { "plain-1.0", "two words", "it's", "$(rm -rf /)", "",
		"a\nb", "`x`;|&" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct strbuf command = { 0 };
		char back[64] = "";

		strbuf_puts(&command, "printf %s ");
		text_shell(&command, words[i]);
		FILE *f = popen(strbuf_cstr(&command), "r");
		assert_non_null(f);
		back[fread(back, 1, sizeof(back) - 1, f)] = 0;
		assert_int_equal(pclose(f), 0);
		assert_string_equal(back, words[i]);
		strbuf_done(&command);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_are_no_utf8_are_replaced_one_by_one),
		cmocka_unit_test(no_decode_reads_past_the_length_it_was_given),
		cmocka_unit_test(a_terminal_never_sees_a_control_character),
		cmocka_unit_test(a_text_is_cut_at_columns_and_says_so),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(markup_is_text_in_html),
		cmocka_unit_test(json_may_stand_in_a_script_element),
		cmocka_unit_test(a_json_parser_reads_back_every_byte),
		cmocka_unit_test(a_word_for_a_shell_comes_back_as_it_was),
	};
	setlocale(LC_CTYPE, "C.UTF-8"); /* wcwidth() asks the locale */
	return RUN_TESTS(tests);
}

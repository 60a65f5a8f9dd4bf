/* The reader of sources says yes only where it is right, and survives any text. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <stdlib.h>

#include "detect/source.h"
#include "detect/symbols.h"

/* The search at the line of @text that has "HOT" in a comment. */
static struct source_search search_in(const char *file, const char *text)
{
	struct source *s;
	struct source_search found;
	uint32_t line = 1;

	for (const char *c = text; c < strstr(text, "HOT"); c++)
		line += *c == '\n';
	assert_int_equal(source_parse(text, 1, file, &s), 0);
	source_search(s, line, NULL, &found);
	source_free(s);
	return found;
}

static struct source_call call_in(const char *text, const char *callee)
{
	struct source *s;
	struct source_call call;
	uint32_t line = 1;

	for (const char *c = text; c < strstr(text, "HOT"); c++)
		line += *c == '\n';
	assert_int_equal(source_parse(text, 1, "a.c", &s), 0);
	assert_true(source_call(s, line, callee, &call));
	source_free(s);
	return call;
}

#define IS(want, file, text) assert_int_equal(search_in(file, text).kind, want)

static void pairs_of_one_array_are_found(void **state)
{
	IS(SEARCH_PAIRS, "a.c",
		"int f(int *a, int n) {\n int d = 0;\n for (int i = 0; i < n; i++)\n"
		"  for (int j = i + 1; j < n; j++)\n   if (a[i] == a[j]) /* HOT */\n    d++;\n"
		" return d; }\n");
}

static void other_languages_with_braces_are_read(void **state)
{
	IS(SEARCH_LINEAR, "a.go",
		"func f(in []int) {\n for _, x := range in {\n  for _, y := range seen {\n"
		"   if y == x { // HOT\n    return\n   }\n  }\n }\n}\n");
	IS(SEARCH_LINEAR, "a.rs",
		"fn f(v: &Vec<i32>) {\n for x in v {\n  for y in seen {\n   if *y == *x { // HOT\n"
		"    return;\n }}}}\n");
	IS(SEARCH_LINEAR, "a.java",
		"class A { boolean f(List<B> in) {\n for (B x : in)\n  for (B y : all)\n"
		"   if (y.name.equals(x.name)) // HOT\n    return true;\n return false; } }\n");
}

static void loops_without_braces_and_while_loops_are_read(void **state)
{
	IS(SEARCH_LINEAR, "a.c",
		"void f(struct n *in) {\n for (; in; in = in->next) {\n  struct n *p = all;\n"
		"  while (p) {\n   if (p->id == in->id) /* HOT */\n    break;\n   p = p->next;\n  "
		"}\n"
		" }\n}\n");
	IS(SEARCH_LINEAR, "a.c",
		"void f(int n) {\n for (int i = 0; i < n; i++) {\n  int j = 0;\n"
		"  while (j < m && a[j] != b[i]) j++; /* HOT */\n }\n}\n");
	IS(SEARCH_LINEAR, "a.c",
		"void f(void) {\n while (get(&key)) {\n  struct item *it;\n"
		"  list_for_each_entry(it, &all, link) {\n   if (it->id == key) /* HOT */\n"
		"    break;\n  }\n }\n}\n");
}

static void constants_are_not_searched_for(void **state)
{
	IS(SEARCH_NONE, "a.c",
		"int f(char **l, int n) {\n int c = 0;\n for (int i = 0; i < n; i++)\n"
		"  for (int j = 0; j < 100000; j++)\n   if (l[j] == NULL || s[j] == ' ') /* HOT "
		"*/\n"
		"    c++;\n return c; }\n");
}

static void a_row_chosen_by_the_outer_loop_is_another_one_each_time(void **state)
{
	IS(SEARCH_NONE, "a.c",
		"void f(int n) {\n for (int y = 0; y < n; y++)\n  for (int x = 0; x < n; x++)\n"
		"   if (grid[y][x] == wanted[y]) /* HOT */\n    hits++;\n}\n");
	IS(SEARCH_NONE, "a.c",
		"void f(int n) {\n for (int i = 0; i < n; i++)\n"
		"  for (struct e *e = adj[keys[i] & mask]; e; e = e->next)\n"
		"   if (e->to == keys[i]) /* HOT */\n    hits++;\n}\n");
}

static void a_cursor_that_goes_on_is_no_search(void **state)
{
	IS(SEARCH_NONE, "a.c",
		"void f(const char *p, char *q) {\n while (more) {\n  char end = *q++;\n"
		"  while (*p != end) /* HOT */\n   p++;\n }\n}\n");
}

static void a_few_elements_are_no_matter(void **state)
{
	IS(SEARCH_NONE, "a.c",
		"void f(int n) {\n for (int i = 0; i < n; i++)\n  for (int j = 0; j < 8; j++)\n"
		"   if (ways[j] == tags[i]) /* HOT */\n    hits++;\n}\n");
}

static void comments_and_strings_are_no_code(void **state)
{
	IS(SEARCH_NONE, "a.c",
		"void f(int n) {\n for (int i = 0; i < n; i++) {\n"
		"  /* for (j = 0; j < n; j++) if (a[j] == b[i]) */\n"
		"  puts(\"for (;;) { if (a[j] == b[i])\"); /* HOT */\n }\n}\n");
}

static void text_may_begin_inside_a_function(void **state)
{
	IS(SEARCH_LINEAR, "a.c",
		"  x = 1;\n }\n}\n for (int i = 0; i < n; i++) {\n  for (int j = 0; j < m; j++)\n"
		"   if (a[j] == b[i]) /* HOT */\n    break;\n }\n}\n}\n");
}

static void python_comprehensions_are_loops(void **state)
{
	IS(SEARCH_LINEAR, "a.py",
		"def f(xs, ys):\n    for x in xs:\n"
		"        if any(y.id == x.id for y in ys):  # HOT\n            n += 1\n");
}

static void python_lists_are_told_from_sets(void **state)
{
	IS(SEARCH_MEMBERSHIP, "a.py",
		"seen = []\ndef f(xs):\n    for x in xs:\n        if x in seen:  # HOT\n"
		"            pass\n");
	IS(SEARCH_NONE, "a.py",
		"seen = {}\ndef f(xs):\n    for x in xs:\n        if x in seen:  # HOT\n"
		"            pass\n");
	IS(SEARCH_SHIFT, "a.py",
		"def f():\n    queue = [1]\n    while queue:\n        x = queue.pop(0)  # HOT\n");
}

static void a_call_knows_its_loop_and_what_changes(void **state)
{
	struct source_call c = call_in("void f(char *s) {\n"
				       " for (int i = 0; i < strlen(s); i++) /* HOT */\n"
				       "  s[i] = 1;\n}\n",
		"strlen");
	assert_true(c.in_loop && c.in_condition && !(c.inner_varies & 1));
	c = call_in("void f(char **v) {\n for (int i = 0; i < n; i++)\n"
		    "  n += strlen(v[i]); /* HOT */\n}\n",
		"strlen");
	assert_true(c.in_loop && !c.in_condition && (c.varies & 1));
	c = call_in(
		"void f(char *o) {\n for (;;) {\n  o[0] = 0;\n  strcat(o, x); /* HOT */\n }\n}\n",
		"strcat");
	assert_true(c.reset);
	c = call_in("void f(void) {\n for (;;)\n  p = realloc(p, (n + 1) * 8); /* HOT */\n}\n",
		"realloc");
	assert_true(c.steps && !(c.varies & 1));
}

/* Whether the block at HOT grows by hand; its loop may be in the caller, which calls it at CALL. */
static bool grows(const char *text, const char *callee)
{
	struct source *s;
	struct source_growth growth;
	uint32_t hot = 1, call = 1;

	for (const char *c = text; c < strstr(text, "HOT"); c++)
		hot += *c == '\n';
	for (const char *c = text; callee && c < strstr(text, "CALL"); c++)
		call += *c == '\n';
	assert_int_equal(source_parse(text, 1, "a.c", &s), 0);
	bool found = source_growth(s, hot, &growth);
	if (found && !growth.in_loop)
		found = callee && source_growth_caller(s, call, callee, &growth) && growth.in_loop;
	source_free(s);
	return found;
}

/* A loop that makes "text" longer: @before it, and in its body. */
#define LOOP(before, body)                                                                     \
	"char *f(char **v, int n, size_t cap) {\n char *text = x;\n size_t len = 0;\n " before \
	"\n for (int i = 0; i < n; i++) {\n  size_t more = strlen(v[i]);\n  " body             \
	"\n }\n return text; }\n"

static void a_block_is_grown_by_hand_in_a_loop(void **state)
{
	assert_true(grows(
		LOOP("", "char *t = malloc(len + more + 1);\n memcpy(t, text, len); /* HOT */\n"
			 " free(text);\n text = t; len += more;"),
		NULL));
	assert_true(grows(LOOP("", "char *t = (char *)xmalloc(strlen(text) + more + 1);\n"
				   " strcpy(t, text); /* HOT */\n free(text);\n text = t;"),
		NULL));
	assert_true(grows(LOOP("", "size_t size = len + more + 1;\n char *t = new char[size];\n"
				   " memcpy(t, text, len); /* HOT */\n delete[] text;\n text = t;"),
		NULL));
	assert_true(grows(LOOP("", "if (!more)\n continue;\n char *t = malloc(len + more + 1);\n"
				   " if (!t)\n abort();\n memcpy(t, text, len); /* HOT */\n"
				   " free(text);\n text = t;"),
		NULL));
}

static void growing_by_a_factor_or_seldom_is_no_fault(void **state)
{
	assert_false(grows(
		LOOP("", "char *t = malloc(2 * (len + more));\n memcpy(t, text, len); /* HOT */\n"
			 " free(text);\n text = t;"),
		NULL));
	assert_false(grows(LOOP("", "cap = len + more + len / 2;\n char *t = malloc(cap);\n"
				    " memcpy(t, text, len); /* HOT */\n free(text);\n text = t;"),
		NULL));
	assert_false(grows(LOOP("", "char *t = malloc(rounded(len + more + 1));\n"
				    " memcpy(t, text, len); /* HOT */\n free(text);\n text = t;"),
		NULL));
	assert_false(grows(LOOP("", "if (len + more >= cap) {\n cap = len + more + 4096;\n"
				    " char *t = malloc(cap);\n memcpy(t, text, len); /* HOT */\n"
				    " free(text);\n text = t;\n }"),
		NULL));
	assert_false(grows(
		LOOP("", "if (len + more < cap)\n continue;\n"
			 " char *t = malloc(len + more + 1);\n memcpy(t, text, len); /* HOT */\n"
			 " free(text);\n text = t;"),
		NULL));
}

static void a_copy_that_is_kept_or_started_anew_is_no_growth(void **state)
{
	/* The old one is kept. */
	assert_false(grows(
		LOOP("", "char *t = malloc(len + more + 1);\n memcpy(t, text, len); /* HOT */\n"
			 " keep(text);\n text = t;"),
		NULL));
	/* The new one does not replace it. */
	assert_false(grows(
		LOOP("", "char *t = malloc(len + more + 1);\n memcpy(t, text, len); /* HOT */\n"
			 " keep(t);\n free(text);"),
		NULL));
	/* Another one at each turn. */
	assert_false(grows(LOOP("", "text = strdup(v[i]);\n char *t = malloc(len + more + 1);\n"
				    " memcpy(t, text, len); /* HOT */\n free(text);\n text = t;"),
		NULL));
	assert_false(grows(
		LOOP("", "struct o *o = &all[i];\n char *t = malloc(o->len + more + 1);\n"
			 " memcpy(t, o->text, o->len); /* HOT */\n free(o->text);\n o->text = t;"),
		NULL));
	/* No larger than before. */
	assert_false(grows(LOOP("", "char *t = malloc(len);\n memcpy(t, text, len); /* HOT */\n"
				    " free(text);\n text = t;"),
		NULL));
}

#define APPEND                                                                               \
	"char *add(char *t, const char *part) {\n size_t n = strlen(t), m = strlen(part);\n" \
	" char *longer = malloc(n + m + 1);\n memcpy(longer, t, n); /* HOT */\n free(t);\n"  \
	" return longer; }\n"
#define APPEND_TO                                                                                  \
	"void add(struct b *b, const char *part) {\n size_t m = strlen(part);\n"                   \
	" char *longer = malloc(b->length + m + 1);\n memcpy(longer, b->text, b->length); /* HOT " \
	"*/\n"                                                                                     \
	" free(b->text);\n b->text = longer;\n b->length += m; }\n"

static void a_helper_grows_what_its_caller_gives_it_in_a_loop(void **state)
{
	assert_true(
		grows(APPEND "void f(void) { while (next(&p))\n all = add(all, p); /* CALL */ }\n",
			"add"));
	assert_true(grows(APPEND_TO
		"void f(struct b *to) { while (next(&p))\n add(to, p); /* CALL */ }\n",
		"add"));
	assert_true(grows(APPEND_TO
		"void f(struct o *o) { while (next(&p))\n add(&o->out, p); /* CALL */ }\n",
		"add"));
	/* Once; the result goes elsewhere; another block at each turn. */
	assert_false(grows(APPEND "void f(void) { all = add(all, p); /* CALL */ }\n", "add"));
	assert_false(grows(APPEND
		"void f(void) { while (next(&p))\n all[i++] = add(name, p); /* CALL */ }\n",
		"add"));
	assert_false(grows(APPEND "void f(void) { while (next(&p)) {\n one = strdup(p);\n"
				  " one = add(one, p); /* CALL */\n keep(one); } }\n",
		"add"));
	assert_false(
		grows(APPEND_TO "void f(void) { while (next(&p)) {\n struct b to;\n init(&to);\n"
				" add(&to, p); /* CALL */\n keep(&to); } }\n",
			"add"));
	assert_false(grows(APPEND_TO
		"void f(struct b *to) { for (; to; to = to->next)\n add(to, p); /* CALL */ }\n",
		"add"));
}

static void a_definition_is_no_call(void **state)
{
	struct source *s;
	struct source_call c;

	assert_int_equal(source_parse("int f(int x) { return x; }\n", 1, "a.c", &s), 0);
	assert_false(source_call(s, 1, "f", &c));
	source_free(s);
}

static void broken_text_is_survived(void **state)
{
	static const char *const words[] = { "while ", "for ", "x=malloc(n+1);", "memcpy(x,a->,n);",
		"free(a->);", "a->=x;", "return x;", "x=a(x);" };
	static const char alphabet[] = "for(while{if}do;[]=<i+\"'/*\n\\&a.->0,:";
	uint32_t seed = 5;
	char text[400];

	for (int run = 0; run < 3000; run++) {
		size_t n = 0;
		while (n < sizeof(text) - 24) {
			seed = seed * 1664525u + 1013904223u;
			if (seed >> 28 < 3)
				n += (size_t)sprintf(text + n, "%s", words[(seed >> 8) % 8]);
			else
				text[n++] = alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
		}
		text[n] = 0;
		struct source *s;
		struct source_search found;
		struct source_call call;
		struct source_growth growth;
		assert_int_equal(source_parse(text, 1, run % 2 ? "a.c" : "a.py", &s), 0);
		for (uint32_t line = 0; line < 30; line++) {
			source_search(s, line, "a", &found);
			source_call(s, line, "a", &call);
			source_loop_depth(s, line);
			source_compares(s, line);
			source_growth(s, line, &growth);
			growth = (struct source_growth){ .returned = line % 2 };
			source_growth_caller(s, line, "a", &growth);
		}
		source_free(s);
	}
}

static void deep_nesting_and_much_text_are_bounded(void **state)
{
	size_t n = 300000;
	char *text = malloc(n + 1);
	struct source *s;
	struct source_search found;

	for (size_t i = 0; i < n; i++)
		text[i] = "for(;;){if(a[j]==b[i])"[i % 22];
	text[n] = 0;
	assert_int_equal(source_parse(text, 1, "a.c", &s), 0);
	source_search(s, 1, NULL, &found);
	source_free(s);
	memset(text, '(', n);
	assert_int_equal(source_parse(text, 1, "a.c", &s), 0);
	source_free(s);
	free(text);
}

static void variants_of_a_function_have_one_row(void **state)
{
	assert_int_equal(symbol_find("__strcmp_avx2_rtm")->class, SYMBOL_SCAN);
	assert_int_equal(symbol_find("__memmove_avx_unaligned_erms")->class, SYMBOL_COPY);
	assert_int_equal(symbol_find("__libc_malloc")->class, SYMBOL_ALLOC);
	assert_int_equal(symbol_find("cfree@GLIBC_2.2.5")->class, SYMBOL_FREE);
	assert_null(symbol_find("my_strcmp"));
	assert_null(symbol_find("strcmp_all"));
	assert_true(symbol_is_runtime("void std::sort<int*>(int*, int*)"));
	assert_false(symbol_is_runtime("shop::sort(std::vector<int>&)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_of_one_array_are_found),
		cmocka_unit_test(other_languages_with_braces_are_read),
		cmocka_unit_test(loops_without_braces_and_while_loops_are_read),
		cmocka_unit_test(constants_are_not_searched_for),
		cmocka_unit_test(a_row_chosen_by_the_outer_loop_is_another_one_each_time),
		cmocka_unit_test(a_cursor_that_goes_on_is_no_search),
		cmocka_unit_test(a_few_elements_are_no_matter),
		cmocka_unit_test(comments_and_strings_are_no_code),
		cmocka_unit_test(text_may_begin_inside_a_function),
		cmocka_unit_test(python_comprehensions_are_loops),
		cmocka_unit_test(python_lists_are_told_from_sets),
		cmocka_unit_test(a_call_knows_its_loop_and_what_changes),
		cmocka_unit_test(a_block_is_grown_by_hand_in_a_loop),
		cmocka_unit_test(growing_by_a_factor_or_seldom_is_no_fault),
		cmocka_unit_test(a_copy_that_is_kept_or_started_anew_is_no_growth),
		cmocka_unit_test(a_helper_grows_what_its_caller_gives_it_in_a_loop),
		cmocka_unit_test(a_definition_is_no_call),
		cmocka_unit_test(broken_text_is_survived),
		cmocka_unit_test(deep_nesting_and_much_text_are_bounded),
		cmocka_unit_test(variants_of_a_function_have_one_row),
	};
	return RUN_TESTS(tests);
}

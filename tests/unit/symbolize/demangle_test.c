/* Names become readable, and what cannot be demangled stays as it is. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include "symbolize/demangle.h"

static void becomes(const char *mangled, const char *readable)
{
	struct strbuf out = { 0 };

	demangle(&out, mangled);
	assert_string_equal(strbuf_cstr(&out), readable);
	strbuf_done(&out);
}

static void cpp_names_get_their_parameters(void **state)
{
	becomes("_ZN3foo3BarIiE3bazEPKc", "foo::Bar<int>::baz(char const*)");
	becomes("_ZN3fooC1Ev", "foo::foo()");
	becomes("_Z3fooi.part.0", "foo(int) [clone .part.0]");
}

static void c_names_and_nonsense_stay(void **state)
{
	becomes("main", "main");
	becomes("i", "i"); /* not "int" */
	becomes("_ZNope", "_ZNope");
	becomes("", "");
}

static void rust_paths_lose_their_hash_and_escapes(void **state)
{
	becomes("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	becomes("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
		"3bar17h930b740aa94f1d3aE",
		"<Test + 'static as foo::Bar<Test>>::bar");
	/* A C++ function that merely looks a little like it keeps its name. */
	becomes("_ZN3foo17h0123456789abcdeXE", "foo::h0123456789abcdeX");
}

static void overlong_names_stay_mangled(void **state)
{
	char name[DEMANGLE_INPUT_BYTES + 100];
	int n = snprintf(name, sizeof(name), "_Z%d", DEMANGLE_INPUT_BYTES + 50);

	memset(name + n, 'a', sizeof(name) - n);
	strcpy(name + n + DEMANGLE_INPUT_BYTES + 50, "v");
	becomes(name, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpp_names_get_their_parameters),
		cmocka_unit_test(c_names_and_nonsense_stay),
		cmocka_unit_test(rust_paths_lose_their_hash_and_escapes),
		cmocka_unit_test(overlong_names_stay_mangled),
	};

	return RUN_TESTS(tests);
}

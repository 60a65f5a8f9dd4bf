/* Kernel addresses become functions of the kernel, its modules and BPF programs, or nothing. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>

#include "symbolize/kallsyms.h"

static const char text[] = "ffffffff81000000 T _text\n"
			   "ffffffff81000000 T startup_64\n"
			   "ffffffff81000100 t helper\n"
			   "ffffffff81000180 W weak_one\n"
			   "ffffffff81000200 R __start_rodata\n"
			   "ffffffff81000300 D some_data\n"
			   "0000000000000000 A fixed_percpu_data\n"
			   "ffffffffc0200040 t nf_second\t[nf_tables]\n"
			   "ffffffffc0200000 t nf_first\t[nf_tables]\n"
			   "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_sd_devices\t[bpf]\n"
			   "broken line\n";

static struct kallsyms *parsed(const char *from)
{
	struct kallsyms *k = NULL;
	struct error err;

	assert_int_equal(kallsyms_parse(from, strlen(from), &k, &err), 0);
	return k;
}

static void finds(const struct kallsyms *k, uint64_t address, const char *name, const char *module)
{
	const struct kallsyms_symbol *s = kallsyms_find(k, address);

	assert_non_null(s);
	assert_string_equal(s->name, name);
	assert_string_equal(s->module, module);
}

static void addresses_find_their_function_and_module(void **state)
{
	struct kallsyms *k = parsed(text);

	finds(k, 0xffffffff81000000, "startup_64", "[kernel]"); /* rather than _text */
	finds(k, 0xffffffff810000ff, "startup_64", "[kernel]");
	finds(k, 0xffffffff81000100, "helper", "[kernel]");
	finds(k, 0xffffffff810001ff, "weak_one", "[kernel]");
	finds(k, 0xffffffffc020003f, "nf_first", "[nf_tables]"); /* lines in any order */
	finds(k, 0xffffffffc0200040, "nf_second", "[nf_tables]");
	finds(k, 0xffffffffc0300010, "bpf_prog_6deef7357e7b4530_sd_devices", "[bpf]");
	kallsyms_free(k);
}

static void addresses_outside_of_functions_find_nothing(void **state)
{
	struct kallsyms *k = parsed(text);

	assert_null(kallsyms_find(k, 0));
	assert_null(kallsyms_find(k, 0xffffffff80ffffff));
	assert_null(kallsyms_find(k, 0xffffffff81000200)); /* data ends the text */
	assert_null(kallsyms_find(k, 0xffffffff81000300));
	assert_null(kallsyms_find(k, 0xffffffffc0200040 + (64 << 10))); /* past the module */
	assert_null(kallsyms_find(k, UINT64_MAX));
	kallsyms_free(k);
}

static void hidden_addresses_are_an_error_with_the_mend(void **state)
{
	const char hidden[] = "0000000000000000 T _text\n0000000000000000 t helper\n";
	struct kallsyms *k = NULL;
	struct error err = { 0 };

	assert_int_equal(kallsyms_parse(hidden, strlen(hidden), &k, &err), -EPERM);
	assert_non_null(strstr(err.hint, "kptr_restrict"));
	assert_int_equal(kallsyms_parse("what?\n", 6, &k, &err), -EBADMSG);
	assert_int_equal(kallsyms_parse("", 0, &k, &err), -EBADMSG);
	assert_null(k);
}

static void a_file_larger_than_one_read_is_read_whole(void **state)
{
	FILE *f = tmpfile();
	struct kallsyms *k = NULL;
	struct error err;

	for (unsigned i = 0; i < 100000; i++)
		fprintf(f, "%016lx t function_%u\n", 0xffffffff81000000 + i * 16UL, i);
	rewind(f);
	assert_int_equal(kallsyms_read(f, &k, &err), 0);
	assert_int_equal(kallsyms_count(k), 100000);
	finds(k, 0xffffffff81000000 + 77777 * 16 + 5, "function_77777", "[kernel]");
	kallsyms_free(k);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_find_their_function_and_module),
		cmocka_unit_test(addresses_outside_of_functions_find_nothing),
		cmocka_unit_test(hidden_addresses_are_an_error_with_the_mend),
		cmocka_unit_test(a_file_larger_than_one_read_is_read_whole),
	};

	return RUN_TESTS(tests);
}

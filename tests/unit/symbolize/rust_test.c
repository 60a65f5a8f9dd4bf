/* Rust's v0 symbols, as rustc 1.95 wrote them, and such as no compiler would write. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <stdlib.h>
#include <time.h>

#include "symbolize/demangle.h"
#include "symbolize/rust_demangle.h"

static void becomes(const char *mangled, const char *readable)
{
	struct strbuf out = { 0 };

	demangle(&out, mangled);
	assert_string_equal(strbuf_cstr(&out), readable);
	strbuf_done(&out);
}

static void paths_lose_their_crate_hash(void **state)
{
	becomes("_RNvCs6xxl1lAjzDf_1a4main", "a::main");
	becomes("_RNvNtNtCsfEOYDRpO4Ta_11miniz_oxide7inflate4core11apply_match",
		"miniz_oxide::inflate::core::apply_match");
}

static void closures_and_shims_are_numbered(void **state)
{
	becomes("_RINvCs6xxl1lAjzDf_1a4callNCNCNvB2_4main00EB2_",
		"a::call::<a::main::{closure#0}::{closure#0}>");
	becomes("_RNCNvC1a1bs_0", "a::b::{closure#1}");
	becomes("_RNSNvYNCINvNtCsjrHSEGnQ3l9_3std2rt10lang_startuE0INtNtNtCsgEmfK2I1SDS_4core3ops"
		"8function6FnOnceuE9call_once6vtableCs6xxl1lAjzDf_1a",
		"<std::rt::lang_start<()>::{closure#0} as "
		"core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}");
}

static void generic_arguments_and_constants_are_shown(void **state)
{
	becomes("_RNvMs_Cs6xxl1lAjzDf_1aINtB4_3ArrKj7_Kb1_Kc78_E2goB4_",
		"<a::Arr<7, true, 'x'>>::go");
	becomes("_RNvMs0_Cs6xxl1lAjzDf_1aINtB5_3NegKan3_E2goB5_", "<a::Neg<-3>>::go");
	becomes("_RNvMC1aINtB2_1bKj10000000000000000_E1c", "<a::b<0x10000000000000000>>::c");
}

static void trait_objects_have_lifetimes_and_bindings(void **state)
{
	becomes("_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_"
		"5alloc5boxed3BoxDG0_"
		"INtNtNtB4_3ops8function2FnTRL1_eQL0_Ahj4_EEp6OutputhNtNtB4_6marker4SendEL_"
		"EECs6xxl1l"
		"AjzDf_1a",
		"core::ptr::drop_in_place::<alloc::boxed::Box<dyn for<'a, 'b> core::ops::function::"
		"Fn<(&'a str, &'b mut [u8; 4]), Output = u8> + core::marker::Send>>");
	becomes("_RINvC1a1bFUKCPhOuEzE", "a::b::<unsafe extern \"C\" fn(*const u8, *mut ()) -> !>");
	becomes("_RINvC1a1bTlEE", "a::b::<(i32,)>");
}

static void names_beyond_ascii_are_decoded(void **state)
{
	becomes("_RNvCs6xxl1lAjzDf_1au9gnr_bmabb", "a::g\xc3\xa9n\xc3\xa9r\xc3\xa9");
	becomes("_RNvC1au3_\xff", "_RNvC1au3_\xff"); /* no Punycode */
}

static void suffixes_of_the_optimiser_stay_but_for_its_hash(void **state)
{
	becomes("_RNvC1a1b.cold", "a::b.cold");
	becomes("_RNvC1a1b.llvm.1234567890", "a::b");
}

static void nonsense_stays_as_it_is(void **state)
{
	static const char *const names[] = { "_R", "_RNv", "_RNvC1a", "_RNvC1a9b", "_RB_",
		"_RNvB9_1b", "_RNvC1a1bC", "_RIC1aKj_E_", "_RIC1aL0_E", "_RIC1aKq1_E", "_R0NvC1a1b",
		"_RNvC99999999999999999999999a1b", "_RNvCszzzzzzzzzzzzzzzzzz_1a1b", "_RIC1aFKE",
		"_RNvC1a1bC1c1d" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		becomes(names[i], names[i]);
}

static void references_cannot_make_a_short_name_explode(void **state)
{
	/* Each tuple holds the former one twice: 2^24 of them. */
	static const char tuples[] =
		"_RIC1aTuuETB3_B3_ETB7_B7_ETBf_Bf_ETBn_Bn_ETBv_Bv_ETBD_BD_ETBL_BL_ETBT_BT_ETB11_B"
		"11_ETB19_B19_ETB1j_B1j_ETB1t_B1t_ETB1D_B1D_ETB1N_B1N_ETB1X_B1X_ETB27_B27_ETB2h_B"
		"2h_ETB2r_B2r_ETB2B_B2B_ETB2L_B2L_ETB2V_B2V_ETB35_B35_ETB3f_B3f_ETB3p_B3p_EE";
	struct strbuf name = { 0 }, out = { 0 };
	clock_t before = clock();

	assert_false(rust_demangle(&out, tuples, SIZE_MAX));
	strbuf_puts(&name, "_RIC1a");
	strbuf_pad(&name, 'R', 7000);
	strbuf_puts(&name, "uE");
	assert_false(rust_demangle(&out, name.text, 4096));
	assert_true(clock() - before < CLOCKS_PER_SEC);
	strbuf_done(&name);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lose_their_crate_hash),
		cmocka_unit_test(closures_and_shims_are_numbered),
		cmocka_unit_test(generic_arguments_and_constants_are_shown),
		cmocka_unit_test(trait_objects_have_lifetimes_and_bindings),
		cmocka_unit_test(names_beyond_ascii_are_decoded),
		cmocka_unit_test(suffixes_of_the_optimiser_stay_but_for_its_hash),
		cmocka_unit_test(nonsense_stays_as_it_is),
		cmocka_unit_test(references_cannot_make_a_short_name_explode),
	};

	return RUN_TESTS(tests);
}

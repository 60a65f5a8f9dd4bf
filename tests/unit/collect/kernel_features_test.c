/* Which kernels are refused, by the text they give of themselves; and what every probe must say. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>

#include "collect/kernel_features.h"

struct kernel {
	const char *release, *version;
};

static void kernels_with_the_deadlock_are_known(void **state)
{
	static const struct kernel kernels[] = {
		{ "5.19.0", "#1 SMP" },
		{ "5.19.17-generic", "#1 SMP" },
		{ "6.0.0", "#1 SMP" },
		{ "6.0.19", "#1 SMP" },
		{ "6.1.0", "#1 SMP" },
		{ "6.1.35", "#1 SMP" },
		{ "6.2.16", "#1 SMP" },
		{ "6.3.0", "#1 SMP" },
		{ "6.3.9", "#1 SMP" },
		{ "6.1.0-9-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.27-1 (2023-05-08)" },
		{ "6.1.0-0.deb11.7-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.20-2~bpo11+1" },
	};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		if (!kernel_is_deadlocking(kernels[i].release, kernels[i].version))
			fail_msg("%s %s passed", kernels[i].release, kernels[i].version);
}

static void other_kernels_are_not_refused(void **state)
{
	static const struct kernel kernels[] = {
		{ "4.19.0", "#1 SMP" },
		{ "5.10.0-30-amd64", "#1 SMP Debian 5.10.218-1 (2024-06-01)" },
		{ "5.15.0-100-generic", "#110-Ubuntu SMP" },
		{ "5.18.19", "#1 SMP" },
		{ "5.190.0", "#1 SMP" },
		{ "6.1.36", "#1 SMP" },
		{ "6.1.192", "#1 SMP" },
		{ "6.1.0-44-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.164-1 (2026-03-01)" },
		{ "6.3.10", "#1 SMP" },
		{ "6.4.0", "#1 SMP" },
		{ "6.12.1", "#1 SMP" },
		{ "6.18.44-fc-v595", "#1 SMP PREEMPT_DYNAMIC @0" },
		{ "7.2.0", "#1 SMP" },
		{ "", "" },
		{ "next-20260101", "Debian" },
	};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		if (kernel_is_deadlocking(kernels[i].release, kernels[i].version))
			fail_msg("%s %s was refused", kernels[i].release, kernels[i].version);
}

static void force_takes_any_kernel(void **state)
{
	struct error err = { 0 };

	assert_int_equal(kernel_refused(true, &err), 0);
	assert_int_equal(err.code, 0);
}

static void every_feature_has_a_name_of_its_own_and_a_mend(void **state)
{
	size_t n = 0;

	for (; kernel_feature_at(n); n++) {
		const struct kernel_feature *f = kernel_feature_at(n);

		assert_true(f->name[0] && f->used_for[0] && f->mend[0]);
		assert_non_null(f->probe);
		/* tests/run.sh compares these names with what tests skip for. */
		assert_int_equal(
			strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(f->name));
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(kernel_feature_at(i)->name, f->name);
	}
	assert_true(n > 5);
	assert_null(kernel_feature_at(n + 100));
}

static void a_probe_says_the_same_twice(void **state)
{
	for (size_t i = 0; kernel_feature_at(i); i++) {
		int first = kernel_feature_at(i)->probe();

		assert_true(first <= 0);
		assert_int_equal(kernel_feature_at(i)->probe(), first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_with_the_deadlock_are_known),
		cmocka_unit_test(other_kernels_are_not_refused),
		cmocka_unit_test(force_takes_any_kernel),
		cmocka_unit_test(every_feature_has_a_name_of_its_own_and_a_mend),
		cmocka_unit_test(a_probe_says_the_same_twice),
	};
	return RUN_TESTS(tests);
}

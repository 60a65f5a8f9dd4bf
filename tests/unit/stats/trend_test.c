/* The trend test finds growth through noise and is not fooled by steps, bursts or ties. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "stats/trend.h"

static double noise(unsigned int *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return (double)(*seed >> 8 & 0xffff) / 65536.0 - 0.5;
}

static void a_line_gets_its_slope_whatever_one_outlier_says(void **state)
{
	double y[11];
	struct trend t;

	for (int i = 0; i < 11; i++)
		y[i] = 3 + 2 * i;
	y[4] = 1e6;
	assert_int_equal(trend_fit(y, 11, &t), 0);
	assert_true(fabs(t.slope - 2) < 1e-9);
	assert_true(fabs(t.intercept - 3) < 1e-9);
	assert_true(t.p < 0.01 && t.tau > 0.7);
}

static void the_test_agrees_with_a_worked_example(void **state)
{
	/* S = 33 of 45 pairs, no ties: var = 10*9*25/18 = 125, z = 32/sqrt(125) = 2.862. */
	double y[10] = { 1, 2, 4, 3, 5, 6, 8, 7, 10, 5.5 };
	struct trend t;

	assert_int_equal(trend_fit(y, 10, &t), 0);
	assert_true(fabs(t.tau - 33.0 / 45) < 1e-9);
	assert_true(fabs(t.p - erfc(2.862167 / sqrt(2))) < 1e-6);
}

static void equal_values_have_no_trend(void **state)
{
	double y[20] = { 0 };
	struct trend t;

	assert_int_equal(trend_fit(y, 20, &t), 0);
	assert_true(t.p == 1 && t.tau == 0 && t.slope == 0);
	assert_true(trend_growth(y, 20, &t) == 0);
}

static void steady_growth_is_measured_through_noise(void **state)
{
	double y[40];
	struct trend t;
	unsigned int seed = 7;

	for (int i = 0; i < 40; i++)
		y[i] = 1 + 3.0 * i / 39 + 0.4 * noise(&seed);
	double factor = trend_growth(y, 40, &t);
	assert_true(factor > 3 && factor < 5);
}

static void a_step_from_one_phase_to_the_next_is_no_growth(void **state)
{
	double y[40];
	struct trend t;
	int grew = 0;

	for (unsigned int run = 0; run < 200; run++) {
		unsigned int seed = run * 977 + 1;
		for (int i = 0; i < 40; i++)
			y[i] = (i < 20 ? 1 : 5) + 0.4 * noise(&seed);
		grew += trend_growth(y, 40, &t) > 0;
	}
	assert_true(grew <= 8);
}

static void noise_alone_never_grows(void **state)
{
	double y[40];
	struct trend t;

	for (unsigned int run = 0; run < 2000; run++) {
		unsigned int seed = run * 7919 + 3;
		for (int i = 0; i < 40; i++)
			y[i] = 1 + noise(&seed);
		assert_true(trend_growth(y, 40, &t) == 0);
	}
}

static void values_that_are_no_numbers_are_refused(void **state)
{
	double y[5] = { 1, 2, NAN, 4, 5 };
	struct trend t;

	assert_int_equal(trend_fit(y, 5, &t), -EINVAL);
	assert_int_equal(trend_fit(y, 2, &t), -EINVAL);
	y[2] = INFINITY;
	assert_int_equal(trend_fit(y, 5, &t), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_gets_its_slope_whatever_one_outlier_says),
		cmocka_unit_test(the_test_agrees_with_a_worked_example),
		cmocka_unit_test(equal_values_have_no_trend),
		cmocka_unit_test(steady_growth_is_measured_through_noise),
		cmocka_unit_test(a_step_from_one_phase_to_the_next_is_no_growth),
		cmocka_unit_test(noise_alone_never_grows),
		cmocka_unit_test(values_that_are_no_numbers_are_refused),
	};
	return RUN_TESTS(tests);
}

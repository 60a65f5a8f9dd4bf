/* Intervals hold the true share as often as they claim, also when samples come in bursts. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <math.h>

#include "stats/interval.h"

enum { HZ = 99, BUCKETS_PER_SECOND = 4, BUCKETS_MAX = 30 * BUCKETS_PER_SECOND, RUNS = 20000 };

static uint64_t seed;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0;
}

static double exponential(double mean)
{
	return -mean * log(1 - uniform());
}

static double log_uniform(double low, double high)
{
	return low * exp(uniform() * log(high / low));
}

/* A program that alternates between two states; the function has another share in each. */
struct bursts {
	double mean_seconds[2], share[2];
};

static double true_share(const struct bursts *b)
{
	double first = b->mean_seconds[0] / (b->mean_seconds[0] + b->mean_seconds[1]);

	return first * b->share[0] + (1 - first) * b->share[1];
}

static void simulate(const struct bursts *b, uint32_t seconds, double *x, double *n)
{
	double in_first = b->mean_seconds[0] / (b->mean_seconds[0] + b->mean_seconds[1]);
	int state = uniform() >= in_first;
	double next = exponential(b->mean_seconds[state]);

	memset(x, 0, BUCKETS_MAX * sizeof(*x));
	memset(n, 0, BUCKETS_MAX * sizeof(*n));
	for (uint32_t i = 0; i < seconds * HZ; i++) {
		double t = (double)i / HZ;

		for (; t > next; next += exponential(b->mean_seconds[state]))
			state = !state;
		uint32_t bucket = (uint32_t)(t * BUCKETS_PER_SECOND);
		n[bucket]++;
		x[bucket] += uniform() < b->share[state];
	}
}

/* 1 = the interval holds the true share, 0 = it does not, -1 = the function was never seen. */
static int holds(const struct bursts *b, uint32_t seconds, bool plain)
{
	double x[BUCKETS_MAX], n[BUCKETS_MAX], low, high;
	struct interval_clock *clock;
	struct interval_sums row = { 0 };

	simulate(b, seconds, x, n);
	assert_int_equal(interval_clock_new(n, seconds * BUCKETS_PER_SECOND, &clock), 0);
	for (uint32_t i = 0; i < seconds * BUCKETS_PER_SECOND; i++)
		if (x[i] > 0)
			interval_sums_add(clock, &row, i, x[i]);
	double d = plain ? 1 : interval_dispersion(clock, &row);
	bool seen = row.x > 0;
	assert_true(interval_share(row.x, clock->n, d, &low, &high));
	interval_clock_free(clock);
	return seen ? true_share(b) >= low && true_share(b) <= high : -1;
}

/* All or nothing: bursts of 0.1-1 s in which only this function runs, share 1-80 %. */
static struct bursts all_or_nothing(void)
{
	double share = log_uniform(0.01, 0.8), on = log_uniform(0.1, 1);

	return (struct bursts){ { on, on * (1 - share) / share }, { 1, 0 } };
}

/* Two phases of 0.1-1 s each; the function runs in one of them only, as far as its share allows. */
static struct bursts two_phases(void)
{
	double a = log_uniform(0.1, 1), b = log_uniform(0.1, 1), share = log_uniform(0.01, 0.8);
	double first = a / (a + b);

	if (share < first)
		return (struct bursts){ { a, b }, { share / first, 0 } };
	return (struct bursts){ { a, b }, { 1, (share - first) / (1 - first) } };
}

static struct bursts steady(void)
{
	double share = log_uniform(0.01, 0.8);

	return (struct bursts){ { 1, 1 }, { share, share } };
}

static double coverage(struct bursts (*make)(void), uint32_t seconds, bool plain, const char *name)
{
	uint32_t runs = 0, held = 0;

	seed = 88172645463325252ull;
	while (runs < RUNS) {
		struct bursts b = make();
		int h = holds(&b, seconds, plain);

		runs += h >= 0;
		held += h > 0;
	}
	print_message("# %s, %u s: %.1f %% of %u intervals hold the true share%s\n", name, seconds,
		100.0 * held / runs, runs, plain ? " (plain Wilson)" : "");
	return (double)held / runs;
}

static void at_least_93_percent_of_intervals_hold_the_share_of_a_bursty_function(void **state)
{
	assert_true(coverage(all_or_nothing, 10, false, "all or nothing") >= 0.93);
	assert_true(coverage(all_or_nothing, 30, false, "all or nothing") >= 0.93);
	assert_true(coverage(two_phases, 10, false, "two phases") >= 0.93);
	assert_true(coverage(two_phases, 30, false, "two phases") >= 0.93);
	assert_true(coverage(steady, 10, false, "steady") >= 0.93);
}

static void plain_intervals_would_be_far_too_narrow_for_bursts(void **state)
{
	assert_true(coverage(all_or_nothing, 10, true, "all or nothing") < 0.5);
	assert_true(coverage(two_phases, 10, true, "two phases") < 0.8);
}

static double steady_dispersion(uint32_t buckets)
{
	double n[BUCKETS_MAX] = { 0 };
	struct interval_clock *clock;
	struct interval_sums row = { 0 };

	for (uint32_t i = 0; i < buckets; i++)
		n[i] = 25;
	assert_int_equal(interval_clock_new(n, buckets, &clock), 0);
	for (uint32_t i = 0; i < buckets; i++)
		interval_sums_add(clock, &row, i, 5);
	double d = interval_dispersion(clock, &row);
	interval_clock_free(clock);
	return d;
}

static void too_few_buckets_give_no_dispersion(void **state)
{
	assert_true(steady_dispersion(INTERVAL_BUCKETS_MIN - 1) == 0);
	assert_true(steady_dispersion(INTERVAL_BUCKETS_MIN) == 1);
}

static void adding_a_bucket_in_pieces_gives_the_same_sums(void **state)
{
	double n[40], whole, pieces;
	struct interval_clock *clock;
	struct interval_sums a = { 0 }, b = { 0 };

	for (int i = 0; i < 40; i++)
		n[i] = 20 + i % 3;
	assert_int_equal(interval_clock_new(n, 40, &clock), 0);
	for (uint32_t i = 0; i < 40; i += 3) {
		interval_sums_add(clock, &a, i, 9);
		interval_sums_add(clock, &b, i, 4);
		interval_sums_add(clock, &b, i, 5);
	}
	whole = interval_dispersion(clock, &a);
	pieces = interval_dispersion(clock, &b);
	assert_true(whole > 1);
	assert_float_equal(whole, pieces, 1e-9);
	interval_clock_free(clock);
}

static void the_share_of_wilsons_method_is_the_published_one(void **state)
{
	double low, high;

	/* 81 of 263: 0.2553..0.3662 (Newcombe, Statistics in Medicine 17, 1998, table I). */
	assert_true(interval_share(81, 263, 1, &low, &high));
	assert_float_equal(low, 0.2553, 5e-5);
	assert_float_equal(high, 0.3662, 5e-5);
	assert_true(interval_share(0, 20, 1, &low, &high));
	assert_true(low == 0);
	assert_float_equal(high, 0.1611, 5e-5);
	assert_true(interval_share(20, 20, 1, &low, &high));
	assert_true(high == 1);
}

static void a_dispersion_of_four_equals_a_quarter_of_the_samples(void **state)
{
	double a[2], b[2];

	assert_true(interval_share(200, 1000, 4, &a[0], &a[1]));
	assert_true(interval_share(50, 250, 1, &b[0], &b[1]));
	assert_float_equal(a[0], b[0], 1e-12);
	assert_float_equal(a[1], b[1], 1e-12);
}

static void shares_that_cannot_be_are_refused(void **state)
{
	double low, high;

	assert_false(interval_share(1, 0, 1, &low, &high));
	assert_false(interval_share(-1, 10, 1, &low, &high));
	assert_false(interval_share(11, 10, 1, &low, &high));
	assert_false(interval_share(NAN, 10, 1, &low, &high));
}

static void long_captures_are_merged_to_what_a_clock_holds(void **state)
{
	struct interval_clock *clock;
	double one = 1;

	assert_int_equal(interval_bucket_shift(0), 0);
	assert_int_equal(interval_bucket_shift(INTERVAL_BUCKETS_MAX), 0);
	assert_int_equal(interval_bucket_shift(INTERVAL_BUCKETS_MAX + 1), 1);
	assert_int_equal(interval_bucket_shift(1ull << 32), 20);
	assert_int_equal(interval_clock_new(&one, INTERVAL_BUCKETS_MAX + 1, &clock), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			at_least_93_percent_of_intervals_hold_the_share_of_a_bursty_function),
		cmocka_unit_test(plain_intervals_would_be_far_too_narrow_for_bursts),
		cmocka_unit_test(too_few_buckets_give_no_dispersion),
		cmocka_unit_test(adding_a_bucket_in_pieces_gives_the_same_sums),
		cmocka_unit_test(the_share_of_wilsons_method_is_the_published_one),
		cmocka_unit_test(a_dispersion_of_four_equals_a_quarter_of_the_samples),
		cmocka_unit_test(shares_that_cannot_be_are_refused),
		cmocka_unit_test(long_captures_are_merged_to_what_a_clock_holds),
	};
	return RUN_TESTS(tests);
}

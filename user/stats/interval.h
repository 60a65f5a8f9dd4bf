/*
 * Confidence intervals for shares of samples that come in bursts.
 *
 * Samples of a profile are not independent: a function runs for a while, then another one does.
 * The plain binomial interval is then far too narrow. The share x/n of a row is a ratio of two
 * sums over time buckets, so its variance is estimated from the buckets and compared with the
 * binomial one; their quotient D is the dispersion (design effect), and n / D the number of
 * independent samples that would tell as much.
 *
 *	struct interval_clock *clock;                  all samples, by bucket
 *	interval_clock_new(n_per_bucket, buckets, &clock);
 *	struct interval_sums row = { 0 };              one row's samples, in bucket order
 *	interval_sums_add(clock, &row, bucket, count);
 *	double d = interval_dispersion(clock, &row);   0 = too few buckets to tell
 *	if (d && interval_share(row.x, clock->n, d, &low, &high)) ...
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef STATS_INTERVAL_H
#define STATS_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	INTERVAL_SCALES = 9,        /* 250 ms, 500 ms, ... 64 s for buckets of 250 ms */
	INTERVAL_BUCKETS_MIN = 20,  /* fewer buckets with samples tell nothing about D */
	INTERVAL_COARSE_MIN = 10,   /* a coarser time scale counts while this many remain */
	INTERVAL_BUCKETS_MAX = 4096 /* more: merge neighbours first (interval_bucket_shift) */
};

/* How many samples each bucket has, at every time scale; read-only once made. */
struct interval_clock {
	double n; /* all samples */
	uint32_t buckets, scales;
	struct {
		double *n;       /* samples per bucket of this scale */
		double nn;       /* sum of their squares */
		uint32_t filled; /* buckets with samples */
	} scale[INTERVAL_SCALES];
};

/* The sums of one row over the buckets. Start from all zero. */
struct interval_sums {
	double x; /* the row's samples */
	uint32_t bucket;
	double current[INTERVAL_SCALES]; /* x of the bucket being added to */
	double xx[INTERVAL_SCALES], xn[INTERVAL_SCALES];
};

/* Makes a clock from @buckets counts (copied). At most INTERVAL_BUCKETS_MAX. The caller frees it
 * with interval_clock_free. 0, -ENOMEM or -EINVAL (too many buckets). */
int interval_clock_new(const double *n_per_bucket, uint32_t buckets, struct interval_clock **ret);
void interval_clock_free(struct interval_clock *clock);

/* By how many bits bucket numbers must be shifted right so that @buckets of them fit a clock. */
uint32_t interval_bucket_shift(uint64_t buckets);

/* Adds @count samples of the row in @bucket (below clock->buckets). Buckets must not decrease from
 * call to call. */
void interval_sums_add(const struct interval_clock *clock, struct interval_sums *row,
	uint32_t bucket, double count);

/*
 * The dispersion D >= 1 of a row, or 0 when fewer than INTERVAL_BUCKETS_MIN buckets have samples.
 *
 * D is the between-bucket variance of the ratio estimator over the binomial variance (Cochran,
 * Sampling Techniques, 3rd ed. 1977, sections 2.11 and 6.4: ratio estimator; 9A: clusters), taken
 * at bucket widths of 1, 2, 4 ... as long as INTERVAL_COARSE_MIN buckets remain, because bursts
 * longer than a bucket make neighbours alike; the largest counts. Bursts near the widest bucket
 * are extrapolated: if doubling the width multiplies D by 1 + r, neighbours correlate by r, and a
 * first-order process ends at (1 + r) / (1 - r) (Priestley, Spectral Analysis and Time Series,
 * 1981, section 5.3). Each D is scaled by (t / z)^2 with t the Student quantile for its buckets - 1
 * degrees of freedom, so that interval_share may use the normal one.
 */
double interval_dispersion(const struct interval_clock *clock, const struct interval_sums *row);

/* The 95 % interval of the share count / n, 0..1, by the score method of Wilson (JASA 22, 1927)
 * with n / max(1, dispersion) as the number of samples. @count need not be whole. False (nothing
 * stored) when there is no such share: n <= 0, or count outside 0..n. */
bool interval_share(double count, double n, double dispersion, double *ret_low, double *ret_high);

#endif

/* Confidence intervals for shares of samples that come in bursts. */
// SPDX-License-Identifier: BSD-2-Clause
#include "stats/interval.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

static const double z_95 = 1.959963984540054;

void interval_clock_free(struct interval_clock *clock)
{
	if (!clock)
		return;
	for (uint32_t s = 0; s < clock->scales; s++)
		free(clock->scale[s].n);
	free(clock);
}

CLEANUP_DEFINE(struct interval_clock *, interval_clock_free)

uint32_t interval_bucket_shift(uint64_t buckets)
{
	uint32_t shift = 0;

	while (buckets && ((buckets - 1) >> shift) >= INTERVAL_BUCKETS_MAX)
		shift++;
	return shift;
}

int interval_clock_new(const double *n_per_bucket, uint32_t buckets, struct interval_clock **ret)
{
	if (buckets > INTERVAL_BUCKETS_MAX)
		return -EINVAL;
	CLEANUP(interval_clock_freep) struct interval_clock *clock = calloc(1, sizeof(*clock));
	if (!clock)
		return -ENOMEM;
	clock->buckets = buckets;
	for (uint32_t s = 0; s < INTERVAL_SCALES; s++) {
		double *n = calloc((buckets >> s) + 1, sizeof(*n));

		if (!n)
			return -ENOMEM;
		clock->scale[s].n = n;
		clock->scales = s + 1;
		for (uint32_t b = 0; b < buckets; b++)
			n[b >> s] += n_per_bucket[b];
		for (uint32_t b = 0; b <= buckets >> s; b++) {
			clock->scale[s].nn += n[b] * n[b];
			clock->scale[s].filled += n[b] > 0;
		}
	}
	for (uint32_t b = 0; b < buckets; b++)
		clock->n += n_per_bucket[b];
	*ret = STEAL(clock);
	return 0;
}

void interval_sums_add(const struct interval_clock *clock, struct interval_sums *row,
	uint32_t bucket, double count)
{
	for (uint32_t s = 0; s < clock->scales; s++) {
		if (row->bucket >> s != bucket >> s)
			row->current[s] = 0;
		/* (x + c)^2 - x^2 keeps the sum of squares right while the bucket still fills. */
		row->xx[s] += count * (2 * row->current[s] + count);
		row->xn[s] += count * clock->scale[s].n[bucket >> s];
		row->current[s] += count;
	}
	row->x += count;
	row->bucket = bucket;
}

/* Student's 97.5 % quantile by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5), good
 * to 0.1 % from 9 degrees of freedom on. */
static double student_95(double df)
{
	double z = z_95, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;

	return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df * df) +
	       (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * df * df * df);
}

static double small_sample_factor(uint32_t buckets)
{
	double t = student_95(buckets - 1) / z_95;

	return t * t;
}

/* D at one time scale. */
static double scale_dispersion(
	const struct interval_clock *clock, const struct interval_sums *row, uint32_t s)
{
	double p = row->x / clock->n, buckets = clock->scale[s].filled;
	double squares = row->xx[s] - 2 * p * row->xn[s] + p * p * clock->scale[s].nn;

	return fmax(0, squares) * buckets / (buckets - 1) / (clock->n * p * (1 - p));
}

double interval_dispersion(const struct interval_clock *clock, const struct interval_sums *row)
{
	double largest = 1, finer = 0;

	if (clock->scale[0].filled < INTERVAL_BUCKETS_MIN)
		return 0;
	if (row->x <= 0 || row->x >= clock->n)
		return 1;
	for (uint32_t s = 0; s < clock->scales; s++) {
		uint32_t buckets = clock->scale[s].filled;

		if (buckets < INTERVAL_COARSE_MIN)
			break;
		double d = scale_dispersion(clock, row, s), factor = small_sample_factor(buckets);
		largest = fmax(largest, d * factor);
		if (s && finer > 0 && d > 1) {
			double r = fmin(0.9, fmax(0, d / finer - 1));

			largest = fmax(largest, finer * (1 + r) / (1 - r) * factor);
		}
		finer = d;
	}
	return largest;
}

bool interval_share(double count, double n, double dispersion, double *ret_low, double *ret_high)
{
	if (!(n > 0) || !(count >= 0) || !(count <= n))
		return false;
	double p = count / n, m = n / fmax(1, dispersion), z2 = z_95 * z_95;
	double middle = (p + z2 / (2 * m)) / (1 + z2 / m);
	double half = z_95 / (1 + z2 / m) * sqrt(p * (1 - p) / m + z2 / (4 * m * m));

	*ret_low = fmin(p, fmax(0, middle - half));
	*ret_high = fmax(p, fmin(1, middle + half));
	return true;
}

/* Mann-Kendall test and Theil-Sen line over short series. */
// SPDX-License-Identifier: BSD-2-Clause
#include "stats/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @v; the median of a sorted array. */
static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Sum over groups of equal values of t(t-1)(2t+5), and of t(t-1)/2. @v sorted. */
static void ties(const double *v, size_t n, double *ret_variance, double *ret_pairs)
{
	*ret_variance = *ret_pairs = 0;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && v[j] == v[i]; j++)
			;
		double t = (double)(j - i);
		*ret_variance += t * (t - 1) * (2 * t + 5);
		*ret_pairs += t * (t - 1) / 2;
	}
}

int trend_fit(const double *y, size_t n, struct trend *ret)
{
	*ret = (struct trend){ .p = 1 };
	if (n < 4 || n > TREND_MAX)
		return -EINVAL;
	CLEANUP(freep) double *work = malloc(n * (n - 1) / 2 * sizeof(*work) + n * sizeof(*work));
	if (!work)
		return -ENOMEM;
	double s = 0;
	size_t pairs = 0;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(y[i]))
			return -EINVAL;
		for (size_t j = i + 1; j < n; j++) {
			s += (y[j] > y[i]) - (y[j] < y[i]);
			work[pairs++] = (y[j] - y[i]) / (double)(j - i);
		}
	}
	ret->slope = median(work, pairs);
	for (size_t i = 0; i < n; i++)
		work[i] = y[i] - ret->slope * (double)i;
	ret->intercept = median(work, n);
	for (size_t i = 0; i < n; i++)
		work[i] = y[i];
	qsort(work, n, sizeof(*work), by_value);
	double tied_variance, tied_pairs, all = (double)pairs;
	ties(work, n, &tied_variance, &tied_pairs);
	double variance = ((double)n * (double)(n - 1) * (double)(2 * n + 5) - tied_variance) / 18;
	if (variance <= 0)
		return 0; /* all values are equal */
	double z = s > 0 ? (s - 1) / sqrt(variance) : s < 0 ? (s + 1) / sqrt(variance) : 0;
	ret->p = erfc(fabs(z) / sqrt(2));
	ret->tau = s / sqrt(all * (all - tied_pairs));
	return 0;
}

double trend_growth(const double *y, size_t n, struct trend *ret)
{
	struct trend first, second;

	*ret = (struct trend){ .p = 1 };
	if (n < 12 || trend_fit(y, n, ret) || ret->p >= 0.001 || ret->tau < 0.5)
		return 0;
	if (trend_fit(y, n / 2, &first) || trend_fit(y + n / 2, n - n / 2, &second))
		return 0;
	if (first.tau < 0.2 || second.tau < 0.2)
		return 0;
	double start = ret->intercept, end = ret->intercept + ret->slope * (double)(n - 1);
	if (start <= 0) {
		/* A line through a curve can start below zero; the series itself then says. */
		double head[TREND_MAX];
		size_t quarter = n / 4;
		for (size_t i = 0; i < quarter; i++)
			head[i] = y[i];
		start = median(head, quarter);
	}
	return start > 0 && end > start ? end / start : 0;
}

/* Is a series of figures growing, and how fast: methods that no outlier and no burst can fool. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef STATS_TREND_H
#define STATS_TREND_H

#include <stddef.h>

/* Longest series that is taken; callers add neighbouring buckets up before (cost is n squared). */
enum { TREND_MAX = 256 };

struct trend {
	double tau;       /* Kendall's rank correlation with time, -1..1 */
	double p;         /* two-sided p of "there is no trend" */
	double slope;     /* per step */
	double intercept; /* fitted value at step 0 */
};

/*
 * The trend of @y[0..n-1], taken at equal steps of time.
 *
 * Test: Mann, "Nonparametric tests against trend" (Econometrica 13, 1945), with the variance for
 * ties of Kendall, "Rank Correlation Methods" (4th ed. 1975) and its continuity correction; tau is
 * Kendall's tau-b. Line: Theil (Proc. KNAW 53, 1950) and Sen (JASA 63, 1968): the median of all
 * pairwise slopes, and the median of y - slope * step.
 *
 * Returns 0, -EINVAL for n < 4 or n > TREND_MAX or a value that is not finite, or -ENOMEM.
 */
int trend_fit(const double *y, size_t n, struct trend *ret);

/*
 * How many times larger the end of a growing series is than its start, by the fitted line
 * (value at the last step / value at the first one).
 *
 * Growth counts as steady when the whole series has a trend (p < 0.001, tau >= 0.5) and each half
 * has one of the same sign too (tau >= 0.2): a program that only changes from one phase to the
 * next makes a step, whose halves are flat. Returns the factor (> 1), or 0 when the series does
 * not grow steadily, is too short (fewer than 12 values), or starts at nothing.
 */
double trend_growth(const double *y, size_t n, struct trend *ret);

#endif

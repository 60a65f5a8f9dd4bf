/* What a profile's quality means for its reader: a grade and the reasons for it. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_REPORT_QUALITY_H
#define FORMATS_REPORT_QUALITY_H

#include "base/strbuf.h"
#include "profile/profile.h"

/* X(enumerator, name): how far the figures can be relied on. */
#define QUALITY_GRADES(X)       \
	X(QUALITY_GOOD, "good") \
	X(QUALITY_FAIR, "fair") \
	X(QUALITY_POOR, "poor") \
	X(QUALITY_NONE, "none")

enum quality_grade {
#define X(e, name) e,
	QUALITY_GRADES(X)
#undef X
};

const char *quality_grade_name(enum quality_grade grade);

/* Judges @q (profile_quality of @p) and adds to @notes one sentence for each reason why the grade
 * is not better, each ending in ".\n", with what to do about it. Names inside are unescaped.
 * QUALITY_NONE: there are no samples at all. */
enum quality_grade quality_judge(
	const struct profile *p, const struct profile_quality *q, struct strbuf *notes);

#endif

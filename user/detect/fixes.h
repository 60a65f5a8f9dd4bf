/* The catalogue of fixes: one row per kind and sub-case, its words filled in with what was seen. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_FIXES_H
#define DETECT_FIXES_H

#include "detect/detect.h"

enum fix_case {
	FIX_CASE_INDEX,    /* linear search in a collection */
	FIX_CASE_PAIRS,    /* every element with every other */
	FIX_CASE_SORT,     /* a sort that swaps neighbours */
	FIX_CASE_SET,      /* Python: x in list */
	FIX_CASE_DEQUE,    /* Python: work at the front of a list */
	FIX_CASE_HOIST,    /* a length measured again at every turn */
	FIX_CASE_APPEND,   /* strings appended by searching their end */
	FIX_CASE_GROWTH,   /* cost grows with time, cause unknown */
	FIX_CASE_ONCE,     /* setup that is needed once */
	FIX_CASE_REMEMBER, /* the same answer worked out again */
	FIX_CASE_GROW,     /* a block grown step by step */
	FIX_CASE_FRONT,    /* elements shifted to the front of an array */
	FIX_CASE_JOIN,     /* Python: a string made longer part by part */
	FIX_CASE_EXTEND,   /* Python: a list copied to add to it */
	FIX_CASE_COPIES,   /* copies that grow with time */
	FIX_CASE_REUSE,    /* short-lived objects */
};

/* What {words} in the catalogue's texts stand for; NULL = a general word. */
struct fix_words {
	const char *collection, *subject, *function;
	const char *what; /* of a setup row: "compiles a regular expression" */
	const char *mend; /* of a setup row */
};

/* Adds row @which to @f, its gain worked out from the finding's impact. 0 or -ENOMEM. */
int fix_add(struct finding *f, enum fix_case which, const struct fix_words *words);

#endif

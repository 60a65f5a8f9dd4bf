/* The rows of the catalogue. Each share that can be removed says where it comes from. */
// SPDX-License-Identifier: BSD-2-Clause
#include "detect/fixes.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

#define TESTS_FIRST "tests that fix what {function} returns, at the sizes of production"
#define REVERT      "revert the change; no data or interface depends on it"
#define CANARY      "one instance first; compare with assay verify, then the rest"

struct fix_row {
	enum fix_category category;
	const char *title, *text;
	double low, high; /* removable share of the affected samples */
	const char *reason, *complexity, *risk, *prerequisite, *rollback, *rollout;
	double effort; /* person-days */
};

static const struct fix_row catalogue[] = {
	[FIX_CASE_INDEX] = { FIX_DATA_STRUCTURE_CHANGE,
		"look {subject} up in an index over {collection}",
		"Keep a hash table (or a sorted array with binary search) over {collection}, keyed "
		"by "
		"what is compared with {subject}, updated where {collection} is changed; then "
		"{function} does one lookup instead of walking all elements.",
		0.85, 0.98, "a hash lookup costs about as much as 2 to 15 elements of the walk",
		"medium", "low", TESTS_FIRST, REVERT, CANARY, 1.0 },
	[FIX_CASE_PAIRS] = { FIX_ALGORITHM_IMPROVEMENT,
		"compare through a hash set instead of pair by pair",
		"Put each element's compared field into a hash set while walking {collection} "
		"once: an "
		"element that is already there is a match. Sorting first and comparing neighbours "
		"does "
		"it as well.",
		0.85, 0.98, "n lookups instead of n * n / 2 comparisons", "medium", "low",
		TESTS_FIRST, REVERT, CANARY, 1.0 },
	[FIX_CASE_SORT] = { FIX_ALGORITHM_IMPROVEMENT, "sort {collection} with the library's sort",
		"{function} sorts by swapping neighbours, which takes n * n steps. qsort (or "
		"std::sort, "
		"or whatever the language has) takes n * log n.",
		0.8, 0.99, "n * log n comparisons instead of n * n / 2", "low", "low", TESTS_FIRST,
		REVERT, CANARY, 0.25 },
	[FIX_CASE_SET] = { FIX_DATA_STRUCTURE_CHANGE, "keep {collection} as a set",
		"Create {collection} with set() (or a dict, where the order counts) and add to it "
		"with "
		"add(): a test for {subject} then hashes once instead of comparing with every "
		"element.",
		0.85, 0.98, "a set lookup costs about as much as 2 to 15 elements of the walk",
		"low", "low", TESTS_FIRST, REVERT, CANARY, 0.25 },
	[FIX_CASE_DEQUE] = { FIX_DATA_STRUCTURE_CHANGE, "make {collection} a collections.deque",
		"A list moves all its elements when one enters or leaves at its front; "
		"collections.deque has appendleft() and popleft() that move none.",
		0.8, 0.98, "the move of all elements disappears", "low", "low", TESTS_FIRST, REVERT,
		CANARY, 0.25 },
	[FIX_CASE_HOIST] = { FIX_ALGORITHM_IMPROVEMENT,
		"measure {collection} once, before the loop",
		"The call is evaluated at every turn and reads {collection} to its end each time. "
		"Store "
		"its result in a variable before the loop (and keep it up to date if the loop "
		"changes "
		"the length).",
		0.9, 1.0, "one call remains of as many as the loop has turns", "low", "low",
		TESTS_FIRST, REVERT, CANARY, 0.1 },
	[FIX_CASE_APPEND] = { FIX_ALGORITHM_IMPROVEMENT, "remember where {collection} ends",
		"Each append searches the end of {collection} from its start. Keep a pointer to "
		"the end "
		"(stpcpy returns it), or a buffer with its length, and write there.",
		0.8, 0.98, "the search for the end disappears, the write of the new part stays",
		"low", "low", TESTS_FIRST, REVERT, CANARY, 0.25 },
	[FIX_CASE_GROWTH] = { FIX_ALGORITHM_IMPROVEMENT,
		"find what grows under {function} and bound it",
		"Something {function} walks gets longer while the program runs. Find it (assay "
		"annotate "
		"shows the lines), then index it, bound it, or drop what is no longer needed.",
		0.0, 0.6, "time shows the growth, not how much of it can be avoided", "medium",
		"medium", TESTS_FIRST, REVERT, CANARY, 2.0 },
	[FIX_CASE_ONCE] = { FIX_CACHING, "do it once: {mend}",
		"{function} has a library do again and again what is needed once (it {what}). "
		"Instead, "
		"{mend}.",
		0.9, 1.0, "one call remains", "low", "low", TESTS_FIRST, REVERT, CANARY, 0.5 },
	[FIX_CASE_REMEMBER] = { FIX_CACHING, "keep the result: {mend}",
		"{function} has a library work out the same thing again (it {what}). Instead, "
		"{mend}.",
		0.6, 0.98, "what stays depends on how often the input really changes", "medium",
		"medium", TESTS_FIRST, REVERT, CANARY, 1.0 },
	[FIX_CASE_GROW] = { FIX_MEMORY_OPTIMIZATION,
		"grow {collection} by doubling, or allocate it once",
		"Each time it grows, all that is there already may be copied. Double the capacity "
		"when it is "
		"used "
		"up, or allocate the final size before the loop when it is known.",
		0.7, 0.97, "copies drop from one per element to one per doubling", "low", "low",
		TESTS_FIRST, REVERT, CANARY, 0.25 },
	[FIX_CASE_FRONT] = { FIX_DATA_STRUCTURE_CHANGE,
		"take from {collection} without moving the rest",
		"Every removal moves all elements behind it. Keep an index of the first element (a "
		"ring "
		"buffer), or move the last element into the gap where the order does not count.",
		0.8, 0.98, "the move of all elements disappears", "medium", "low", TESTS_FIRST,
		REVERT, CANARY, 0.5 },
	[FIX_CASE_JOIN] = { FIX_MEMORY_OPTIMIZATION,
		"collect the parts of {collection} and ''.join() them once",
		"Strings never change: each addition makes a new one and copies all that "
		"{collection} holds already. Append the parts to a list (or write them to an "
		"io.StringIO) and make the string with ''.join(parts) once at the end.",
		0.8, 0.98, "each character is copied once, not once for each later part", "low",
		"low", TESTS_FIRST, REVERT, CANARY, 0.25 },
	[FIX_CASE_EXTEND] = { FIX_MEMORY_OPTIMIZATION,
		"extend {collection} where it is instead of copying it",
		"{collection} + ... makes a new list and copies all that {collection} holds "
		"already. {collection}.extend(...) or append(...) adds to the list itself; nobody "
		"else may rely on the old one.",
		0.8, 0.98, "each element is copied once, not once for each later part", "low",
		"low", TESTS_FIRST, REVERT, CANARY, 0.1 },
	[FIX_CASE_COPIES] = { FIX_MEMORY_OPTIMIZATION, "stop copying what grows under {function}",
		"The copies made by {function} get longer while the program runs. Pass a pointer "
		"or a "
		"view, append in place with reserved capacity, or copy only what changed.",
		0.2, 0.8, "how much of the copying is needed cannot be seen from outside", "medium",
		"medium", TESTS_FIRST, REVERT, CANARY, 1.0 },
	[FIX_CASE_REUSE] = { FIX_MEMORY_OPTIMIZATION,
		"reuse memory in {function} instead of allocating it anew",
		"{function} takes memory and gives it back all the time. Keep the buffer between "
		"calls, "
		"use a pool or an arena that is emptied at once, or keep small objects on the "
		"stack.",
		0.5, 0.9, "taking an object from a pool costs a tenth to a half of malloc and free",
		"medium", "low", TESTS_FIRST, REVERT, CANARY, 0.5 },
};

/* Expands {words}. */
static void expand(struct strbuf *out, const char *text, const struct fix_words *w)
{
	const struct {
		const char *word, *with;
	} words[] = {
		{ "{collection}",
			w->collection && *w->collection ? w->collection : "the collection" },
		{ "{subject}", w->subject && *w->subject ? w->subject : "the value" },
		{ "{function}", w->function ? w->function : "the function" },
		{ "{what}", w->what ? w->what : "repeats it" },
		{ "{mend}", w->mend ? w->mend : "keep the result" },
	};

	while (*text) {
		size_t n = 1;
		for (size_t i = 0; *text == '{' && i < sizeof(words) / sizeof(words[0]); i++) {
			size_t length = strlen(words[i].word);
			if (strncmp(text, words[i].word, length))
				continue;
			strbuf_puts(out, words[i].with);
			n = 0;
			text += length;
			break;
		}
		if (n)
			strbuf_putc(out, *text++);
	}
}

static char *expanded(const char *text, const struct fix_words *words)
{
	CLEANUP_STRBUF struct strbuf b = { 0 };

	expand(&b, text, words);
	return strbuf_steal(&b);
}

int fix_add(struct finding *f, enum fix_case which, const struct fix_words *words)
{
	const struct fix_row *row = &catalogue[which];
	struct fix fix = { .category = row->category,
		.metric = METRIC_CPU_TIME,
		.removable_low = row->low,
		.removable_high = row->high,
		.reason = row->reason,
		.complexity = row->complexity,
		.risk = row->risk,
		.rollback = row->rollback,
		.rollout = row->rollout,
		.effort = row->effort };

	/* Without an interval nothing can be promised; the estimate is then only an upper bound. */
	fix.gain_low = f->has_bounds ? f->impact_low * row->low : 0;
	fix.gain_high = (f->has_bounds ? f->impact_high : f->impact) * row->high;
	fix.title = expanded(row->title, words);
	fix.text = expanded(row->text, words);
	fix.prerequisite = expanded(row->prerequisite, words);
	if (!fix.title || !fix.text || !fix.prerequisite || vec_push(&f->fixes, fix)) {
		free(fix.title);
		free(fix.text);
		free(fix.prerequisite);
		return -ENOMEM;
	}
	return 0;
}

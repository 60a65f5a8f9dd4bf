/*
 * Source lines and what each costs: which functions or files to show, which of their lines, and
 * where the text of a line is known from.
 *
 * What a person names is looked for in this order; the first that fits wins:
 *   a source file, by its path or the end of it ("orders.c", "src/orders.c"), with ":LINE" only
 *   the lines around that one; functions of exactly this name; functions in whose name it stands
 *   as a word ("weigh" in "shop::Basket<int>::weigh() const"); functions whose name contains it.
 * Without a name it is the hottest functions that have lines: by the time in them and in code
 * without lines that they call.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_ANNOTATE_H
#define FORMATS_ANNOTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "profile/profile.h"
#include "profile/table.h"

struct annotate_options {
	const char *what;  /* see above; NULL = the hottest functions */
	const char *focus; /* only stacks with this function (profile_focus); NULL = all */
	enum sample_kind kind;
	uint32_t limit; /* parts at most; 0 = 5 */
};

/* X(enumerator, name): where the text of a part's lines is. */
#define ANNOTATE_SOURCES(X)                  \
	X(ANNOTATE_RECORDED, "recorded")     \
	X(ANNOTATE_NEWER, "newer_than_code") \
	X(ANNOTATE_MISSING, "missing")

enum annotate_source {
#define X(e, name) e,
	ANNOTATE_SOURCES(X)
#undef X
};

const char *annotate_source_name(enum annotate_source source);

struct annotate_line {
	uint32_t number;
	const char *text; /* borrowed from the profile, not NUL-terminated; NULL = not known */
	size_t length;
	const struct table_row *row; /* what it costs; NULL = no samples */
};

/* A function, or a source file. */
struct annotate_part {
	bool is_file;
	uint32_t function, file, module; /* strings, module index; 0 = does not apply */
	const struct table_row *row;     /* what the whole part costs */
	enum annotate_source source;
	VEC(struct annotate_line) lines; /* by number: those with samples and a few around them */
};

struct annotation {
	const struct profile *profile;
	enum sample_kind kind;
	struct table *functions, *files, *lines, *places;
	VEC(struct annotate_part) parts;    /* hottest first */
	uint32_t matched;                   /* how many there would be without the limit */
	VEC(const struct table_row *) bare; /* hot functions without lines, without a name given */
};

/* Chooses parts and lines. *ret is freed with annotation_free and refers to @p, which must stay as
 * it is. -ENOENT with EXIT_USAGE when nothing has that name or no function has lines; the errors
 * of profile_table. Time: O(lines log lines + parts x sources). */
int annotate(const struct profile *p, const struct annotate_options *options,
	struct annotation **ret, struct error *err);
void annotation_free(struct annotation *a);

/* What a person calls the part: the function's shown name or the file's path. Unescaped. */
struct strbuf;
void annotate_part_name(
	const struct annotation *a, const struct annotate_part *part, struct strbuf *out);

#endif

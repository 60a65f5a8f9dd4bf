/* Which source lines to show and what each costs; see annotate.h. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "formats/annotate.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "profile/filter.h"

enum {
	PARTS = 5,          /* when no limit is given */
	CONTEXT_LINES = 3,  /* around a line with samples */
	AROUND_LINES = 10,  /* around a line that was asked for */
	BARE_FUNCTIONS = 5, /* without lines, named at most */
};

static const double BARE_WORTH = 0.01; /* and their least share */

static const char *const source_names[] = {
#define X(e, name) [e] = name,
	ANNOTATE_SOURCES(X)
#undef X
};

const char *annotate_source_name(enum annotate_source source)
{
	return source_names[source];
}

void annotation_free(struct annotation *a)
{
	if (!a)
		return;
	vec_each (part, &a->parts)
		vec_done(&part->lines);
	vec_done(&a->parts);
	vec_done(&a->bare);
	table_free(a->functions);
	table_free(a->files);
	table_free(a->lines);
	table_free(a->places);
	free(a);
}

CLEANUP_DEFINE(struct annotation *, annotation_free)

void annotate_part_name(
	const struct annotation *a, const struct annotate_part *part, struct strbuf *out)
{
	if (part->is_file)
		strbuf_puts(out, profile_str(a->profile, part->file));
	else
		table_row_name(a->profile, a->functions, part->row, out);
}

/* ---- what was asked for ---- */

/* What a name means in this profile. */
struct request {
	const char *what;
	size_t length; /* of the name or path, without ":LINE" */
	uint32_t line; /* 0 = all */
	bool is_file;
	enum { EXACT, WORD, PART } best; /* how well function names fit */
};

/* Whether @path ends in the path @what, at a '/' or as a whole. */
static bool path_ends(const char *path, const char *what, size_t length)
{
	size_t n = strlen(path);

	if (!length || n < length || memcmp(path + n - length, what, length))
		return false;
	return n == length || what[0] == '/' || path[n - length - 1] == '/';
}

static bool is_a_file(const struct annotation *a, const struct request *r)
{
	vec_each (row, &a->files->rows)
		if (row->file && path_ends(profile_str(a->profile, row->file), r->what, r->length))
			return true;
	return false;
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* How @name fits: EXACT, WORD, PART, or -1. */
static int name_fits(const char *name, const char *what)
{
	size_t n = strlen(what);
	int fits = -1;

	if (!strcmp(name, what))
		return EXACT;
	for (const char *at = name; n && (at = strstr(at, what)); at++) {
		bool begins = at == name || !is_word_byte(at[-1]) || !is_word_byte(what[0]);
		bool ends = !is_word_byte(at[n]) || !is_word_byte(what[n - 1]);

		fits = PART;
		if (begins && ends)
			return WORD;
	}
	return fits;
}

static int row_fits(
	const struct annotation *a, const struct table_row *row, const char *what, int *ret)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };

	table_row_name(a->profile, a->functions, row, &name);
	*ret = name_fits(strbuf_cstr(&name), what);
	return name.oom ? -ENOMEM : 0;
}

/* Cuts ":LINE" off; false when it ends in none. */
static bool cut_line(struct request *r)
{
	const char *colon = strrchr(r->what, ':');
	uint64_t line = 0;

	if (!colon || colon == r->what || !colon[1] || strlen(colon) > 10)
		return false;
	for (const char *d = colon + 1; *d; d++) {
		if (!isdigit((unsigned char)*d))
			return false;
		line = line * 10 + (uint64_t)(*d - '0');
	}
	r->length = (size_t)(colon - r->what);
	r->line = (uint32_t)line;
	return line && line <= UINT32_MAX;
}

static int nothing_fits(const char *what, struct error *err)
{
	error_exit(err, EXIT_USAGE, -ENOENT, "no function or source file is called '%s'", what);
	error_hint(err, "names are those of `assay report`, files also the end of their "
			"path; see report --by line");
	return -ENOENT;
}

static int request_read(const struct annotation *a, struct request *r, struct error *err)
{
	int best = -1;

	r->length = strlen(r->what);
	r->is_file = is_a_file(a, r);
	if (!r->is_file && cut_line(r))
		r->is_file = is_a_file(a, r);
	if (r->is_file)
		return 0;
	r->line = 0;
	vec_each (row, &a->functions->rows) {
		int fits;

		if (row_fits(a, row, r->what, &fits))
			return error_oom(err);
		if (fits >= 0 && (best < 0 || fits < best))
			best = fits;
	}
	if (best < 0)
		return nothing_fits(r->what, err);
	r->best = (__typeof__(r->best))best;
	return 0;
}

/* ---- parts ---- */

static int part_add(struct annotation *a, const struct table_row *row, bool is_file, uint32_t limit)
{
	a->matched++;
	if (a->parts.n >= limit)
		return 0;
	return vec_push(&a->parts, (struct annotate_part){ .is_file = is_file,
					   .function = row->function,
					   .file = row->file,
					   .module = row->module,
					   .row = row });
}

/* Rows come hottest first. */
static int parts_asked(
	struct annotation *a, const struct request *r, uint32_t limit, struct error *err)
{
	const struct table *t = r->is_file ? a->files : a->functions;

	vec_each (row, &t->rows) {
		int fits = -1;

		if (r->is_file) {
			const char *path = profile_str(a->profile, row->file);
			bool same = row->file && path_ends(path, r->what, r->length);

			fits = same ? (int)r->best : -1;
		} else if (row_fits(a, row, r->what, &fits)) {
			return error_oom(err);
		}
		if (fits == (int)r->best && part_add(a, row, r->is_file, limit))
			return error_oom(err);
	}
	return 0;
}

static int by_function(const void *pa, const void *pb)
{
	const struct table_row *a = *(const struct table_row *const *)pa;
	const struct table_row *b = *(const struct table_row *const *)pb;
	const uint32_t x[] = { a->file, a->function, a->module };
	const uint32_t y[] = { b->file, b->function, b->module };

	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static bool has_lines(uint32_t function, uint32_t file, uint32_t line)
{
	return function && file && line;
}

/* Samples by frame: each counts for the innermost frame that has a line, so that a line also has
 * what it spends in libraries without lines. NULL when memory is out, or with @err set. */
static uint64_t *samples_by_frame(
	const struct profile *p, const struct annotate_options *o, struct error *err)
{
	CLEANUP(freep) uint64_t *counts = calloc(p->frames.n, sizeof(*counts));
	CLEANUP(freep) bool *marks = NULL;

	if (!counts)
		return error_oom(err), NULL;
	if (o->focus && profile_focus(p, o->focus, &marks, err))
		return NULL;
	vec_each (s, &p->samples) {
		struct stack_walk w = stack_walk(p, s->stack);
		uint32_t frame;

		if (s->kind != o->kind || (marks && !marks[s->stack]))
			continue;
		while ((frame = stack_walk_next(&w))) {
			const struct profile_frame *f = &p->frames.at[frame];

			if (has_lines(f->function, f->file, f->line)) {
				counts[frame] += s->count;
				break;
			}
		}
	}
	return STEAL(counts);
}

struct hot {
	const struct table_row *row;
	uint64_t samples; /* in it, and below it in code without lines */
};

static int hottest_first(const void *pa, const void *pb)
{
	const struct hot *a = pa, *b = pb;

	if (a->samples != b->samples)
		return a->samples > b->samples ? -1 : 1;
	if (a->row->total_count != b->row->total_count)
		return a->row->total_count > b->row->total_count ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row; /* as the table has them */
}

/* The functions with lines, by hot: those in which, or right below which, the time is spent.
 * @rows are theirs by place. NULL when memory is out. */
static struct hot *hot_functions(
	const struct profile *p, const struct table_row **rows, uint32_t n, const uint64_t *counts)
{
	struct hot *all = calloc(n + 1, sizeof(*all));

	for (uint32_t i = 0; all && i < n; i++)
		all[i].row = rows[i];
	for (uint32_t i = 1; all && i < p->frames.n; i++) {
		const struct profile_frame *f = &p->frames.at[i];
		struct table_row wanted = {
			.function = f->function, .file = f->file, .module = f->module
		};
		const struct table_row *key = &wanted;
		const struct table_row **at =
			counts[i] ? bsearch(&key, rows, n, sizeof(*rows), by_function) : NULL;

		if (at)
			all[at - rows].samples += counts[i];
	}
	if (all)
		qsort(all, n, sizeof(*all), hottest_first);
	return all;
}

static int parts_hottest(
	struct annotation *a, const struct annotate_options *o, uint32_t limit, struct error *err)
{
	CLEANUP(freep) uint64_t *counts = samples_by_frame(a->profile, o, err);
	CLEANUP(freep)
	const struct table_row **rows = calloc(a->functions->rows.n + 1, sizeof(*rows));
	uint32_t n = 0;

	if (!counts)
		return err ? err->code : -ENOMEM;
	if (!rows)
		return error_oom(err);
	vec_each (row, &a->functions->rows)
		if (has_lines(row->function, row->file, row->line))
			rows[n++] = row;
		else if (row->self >= BARE_WORTH && a->bare.n < BARE_FUNCTIONS &&
			 vec_push(&a->bare, (const struct table_row *)row))
			return error_oom(err);
	qsort(rows, n, sizeof(*rows), by_function);
	CLEANUP(freep) struct hot *hot = hot_functions(a->profile, rows, n, counts);
	if (!hot)
		return error_oom(err);
	for (uint32_t i = 0; i < n; i++)
		if (part_add(a, hot[i].row, false, limit))
			return error_oom(err);
	return 0;
}

/* ---- lines ---- */

static int by_place(const void *pa, const void *pb)
{
	const struct table_row *a = *(const struct table_row *const *)pa;
	const struct table_row *b = *(const struct table_row *const *)pb;
	const uint32_t x[] = { a->file, a->function, a->module, a->line };
	const uint32_t y[] = { b->file, b->function, b->module, b->line };

	for (int i = 0; i < 4; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* The rows of @t that have a line, by place; n in *ret_n. NULL when memory is out. */
static const struct table_row **rows_by_place(const struct table *t, uint32_t *ret_n)
{
	const struct table_row **rows = calloc(t->rows.n + 1, sizeof(*rows));

	*ret_n = 0;
	if (!rows)
		return NULL;
	vec_each (row, &t->rows)
		if (row->file && row->line)
			rows[(*ret_n)++] = row;
	qsort(rows, *ret_n, sizeof(*rows), by_place);
	return rows;
}

/* The index of the first row of the part's place. */
static uint32_t first_row(const struct table_row **rows, uint32_t n, const struct annotate_part *p)
{
	struct table_row wanted = { .function = p->function, .file = p->file, .module = p->module };
	const struct table_row *key = &wanted;
	uint32_t low = 0;

	while (low < n) {
		uint32_t middle = low + (n - low) / 2;

		if (by_place(&rows[middle], &key) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* Adds the lines up to @last that are not there yet, from @first on. */
static int lines_fill(struct annotate_part *part, uint32_t first, uint32_t last)
{
	uint32_t next = part->lines.n ? part->lines.at[part->lines.n - 1].number + 1 : 1;

	/* A gap of one or two lines is not worth its mark. */
	if (first < next || (part->lines.n && first - next <= 2))
		first = next;
	for (uint64_t i = first; i <= last; i++)
		if (vec_push(&part->lines, (struct annotate_line){ .number = (uint32_t)i }))
			return -ENOMEM;
	return 0;
}

/* The part's lines with samples, @context lines around each, and those around @line. */
static int lines_choose(struct annotate_part *part, const struct table_row **rows, uint32_t n,
	uint32_t context, uint32_t line)
{
	uint32_t low = line > AROUND_LINES ? line - AROUND_LINES : 1;
	uint32_t high = line > UINT32_MAX - AROUND_LINES ? UINT32_MAX : line + AROUND_LINES;
	uint32_t at = first_row(rows, n, part);

	/* Nameless code at one line may be many rows; the file's view has them as one. */
	if (!part->is_file && !part->function)
		return 0;
	if (line && context && lines_fill(part, low, high))
		return -ENOMEM;
	for (uint32_t i = at; i < n; i++) {
		const struct table_row *row = rows[i];
		uint32_t number = row->line;

		if (row->file != part->file || row->function != part->function ||
			row->module != part->module)
			break;
		if (line && (number < low || number > high))
			continue;
		uint32_t before = number > context ? number - context : 1;
		uint32_t after = number > UINT32_MAX - context ? UINT32_MAX : number + context;
		if (lines_fill(part, before, line && after > high ? high : after))
			return -ENOMEM;
		uint32_t back = part->lines.at[part->lines.n - 1].number - number;
		part->lines.at[part->lines.n - 1 - back].row = row;
	}
	return 0;
}

/* ---- text ---- */

static void text_take(struct annotate_part *part, const struct profile_source *source)
{
	const char *text = source->text;
	uint64_t number = source->first_line;

	vec_each (line, &part->lines) {
		while (number < line->number && *text) {
			const char *end = strchrnul(text, '\n');

			text = *end ? end + 1 : end;
			number++;
		}
		if (number != line->number || !*text || line->text)
			continue;
		line->text = text;
		line->length = (size_t)(strchrnul(text, '\n') - text);
	}
}

/* Lines beyond the end of the text that have no samples either are none. */
static void lines_trim(struct annotate_part *part)
{
	uint32_t kept = 0;

	vec_each (line, &part->lines)
		if (line->text || line->row)
			part->lines.at[kept++] = *line;
	part->lines.n = kept;
}

/* The capture left sources out that were newer than the code; their paths, one a line. */
static bool was_newer(const struct profile *p, const char *file)
{
	const char *list = profile_fact_find(p, "sources_newer");
	size_t n = strlen(file);

	for (const char *at = list; at && *at;) {
		size_t length = strcspn(at, "\n");

		if (length == n && !memcmp(at, file, n))
			return true;
		at += length + (at[length] == '\n');
	}
	return false;
}

static int part_fill(struct annotation *a, struct annotate_part *part,
	const struct table_row **rows, uint32_t n, uint32_t line)
{
	const struct profile *p = a->profile;
	bool has_text = false;

	vec_each (s, &p->sources)
		has_text |= s->file == part->file;
	if (lines_choose(part, rows, n, has_text ? CONTEXT_LINES : 0, line))
		return -ENOMEM;
	vec_each (s, &p->sources)
		if (s->file == part->file)
			text_take(part, s);
	lines_trim(part);
	part->source = has_text                                   ? ANNOTATE_RECORDED
		       : was_newer(p, profile_str(p, part->file)) ? ANNOTATE_NEWER
								  : ANNOTATE_MISSING;
	return 0;
}

static int parts_fill(struct annotation *a, const struct request *request, struct error *err)
{
	uint32_t line_count, place_count;
	CLEANUP(freep) const struct table_row **lines = rows_by_place(a->lines, &line_count);
	CLEANUP(freep) const struct table_row **places = rows_by_place(a->places, &place_count);

	if (!lines || !places)
		return error_oom(err);
	vec_each (part, &a->parts)
		if (part_fill(a, part, part->is_file ? places : lines,
			    part->is_file ? place_count : line_count, request->line))
			return error_oom(err);
	return 0;
}

/* ---- the whole ---- */

static int tables_make(struct annotation *a, const struct annotate_options *o, struct error *err)
{
	struct table_options t = { .kind = o->kind, .focus = o->focus };
	int r;

	t.by = TABLE_BY_FUNCTION;
	r = profile_table(a->profile, &t, &a->functions, err);
	t.by = TABLE_BY_LINE;
	if (!r)
		r = profile_table(a->profile, &t, &a->lines, err);
	t.by_place = true;
	if (!r)
		r = profile_table(a->profile, &t, &a->places, err);
	t.by = TABLE_BY_FILE;
	return r ? r : profile_table(a->profile, &t, &a->files, err);
}

static int no_lines(struct error *err)
{
	error_exit(err, EXIT_USAGE, -ENOENT, "no function of this profile has source lines");
	error_hint(err, "install debug symbols, or build with -g; report --by function "
			"needs none");
	return -ENOENT;
}

int annotate(const struct profile *p, const struct annotate_options *o, struct annotation **ret,
	struct error *err)
{
	CLEANUP(annotation_freep) struct annotation *a = calloc(1, sizeof(*a));
	struct request request = { .what = o->what };
	uint32_t limit = o->limit ? o->limit : PARTS;

	if (!a)
		return error_oom(err);
	a->profile = p;
	a->kind = o->kind;
	int r = tables_make(a, o, err);
	if (!r && o->what)
		r = request_read(a, &request, err);
	if (r)
		return r;
	r = o->what ? parts_asked(a, &request, limit, err) : parts_hottest(a, o, limit, err);
	if (r)
		return r;
	if (!a->parts.n)
		return no_lines(err);
	r = parts_fill(a, &request, err);
	if (!r)
		*ret = STEAL(a);
	return r;
}

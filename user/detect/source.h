/*
 * A small reader of source text: which loops stand around a line, what they search, and how a call
 * is written. It needs no grammar of a language: C, C++, Java, Go, Rust and JavaScript share braces
 * and operators, Python shares the rest. Text may begin and end anywhere in a file.
 *
 * It is meant to be right when it says yes; whatever it does not understand is a no. Everything is
 * bounded: text, tokens, blocks and nesting beyond the limits are ignored.
 *
 * What counts as a linear search:
 *
 *     for (...) {                          an outer loop, or a caller that calls in a loop
 *         for (j = 0; j < n; j++)          steps through a collection from its start each time
 *             if (items[j].id == id)       comparing elements with what changes outside
 *                 return j;
 *
 * What does not: the start is chosen (a hash bucket: table[h], h % size), the cursor goes on where
 * it was (a parser), both sides move (strings compared), the other side is a constant, the loop
 * fills a table (edit distance), the bound is a small number.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_SOURCE_H
#define DETECT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SOURCE_BYTES_MAX = 512 * 1024,
	SOURCE_TOKENS_MAX = 65536,
	SOURCE_BLOCKS_MAX = 8192,
	SOURCE_NESTING_MAX = 48,
	SOURCE_SMALL_BOUND = 64, /* a loop with a literal bound up to this is no search */
	SOURCE_NAME_BYTES = 64,
};

struct source;

/* Reads @text (copied), whose first line has number @first_line. @file's ending tells Python from
 * the rest. 0 or -ENOMEM; the caller frees with source_free. */
int source_parse(const char *text, uint32_t first_line, const char *file, struct source **ret);
void source_free(struct source *s);

/* How many loops of the same function stand around @line (its own header included). */
uint32_t source_loop_depth(const struct source *s, uint32_t line);
/* The first and last line of the innermost loop around @line; false when there is none. */
bool source_loop_lines(
	const struct source *s, uint32_t line, uint32_t *ret_first, uint32_t *ret_last);

enum search_kind {
	SEARCH_NONE,
	SEARCH_LINEAR,     /* steps through a collection and compares */
	SEARCH_PAIRS,      /* compares each element with each later one */
	SEARCH_BUBBLE,     /* sorts by swapping neighbours */
	SEARCH_MEMBERSHIP, /* Python: x in list, list.index(x), list.count(x) */
	SEARCH_SHIFT,      /* Python: list.insert(0, x), list.pop(0): moves all elements */
};

struct source_search {
	enum search_kind kind;
	bool nested;         /* an outer loop of the same function repeats the search */
	uint32_t first_line; /* of the searching loop, or of the line itself */
	uint32_t last_line;
	uint32_t outer_line; /* of the loop that repeats it; 0 = not nested */
	/* Not nested: parameters (0-based) that the collection and the searched value come from, or
	 * -1 for the collection when every call searches the same one. */
	int collection_param, subject_param;
	char collection[SOURCE_NAME_BYTES]; /* as written: "items", "t->rows" */
	char subject[SOURCE_NAME_BYTES];    /* as written: "id" */
};

/* Is @line part of a linear search? @helper, when not NULL, is the name of a function called on
 * that line that is known to compare its arguments. */
bool source_search(
	const struct source *s, uint32_t line, const char *helper, struct source_search *ret);

/* Is the function around @line a short one whose work is to compare two things? */
bool source_compares(const struct source *s, uint32_t line);

enum { SOURCE_ARGUMENTS_MAX = 16 };

struct source_call {
	uint32_t line;
	bool in_loop;      /* a loop of the same function stands around it */
	bool in_condition; /* it is evaluated by the header of that loop at every turn */
	uint32_t loop_line;
	uint32_t arguments; /* at most SOURCE_ARGUMENTS_MAX are looked at */
	uint32_t varies;    /* bit per argument: depends on what the loops around it change */
	uint32_t selects;   /* bit per argument: picks one of many (subscript, call, modulo) */
	uint32_t touched;   /* bit per argument: its content may change inside the loops: elements
			     * are assigned, or it is given to another function there */
	uint32_t inner_varies, inner_touched; /* the same for the innermost loop only */
	bool reset;       /* the innermost loop empties or overwrites the first argument */
	bool steps;       /* an argument behind the first is one step larger each time: n + 1 */
	bool shifts;      /* memmove(a + i, a + i + 1, ...): source and destination are one array */
	bool appends;     /* "buffer + callee(buffer)", or the innermost loop also appends to the
			   * first argument or makes it larger */
	int parameter[4]; /* the function's parameter that argument 0..3 comes from, or -1 */
	uint32_t literal; /* bit per argument: a literal or a constant; Python: or a name of the
			   * module that gets its only value when the module is loaded */
	bool python;
	bool frees;                    /* the loop body also calls a function that frees */
	char first[SOURCE_NAME_BYTES]; /* the first argument as written */
	char last[SOURCE_NAME_BYTES];  /* and the last one */
};

/* The name of the @n-th call (from 0) written on @line, as "strlen"; false when there are fewer. */
bool source_called(const struct source *s, uint32_t line, uint32_t n, char *ret_name);

/* Python: does @line make a string longer, as "text += part" or "text = text + part", or copy a
 * list to add to it, as "rows = rows + more"? What grows is as long as the loop around it runs; a
 * loop that starts it anew keeps it short and does not count. */
struct source_concat {
	bool list;
	bool in_loop; /* a loop of the same function stands around it and does not choose another */
	bool attribute; /* "self.text": outlives the function */
	char target[SOURCE_NAME_BYTES];
};

bool source_concat(const struct source *s, uint32_t line, struct source_concat *ret);

/* A block grown by hand: a larger one is allocated, the old one copied, freed and replaced. */
struct source_growth {
	bool in_loop;  /* one loop does all of it, and does not start another block */
	bool returned; /* not in a loop: the function returns the new block */
	int parameter; /* not in a loop: the function's parameter that the old block comes from */
	/* Of the loop that copies element by element; 0 = a library function copies. */
	uint32_t elements_first, elements_last;
	char target[SOURCE_NAME_BYTES]; /* the old block as written: "text", "b->text" */
};

/* Is @line part of one? Not when the size doubles, or when a comparison keeps it from growing every
 * time. A growth that is not in a loop is to be followed with source_growth_caller. */
bool source_growth(const struct source *s, uint32_t line, struct source_growth *ret);
/* Follows @growth from @callee to its call on @line: true when a loop there makes the same block
 * grow again ("text = callee(text, part)", "callee(&b, part)"), or when the block comes from a
 * parameter again. @growth is then what the caller does. */
bool source_growth_caller(
	const struct source *s, uint32_t line, const char *callee, struct source_growth *growth);

/* Finds the call of @callee on @line (or up to 3 lines beside it, as compilers see lines). */
bool source_call(
	const struct source *s, uint32_t line, const char *callee, struct source_call *ret);

#endif

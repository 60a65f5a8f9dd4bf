/* Linear searches: a cursor that starts anew each time, and a comparison with something else. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "detect/source_tree.h"

enum { CURSORS_MAX = 8, OPERAND_TOKENS_MAX = 64 };

struct cursor {
	uint32_t name;      /* token */
	bool element;       /* it is an element itself (for each) */
	bool chained;       /* it steps by p = p->next */
	struct range start; /* empty = not given by the loop itself */
};

struct search {
	const struct source *s;
	int32_t loop, function;
	struct range body; /* of the function, or all text before and in the loop */
	struct cursor cursors[CURSORS_MAX];
	uint32_t n;
	const char *helper;
	struct source_search *ret;
};

static bool empty(struct range r)
{
	return r.from >= r.to;
}

static bool is_each(const struct source *s, int32_t loop)
{
	return s->blocks.at[loop].each;
}

static bool has_token(const struct source *s, struct range r, uint32_t name)
{
	for (uint32_t i = r.from; i < r.to; i++)
		if (token_is_variable(s, i) && token_same(s, i, name))
			return true;
	return false;
}

/* Is token @i directly in the loop (not in a loop inside it)? */
static bool direct(const struct search *x, uint32_t i)
{
	return x->s->tokens.at[i].inside[BLOCK_LOOP] == x->loop;
}

static bool conditional(const struct search *x, uint32_t i)
{
	int32_t b = x->s->tokens.at[i].inside[BLOCK_IF];

	return b >= 0 && x->s->blocks.at[b].all.from > x->s->blocks.at[x->loop].all.from;
}

/* "x = x->next", "x = x.next()", "x = next(x)" at the token of the first x. */
static bool steps_by_link(const struct source *s, uint32_t i)
{
	uint32_t v = i + 2;

	if (!token_is(s, i + 1, "=") || v + 3 >= s->tokens.n)
		return false;
	if (token_same(s, v, i) && (token_is(s, v + 1, "->") || token_is(s, v + 1, "."))) {
		v += 3;
		if (token_is(s, v, "(") && s->tokens.at[v].match == v + 1)
			v += 2;
		return token_is(s, v, ";") || token_is(s, v, ")") || token_is(s, v, ",") ||
		       token_is(s, v, "}") ||
		       (s->python && v < s->tokens.n && s->tokens.at[v].indent != UINT32_MAX);
	}
	const struct token *t = &s->tokens.at[v];
	bool next = memmem(s->text + t->start, t->bytes, "next", 4) ||
		    memmem(s->text + t->start, t->bytes, "NEXT", 4);
	return next && token_is(s, v + 1, "(") &&
	       has_token(s, (struct range){ v + 2, s->tokens.at[v + 1].match }, i);
}

static bool steps_by_count(const struct source *s, uint32_t i)
{
	if (token_is(s, i + 1, "++") || token_is(s, i + 1, "--"))
		return true;
	if (token_is(s, i - 1, "++") || token_is(s, i - 1, "--"))
		return !token_is(s, i + 1, "->") && !token_is(s, i + 1, "[");
	if (token_is(s, i + 1, "+=") || token_is(s, i + 1, "-="))
		return s->tokens.at[i + 2].type == TOKEN_NUMBER;
	return token_is(s, i + 1, "=") && i + 4 < s->tokens.n && token_same(s, i + 2, i) &&
	       (token_is(s, i + 3, "+") || token_is(s, i + 3, "-")) &&
	       s->tokens.at[i + 4].type == TOKEN_NUMBER;
}

/* How often the loop gives the variable a new value, its initial one not counted. */
static uint32_t changes(const struct search *x, uint32_t name)
{
	const struct block *loop = &x->s->blocks.at[x->loop];
	uint32_t n = 0;

	for (uint32_t i = loop->all.from; i < loop->all.to && i < x->s->tokens.n; i++) {
		if (loop->counts && i >= loop->init.from && i < loop->init.to)
			continue;
		n += token_is_variable(x->s, i) && token_same(x->s, i, name) &&
		     range_changes(x->s, (struct range){ i, i + 1 }, i);
	}
	return n;
}

static void cursor_add(struct search *x, struct cursor c)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (token_same(x->s, x->cursors[i].name, c.name))
			return;
	if (x->n < CURSORS_MAX)
		x->cursors[x->n++] = c;
}

/* "for x in range(a, b)": x is a number that starts at a. */
static bool each_counts(const struct search *x, struct range over, struct range *ret_start)
{
	const struct source *s = x->s;

	for (uint32_t i = over.from; i < over.to; i++) {
		if (token_is(s, i, "..")) {
			*ret_start = (struct range){ over.from, i };
			return true;
		}
	}
	if (!token_is(s, over.from, "range") || !s->tokens.at[over.from + 1].match)
		return false;
	uint32_t end = s->tokens.at[over.from + 1].match, i = over.from + 2;
	*ret_start = (struct range){ 0, 0 };
	for (uint32_t k = i; k<end; k = s->tokens.at[k].match> k ? s->tokens.at[k].match : k + 1)
		if (token_is(s, k, ",")) {
			*ret_start = (struct range){ i, k };
			break;
		}
	return true;
}

static void cursors_of_each(struct search *x)
{
	const struct source *s = x->s;
	const struct block *loop = &s->blocks.at[x->loop];
	struct range start = loop->over;
	bool counts = each_counts(x, loop->over, &start);

	for (uint32_t i = loop->variables.from; i < loop->variables.to; i++) {
		bool last = i + 1 == loop->variables.to || token_is(s, i + 1, ",") ||
			    token_is(s, i + 1, ")") || token_is(s, i + 1, "]") ||
			    token_is(s, i + 1, ":=");
		if (s->tokens.at[i].type == TOKEN_NAME && last)
			cursor_add(x, (struct cursor){ i, !counts, false, start });
	}
}

static void cursors_find(struct search *x)
{
	const struct source *s = x->s;
	const struct block *loop = &s->blocks.at[x->loop];

	if (loop->each) {
		cursors_of_each(x);
		return;
	}
	for (uint32_t i = loop->all.from; i < loop->all.to && i < s->tokens.n; i++) {
		if (!token_is_variable(s, i) || !direct(x, i) || conditional(x, i))
			continue;
		bool link = steps_by_link(s, i);
		if ((!link && !steps_by_count(s, i)) || changes(x, i) != 1)
			continue;
		struct cursor c = { i, false, link, { 0, 0 } };
		if (loop->counts)
			c.start = range_definition(s, loop->init, loop->init.to, i);
		if (c.start.to > loop->init.to && loop->counts)
			c.start.to = loop->init.to;
		cursor_add(x, c);
	}
}

/* Does the loop fill something by its cursor that is not what it searches? */
static bool fills_a_table(const struct search *x, const struct cursor *c, struct range base)
{
	static const char *const writes[] = { "=", "+=", "-=", "*=", "|=", "^=", "&=", NULL };
	const struct source *s = x->s;
	const struct block *loop = &s->blocks.at[x->loop];

	for (uint32_t i = loop->body.from; i < loop->body.to && i < s->tokens.n; i++) {
		if (!token_is(s, i, "]") || !s->tokens.at[i].match || !token_in(s, i + 1, writes))
			continue;
		uint32_t open = s->tokens.at[i].match;
		if (!has_token(s, (struct range){ open, i }, c->name))
			continue;
		while (token_is(s, open - 1, "]") && s->tokens.at[open - 1].match)
			open = s->tokens.at[open - 1].match;
		if (!conditional(x, i) || !token_same(s, open - 1, base.to - 1))
			return true;
	}
	return false;
}

/* "i < 16": too few to be worth anything else. */
static bool is_small(const struct search *x)
{
	static const char *const less[] = { "<", "<=", "!=", NULL };
	const struct source *s = x->s;
	struct range c = s->blocks.at[x->loop].condition;

	for (uint32_t i = c.from; i + 1 < c.to; i++)
		if (token_in(s, i, less) && s->tokens.at[i + 1].type == TOKEN_NUMBER &&
			strtoul(s->text + s->tokens.at[i + 1].start, NULL, 0) <=
				SOURCE_SMALL_BOUND &&
			strtoul(s->text + s->tokens.at[i + 1].start, NULL, 0) > 0)
			return true;
	return false;
}

/* The collection in @operand that the cursor walks: "items" in "items[j].id", "p" in "p->id". */
static bool element(const struct search *x, const struct cursor *c, struct range operand,
	bool is_argument, struct range *ret_base)
{
	const struct source *s = x->s;
	uint32_t i = operand.from;

	while (i < operand.to && (token_is(s, i, "&") || token_is(s, i, "*") ||
					 token_is(s, i, "(") || token_is(s, i, "!")))
		i++;
	if (i >= operand.to)
		return false;
	if (token_is_variable(s, i) && token_same(s, i, c->name)) {
		bool field = token_is(s, i + 1, "->") || token_is(s, i + 1, ".");
		bool deref = token_is(s, i - 1, "*") && i - 1 >= operand.from;
		bool bare = i + 1 == operand.to && (c->element || (is_argument && c->chained));
		*ret_base = (struct range){ 0, 0 };
		return field || deref || bare || (c->element && !token_is(s, i + 1, "("));
	}
	for (uint32_t k = i; k < operand.to; k++) {
		if (!token_is(s, k, "[") || !s->tokens.at[k].match)
			continue;
		struct range in = { k + 1, s->tokens.at[k].match };
		if (!has_token(s, in, c->name))
			continue;
		for (uint32_t t = in.from; t < in.to; t++)
			if ((s->tokens.at[t].type == TOKEN_NAME && !token_same(s, t, c->name)) ||
				token_is(s, t, "(") || token_is(s, t, "&") || token_is(s, t, "%"))
				return false;
		*ret_base = (struct range){ i, k };
		return k > i;
	}
	return false;
}

/* A start that takes every element: 0, n - 1, or (pairs) the outer loop's own cursor. */
static bool counts_from_start(
	const struct search *x, struct range start, struct range outer, bool *ret_pairs)
{
	const struct source *s = x->s;

	for (uint32_t i = start.from; i < start.to; i++) {
		if (token_is(s, i, "%") || token_is(s, i, ">>") || token_is(s, i, "[") ||
			token_is(s, i, "^") || (token_is(s, i, "&") && i > start.from))
			return false;
		if (!token_is_variable(s, i) || token_is_constant(s, i))
			continue;
		if (!empty(outer) && range_changes(s, outer, i)) {
			*ret_pairs = true;
			continue;
		}
		bool downward = token_is(s, i + 1, "-") || token_is(s, i + 1, "(") ||
				token_is(s, start.to - 1, ")");
		if (!downward)
			return false;
	}
	return true;
}

/* What the search is for: does not change in the loop, is no constant. */
static bool subject_fits(const struct search *x, struct range subject)
{
	const struct source *s = x->s;
	bool variable = false;

	if (empty(subject) || subject.to - subject.from > OPERAND_TOKENS_MAX)
		return false;
	for (uint32_t i = subject.from; i < subject.to; i++)
		variable |= token_is_variable(s, i) && !token_is_constant(s, i);
	return variable && !range_varies(s, subject, s->blocks.at[x->loop].all);
}

/* The first parameter @r is made of, directly or through one local variable. */
static int parameter_of(const struct search *x, struct range r)
{
	const struct source *s = x->s;

	for (uint32_t i = r.from; i < r.to; i++) {
		if (!token_is_variable(s, i))
			continue;
		int number = function_parameter(s, x->function, i);
		struct range local =
			range_definition(s, x->body, s->blocks.at[x->loop].all.from, i);
		for (uint32_t k = local.from; number < 0 && k < local.to; k++)
			if (token_is_variable(s, k))
				number = function_parameter(s, x->function, k);
		if (number >= 0)
			return number;
	}
	return -1;
}

/* Where the walk begins: from the loop's head, or the last definition in @where before it. */
static struct range start_of(const struct search *x, const struct cursor *c, struct range where)
{
	if (!empty(c->start) || is_each(x->s, x->loop))
		return c->start;
	return range_definition(x->s, where, x->s->blocks.at[x->loop].all.from, c->name);
}

/* Does @r call something that may give another collection each time? */
static bool calls_something(const struct source *s, struct range r)
{
	for (uint32_t i = r.from; i + 1 < r.to; i++)
		if (s->tokens.at[i].type == TOKEN_NAME && token_is(s, i + 1, "(") &&
			range_selects(s, (struct range){ i, i + 2 }, (struct range){ 0, 0 }, 0))
			return true;
	return false;
}

/* Is the collection @r the same at every turn of @outer? What was chosen before the outer loop
 * stays chosen. Without an outer loop (the caller repeats the search), it must not be chosen by
 * anything in this function. */
static bool stays(const struct search *x, struct range r, struct range outer)
{
	const struct source *s = x->s;

	if (empty(outer))
		return !range_selects(s, r, x->body, s->blocks.at[x->loop].all.from);
	return !range_varies(s, r, outer) && !calls_something(s, r);
}

/* Do the walk's start and its collection stay the same while @outer (may be empty) goes round? */
static bool same_collection(const struct search *x, const struct cursor *c, struct range base,
	struct range start, struct range outer, bool *ret_pairs)
{
	if (empty(base))
		return !empty(start) && stays(x, start, outer);
	if (empty(start) && !is_each(x->s, x->loop))
		return false;
	return counts_from_start(x, start, outer, ret_pairs) && stays(x, base, outer);
}

static void report(const struct search *x, const struct cursor *c, struct range base,
	struct range start, struct range subject)
{
	const struct block *loop = &x->s->blocks.at[x->loop];
	struct source_search *ret = x->ret;

	ret->first_line = x->s->tokens.at[loop->all.from].line;
	ret->last_line = x->s->tokens.at[loop->all.to - 1].line;
	range_text(x->s, !empty(base) ? base : start, ret->collection);
	if (!ret->collection[0])
		range_text(x->s, (struct range){ c->name, c->name + 1 }, ret->collection);
	range_text(x->s, subject, ret->subject);
}

/* One comparison: @operand is an element, @subject what it is compared with. */
static bool compare(struct search *x, struct range operand, struct range subject, bool is_argument)
{
	const struct source *s = x->s;

	if (!subject_fits(x, subject) || empty(operand))
		return false;
	for (uint32_t n = 0; n < x->n; n++) {
		const struct cursor *c = &x->cursors[n];
		struct range base, none = { 0, 0 };
		bool pairs = false;
		if (!element(x, c, operand, is_argument, &base) ||
			(!empty(base) && fills_a_table(x, c, base)))
			continue;
		for (int32_t o = block_outer_loop(s, x->loop); o >= 0; o = block_outer_loop(s, o)) {
			struct range outer = s->blocks.at[o].all;
			struct range start = start_of(x, c, s->blocks.at[o].body);
			if (!range_varies(s, subject, outer) ||
				!same_collection(x, c, base, start, outer, &pairs))
				continue;
			x->ret->kind = pairs ? SEARCH_PAIRS : SEARCH_LINEAR;
			x->ret->nested = true;
			x->ret->outer_line = s->tokens.at[outer.from].line;
			x->ret->collection_param = x->ret->subject_param = -1;
			report(x, c, base, start, subject);
			return true;
		}
		/* Inside a loop that does not start it anew, the cursor goes on where it was. */
		int32_t around = block_outer_loop(s, x->loop);
		if (around >= 0 && empty(start_of(x, c, s->blocks.at[around].body)) &&
			!is_each(s, x->loop))
			continue;
		struct range start = start_of(x, c, x->body);
		int subject_param = parameter_of(x, subject);
		int cursor_param = function_parameter(s, x->function, c->name);
		bool given = empty(base) && empty(start) && cursor_param >= 0;
		if (subject_param < 0 ||
			(!given && !same_collection(x, c, base, start, none, &pairs)))
			continue;
		x->ret->kind = SEARCH_LINEAR;
		x->ret->subject_param = subject_param;
		x->ret->collection_param =
			given ? cursor_param : parameter_of(x, !empty(base) ? base : start);
		report(x, c, base, start, subject);
		return true;
	}
	return false;
}

/* The operand that ends (dir < 0) or begins (dir > 0) beside the operator at @i. */
static struct range operand_at(const struct source *s, uint32_t i, int dir)
{
	static const char *const stops[] = { ",", ";", "{", "}", "&&", "||", "?", ":", "=", "!",
		"+=", "|=", "return", "and", "or", "not", "if", "elif", "while", "for", "else",
		"==", "!=", "<", ">", NULL };
	uint32_t k = dir < 0 ? i - 1 : i + 1;

	while (k > 0 && k < s->tokens.n && !token_in(s, k, stops) &&
		!(s->python && token_is(s, k, "in"))) {
		uint32_t match = s->tokens.at[k].match;
		if (s->python && dir > 0 && s->tokens.at[k].indent != UINT32_MAX)
			break;
		if (match && (dir < 0 ? match > k : match < k))
			break; /* the bracket around the comparison */
		k = match ? match : k;
		if (s->python && dir < 0 && s->tokens.at[k].indent != UINT32_MAX) {
			k--;
			break;
		}
		k = dir < 0 ? k - 1 : k + 1;
	}
	return dir < 0 ? (struct range){ k + 1, i } : (struct range){ i + 1, k };
}

static const char *const compare_calls[] = { "strcmp", "strncmp", "strcasecmp", "strncasecmp",
	"memcmp", "bcmp", "wcscmp", "strcoll", "equals", "equal", "Equals", "equalsIgnoreCase",
	"compareTo", "compare", "eq", "streq", "EqualFold", "g_strcmp0", "g_str_equal", NULL };

/* name(a, b) or a.name(b). */
static bool compare_call(struct search *x, uint32_t name)
{
	const struct source *s = x->s;
	struct range a = { name + 2, 0 }, b;
	uint32_t close = s->tokens.at[name + 1].match;

	for (a.to = a.from; a.to < close && !token_is(s, a.to, ",");)
		a.to = s->tokens.at[a.to].match > a.to ? s->tokens.at[a.to].match + 1 : a.to + 1;
	if (token_is(s, name - 1, ".") || token_is(s, name - 1, "->")) {
		b = operand_at(s, name - 1, -1);
	} else {
		b = (struct range){ a.to + 1, 0 };
		for (b.to = b.from; b.to < close && !token_is(s, b.to, ",");)
			b.to = s->tokens.at[b.to].match > b.to ? s->tokens.at[b.to].match + 1
							       : b.to + 1;
	}
	return compare(x, a, b, true) || compare(x, b, a, true);
}

/* "a[j] > a[j + 1]" in a loop over j, inside another loop, that also assigns both. */
static bool swaps_neighbours(struct search *x, uint32_t sign)
{
	const struct source *s = x->s;
	struct range left = operand_at(s, sign, -1), right = operand_at(s, sign, 1);
	int32_t outer = block_outer_loop(s, x->loop);
	uint32_t writes = 0;

	if (outer < 0 || empty(left) || empty(right) || !token_same(s, left.from, right.from) ||
		!token_is(s, left.from + 1, "[") || !token_is(s, right.from + 1, "["))
		return false;
	struct range a = { left.from + 2, s->tokens.at[left.from + 1].match };
	struct range b = { right.from + 2, s->tokens.at[right.from + 1].match };
	struct range one = a.to - a.from == 1 ? a : b, two = a.to - a.from == 1 ? b : a;
	if (one.to != one.from + 1 || two.to != two.from + 3 ||
		!token_same(s, one.from, two.from) || !token_is(s, two.from + 2, "1") || !x->n ||
		!token_same(s, one.from, x->cursors[0].name))
		return false;
	struct range body = s->blocks.at[x->loop].body;
	for (uint32_t i = body.from; i < body.to && i + 1 < s->tokens.n; i++)
		writes += token_same(s, i, left.from) && token_is(s, i + 1, "[") &&
			  token_is(s, s->tokens.at[i + 1].match + 1, "=");
	if (writes != 2)
		return false;
	x->ret->kind = SEARCH_BUBBLE;
	x->ret->nested = true;
	x->ret->outer_line = s->tokens.at[s->blocks.at[outer].all.from].line;
	report(x, &x->cursors[0], (struct range){ left.from, left.from + 1 }, left, right);
	return true;
}

static bool search_loop(struct search *x)
{
	const struct source *s = x->s;
	struct range all = s->blocks.at[x->loop].all;

	cursors_find(x);
	if (!x->n || is_small(x))
		return false;
	for (uint32_t i = all.from; i < all.to && i + 1 < s->tokens.n; i++) {
		if (!direct(x, i))
			continue;
		if (token_is(s, i, "==") || token_is(s, i, "!=")) {
			struct range left = operand_at(s, i, -1), right = operand_at(s, i, 1);
			if (compare(x, left, right, false) || compare(x, right, left, false))
				return true;
		} else if ((token_is(s, i, ">") || token_is(s, i, "<")) && conditional(x, i)) {
			if (swaps_neighbours(x, i))
				return true;
		} else if (s->tokens.at[i].type == TOKEN_NAME && token_is(s, i + 1, "(") &&
			   s->tokens.at[i + 1].match &&
			   (token_in(s, i, compare_calls) ||
				   (x->helper && token_is(s, i, x->helper)))) {
			if (compare_call(x, i))
				return true;
		}
	}
	return false;
}

bool source_search(
	const struct source *s, uint32_t line, const char *helper, struct source_search *ret)
{
	struct search x = { .s = s, .helper = helper, .ret = ret };

	*ret = (struct source_search){ .collection_param = -1, .subject_param = -1 };
	if (s->python && python_search(s, line, ret))
		return true;
	x.loop = block_at_line(s, line, BLOCK_LOOP);
	if (x.loop < 0)
		return false;
	x.function = s->tokens.at[s->blocks.at[x.loop].all.from].inside[BLOCK_FUNCTION];
	x.body = x.function >= 0 ? s->blocks.at[x.function].body : (struct range){ 1, s->tokens.n };
	return search_loop(&x);
}

bool source_compares(const struct source *s, uint32_t line)
{
	int32_t f = block_at_line(s, line, BLOCK_FUNCTION);
	bool compares = false, returns = false;

	if (f < 0)
		return false;
	struct range all = s->blocks.at[f].all, body = s->blocks.at[f].body;
	if (s->tokens.at[all.to - 1].line - s->tokens.at[all.from].line > 15)
		return false;
	for (uint32_t i = body.from; i < body.to && i + 1 < s->tokens.n; i++) {
		bool call = s->tokens.at[i].type == TOKEN_NAME && token_is(s, i + 1, "(");
		bool known = token_in(s, i, compare_calls);
		compares |= known || token_is(s, i, "==") || token_is(s, i, "!=");
		returns |= token_is(s, i, "return");
		if (token_is(s, i, "]") && token_is(s, i + 1, "="))
			return false;
		if (call && !known && !token_is(s, i, "if") && !token_is(s, i, "while") &&
			!token_is(s, i, "for") && !token_is(s, i, "return") &&
			!token_is(s, i, "sizeof"))
			return false;
	}
	return compares && returns;
}

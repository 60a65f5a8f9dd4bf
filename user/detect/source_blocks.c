/* Blocks: functions, loops and conditions, from braces or from indentation. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/source_tree.h"

enum { HEAD_TOKENS_MAX = 256 }; /* of a loop without parentheses, or a function's definition */

struct parser {
	struct source *s;
	int rc;
};

static uint32_t statement(struct parser *x, uint32_t i, uint32_t end, int32_t parent, int depth);

static int32_t block_add(struct parser *x, enum block_type type, uint32_t from, int32_t parent)
{
	struct source *s = x->s;

	if (s->blocks.n >= SOURCE_BLOCKS_MAX)
		return -1;
	if (vec_push(&s->blocks,
		    (struct block){ .type = type, .all = { from, from }, .parent = parent })) {
		x->rc = -ENOMEM;
		return -1;
	}
	return (int32_t)s->blocks.n - 1;
}

/* The first token at this level in [i, end) that is one of @words; @end when there is none. */
static uint32_t find_level(
	const struct source *s, uint32_t i, uint32_t end, const char *const *words)
{
	while (i < end) {
		if (token_in(s, i, words))
			return i;
		uint32_t match = s->tokens.at[i].match;
		i = match > i ? match + 1 : i + 1;
	}
	return end;
}

/* Splits the head of a loop: "init; condition; step", or "variables : over". */
static void split_head(const struct source *s, struct block *b)
{
	static const char *const semicolon[] = { ";", NULL };
	static const char *const in[] = { ":", "in", "of", "range", NULL };
	uint32_t first = find_level(s, b->head.from, b->head.to, semicolon);

	if (first < b->head.to) {
		uint32_t second = find_level(s, first + 1, b->head.to, semicolon);
		b->counts = true;
		b->init = (struct range){ b->head.from, first };
		b->condition = (struct range){ first + 1, second };
		b->step = (struct range){ second < b->head.to ? second + 1 : second, b->head.to };
		return;
	}
	uint32_t separator = find_level(s, b->head.from, b->head.to, in);
	if (separator < b->head.to && separator > b->head.from) {
		b->each = true;
		b->variables = (struct range){ b->head.from, separator };
		b->over = (struct range){ separator + 1, b->head.to };
	} else {
		b->condition = b->head;
	}
}

/* A name such as list_for_each_entry, TAILQ_FOREACH, HASH_ITER. */
static bool is_loop_macro(const struct source *s, uint32_t i)
{
	const struct token *t = &s->tokens.at[i];
	const char *text = s->text + t->start;

	return t->type == TOKEN_NAME &&
	       (memmem(text, t->bytes, "each", 4) || memmem(text, t->bytes, "EACH", 4) ||
		       memmem(text, t->bytes, "HASH_ITER", 9));
}

/* MACRO(variable, over ...) and HASH_ITER(hh, over, variable, next). */
static void split_macro(const struct source *s, struct block *b)
{
	static const char *const comma[] = { ",", NULL };
	uint32_t first = find_level(s, b->head.from, b->head.to, comma);
	uint32_t second = find_level(s, first + 1, b->head.to, comma);

	b->each = true;
	b->variables = (struct range){ b->head.from, first };
	b->over = (struct range){ first < b->head.to ? first + 1 : first, second };
	if (token_is(s, b->all.from, "HASH_ITER") && second < b->head.to)
		b->variables = (struct range){ second + 1, b->head.to };
}

/* A statement with a head: "for (...) body", or "for ... { body }" without parentheses. */
static uint32_t headed(
	struct parser *x, enum block_type type, uint32_t i, uint32_t end, int32_t parent, int depth)
{
	static const char *const brace[] = { "{", ";", "}", NULL };
	struct source *s = x->s;
	bool macro = type == BLOCK_LOOP && is_loop_macro(s, i);
	uint32_t head = i + 1, head_end, body;

	if (token_is(s, head, "(") && s->tokens.at[head].match) {
		head_end = s->tokens.at[head].match;
		body = head_end + 1;
		head++;
	} else {
		uint32_t near = i + HEAD_TOKENS_MAX < end ? i + HEAD_TOKENS_MAX : end;
		head_end = body = find_level(s, head, near, brace);
		if (!token_is(s, body, "{"))
			return i + 1;
	}
	int32_t b = block_add(x, type, i, parent);
	if (b < 0)
		return body < end ? body : end;
	s->blocks.at[b].head = (struct range){ head, head_end };
	if (macro)
		split_macro(s, &s->blocks.at[b]);
	else if (type == BLOCK_LOOP)
		split_head(s, &s->blocks.at[b]);
	uint32_t next = body < end ? statement(x, body, end, b, depth + 1) : end;
	s->blocks.at[b].body = (struct range){ body < end ? body : end, next };
	if (type == BLOCK_IF && token_is(s, next, "else") && next + 1 < end)
		next = statement(x, next + 1, end, b, depth + 1);
	s->blocks.at[b].all.to = next;
	return next;
}

static uint32_t do_while(struct parser *x, uint32_t i, uint32_t end, int32_t parent, int depth)
{
	struct source *s = x->s;
	int32_t b = block_add(x, BLOCK_LOOP, i, parent);
	uint32_t next = i + 1 < end ? statement(x, i + 1, end, b < 0 ? parent : b, depth + 1) : end;

	if (b < 0)
		return next;
	s->blocks.at[b].body = (struct range){ i + 1, next };
	if (token_is(s, next, "while") && token_is(s, next + 1, "(") &&
		s->tokens.at[next + 1].match) {
		uint32_t close = s->tokens.at[next + 1].match;
		s->blocks.at[b].head = s->blocks.at[b].condition =
			(struct range){ next + 2, close };
		next = close + 1;
	}
	s->blocks.at[b].all.to = next;
	return next;
}

static void statements(struct parser *x, uint32_t i, uint32_t end, int32_t parent, int depth)
{
	while (i < end && !x->rc)
		i = statement(x, i, end, parent, depth);
}

/* The first "name (...)" at this level is what a function definition defines. */
static uint32_t defined_name(const struct source *s, uint32_t from, uint32_t to)
{
	static const char *const not_names[] = { "switch", "catch", "return", "sizeof", "match",
		"synchronized", "using", "lock", "with", "func", "__attribute__", "alignas",
		"decltype", "__declspec", NULL };

	if (to - from > HEAD_TOKENS_MAX)
		return 0;
	for (uint32_t i = from; i + 1 < to; i++) {
		if (token_is(s, i, "=") || token_is(s, i, ":="))
			return 0;
		uint32_t open = i + 1;
		if (s->tokens.at[i].type == TOKEN_NAME && token_is(s, open, "(") &&
			s->tokens.at[open].match && !token_in(s, i, not_names))
			return i;
		if (s->tokens.at[i].match > i)
			i = s->tokens.at[i].match;
	}
	return 0;
}

/* Any other statement: to its ";", reading the braces it has on the way. */
static uint32_t plain(struct parser *x, uint32_t i, uint32_t end, int32_t parent, int depth)
{
	struct source *s = x->s;
	uint32_t from = i;

	while (i < end) {
		uint32_t match = s->tokens.at[i].match;
		if (token_is(s, i, ";") || (token_is(s, i, "}") && !match))
			return i + 1;
		if (token_is(s, i, "{") && match > i) {
			uint32_t name = parent < 0 ? defined_name(s, from, i) : 0;
			int32_t b = name ? block_add(x, BLOCK_FUNCTION, from, parent) : parent;
			statements(x, i + 1, match, b, depth + 1);
			if (name && b >= 0) {
				struct block *f = &s->blocks.at[b];
				f->head = (struct range){ name + 2, s->tokens.at[name + 1].match };
				f->body = (struct range){ i + 1, match };
				f->all.to = match + 1;
			}
			i = match + 1;
			if (!token_is(s, i, ";") && !token_is(s, i, ",") && !token_is(s, i, ")"))
				return i;
			continue;
		}
		i = match > i ? match + 1 : i + 1;
	}
	return end;
}

static uint32_t statement(struct parser *x, uint32_t i, uint32_t end, int32_t parent, int depth)
{
	static const char *const loops[] = { "for", "while", "foreach", "loop", "until", NULL };
	static const char *const colon[] = { ":", ";", "{", NULL };
	struct source *s = x->s;
	uint32_t match = s->tokens.at[i].match;

	if (depth > SOURCE_NESTING_MAX)
		return end;
	if (token_is(s, i, "{")) {
		statements(x, i + 1, match > i ? match : end, parent, depth + 1);
		return match > i ? match + 1 : end;
	}
	if (token_in(s, i, loops))
		return headed(x, BLOCK_LOOP, i, end, parent, depth);
	if (token_is(s, i, "do"))
		return do_while(x, i, end, parent, depth);
	if (token_is(s, i, "if") || token_is(s, i, "switch"))
		return headed(x, BLOCK_IF, i, end, parent, depth);
	if (token_is(s, i, "else"))
		return i + 1;
	if (token_is(s, i, "case") || token_is(s, i, "default")) {
		uint32_t stop = find_level(s, i, end, colon);
		return token_is(s, stop, ":") ? stop + 1 : i + 1;
	}
	if (s->tokens.at[i].type == TOKEN_NAME && token_is(s, i + 1, ":") && i + 1 < end)
		return i + 2;
	if (is_loop_macro(s, i) && token_is(s, i + 1, "(") && s->tokens.at[i + 1].match) {
		uint32_t body = s->tokens.at[i + 1].match + 1;
		if (body < end && (token_is(s, body, "{") || s->tokens.at[body].type == TOKEN_NAME))
			return headed(x, BLOCK_LOOP, i, end, parent, depth);
	}
	return plain(x, i, end, parent, depth);
}

/* Loops inside an expression: [x for x in xs if ...]. */
static void comprehensions(struct parser *x, uint32_t from, uint32_t to, int32_t parent)
{
	static const char *const ends[] = { "if", "for", NULL };
	static const char *const in[] = { "in", NULL };
	struct source *s = x->s;
	VEC(uint32_t) open = { 0 };

	for (uint32_t i = from; i < to; i++) {
		while (open.n && s->tokens.at[open.at[open.n - 1]].match <= i)
			open.n--;
		if (s->tokens.at[i].match > i && vec_push(&open, i))
			x->rc = -ENOMEM;
		if (!open.n || !token_is(s, i, "for"))
			continue;
		uint32_t close = s->tokens.at[open.at[open.n - 1]].match;
		uint32_t separator = find_level(s, i, close, in);
		int32_t b = separator < close ? block_add(x, BLOCK_LOOP, i, parent) : -1;
		if (b < 0)
			continue;
		struct block *loop = &s->blocks.at[b];
		uint32_t end = find_level(s, separator, close, ends);
		loop->each = true;
		loop->all = loop->body = (struct range){ open.at[open.n - 1] + 1, close };
		loop->head = (struct range){ i + 1, end };
		loop->variables = (struct range){ i + 1, separator };
		loop->over = (struct range){ separator + 1, end };
	}
	vec_done(&open);
}

struct indents {
	int32_t block[SOURCE_NESTING_MAX];
	uint32_t indent[SOURCE_NESTING_MAX];
	uint32_t n;
};

static void close_until(struct source *s, struct indents *open, uint32_t indent, uint32_t at)
{
	while (open->n && open->indent[open->n - 1] >= indent) {
		struct block *b = &s->blocks.at[open->block[--open->n]];
		b->all.to = b->body.to = at;
	}
}

/* One logical line of Python: tokens [from, to). */
static void python_line(struct parser *x, struct indents *open, uint32_t from, uint32_t to)
{
	static const char *const colon[] = { ":", NULL };
	static const char *const ifs[] = { "if", "elif", "else", "except", "case", NULL };
	struct source *s = x->s;
	uint32_t word = from + token_is(s, from, "async");
	bool loop = token_is(s, word, "for") || token_is(s, word, "while");
	bool function = token_is(s, word, "def");

	close_until(s, open, s->tokens.at[from].indent, from);
	int32_t parent = open->n ? open->block[open->n - 1] : -1;
	if ((loop || function || token_in(s, word, ifs)) && open->n < SOURCE_NESTING_MAX) {
		uint32_t head_end = find_level(s, word, to, colon);
		int32_t b = block_add(x,
			loop       ? BLOCK_LOOP
			: function ? BLOCK_FUNCTION
				   : BLOCK_IF,
			from, parent);
		if (b >= 0 && head_end < to) {
			struct block *block = &s->blocks.at[b];
			block->head = (struct range){ word + 1, head_end };
			block->body = (struct range){ head_end + 1, to };
			block->all.to = to;
			if (function && token_is(s, word + 2, "(") && s->tokens.at[word + 2].match)
				block->head =
					(struct range){ word + 3, s->tokens.at[word + 2].match };
			else if (loop)
				split_head(s, block);
			open->block[open->n] = b;
			open->indent[open->n++] = s->tokens.at[from].indent;
			parent = b;
		}
	}
	comprehensions(x, from, to, parent);
}

static void python(struct parser *x)
{
	struct source *s = x->s;
	struct indents open = { 0 };

	for (uint32_t i = 1, to; i < s->tokens.n && !x->rc; i = to) {
		for (to = i + 1; to < s->tokens.n && s->tokens.at[to].indent == UINT32_MAX; to++)
			;
		python_line(x, &open, i, to);
	}
	close_until(s, &open, 0, s->tokens.n);
}

/* Tells every token its innermost blocks; children come later and paint over their parents. */
static void paint(struct source *s)
{
	for (uint32_t i = 0; i < s->tokens.n; i++)
		for (int t = 0; t < 3; t++)
			s->tokens.at[i].inside[t] = -1;
	for (uint32_t b = 0; b < s->blocks.n; b++) {
		const struct block *block = &s->blocks.at[b];
		for (uint32_t i = block->all.from; i < block->all.to && i < s->tokens.n; i++)
			s->tokens.at[i].inside[block->type] = (int32_t)b;
	}
}

int source_blocks(struct source *s)
{
	struct parser x = { .s = s };

	if (s->python)
		python(&x);
	else
		statements(&x, 1, s->tokens.n, -1, 0);
	paint(s);
	return x.rc;
}

int32_t block_at_line(const struct source *s, uint32_t line, enum block_type type)
{
	int32_t found = -1;

	for (uint32_t i = 1; i < s->tokens.n; i++) {
		if (s->tokens.at[i].line != line)
			continue;
		int32_t b = s->tokens.at[i].inside[type];
		found = b > found ? b : found;
	}
	return found;
}

int32_t block_outer_loop(const struct source *s, int32_t b)
{
	for (b = s->blocks.at[b].parent; b >= 0; b = s->blocks.at[b].parent) {
		if (s->blocks.at[b].type == BLOCK_LOOP)
			return b;
		if (s->blocks.at[b].type == BLOCK_FUNCTION)
			return -1;
	}
	return -1;
}

/* Questions about expressions: what do they depend on, and do they choose one of many? */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/source_tree.h"

static bool range_has(struct range r, uint32_t i)
{
	return i >= r.from && i < r.to;
}

/* Python's "a, b = ..." : is the name at @i one of several that are assigned? */
static bool in_tuple(const struct source *s, uint32_t i, uint32_t end)
{
	if (!s->python || !token_is(s, i + 1, ","))
		return false;
	for (i++; i < end && (token_is(s, i, ",") || s->tokens.at[i].type == TOKEN_NAME); i++)
		;
	return token_is(s, i, "=");
}

/* "x = realloc(x, ...)": the same block, perhaps elsewhere. */
static bool is_resized(const struct source *s, uint32_t i)
{
	const struct token *call = i + 4 < s->tokens.n ? &s->tokens.at[i + 2] : NULL;

	return call && token_is(s, i + 1, "=") && call->type == TOKEN_NAME &&
	       memmem(s->text + call->start, call->bytes, "realloc", 7) &&
	       token_is(s, i + 3, "(") && token_same(s, i + 4, i);
}

/* Does the token at @i, a variable, get a new value right there? */
static bool changes_here(const struct source *s, uint32_t i, uint32_t end)
{
	static const char *const after[] = { "=",
		":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--",
		NULL };

	if (token_in(s, i + 1, after))
		return !is_resized(s, i);
	if ((token_is(s, i - 1, "++") || token_is(s, i - 1, "--")) && !token_is(s, i + 1, "->") &&
		!token_is(s, i + 1, "[") && !token_is(s, i + 1, "."))
		return true;
	if (token_is(s, i - 1, "&") && (token_is(s, i - 2, "(") || token_is(s, i - 2, ",")) &&
		(token_is(s, i + 1, ")") || token_is(s, i + 1, ",")))
		return true; /* its address is given away */
	int32_t loop = s->tokens.at[i].inside[BLOCK_LOOP];
	if (loop >= 0 && s->blocks.at[loop].each && range_has(s->blocks.at[loop].variables, i))
		return true;
	return in_tuple(s, i, end);
}

bool range_changes(const struct source *s, struct range where, uint32_t name)
{
	for (uint32_t i = where.from; i < where.to && i < s->tokens.n; i++)
		if (token_is_variable(s, i) && token_same(s, i, name) &&
			changes_here(s, i, where.to))
			return true;
	return false;
}

/* "&x" and "&x.y" are the same place however the content of x changes. */
static bool is_address(const struct source *s, uint32_t i, uint32_t from)
{
	bool unary = i > from && token_is(s, i - 1, "&") &&
		     (i - 1 == from || s->tokens.at[i - 2].type == TOKEN_SIGN);

	return unary && !token_is(s, i + 1, "->") && !token_is(s, i + 1, "[");
}

bool range_varies(const struct source *s, struct range expression, struct range where)
{
	for (uint32_t i = expression.from; i < expression.to; i++)
		if (token_is_variable(s, i) && !token_is_constant(s, i) &&
			!token_is(s, i + 1, "(") && !is_address(s, i, expression.from) &&
			range_changes(s, where, i))
			return true;
	return false;
}

struct range range_definition(
	const struct source *s, struct range where, uint32_t before, uint32_t name)
{
	struct range r = { 0, 0 };

	for (uint32_t i = where.from; i < before && i < s->tokens.n; i++) {
		if (!token_is_variable(s, i) || !token_same(s, i, name) ||
			!(token_is(s, i + 1, "=") || token_is(s, i + 1, ":=")))
			continue;
		r.from = r.to = i + 2;
		while (r.to < s->tokens.n && r.to < r.from + 64 && !token_is(s, r.to, ";") &&
			!token_is(s, r.to, ",") &&
			!(s->python && s->tokens.at[r.to].indent != UINT32_MAX)) {
			uint32_t match = s->tokens.at[r.to].match;
			if (match && match < r.to)
				break; /* a bracket that was open before */
			r.to = match > r.to ? match + 1 : r.to + 1;
		}
	}
	return r;
}

/* Calls that give the start of a whole collection. */
static bool is_start_call(const struct source *s, uint32_t name)
{
	static const char *const parts[] = { "begin", "first", "First", "FIRST", "head", "Head",
		"HEAD", "front", "iter", "Iter", "next", "Next", "values", "items", "keys",
		"enumerate", "len", "size", "length", "range" };
	const struct token *t = &s->tokens.at[name];
	bool many = token_is(s, name, "range") || token_is(s, name, "enumerate");

	/* first(table, key) chooses, first(list) does not. */
	for (uint32_t i = name + 2; !many && i < s->tokens.at[name + 1].match;) {
		if (token_is(s, i, ","))
			return false;
		i = s->tokens.at[i].match > i ? s->tokens.at[i].match + 1 : i + 1;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (memmem(s->text + t->start, t->bytes, parts[i], strlen(parts[i])))
			return true;
	return false;
}

static bool selects_at(const struct source *s, uint32_t i)
{
	static const char *const choosing[] = { "%", ">>", "^", "?", NULL };
	static const char *const operands[] = { ")", "]", NULL };

	if (token_in(s, i, choosing))
		return true;
	bool after_operand = s->tokens.at[i - 1].type != TOKEN_SIGN || token_in(s, i - 1, operands);
	if (token_is(s, i, "&") && after_operand)
		return true;
	if (token_is(s, i, "[") && after_operand)
		return s->tokens.at[i + 1].type != TOKEN_NUMBER && !token_is(s, i + 1, "]") &&
		       !token_is(s, i + 1, ":");
	return token_is(s, i, "(") && s->tokens.at[i - 1].type == TOKEN_NAME &&
	       !is_start_call(s, i - 1);
}

static bool selects(const struct source *s, struct range expression, struct range function,
	uint32_t before, int depth)
{
	for (uint32_t i = expression.from; i < expression.to && i + 1 < s->tokens.n; i++) {
		if (selects_at(s, i))
			return true;
		if (depth >= 3 || !token_is_variable(s, i) || token_is_constant(s, i))
			continue;
		struct range r = range_definition(s, function, before, i);
		if (r.from < r.to && selects(s, r, function, r.from, depth + 1))
			return true;
	}
	return false;
}

bool range_selects(
	const struct source *s, struct range expression, struct range function, uint32_t before)
{
	if (expression.to > expression.from + 64)
		return true;
	return selects(s, expression, function, before, 0);
}

int function_parameter(const struct source *s, int32_t f, uint32_t name)
{
	if (f < 0)
		return -1;
	struct range head = s->blocks.at[f].head;
	int number = 0;

	for (uint32_t i = head.from; i < head.to; i++) {
		if (token_is(s, i, ","))
			number++;
		/* The last name of a parameter is its own; before it stands its type (C), or after
		 * it (Go, Rust): any name that is no type keyword will do. */
		if (token_is_variable(s, i) && token_same(s, i, name))
			return number;
		if (s->tokens.at[i].match > i)
			i = s->tokens.at[i].match;
	}
	return -1;
}

void range_text(const struct source *s, struct range r, char *out)
{
	size_t n = 0;

	for (uint32_t i = r.from; i < r.to && i < s->tokens.n; i++) {
		const struct token *t = &s->tokens.at[i];
		bool words = i > r.from && t->type != TOKEN_SIGN &&
			     s->tokens.at[i - 1].type != TOKEN_SIGN;
		size_t want = t->bytes + words;
		if (n + want + 1 > SOURCE_NAME_BYTES)
			break;
		if (words)
			out[n++] = ' ';
		memcpy(out + n, s->text + t->start, t->bytes);
		n += t->bytes;
	}
	out[n] = 0;
}

int source_parse(const char *text, uint32_t first_line, const char *file, struct source **ret)
{
	struct source *s = calloc(1, sizeof(*s));
	size_t n = strnlen(text, SOURCE_BYTES_MAX), name = strlen(file);

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	s->text = malloc(n + 1);
	s->bytes = (uint32_t)n;
	s->first_line = first_line;
	s->python = name > 3 && !strcmp(file + name - 3, ".py");
	int rc = s->text ? 0 : -ENOMEM;
	if (!rc) {
		memcpy(s->text, text, n);
		s->text[n] = 0;
		rc = source_lex(s);
	}
	if (!rc)
		rc = source_blocks(s);
	if (rc) {
		source_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	free(s->text);
	vec_done(&s->tokens);
	vec_done(&s->blocks);
	free(s);
}

uint32_t source_loop_depth(const struct source *s, uint32_t line)
{
	uint32_t depth = 0;

	for (int32_t b = block_at_line(s, line, BLOCK_LOOP); b >= 0; b = block_outer_loop(s, b))
		depth++;
	return depth;
}

bool source_loop_lines(
	const struct source *s, uint32_t line, uint32_t *ret_first, uint32_t *ret_last)
{
	int32_t b = block_at_line(s, line, BLOCK_LOOP);

	if (b < 0)
		return false;
	*ret_first = s->tokens.at[s->blocks.at[b].all.from].line;
	*ret_last = s->tokens.at[s->blocks.at[b].all.to - 1].line;
	return true;
}

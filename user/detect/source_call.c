/* How a call is written: in a loop, in its condition, and what its arguments depend on. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "detect/source_tree.h"

enum { ARGUMENT_TOKENS_MAX = 64 }; /* a longer one may depend on anything */

uint32_t call_near(const struct source *s, uint32_t line, const char *callee)
{
	uint32_t best = 0, best_distance = 4;

	for (uint32_t i = 1; i + 1 < s->tokens.n; i++) {
		const struct token *t = &s->tokens.at[i];
		if (t->type != TOKEN_NAME || !token_is(s, i + 1, "(") ||
			!s->tokens.at[i + 1].match || !token_is(s, i, callee))
			continue;
		uint32_t distance = t->line > line ? t->line - line : line - t->line;
		/* "int f(int x) {" is where it is defined. */
		if (distance < best_distance && !token_is(s, s->tokens.at[i + 1].match + 1, "{")) {
			best = i;
			best_distance = distance;
		}
	}
	return best;
}

static int32_t outermost_loop(const struct source *s, int32_t loop)
{
	for (int32_t o = loop; o >= 0; o = block_outer_loop(s, o))
		loop = o;
	return loop;
}

/* Is the variable at @name given to another call, or are its elements assigned, in @where outside
 * of [from, to)? */
static bool is_touched(const struct source *s, struct range where, struct range call, uint32_t name)
{
	static const char *const writes[] = { "=", "+=", "-=", "++", "--", "|=", NULL };

	for (uint32_t i = where.from; i < where.to && i < s->tokens.n; i++) {
		if ((i >= call.from && i < call.to) || !token_is_variable(s, i) ||
			!token_same(s, i, name))
			continue;
		uint32_t after = i + 1;
		while (s->tokens.at[after].match > after || token_is(s, after, "->") ||
			token_is(s, after, "."))
			after = s->tokens.at[after].match > after ? s->tokens.at[after].match + 1
								  : after + 2;
		if (token_in(s, after, writes) || token_is(s, i - 1, "*"))
			return true;
		if (token_is(s, i - 1, "(") || token_is(s, i - 1, ",") || token_is(s, i - 1, "&"))
			return true;
	}
	return false;
}

static bool calls_free(const struct source *s, struct range where)
{
	for (uint32_t i = where.from; i < where.to && i + 1 < s->tokens.n; i++) {
		const struct token *t = &s->tokens.at[i];
		if (t->type == TOKEN_NAME &&
			(token_is(s, i + 1, "(") || token_is(s, i, "delete")) &&
			(memmem(s->text + t->start, t->bytes, "free", 4) ||
				token_is(s, i, "delete")))
			return true;
	}
	return false;
}

/* Does the loop start the string at @name again: name[0] = 0, *name = 0, strcpy(name, ...)? */
static bool is_reset(const struct source *s, struct range where, uint32_t name)
{
	static const char *const fills[] = { "strcpy", "sprintf", "snprintf", "memset", "strncpy",
		"strlcpy", "bzero", "fgets", "read", "recv", "memcpy", "stpcpy", "clear", NULL };

	for (uint32_t i = where.from; i < where.to && i < s->tokens.n; i++) {
		if (!token_is_variable(s, i) || !token_same(s, i, name))
			continue;
		bool element = token_is(s, i + 1, "[") && s->tokens.at[i + 1].match &&
			       token_is(s, s->tokens.at[i + 1].match + 1, "=");
		if (element || (token_is(s, i - 1, "*") && token_is(s, i + 1, "=")) ||
			(token_is(s, i - 1, "(") && token_in(s, i - 2, fills) &&
				(token_is(s, i + 1, ",") || token_is(s, i + 1, ")"))))
			return true;
	}
	return false;
}

/* Does the loop write at the end of the string at @name: strcat(name, ...), realloc(name, ...)? */
static bool is_appended(const struct source *s, struct range where, uint32_t name)
{
	static const char *const calls[] = { "strcat", "strncat", "strlcat", "realloc", "wcscat",
		NULL };

	for (uint32_t i = where.from; i < where.to && i < s->tokens.n; i++)
		if (token_is_variable(s, i) && token_same(s, i, name) && token_is(s, i - 1, "(") &&
			token_in(s, i - 2, calls))
			return true;
	return false;
}

bool source_called(const struct source *s, uint32_t line, uint32_t n, char *ret_name)
{
	for (uint32_t i = 1; i + 1 < s->tokens.n; i++) {
		if (s->tokens.at[i].line != line || s->tokens.at[i].type != TOKEN_NAME ||
			!token_is(s, i + 1, "(") || n--)
			continue;
		range_text(s, (struct range){ i, i + 1 }, ret_name);
		return true;
	}
	return false;
}

/* Is the size given by realloc's argument @r one step larger, as "(n + 1) * size" or "n + 1"? */
static bool is_step(const struct source *s, struct range r, struct range body, int depth)
{
	for (uint32_t i = r.from; i < r.to; i++) {
		bool plus = token_is(s, i, "+") && s->tokens.at[i + 1].type == TOKEN_NUMBER;
		if (plus || token_is(s, i, "++"))
			return true;
		if (depth || !token_is_variable(s, i))
			continue;
		/* "n++" or "n += 1" before the call, or "size = n + 1". */
		struct range local = range_definition(s, body, r.from, i);
		if (local.from < local.to && is_step(s, local, body, 1))
			return true;
		for (uint32_t k = body.from; k < r.from && k + 2 < s->tokens.n; k++)
			if (token_is_variable(s, k) && token_same(s, k, i) &&
				(token_is(s, k + 1, "++") || token_is(s, k - 1, "++") ||
					(token_is(s, k + 1, "+=") &&
						s->tokens.at[k + 2].type == TOKEN_NUMBER)))
				return true;
	}
	return false;
}

static void argument(const struct source *s, struct source_call *ret, struct range r,
	struct range loops, struct range inner, struct range call, int32_t function)
{
	uint32_t number = ret->arguments++, bit = 1u << number;
	struct range body =
		function >= 0 ? s->blocks.at[function].body : (struct range){ 1, s->tokens.n };
	bool variable = false;

	if (!number)
		range_text(s, r, ret->first);
	range_text(s, r, ret->last);
	if (r.to - r.from > ARGUMENT_TOKENS_MAX) {
		ret->varies |= bit;
		ret->inner_varies |= bit;
		ret->touched |= bit;
		ret->inner_touched |= bit;
		ret->selects |= bit;
		return;
	}
	for (uint32_t i = r.from; i < r.to; i++) {
		if (!token_is_variable(s, i) || token_is_constant(s, i))
			continue;
		if (s->python) {
			bool keyword = i == r.from && token_is(s, i + 1, "=");
			uint32_t end = keyword ? i + 1 : python_constant(s, i, r.to);
			if (end > i) {
				i = end - 1;
				continue;
			}
			bool made = token_is(s, i + 1, "(") || python_is_format(s, i);
			if (made || python_method_called(s, loops, i))
				ret->touched |= bit;
		}
		variable = true;
		if (is_touched(s, loops, call, i))
			ret->touched |= bit;
		if (is_touched(s, inner, call, i))
			ret->inner_touched |= bit;
		if (!number && is_reset(s, inner, i))
			ret->reset = true;
		bool at_end = token_is(s, call.from - 1, "+") && token_same(s, call.from - 2, i);
		if (!number && (at_end || is_appended(s, inner, i)))
			ret->appends = true;
		if (number < 4 && ret->parameter[number] < 0)
			ret->parameter[number] = function_parameter(s, function, i);
	}
	if (!variable)
		ret->literal |= bit;
	if (number && is_step(s, r, body, 0))
		ret->steps = true;
	if (number == 1)
		ret->shifts = r.from + 1 < r.to && token_is(s, call.from + 2, "&")
				      ? token_same(s, r.from + 1, call.from + 3)
				      : token_same(s, r.from, call.from + 2);
	if (range_varies(s, r, loops))
		ret->varies |= bit;
	if (range_varies(s, r, inner))
		ret->inner_varies |= bit;
	if (range_selects(s, r, body, call.from))
		ret->selects |= bit;
}

bool source_call(const struct source *s, uint32_t line, const char *callee, struct source_call *ret)
{
	uint32_t name = call_near(s, line, callee);

	*ret = (struct source_call){ .parameter = { -1, -1, -1, -1 }, .python = s->python };
	if (!name)
		return false;
	int32_t loop = s->tokens.at[name].inside[BLOCK_LOOP];
	int32_t outer = outermost_loop(s, loop),
		function = s->tokens.at[name].inside[BLOCK_FUNCTION];
	uint32_t close = s->tokens.at[name + 1].match;
	struct range loops = outer >= 0 ? s->blocks.at[outer].all : (struct range){ 0, 0 };
	struct range inner = loop >= 0 ? s->blocks.at[loop].all : (struct range){ 0, 0 };

	ret->line = s->tokens.at[name].line;
	if (loop >= 0) {
		const struct block *b = &s->blocks.at[loop];
		ret->in_loop = true;
		ret->loop_line = s->tokens.at[b->all.from].line;
		ret->in_condition = name >= b->condition.from && name < b->condition.to;
		ret->frees = calls_free(s, b->body);
	}
	for (uint32_t i = name + 2, from = i;
		i <= close && ret->arguments < SOURCE_ARGUMENTS_MAX;) {
		if (i == close || token_is(s, i, ",")) {
			if (i > from)
				argument(s, ret, (struct range){ from, i }, loops, inner,
					(struct range){ name, close + 1 }, function);
			from = ++i;
		} else {
			i = s->tokens.at[i].match > i ? s->tokens.at[i].match + 1 : i + 1;
		}
	}
	return true;
}

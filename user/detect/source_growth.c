/*
 * Blocks grown by hand: a larger one is allocated, all of the old one copied into it, the old one
 * freed and replaced.
 *
 *     longer = malloc(length + more + 1);   larger by a part, not by a factor
 *     memcpy(longer, text, length);         all that was there
 *     free(text);
 *     text = longer;                        or "return longer", and the caller replaces it
 *
 * Where the size is multiplied, rounded or asked from a function, or where a comparison decides
 * whether the block must grow at all, growing may be rare; then the answer is no.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <string.h>

#include "detect/source_tree.h"

enum { FOLLOW_MAX = 2, CHAIN_TOKENS_MAX = 8 };

struct growth {
	const struct source *s;
	struct range where; /* the body of the function */
	int32_t function, loop;
	uint32_t fresh;        /* token: the variable that gets the new block */
	struct range size;     /* of the new block */
	struct range old;      /* the old block as written: "text", "b->text", "*text" */
	struct range length;   /* of the copy; empty = it copies a string to its end */
	struct range elements; /* the loop that copies; empty = a call does */
	uint32_t copy;         /* token; 0 = none found */
	bool mentions, adds, refused;
};

static bool empty(struct range r)
{
	return r.from >= r.to;
}

static bool same(const struct source *s, struct range a, struct range b)
{
	if (empty(a) || a.to - a.from != b.to - b.from)
		return false;
	for (uint32_t i = 0; i < a.to - a.from; i++)
		if (!token_same(s, a.from + i, b.from + i))
			return false;
	return true;
}

/* The names and fields that end before @end: "b->text" before its "="; empty when it is more. */
static struct range chain_before(const struct source *s, uint32_t end)
{
	uint32_t i = end - 1;

	if (s->tokens.at[i].type != TOKEN_NAME)
		return (struct range){ 0, 0 };
	while (i > 2 && (token_is(s, i - 1, ".") || token_is(s, i - 1, "->")) &&
		s->tokens.at[i - 2].type == TOKEN_NAME && end - i < CHAIN_TOKENS_MAX)
		i -= 2;
	if (token_is(s, i - 1, ".") || token_is(s, i - 1, "->"))
		return (struct range){ 0, 0 };
	bool pointed = token_is(s, i - 1, "*") &&
		       (token_is(s, i - 2, ";") || token_is(s, i - 2, "{") ||
			       token_is(s, i - 2, "}") || token_is(s, i - 2, ")"));
	return (struct range){ i - pointed, end };
}

static uint32_t base_of(const struct source *s, struct range chain)
{
	while (chain.from < chain.to && s->tokens.at[chain.from].type != TOKEN_NAME)
		chain.from++;
	return chain.from;
}

/* Argument @number (from 0) of the call at token @name; empty when there are fewer. */
static struct range argument(const struct source *s, uint32_t name, uint32_t number)
{
	uint32_t close = s->tokens.at[name + 1].match, from = name + 2, i = from;

	for (; i<close; i = s->tokens.at[i].match> i ? s->tokens.at[i].match + 1 : i + 1) {
		if (!token_is(s, i, ","))
			continue;
		if (!number--)
			return (struct range){ from, i };
		from = i + 1;
	}
	return number ? (struct range){ 0, 0 } : (struct range){ from, close };
}

static bool is_call(const struct source *s, uint32_t i)
{
	return s->tokens.at[i].type == TOKEN_NAME && token_is(s, i + 1, "(") &&
	       s->tokens.at[i + 1].match > i;
}

static bool name_has(const struct source *s, uint32_t i, const char *part)
{
	const struct token *t = &s->tokens.at[i];

	return t->type == TOKEN_NAME && memmem(s->text + t->start, t->bytes, part, strlen(part));
}

/* The size in "malloc(size)", "(char *)xmalloc(size)" or "new char[size]" at @i; empty for others.
 */
static struct range allocation(const struct source *s, uint32_t i)
{
	if (token_is(s, i, "(") && s->tokens.at[i].match > i)
		i = s->tokens.at[i].match + 1; /* a cast */
	if (i >= s->tokens.n)
		return (struct range){ 0, 0 };
	if (is_call(s, i) && name_has(s, i, "alloc") && !name_has(s, i, "realloc"))
		return (struct range){ i + 2, s->tokens.at[i + 1].match };
	for (uint32_t k = i + 1; token_is(s, i, "new") && k < i + CHAIN_TOKENS_MAX; k++)
		if (token_is(s, k, "[") && s->tokens.at[k].match > k)
			return (struct range){ k + 1, s->tokens.at[k].match };
	return (struct range){ 0, 0 };
}

/* Is the name at @i the last of a chain that also stands in the copy's length? */
static bool is_length(const struct growth *g, uint32_t i)
{
	for (uint32_t k = g->length.from; k < g->length.to; k++) {
		if (token_is(g->s, k, "sizeof") && token_is(g->s, k + 1, "("))
			k = g->s->tokens.at[k + 1].match > k ? g->s->tokens.at[k + 1].match : k;
		else if (g->s->tokens.at[k].type == TOKEN_NAME && token_same(g->s, k, i) &&
			 !token_is(g->s, k + 1, "->") && !token_is(g->s, k + 1, "."))
			return true;
	}
	return false;
}

/* Is the variable at @name multiplied somewhere, as "capacity *= 2" or "capacity += capacity"? */
static bool is_multiplied(const struct growth *g, uint32_t name)
{
	const struct source *s = g->s;

	for (uint32_t i = g->where.from; i + 2 < g->where.to; i++)
		if (token_same(s, i, name) &&
			(token_is(s, i + 1, "*=") || token_is(s, i + 1, "<<=") ||
				(token_is(s, i + 1, "+=") && token_same(s, i + 2, i))))
			return true;
	return false;
}

static void size_read(struct growth *g, struct range r, int depth);

/* A call inside the size; returns its last token. */
static uint32_t size_call(struct growth *g, uint32_t i, int depth)
{
	static const char *const lengths[] = { "strlen", "wcslen", "strnlen", NULL };
	const struct source *s = g->s;
	uint32_t close = s->tokens.at[i + 1].match;

	if (token_in(s, i, lengths))
		g->mentions |= same(s, argument(s, i, 0), g->old);
	else if (!token_is(s, i, "sizeof")) {
		g->refused |= !depth;
		for (uint32_t k = i + 2; k < close; k++)
			g->refused |= s->tokens.at[k].type == TOKEN_NAME && is_length(g, k);
	}
	return close;
}

static void size_name(struct growth *g, uint32_t i, uint32_t before, int depth)
{
	const struct source *s = g->s;

	g->refused |= is_multiplied(g, i);
	if (is_length(g, i)) {
		g->mentions = true;
	} else if (depth < FOLLOW_MAX && token_is_variable(s, i) && !token_is_constant(s, i)) {
		struct range local = range_definition(s, g->where, before, i);
		if (!empty(local) && local.to <= before)
			size_read(g, local, depth + 1);
	}
}

/* Is the size the copied length and something more? */
static void size_read(struct growth *g, struct range r, int depth)
{
	static const char *const factors[] = { "/", "%", "<<", ">>", "&", "?", "^", NULL };
	const struct source *s = g->s;

	for (uint32_t i = r.from; i < r.to; i++) {
		bool times =
			token_is(s, i, "*") && (s->tokens.at[i - 1].type == TOKEN_NUMBER ||
						       s->tokens.at[i + 1].type == TOKEN_NUMBER);
		/* What is added to the length may be worked out in any way. */
		if (times || token_in(s, i, factors))
			g->refused = true;
		g->adds |= token_is(s, i, "+") || token_is(s, i, "++");
		if (is_call(s, i))
			i = size_call(g, i, depth);
		else if (s->tokens.at[i].type == TOKEN_NAME && !token_is(s, i + 1, "->") &&
			 !token_is(s, i + 1, "."))
			size_name(g, i, r.from, depth);
	}
}

/* "fresh[k] = old[k]" at the token of fresh, in a loop of its own: what memcpy does. */
static bool copies_elements(struct growth *g, uint32_t i)
{
	const struct source *s = g->s;
	int32_t loop = s->tokens.at[i].inside[BLOCK_LOOP];
	uint32_t close = token_is(s, i + 1, "[") ? s->tokens.at[i + 1].match : 0;
	uint32_t old = close + 2, old_end = old + (g->old.to - g->old.from);

	if (!close || loop < 0 || loop == g->loop || block_outer_loop(s, loop) != g->loop ||
		!token_is(s, close + 1, "=") || old_end + 1 >= s->tokens.n ||
		!token_is(s, old_end, "[") || !same(s, (struct range){ old, old_end }, g->old) ||
		!same(s, (struct range){ i + 2, close },
			(struct range){ old_end + 1, s->tokens.at[old_end].match }))
		return false;
	g->length = s->blocks.at[loop].condition;
	g->elements = s->blocks.at[loop].all;
	return true;
}

/* Finds the copy of the old block into the new one before @end. */
static bool find_copy(struct growth *g, uint32_t end)
{
	static const char *const copies[] = { "memcpy", "memmove", "mempcpy", "strcpy", "stpcpy",
		"wmemcpy", "wcscpy", "copy_n", NULL };
	const struct source *s = g->s;

	for (uint32_t i = g->size.to; i < end && i + 2 < s->tokens.n; i++) {
		if (token_same(s, i, g->fresh) && copies_elements(g, i))
			return g->copy = i, true;
		if (!is_call(s, i) || !token_in(s, i, copies) ||
			s->tokens.at[i].inside[BLOCK_LOOP] != g->loop)
			continue;
		struct range to = argument(s, i, 0), from = argument(s, i, 1);
		if (to.to != to.from + 1 || !token_same(s, to.from, g->fresh) ||
			!same(s, from, g->old))
			continue;
		g->length = argument(s, i, 2);
		g->copy = i;
		return true;
	}
	return false;
}

/* "free(old)", "delete[] old". */
static bool is_freed(const struct growth *g, uint32_t end)
{
	const struct source *s = g->s;

	for (uint32_t i = g->copy; i < end; i++) {
		uint32_t from = i + 1;
		if (token_is(s, i, "delete"))
			from += token_is(s, i + 1, "[") ? 2 : 0;
		else if (is_call(s, i) && name_has(s, i, "free"))
			from++;
		else
			continue;
		if (same(s, (struct range){ from, from + (g->old.to - g->old.from) }, g->old))
			return true;
	}
	return false;
}

/* Does a comparison of two variables decide whether it comes to the allocation: "n == capacity"? */
static bool is_guarded(const struct growth *g)
{
	static const char *const signs[] = { "<", "<=", ">", ">=", "==", "!=", NULL };
	static const char *const leaves[] = { "return", "continue", "break", "goto", NULL };
	const struct source *s = g->s;
	struct range part = g->loop >= 0 ? s->blocks.at[g->loop].body : g->where;

	vec_each (b, &s->blocks) {
		if (b->type != BLOCK_IF || b->all.from < part.from || b->all.from >= g->fresh)
			continue;
		bool decides = b->all.to > g->fresh, compares = false;
		for (uint32_t i = b->body.from; i < b->all.to && !decides; i++)
			decides = token_in(s, i, leaves);
		for (uint32_t i = b->head.from; i + 1 < b->head.to; i++)
			compares |= token_in(s, i, signs) &&
				    s->tokens.at[i - 1].type != TOKEN_NUMBER &&
				    s->tokens.at[i + 1].type == TOKEN_NAME &&
				    !token_is_constant(s, i + 1);
		if (decides && compares)
			return true;
	}
	return false;
}

/* Is the block at @chain another one at some turns of @loop: chosen, declared or made there? What
 * the loop assigns from a new block or from a call of @callee (0 = none) is the growth itself. */
static bool is_another(const struct source *s, int32_t loop, struct range chain, const char *callee)
{
	struct range all = s->blocks.at[loop].all;
	uint32_t base = base_of(s, chain), last = chain.to - 1;

	if (base != last && range_changes(s, all, base))
		return true;
	for (uint32_t i = all.from; i < all.to && i + 3 < s->tokens.n; i++) {
		if (!token_is_variable(s, i) || !token_same(s, i, base))
			continue;
		uint32_t after = i + (last - base) + 1;
		if (token_is(s, i + 1, "++") || token_is(s, i + 1, "+="))
			return true;
		if (!token_is(s, after, "=") || chain_before(s, after).to != after)
			continue;
		struct range block = range_definition(s, all, i, after + 1);
		bool grows = token_is(s, after + 2, ";") && !empty(allocation(s, block.from));
		if (!grows && !(callee && token_is(s, after + 1, callee)))
			return true;
	}
	return false;
}

/* Is the new block of @g what replaces an old one at @end ("=" or "return")? */
static bool replaces(struct growth *g, uint32_t end)
{
	const struct source *s = g->s;

	g->copy = 0;
	g->mentions = g->adds = g->refused = false;
	g->length = g->elements = (struct range){ 0, 0 };
	if (!find_copy(g, end) || !is_freed(g, end) || is_guarded(g))
		return false;
	size_read(g, g->size, 0);
	if (!g->mentions || !g->adds || g->refused)
		return false;
	return g->loop < 0 || !is_another(s, g->loop, g->old, NULL);
}

static bool report(const struct growth *g, bool returned, struct source_growth *ret)
{
	ret->in_loop = g->loop >= 0 && !returned;
	ret->returned = returned;
	ret->parameter = function_parameter(g->s, g->function, base_of(g->s, g->old));
	if (empty(g->elements)) {
		ret->elements_first = ret->elements_last = 0;
	} else {
		ret->elements_first = g->s->tokens.at[g->elements.from].line;
		ret->elements_last = g->s->tokens.at[g->elements.to - 1].line;
	}
	range_text(g->s, g->old, ret->target);
	/* A local variable that holds the block only until the function returns does not grow. */
	return ret->in_loop || (ret->parameter >= 0 && (returned || g->old.to > g->old.from + 1));
}

/* "return fresh;" at @i: the old block is a parameter that the function copies. */
static bool returns(struct growth *g, uint32_t i)
{
	struct range head =
		g->function >= 0 ? g->s->blocks.at[g->function].head : (struct range){ 0, 0 };

	for (uint32_t k = head.from; k < head.to; k++) {
		g->old = (struct range){ k, k + 1 };
		if (g->s->tokens.at[k].type == TOKEN_NAME && replaces(g, i))
			return true;
	}
	return false;
}

/* The growth that begins with the allocation at g->fresh and ends behind @line. */
static bool growth_at(struct growth *g, uint32_t line, struct source_growth *ret)
{
	const struct source *s = g->s;

	for (uint32_t i = g->size.to; i + 2 < g->where.to; i++) {
		if (s->tokens.at[i].line < line || !token_is(s, i + 2, ";") ||
			!token_same(s, i + 1, g->fresh) ||
			s->tokens.at[i].inside[BLOCK_LOOP] != g->loop)
			continue;
		if (token_is(s, i, "return") && g->loop < 0 && returns(g, i))
			return report(g, true, ret);
		g->old = token_is(s, i, "=") ? chain_before(s, i) : (struct range){ 0, 0 };
		if (!empty(g->old) && replaces(g, i))
			return report(g, false, ret);
	}
	return false;
}

bool source_growth(const struct source *s, uint32_t line, struct source_growth *ret)
{
	struct growth g = { .s = s, .function = block_at_line(s, line, BLOCK_FUNCTION) };

	*ret = (struct source_growth){ .parameter = -1 };
	if (s->python || g.function < 0)
		return false;
	g.where = s->blocks.at[g.function].body;
	for (uint32_t i = g.where.from; i + 3 < g.where.to && s->tokens.at[i].line <= line; i++) {
		if (!token_is_variable(s, i) || !token_is(s, i + 1, "="))
			continue;
		g.fresh = i;
		g.size = allocation(s, i + 2);
		g.loop = s->tokens.at[i].inside[BLOCK_LOOP];
		if (!empty(g.size) && growth_at(&g, line, ret))
			return true;
	}
	return false;
}

/* Does the loop declare the variable at @base, or give it to another function than @callee? */
static bool is_shared(const struct source *s, struct range loop, uint32_t base, const char *callee)
{
	for (uint32_t i = loop.from; i < loop.to; i++) {
		if (!token_is_variable(s, i) || !token_same(s, i, base))
			continue;
		uint32_t before = i - 1 - (token_is(s, i - 1, "&") || token_is(s, i - 1, "*"));
		if (s->tokens.at[before].type == TOKEN_NAME && !token_is(s, before, "return"))
			return true;
		bool given = token_is(s, before, "(") && !token_is(s, before - 1, callee);
		if (given && is_call(s, before - 1) && !token_is(s, before - 1, "if") &&
			!token_is(s, before - 1, "while"))
			return true;
	}
	return false;
}

bool source_growth_caller(
	const struct source *s, uint32_t line, const char *callee, struct source_growth *growth)
{
	uint32_t name = call_near(s, line, callee);

	if (!name || growth->parameter < 0)
		return false;
	struct range chain = argument(s, name, (uint32_t)growth->parameter);
	bool address = token_is(s, chain.from, "&");
	chain.from += address;
	if (empty(chain) || !same(s, chain_before(s, chain.to), chain) ||
		(growth->returned && (!token_is(s, name - 1, "=") ||
					     !same(s, chain_before(s, name - 1), chain))))
		return false;
	int32_t loop = s->tokens.at[name].inside[BLOCK_LOOP];
	uint32_t base = base_of(s, chain);
	bool local = growth->returned && chain.to == chain.from + 1;
	if (loop >= 0 &&
		(is_another(s, loop, chain, callee) ||
			(!growth->returned && is_shared(s, s->blocks.at[loop].all, base, callee))))
		return false;
	growth->in_loop = loop >= 0;
	growth->returned = false;
	growth->parameter =
		local ? -1 : function_parameter(s, s->tokens.at[name].inside[BLOCK_FUNCTION], base);
	range_text(s, chain, growth->target);
	return growth->in_loop || growth->parameter >= 0;
}

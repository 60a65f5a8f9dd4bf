/* Python expressions that walk a whole list: x in list, list.index(x), list.pop(0) ... */
// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "detect/source_tree.h"

enum {
	SMALL_LIST = 16, /* up to so many elements a list is searched about as fast as a set */
	LINE_SEARCHES_MAX = 64, /* "in" and "." on one line that are looked at */
};

/* Equal token by token: "self.seen" and "self.seen". */
static bool same_path(const struct source *s, struct range a, uint32_t at)
{
	if (at + (a.to - a.from) > s->tokens.n || token_is(s, at - 1, "."))
		return false;
	for (uint32_t i = a.from; i < a.to; i++, at++)
		if (!token_same(s, i, at))
			return false;
	return true;
}

/* Is the value at @i a list; with @must_be_long, one that is not written out with few elements? */
static bool is_list_value(const struct source *s, uint32_t i, bool must_be_long)
{
	static const char *const makes[] = { "list", "sorted", NULL };
	uint32_t end = i < s->tokens.n ? s->tokens.at[i].match : 0, elements = 1;

	if (token_in(s, i, makes))
		return token_is(s, i + 1, "(");
	if (!token_is(s, i, "[") || !end || end == i + 1 || !must_be_long)
		return token_is(s, i, "[");
	while (++i < end) {
		if (s->tokens.at[i].match > i)
			i = s->tokens.at[i].match;
		if (token_is(s, i, "for"))
			return true;
		elements += token_is(s, i, ",");
	}
	return elements > SMALL_LIST;
}

/* Does the text show that @name is a list: created as one or added to, and never as a set or a
 * dictionary? */
static bool is_list(const struct source *s, struct range name, bool must_be_long)
{
	static const char *const grows[] = { "append", "extend", "insert", NULL };
	static const char *const others[] = { "{", "set", "dict", "frozenset", "defaultdict",
		"OrderedDict", "Counter", "deque", NULL };
	bool list = false;

	for (uint32_t i = 1; i < s->tokens.n; i++) {
		if (!same_path(s, name, i))
			continue;
		uint32_t after = i + (name.to - name.from), value = after + 1;
		if (token_is(s, after, ":")) /* an annotation may stand between */
			while (value < s->tokens.n && s->tokens.at[value].indent == UINT32_MAX &&
				!token_is(s, value++, "="))
				;
		if (token_is(s, value - 1, "=")) {
			if (token_in(s, value, others) || token_is(s, value + 2, "deque"))
				return false;
			list |= is_list_value(s, value, must_be_long);
		}
		if (token_is(s, after, ".") && token_is(s, after + 1, "add"))
			return false;
		list |= token_is(s, after, ".") && token_in(s, after + 1, grows);
	}
	return list;
}

/* The dotted name that begins at @i; forward. */
static struct range path_from(const struct source *s, uint32_t i)
{
	struct range r = { i, i };

	while (r.to < s->tokens.n && s->tokens.at[r.to].type == TOKEN_NAME) {
		r.to++;
		if (!token_is(s, r.to, ".") || token_is(s, r.to + 2, "("))
			break;
		r.to++;
	}
	return r;
}

/* The dotted name that ends before @i. */
static struct range path_before(const struct source *s, uint32_t i)
{
	struct range r = { i, i };

	while (r.from > 1 && s->tokens.at[r.from - 1].type == TOKEN_NAME) {
		r.from--;
		if (!token_is(s, r.from - 1, "."))
			break;
		r.from--;
	}
	return r;
}

/* The number of the argument, as callers write it, that the name at @i comes from, or -1: "self" is
 * no argument, and what an object holds is the object's own. */
static int argument_of(const struct source *s, int32_t function, uint32_t i)
{
	int number = function_parameter(s, function, i);

	if (number < 0)
		return -1;
	uint32_t first = s->blocks.at[function].head.from;
	return number - (token_is(s, first, "self") || token_is(s, first, "cls"));
}

static bool found(const struct source *s, uint32_t at, enum search_kind kind, struct range list,
	struct range subject, struct source_search *ret)
{
	int32_t loop = s->tokens.at[at].inside[BLOCK_LOOP];
	int32_t function = s->tokens.at[at].inside[BLOCK_FUNCTION];

	if (list.from >= list.to || s->tokens.at[list.to - 1].type != TOKEN_NAME)
		return false;
	int from_call = argument_of(s, function, list.from);
	if (!is_list(s, list, kind != SEARCH_SHIFT))
		return false;
	struct source_search r = {
		.kind = kind, .collection_param = from_call, .subject_param = -1
	};
	r.first_line = r.last_line = s->tokens.at[at].line;
	range_text(s, list, r.collection);
	range_text(s, subject, r.subject);
	r.nested = loop >= 0 &&
		   (kind == SEARCH_SHIFT || range_varies(s, subject, s->blocks.at[loop].all));
	/* A list made or chosen anew at every turn is as long as that turn makes it. */
	if (r.nested && range_changes(s, s->blocks.at[loop].all, list.from))
		return false;
	if (r.nested)
		r.outer_line = s->tokens.at[s->blocks.at[loop].all.from].line;
	for (uint32_t i = subject.from; i < subject.to && r.subject_param < 0; i++)
		if (token_is_variable(s, i))
			r.subject_param = argument_of(s, function, i);
	if (!r.nested && r.subject_param < 0 && kind != SEARCH_SHIFT)
		return false;
	*ret = r;
	return true;
}

/* The "in" that belongs to a for is none. */
static bool is_for_in(const struct source *s, uint32_t i)
{
	int32_t loop = s->tokens.at[i].inside[BLOCK_LOOP];

	for (; loop >= 0; loop = s->blocks.at[loop].parent)
		if (s->blocks.at[loop].type == BLOCK_LOOP && s->blocks.at[loop].variables.to == i)
			return true;
	return false;
}

static struct range left_operand(const struct source *s, uint32_t i)
{
	static const char *const stops[] = { "if", "elif", "while", "and", "or", "not", "return",
		"=", ",", ":", "==", "assert", "else", NULL };
	struct range r = { i, i };

	while (r.from > 1 && !token_in(s, r.from - 1, stops)) {
		uint32_t match = s->tokens.at[r.from - 1].match;
		if (match > r.from - 1 || s->tokens.at[r.from].indent != UINT32_MAX)
			break;
		r.from = match ? match : r.from - 1;
	}
	if (token_is(s, r.to - 1, "not"))
		r.to--;
	return r;
}

static bool method(const struct source *s, uint32_t i, struct source_search *ret)
{
	static const char *const searches[] = { "index", "count", "remove", NULL };
	struct range list = path_before(s, i);
	struct range argument = { i + 3, s->tokens.at[i + 2].match };

	if (token_in(s, i + 1, searches))
		return found(s, i, SEARCH_MEMBERSHIP, list, argument, ret);
	bool front =
		token_is(s, i + 3, "0") && (token_is(s, i + 4, ",") || token_is(s, i + 4, ")"));
	if (front && (token_is(s, i + 1, "insert") || token_is(s, i + 1, "pop")))
		return found(s, i, SEARCH_SHIFT, list, (struct range){ 0, 0 }, ret);
	return false;
}

/* How often the variable at @name is given a value in the text, and whether always by the module.
 */
static bool set_once_by_module(const struct source *s, uint32_t name)
{
	int values = 0;

	for (uint32_t i = 1; i + 1 < s->tokens.n; i++) {
		if (!token_is_variable(s, i) || !token_same(s, i, name))
			continue;
		bool given = range_changes(s, (struct range){ i, i + 1 }, i);
		if (given &&
			(s->tokens.at[i].inside[BLOCK_FUNCTION] >= 0 ||
				s->tokens.at[i].inside[BLOCK_LOOP] >= 0 || s->tokens.at[i].indent))
			return false;
		values += given;
	}
	return values == 1;
}

/* r"", b"" ...: letters right before the quote. */
static bool is_prefix(const struct source *s, uint32_t i)
{
	const struct token *t = &s->tokens.at[i];

	return i + 1 < s->tokens.n && s->tokens.at[i + 1].type == TOKEN_STRING &&
	       s->tokens.at[i + 1].start == t->start + t->bytes;
}

bool python_is_format(const struct source *s, uint32_t i)
{
	const char *prefix = s->text + s->tokens.at[i].start;
	uint32_t n = s->tokens.at[i].bytes;

	return is_prefix(s, i) &&
	       (memchr(prefix, 'f', n) || memchr(prefix, 'F', n) || memchr(prefix, 't', n));
}

uint32_t python_constant(const struct source *s, uint32_t i, uint32_t end)
{
	uint32_t last = i;
	int32_t function = s->tokens.at[i].inside[BLOCK_FUNCTION];

	if (is_prefix(s, i))
		return python_is_format(s, i) ? i : i + 2;
	while (last + 2 < end && token_is(s, last + 1, ".") &&
		s->tokens.at[last + 2].type == TOKEN_NAME)
		last += 2;
	if (token_is(s, last + 1, "(") || token_is(s, last + 1, "["))
		return i;
	if (last > i)
		return token_is_constant(s, last) ? last + 1 : i;
	return function_parameter(s, function, i) < 0 && set_once_by_module(s, i) ? i + 1 : i;
}

bool python_method_called(const struct source *s, struct range where, uint32_t name)
{
	for (uint32_t i = where.from; i < where.to && i + 2 < s->tokens.n; i++) {
		if (!token_is_variable(s, i) || !token_same(s, i, name))
			continue;
		while (i + 2 < s->tokens.n && token_is(s, i + 1, ".") &&
			s->tokens.at[i + 2].type == TOKEN_NAME)
			i += 2;
		if (token_is(s, i - 1, ".") && token_is(s, i + 1, "("))
			return true;
	}
	return false;
}

/* Does [from, to) of a loop's body give what stands at @target a value that is not a longer one? */
static bool starts_anew(const struct source *s, struct range body, struct range target)
{
	for (uint32_t i = body.from; i < body.to; i++) {
		uint32_t after = i + (target.to - target.from);
		if (same_path(s, target, i) && token_is(s, after, "=") &&
			!same_path(s, target, after + 1))
			return true;
	}
	return false;
}

/* The target of "target += ..." or "target = target + ..." whose sign is at @i; empty = it is none.
 */
static struct range concat_target(const struct source *s, uint32_t i)
{
	struct range target = path_before(s, i);
	uint32_t again = i + 1;

	if (token_is(s, i, "="))
		again = same_path(s, target, i + 1) ? i + 1 + (target.to - target.from) : 0;
	bool longer = token_is(s, i, "+=") || token_is(s, again, "+");
	if (!longer || target.from == target.to || !token_is_variable(s, target.from))
		target.to = target.from;
	return target;
}

/* Does the statement with the sign at @i copy a list and call nothing? "rows += more" copies none.
 */
static bool copies_list(const struct source *s, uint32_t i)
{
	if (!token_is(s, i, "="))
		return false;
	for (i++; i < s->tokens.n && s->tokens.at[i].indent == UINT32_MAX; i++)
		if (token_is(s, i, "("))
			return false;
	return true;
}

bool source_concat(const struct source *s, uint32_t line, struct source_concat *ret)
{
	uint32_t i = 1, first = 1;

	*ret = (struct source_concat){ 0 };
	if (!s->python)
		return false;
	for (; i < s->tokens.n && s->tokens.at[i].line <= line; i++)
		first = s->tokens.at[i].indent != UINT32_MAX ? i : first;
	for (i = first; i < s->tokens.n && (i == first || s->tokens.at[i].indent == UINT32_MAX);
		i++) {
		struct range target = concat_target(s, i);
		if (target.from == target.to)
			continue;
		ret->list = is_list(s, target, false);
		if (ret->list && !copies_list(s, i))
			return false;
		int32_t loop = s->tokens.at[i].inside[BLOCK_LOOP];
		ret->attribute = target.to - target.from > 1;
		ret->in_loop = loop >= 0 &&
			       !(ret->attribute && range_varies(s, target, s->blocks.at[loop].all));
		range_text(s, target, ret->target);
		return loop < 0 || !starts_anew(s, s->blocks.at[loop].body, target);
	}
	return false;
}

bool python_search(const struct source *s, uint32_t line, struct source_search *ret)
{
	uint32_t looked = 0;

	for (uint32_t i = 1; i + 3 < s->tokens.n && looked < LINE_SEARCHES_MAX; i++) {
		if (s->tokens.at[i].line != line)
			continue;
		looked += token_is(s, i, "in") || token_is(s, i, ".");
		if (token_is(s, i, "in") && !is_for_in(s, i)) {
			struct range subject = left_operand(s, i - token_is(s, i - 1, "not"));
			struct range list = path_from(s, i + 1);
			if (!token_is(s, list.to, "[") && !token_is(s, list.to, "(") &&
				!token_is(s, list.to, ".") &&
				found(s, i, SEARCH_MEMBERSHIP, list, subject, ret))
				return true;
		}
		if (token_is(s, i, ".") && token_is(s, i + 2, "(") && s->tokens.at[i + 2].match &&
			method(s, i, ret))
			return true;
	}
	return false;
}

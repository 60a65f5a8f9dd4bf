/* Tokens: comments and preprocessor lines are skipped, strings are one token, brackets are paired.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/source_tree.h"

struct lexer {
	struct source *source;
	uint32_t at, line;
	bool line_start; /* nothing but blanks so far */
	uint32_t indent;
	uint32_t brackets; /* open ( and [: Python's lines go on inside */
};

static char peek(const struct lexer *x, uint32_t ahead)
{
	return x->at + ahead < x->source->bytes ? x->source->text[x->at + ahead] : 0;
}

static void step(struct lexer *x)
{
	if (peek(x, 0) == '\n') {
		x->line++;
		x->line_start = true;
		x->indent = 0;
	}
	x->at++;
}

static void skip_line(struct lexer *x)
{
	while (x->at < x->source->bytes && peek(x, 0) != '\n') {
		if (peek(x, 0) == '\\' && peek(x, 1) == '\n')
			step(x);
		step(x);
	}
}

/* Skips a comment or a preprocessor line; false when there is none here. */
static bool skip_comment(struct lexer *x)
{
	bool python = x->source->python;

	if (peek(x, 0) == '#' && (python || x->line_start)) {
		skip_line(x);
	} else if (!python && peek(x, 0) == '/' && peek(x, 1) == '/') {
		skip_line(x);
	} else if (!python && peek(x, 0) == '/' && peek(x, 1) == '*') {
		x->at += 2;
		while (x->at < x->source->bytes && !(peek(x, 0) == '*' && peek(x, 1) == '/'))
			step(x);
		x->at += 2;
	} else {
		return false;
	}
	return true;
}

/* Past a string that begins here; an apostrophe that closes nowhere near is a sign (Rust). */
static uint32_t string_bytes(const struct lexer *x)
{
	const char *t = x->source->text;
	uint32_t i = x->at, n = x->source->bytes;
	char quote = t[i];

	if (x->source->python && i + 2 < n && t[i + 1] == quote && t[i + 2] == quote) {
		char triple[4] = { quote, quote, quote, 0 };
		const char *end = memmem(t + i + 3, n - i - 3, triple, 3);
		return end ? (uint32_t)(end + 3 - (t + i)) : n - i;
	}
	for (i++; i < n && t[i] != '\n'; i++) {
		if (t[i] == '\\')
			i++;
		else if (t[i] == quote)
			return i + 1 - x->at;
	}
	return quote == '\'' ? 1 : (i < n ? i : n) - x->at;
}

static uint32_t sign_bytes(const struct lexer *x)
{
	static const char *const signs[] = { "<<=", ">>=", "...", "==", "!=", "<=", ">=", "&&",
		"||", "->", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>",
		"::", ":=", "=>", "..", NULL };

	for (size_t i = 0; signs[i]; i++) {
		size_t n = strlen(signs[i]);
		if (x->at + n <= x->source->bytes && !memcmp(x->source->text + x->at, signs[i], n))
			return (uint32_t)n;
	}
	return 1;
}

static bool name_char(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

static int add(struct lexer *x, enum token_type type, uint32_t bytes)
{
	struct token t = { .type = (uint8_t)type,
		.start = x->at,
		.bytes = bytes,
		.line = x->line,
		.indent = x->line_start && !x->brackets ? x->indent : UINT32_MAX };
	char c = peek(x, 0);

	if (type == TOKEN_SIGN && bytes == 1) {
		x->brackets += c == '(' || c == '[';
		if ((c == ')' || c == ']') && x->brackets)
			x->brackets--;
	}
	x->line_start = false;
	if (vec_push(&x->source->tokens, t))
		return -ENOMEM;
	for (uint32_t i = 0; i < bytes; i++) {
		step(x);
		x->line_start = false;
	}
	return 0;
}

static int lex_one(struct lexer *x)
{
	unsigned char c = (unsigned char)peek(x, 0);
	uint32_t n = 0;

	if (c == '"' || c == '\'' || (c == '`' && !x->source->python)) {
		n = string_bytes(x);
		return add(x, n > 1 ? TOKEN_STRING : TOKEN_SIGN, n);
	}
	if (isdigit(c)) {
		while (name_char((unsigned char)peek(x, n)) ||
			(peek(x, n) == '.' && peek(x, n + 1) != '.'))
			n++;
		return add(x, TOKEN_NUMBER, n);
	}
	if (name_char(c)) {
		while (name_char((unsigned char)peek(x, n)))
			n++;
		return add(x, TOKEN_NAME, n);
	}
	return add(x, TOKEN_SIGN, sign_bytes(x));
}

/* Pairs the brackets; a closing one without an opening one (the text began inside) stays alone. */
static int pair(struct source *s)
{
	CLEANUP(freep) uint32_t *open = malloc(((size_t)s->tokens.n + 1) * sizeof(*open));
	uint32_t depth = 0;

	if (!open)
		return -ENOMEM;
	for (uint32_t i = 1; i < s->tokens.n; i++) {
		struct token *t = &s->tokens.at[i];
		if (t->type != TOKEN_SIGN || t->bytes != 1)
			continue;
		char c = s->text[t->start], want = c == ')' ? '(' : c == ']' ? '[' : '{';
		if (c == '(' || c == '[' || c == '{') {
			open[depth++] = i;
		} else if (c == ')' || c == ']' || c == '}') {
			/* A brace closes whatever was left open inside it; nothing else does. */
			uint32_t d = depth;
			while (d && s->text[s->tokens.at[open[d - 1]].start] != want &&
				(c == '}' || s->text[s->tokens.at[open[d - 1]].start] != '{'))
				d--;
			if (!d || s->text[s->tokens.at[open[d - 1]].start] != want)
				continue;
			depth = d - 1;
			t->match = open[depth];
			s->tokens.at[open[depth]].match = i;
		}
	}
	return 0;
}

/* Empty signs behind the last token, so that looking a little ahead needs no test. */
static int pad(struct source *s)
{
	if (!vec_reserve(&s->tokens, (uint64_t)s->tokens.n + SOURCE_PADDING))
		return -ENOMEM;
	for (uint32_t i = 0; i < SOURCE_PADDING; i++)
		s->tokens.at[s->tokens.n + i] = (struct token){
			.type = TOKEN_SIGN, .indent = UINT32_MAX, .inside = { -1, -1, -1 }
		};
	return 0;
}

int source_lex(struct source *s)
{
	struct lexer x = { .source = s, .line = s->first_line, .line_start = true };
	int rc = vec_push(&s->tokens, (struct token){ .type = TOKEN_SIGN, .line = s->first_line });

	while (!rc && x.at < s->bytes && s->tokens.n < SOURCE_TOKENS_MAX) {
		char c = peek(&x, 0);
		if (isspace((unsigned char)c) || c == '\\') {
			x.indent += x.line_start ? (c == '\t' ? 8 - x.indent % 8 : 1) : 0;
			step(&x);
		} else if (!skip_comment(&x)) {
			rc = lex_one(&x);
		}
	}
	return rc ? rc : pad(s) ? -ENOMEM : pair(s);
}

bool token_is(const struct source *s, uint32_t i, const char *word)
{
	if (!i || i >= s->tokens.n)
		return false;
	const struct token *t = &s->tokens.at[i];
	return t->type != TOKEN_STRING && strlen(word) == t->bytes &&
	       !memcmp(s->text + t->start, word, t->bytes);
}

bool token_same(const struct source *s, uint32_t a, uint32_t b)
{
	const struct token *x = &s->tokens.at[a], *y = &s->tokens.at[b];

	return x->type == y->type && x->bytes == y->bytes &&
	       !memcmp(s->text + x->start, s->text + y->start, x->bytes);
}

bool token_in(const struct source *s, uint32_t i, const char *const *words)
{
	for (; *words; words++)
		if (token_is(s, i, *words))
			return true;
	return false;
}

bool token_is_variable(const struct source *s, uint32_t i)
{
	return s->tokens.at[i].type == TOKEN_NAME && !token_is(s, i - 1, ".") &&
	       !token_is(s, i - 1, "->") && !token_is(s, i - 1, "::");
}

bool token_is_constant(const struct source *s, uint32_t i)
{
	static const char *const words[] = { "true", "false", "null", "nullptr", "nil", "None",
		"True", "False", "sizeof", "undefined", NULL };
	const struct token *t = &s->tokens.at[i];

	if (t->type != TOKEN_NAME || token_in(s, i, words))
		return true;
	bool upper = false;
	for (uint32_t k = 0; k < t->bytes; k++) {
		unsigned char c = (unsigned char)s->text[t->start + k];
		if (islower(c) || c >= 0x80)
			return false;
		upper |= isupper(c) != 0;
	}
	return upper && t->bytes > 1;
}

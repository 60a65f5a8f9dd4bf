/* Tokens and blocks of a source text; shared by the files of the source reader only. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_SOURCE_TREE_H
#define DETECT_SOURCE_TREE_H

#include "base/vec.h"
#include "detect/source.h"

enum { SOURCE_PADDING = 16 };

enum token_type { TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN };

struct token {
	uint8_t type;
	uint8_t bytes_sign; /* of a sign */
	uint32_t start, bytes, line;
	uint32_t match;    /* signs ( [ { and ) ] }: the other one; 0 = none */
	uint32_t indent;   /* Python: columns before the first token of a line, else UINT32_MAX */
	int32_t inside[3]; /* the innermost block of each enum block_type, -1 = none */
};

enum block_type { BLOCK_FUNCTION, BLOCK_LOOP, BLOCK_IF };

/* Half-open ranges of tokens. */
struct range {
	uint32_t from, to;
};

struct block {
	uint8_t type;
	bool counts; /* loop: for (init; condition; step) */
	bool each;   /* loop: over the elements of something */
	struct range all, head, body;
	struct range init, condition, step; /* counts: parts of the head */
	struct range variables, over;       /* each: parts of the head */
	int32_t parent;                     /* block, -1 = none */
};

struct source {
	char *text;
	uint32_t bytes, first_line;
	bool python;
	VEC(struct token)
	tokens;                   /* [0] is a sign that matches nothing, so that i - 1 is safe;
				   * SOURCE_PADDING empty ones follow the last */
	VEC(struct block) blocks; /* parents come before their children */
};

int source_lex(struct source *s);
int source_blocks(struct source *s);

/* Is token @i the text @word? Out of range is no. */
bool token_is(const struct source *s, uint32_t i, const char *word);
bool token_same(const struct source *s, uint32_t a, uint32_t b);
bool token_in(const struct source *s, uint32_t i, const char *const *words);
/* Is token @i a name that is not a field: no "." or "->" before it? */
bool token_is_variable(const struct source *s, uint32_t i);
/* A name in capitals, or a word for a constant. */
bool token_is_constant(const struct source *s, uint32_t i);

/* The innermost loop (or function) that has a token on @line; -1 = none. */
int32_t block_at_line(const struct source *s, uint32_t line, enum block_type type);
/* The nearest loop around block @b (not @b itself) inside the same function; -1 = none. */
int32_t block_outer_loop(const struct source *s, int32_t b);

/* Is the variable at token @name given a new value anywhere in @where? */
bool range_changes(const struct source *s, struct range where, uint32_t name);
/* Does @expression use a variable that @where changes? */
bool range_varies(const struct source *s, struct range expression, struct range where);
/* Does @expression pick one of many: a subscript that is no number, a call, % & >> ^? Local
 * variables are followed to their last definition before @before inside @function. */
bool range_selects(
	const struct source *s, struct range expression, struct range function, uint32_t before);
/* The value last given to the variable at token @name between @where.from and @before; empty when
 * there is none. */
struct range range_definition(
	const struct source *s, struct range where, uint32_t before, uint32_t name);
/* The token of the call of @callee nearest to @line; 0 = none within 3 lines. */
uint32_t call_near(const struct source *s, uint32_t line, const char *callee);
/* The number of the parameter that token @name refers to in function block @f, or -1. */
int function_parameter(const struct source *s, int32_t f, uint32_t name);
/* Python: a list searched or shifted by one expression on @line (source_python.c). */
bool python_search(const struct source *s, uint32_t line, struct source_search *ret);
/* Python: the end of the value at @i when it is the same at every call: r"text", "re.I",
 * "settings.TEXT", or a name that only the module itself sets, once; else @i (source_python.c). */
uint32_t python_constant(const struct source *s, uint32_t i, uint32_t end);
/* Python: is the name at @i the prefix of a string with values in it, as f"{x}"? */
bool python_is_format(const struct source *s, uint32_t i);
/* Python: does @where call a method of the object at token @name, or read an attribute of it as a
 * call would change it? */
bool python_method_called(const struct source *s, struct range where, uint32_t name);
/* Copies the text of @r, cut to SOURCE_NAME_BYTES. */
void range_text(const struct source *s, struct range r, char *out);

#endif

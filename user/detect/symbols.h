/* Tables of symbols that mean the same in every program: libc, C++, Python, OpenSSL, zlib ... */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_SYMBOLS_H
#define DETECT_SYMBOLS_H

#include <stdbool.h>

enum symbol_class {
	SYMBOL_SETUP,  /* prepares something that is meant to be used many times */
	SYMBOL_SCAN,   /* reads a whole string, array or list to find or compare something */
	SYMBOL_COPY,   /* moves bytes */
	SYMBOL_GROW,   /* makes a block larger, and may copy it */
	SYMBOL_ALLOC,  /* takes memory */
	SYMBOL_FREE,   /* gives memory back */
	SYMBOL_CONCAT, /* puts two strings together */
	SYMBOL_CLASS_COUNT,
};

struct symbol_row {
	const char *pattern; /* of the function's name; '*' stands for any text */
	enum symbol_class class;
	const char *what; /* setup rows: what it does, as "compiles a regular expression" */
	const char *fix;  /* setup rows: what to do instead */
	bool once;        /* setup rows: a program needs it once per argument, so that doing it all
			   * the time is avoidable work; others need the source to say so */
	const char *callee; /* how source code writes the call, when not as the pattern; Python:
			     * several ways are divided by '|' */
	int inputs;         /* setup rows of Python: only so many first arguments count; 0 = all */
};

/* The row of the function @name, or NULL. */
const struct symbol_row *symbol_find(const char *name);
/* The row of the Python function @function of a library's @file, which the table knows by its
 * dotted name: "loads" of "/usr/lib/python3.11/json/__init__.py" is "json.loads". Or NULL. */
const struct symbol_row *symbol_find_python(const char *file, const char *function);
/* Is it the interpreter's loop itself, which only stands between Python code and what it calls? */
bool symbol_is_interpreter(const char *name);

/* Is @name code of a language's runtime or of a C library, in whatever file it is found: rows of
 * the table above, ifunc variants such as __strlen_avx2, start code, std:: ...? */
bool symbol_is_runtime(const char *name);

/* Is it of C++'s namespace std, or GNU's part of it? */
bool symbol_is_std(const char *name);

/* Copies the plain name a source would call into @out: "std::find<int*>(...)" -> "find",
 * "__strlen_avx2" -> "strlen", "regcomp@GLIBC" -> "regcomp". */
void symbol_plain(const char *name, char *out, unsigned int out_bytes);

#endif

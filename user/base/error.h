/* One error value that says what failed, on what, what to do about it, and how to exit. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

/* The process exit codes. They are part of the command line's contract (assay(1)). */
#define EXIT_CODES(X)                                                               \
	X(EXIT_FINE, 0, "fine")                                                     \
	X(EXIT_GATE, 1, "a gate failed or a step was rejected")                     \
	X(EXIT_USAGE, 2, "wrong usage")                                             \
	X(EXIT_SYSTEM, 3, "permission or kernel feature missing")                   \
	X(EXIT_TARGET, 4, "target not found, or gone before anything was captured") \
	X(EXIT_INPUT, 5, "bad input file")                                          \
	X(EXIT_NETWORK, 6, "network")                                               \
	X(EXIT_UNDECIDED, 7, "undecided")                                           \
	X(EXIT_OUTPUT, 8, "output cannot be written")                               \
	X(EXIT_BUG, 70, "a bug in assay")

enum exit_code {
#define X(name, number, text) name = number,
	EXIT_CODES(X)
#undef X
};

struct error {
	int code;            /* negative errno, 0 = no error */
	enum exit_code exit; /* how the command line should end; EXIT_FINE = derive from code */
	char text[640];      /* what failed, on what */
	char hint[640];      /* what to do about it; may be empty */
};

/* Fills @err (may be NULL) and returns @code (negative errno), so that a function can
 * `return error_set(err, -ENOENT, "no build id in '%s'", path);`. Clears the hint and exit. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set, and names the exit code the command should end with. */
int error_exit(struct error *err, enum exit_code exit, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Adds what to do about it. Returns @err->code (or 0 for NULL), to be returned in turn. */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* -ENOMEM with the standard text. */
int error_oom(struct error *err);

/* The exit code of @err: its own, or derived from the errno. */
enum exit_code error_exit_code(const struct error *err);

#endif

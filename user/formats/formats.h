/* The file formats a profile can be written as or read from: one table, one file per format. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_FORMATS_H
#define FORMATS_FORMATS_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "profile/profile.h"

struct format_ops {
	const char *name;   /* as in `--to NAME` */
	const char *suffix; /* of file names: ".folded" */
	const char *text;   /* one phrase for the help */

	/* Writes the samples of kind @kind to @out (borrowed, not closed; flushed). 0, -ENOMEM, or
	 * -EIO and the like with EXIT_OUTPUT when @out takes no more. */
	int (*write)(const struct profile *p, enum sample_kind kind, FILE *out, struct error *err);

	/* Reads @n foreign bytes into a new profile (*ret, owned by the caller). -EBADMSG with
	 * EXIT_INPUT and the place in the file when they are not of this format, -ENOMEM. NULL
	 * where a format can only be written. */
	int (*read)(const char *bytes, size_t n, struct profile **ret, struct error *err);
};

/* The format called @name, or NULL. */
const struct format_ops *format_find(const char *name);

/* The @i-th format, or NULL behind the last. */
const struct format_ops *format_at(size_t i);

/* Flushes @out and turns its error flag into -EIO (or the errno of the flush) with EXIT_OUTPUT;
 * what every writer returns at its end. */
int format_flush(FILE *out, struct error *err);

/* One row of the table each; what they hold is described at the top of their files. */
extern const struct format_ops format_folded;
extern const struct format_ops format_pprof;
extern const struct format_ops format_html;

struct flame_options {
	enum sample_kind kind;
	const char *title; /* heading of the page; NULL = the name of the target */
};

/* Writes the interactive flame graph of @p to @out as one HTML file that needs nothing else: no
 * network, no other files. Errors as format_ops.write. */
int flame_write(
	const struct profile *p, const struct flame_options *options, FILE *out, struct error *err);

#endif

/* Opening a recording that may be anything, without changing it. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef RECORDING_OPEN_H
#define RECORDING_OPEN_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

/* An open recording. Start from all zero; opened_done releases it. */
struct opened {
	sqlite3 *db;
	uint64_t bytes; /* of the file and its log: what the effort of reading is measured by */
	uint64_t steps_left; /* thousands of database steps until reading is given up */
	char *copy;          /* folder of the private copy, removed by opened_done; or NULL */
};

/* Opens @path for reading: checks that it is a regular file, a recording of a known version, not
 * being recorded, and that its schema is exactly ours. A log that a killed recorder left is applied
 * to a private copy in $TMPDIR. Errors as recording_read. */
int opened_init(struct opened *o, const char *path, struct error *err);
void opened_done(struct opened *o);

/* Turns the database's last error into ours; @path is for the text. */
int opened_error(const struct opened *o, const char *path, struct error *err);

/* The error for content that cannot be: "recording 'PATH' is damaged: ..." */
int opened_damaged(const char *path, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif

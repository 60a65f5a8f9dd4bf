/*
 * The recording: a profile as one SQLite file that anybody can query (assay-recording(5)).
 *
 *	create --> write, about once a second --> finish --> close        one finished file
 *	                    \--> killed, or close alone                   an unfinished one
 *
 * While it is written, the file has a write-ahead log beside it and is locked against readers;
 * every write is one transaction. Whatever ends the recorder, all that was committed reads back.
 * finish leaves a single file without log, synced to the disk.
 */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef RECORDING_RECORDING_H
#define RECORDING_RECORDING_H

#include <stdbool.h>

#include "base/error.h"
#include "profile/profile.h"

struct recording;

/* Creates the file @path, readable by its owner only; never through a symbolic link. An existing
 * regular file is replaced when @overwrite, else -EEXIST. Other errors: -EINVAL (not a regular
 * file), the errno of the system; all EXIT_OUTPUT. *ret is released with recording_close. */
int recording_create(const char *path, bool overwrite, struct recording **ret, struct error *err);

/* Appends what is new in @p, in one transaction: rows of all tables, changed ones again, and the
 * samples of all buckets but the newest. With @discard_written these samples leave @p when they
 * are committed, so that memory does not grow with time. @p must be the same profile at every
 * call. -ENOSPC or -EIO with EXIT_OUTPUT when the file takes no more: what was committed before
 * stays readable, and every later call fails alike. */
int recording_write(
	struct recording *r, struct profile *p, bool discard_written, struct error *err);

/* Writes all that is left, also the newest bucket and the sources and libraries, marks the
 * recording as finished and makes it one synced file. Samples stay in @p. Errors as
 * recording_write. Only recording_close may follow. */
int recording_finish(struct recording *r, struct profile *p, struct error *err);

/* Releases @r (NULL is fine). Without recording_finish an unfinished recording stays behind. */
void recording_close(struct recording *r);

/* Reads a recording into a new profile (*ret; profile_free). Any bytes may be in the file; it is
 * not changed, and its folder need not be writable. A recording whose recorder was killed reads as
 * far as it was committed (capture.unfinished). All errors are EXIT_INPUT: the errno of opening
 * it, -EBUSY while it is recorded, -EBADMSG (not a recording, of a newer assay, damaged) but
 * -ENOMEM. */
int recording_read(const char *path, struct profile **ret, struct error *err);

#endif

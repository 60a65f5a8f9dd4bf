/* Which stacks pass through a function, and the profile of those alone. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PROFILE_FILTER_H
#define PROFILE_FILTER_H

#include <stdbool.h>

#include "base/error.h"
#include "profile/profile.h"

/* Marks the stacks that contain a frame whose shown name (profile_frame_name) matches @focus: a
 * part of the name, or "/.../" for a POSIX extended regular expression. *ret_marks (heap, caller
 * frees) has one flag per row of p->stacks. -ENOENT when no frame matches, -EINVAL for an empty
 * @focus or a bad expression (both EXIT_USAGE), -ENOMEM. */
int profile_focus(const struct profile *p, const char *focus, bool **ret_marks, struct error *err);

/* A new profile (caller frees) with the samples of the stacks that profile_focus marks, and the
 * processes, threads, mappings, sources, losses and facts of @p. Its indexes are its own. */
int profile_filter(
	const struct profile *p, const char *focus, struct profile **ret, struct error *err);

#endif

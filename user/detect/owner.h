/* Whose code a frame is: own code can be changed, libraries can be called differently. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef DETECT_OWNER_H
#define DETECT_OWNER_H

#include "detect/detect.h"

/* The owner of code at @path (a module or a source file), by a table of path rules; the first row
 * that matches decides, and what no row knows is own code. "" is own. */
enum owner owner_of_path(const char *path);

/* The owner of @frame: by its kind, then its symbol (the C runtime and well-known libraries may be
 * linked in), then its source file (templates inlined from /usr/include), then its module. */
enum owner owner_of_frame(const struct profile *p, uint32_t frame);

/* Matches @text against @pattern, in which '*' stands for any text. */
bool owner_glob(const char *pattern, const char *text);

#endif

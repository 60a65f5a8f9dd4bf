/* The kernel's "[vdso]" as a file. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef SYMBOLIZE_VDSO_H
#define SYMBOLIZE_VDSO_H

#include "base/error.h"

/* Copies this process's vdso into a memory file: its descriptor, the caller's to close; -ENOENT:
 * there is none; -errno of memfd_create or write. */
int vdso_open(struct error *err);

#endif

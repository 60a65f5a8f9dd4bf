/* uthash, set up so that running out of memory is an error to handle and never an abort. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef BASE_HASH_H
#define BASE_HASH_H

/* After HASH_ADD_*, an element whose hh.tbl is NULL was not added for want of memory. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)
#include <uthash.h>

#endif

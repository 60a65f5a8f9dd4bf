/* The one cleanup idiom of user space: a variable names the function that releases it. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* `CLEANUP(fd_closep) int fd = open(...);` calls fd_closep(&fd) when fd leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Takes a pointer out of a CLEANUP variable: `*ret_image = STEAL(image);` */
#define STEAL(p)                            \
	({                                  \
		__typeof__(p) steal_ = (p); \
		(p) = NULL;                 \
		steal_;                     \
	})

/* Defines TYPE_fn_p(TYPE **) for CLEANUP from a destructor that takes a pointer or NULL. */
#define CLEANUP_DEFINE(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		fn(*p);                   \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline int fd_steal(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* For strbufs on the stack. */
#define CLEANUP_STRBUF CLEANUP(strbuf_done)

static inline void file_closep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

#endif

/* One error value that says what failed, on what, what to do about it, and how to exit. */
// SPDX-License-Identifier: BSD-2-Clause
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void set(
	struct error *err, enum exit_code exit, int code, const char *fmt, va_list ap)
{
	if (!err)
		return;
	/* The text may quote err->text itself (wrapping), so format into a copy first. */
	char text[sizeof(err->text)];
	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(err->text, text, sizeof(text));
	err->hint[0] = 0;
	err->code = code;
	err->exit = exit;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(err, EXIT_FINE, code, fmt, ap);
	va_end(ap);
	return code;
}

int error_exit(struct error *err, enum exit_code exit, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(err, exit, code, fmt, ap);
	va_end(ap);
	return code;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return 0;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return err->code;
}

int error_oom(struct error *err)
{
	return error_exit(err, EXIT_SYSTEM, -ENOMEM, "out of memory");
}

enum exit_code error_exit_code(const struct error *err)
{
	if (err->exit != EXIT_FINE)
		return err->exit;
	switch (-err->code) {
	case EINVAL:
		return EXIT_USAGE;
	case EPERM:
	case EACCES:
	case ENOSYS:
	case EOPNOTSUPP:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return EXIT_SYSTEM;
	case ESRCH:
		return EXIT_TARGET;
	case ENOENT:
	case EBADMSG:
		return EXIT_INPUT;
	case ENOSPC:
	case EROFS:
	case EIO:
	case EEXIST:
		return EXIT_OUTPUT;
	}
	return EXIT_BUG;
}

/* Where CPython keeps its frames: found by symbols in the interpreter's ELF file. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef UNWIND_PYTHON_LAYOUT_H
#define UNWIND_PYTHON_LAYOUT_H

#include <linux/types.h>
#include <stdint.h>

#include "base/error.h"
#include "elf/image.h"
#include "wire/python.h"

/* ELF virtual addresses of the interpreter in one file. */
struct python_image {
	uint64_t runtime;
	struct {
		uint64_t start, end;
	} eval[2];
	struct python_layout layout;
};

/*
 * Finds CPython in an executable or libpython, whatever it is called: by the exported symbols
 * _PyRuntime and _PyEval_EvalFrameDefault. Versions 3.13 and later describe themselves
 * (_Py_DebugOffsets at the start of _PyRuntime), 3.9 to 3.12 are in a table.
 * -ENOENT: no CPython here; -ENOTSUP with a text: a CPython that cannot be read (free-threaded,
 * older than 3.9, newer than 3.15); -EBADMSG: contradictory offsets.
 */
int python_image_find(struct elf_image *image, struct python_image *ret, struct error *err);

#endif

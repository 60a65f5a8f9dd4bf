/* From an instruction of a Python code object to its source line. Pure. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef UNWIND_PYTHON_LINES_H
#define UNWIND_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

/*
 * The line of the instruction at byte offset @instruction, by the line table of a code object of
 * CPython @version (0x0309 ...): co_lnotab before 3.10 (Objects/lnotab_notes.txt), PEP 626's
 * co_linetable in 3.10, the location table from 3.11 on (Objects/locations.md). 0 when the table
 * does not say (no line, or it was cut before).
 */
uint32_t python_line(uint32_t version, const uint8_t *table, size_t bytes, uint32_t first_line,
	uint32_t instruction);

#endif

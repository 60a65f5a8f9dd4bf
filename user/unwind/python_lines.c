/* From an instruction of a Python code object to its source line. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/python_lines.h"

#include <stdbool.h>

/* Pairs of (bytes of code, change of line); the change comes after the code. */
static uint32_t line_lnotab(const uint8_t *at, size_t n, int64_t line, uint32_t instruction)
{
	uint64_t offset = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		offset += at[i];
		if (offset > instruction)
			break;
		line += (int8_t)at[i + 1];
	}
	return line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
}

/* Pairs of (bytes of code, change of line before them); -128 = these have no line. */
static uint32_t line_pep626(const uint8_t *at, size_t n, int64_t line, uint32_t instruction)
{
	uint64_t end = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		int8_t change = (int8_t)at[i + 1];

		end += at[i];
		if (change != -128)
			line += change;
		if (instruction < end)
			return change == -128 || line <= 0 ? 0 : (uint32_t)line;
	}
	return 0;
}

static uint64_t read_varint(const uint8_t *at, size_t n, size_t *i)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; *i < n; shift += 6) {
		uint8_t byte = at[(*i)++];

		if (shift < 60)
			value |= (uint64_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40))
			break;
	}
	return value;
}

static int64_t read_signed_varint(const uint8_t *at, size_t n, size_t *i)
{
	uint64_t value = read_varint(at, n, i);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Entries begin with a byte of which bit 7 is set: 4 bits of kind, 3 bits of length - 1. */
static uint32_t line_locations(const uint8_t *at, size_t n, int64_t line, uint32_t instruction)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n;) {
		uint8_t kind = at[i] >> 3 & 15;
		bool has_line = kind != 15;

		end += 2 * ((at[i] & 7) + 1U);
		i++;
		if (kind == 14) { /* long form */
			line += read_signed_varint(at, n, &i);
			read_varint(at, n, &i);
			read_varint(at, n, &i);
			read_varint(at, n, &i);
		} else if (kind == 13) { /* no columns */
			line += read_signed_varint(at, n, &i);
		} else if (kind >= 10 && kind <= 12) { /* one line, 0 to 2 further */
			line += kind - 10;
			i += 2;
		} else if (kind < 10) { /* short form: same line */
			i += 1;
		}
		if (instruction < end)
			return has_line && line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
	}
	return 0;
}

uint32_t python_line(uint32_t version, const uint8_t *table, size_t bytes, uint32_t first_line,
	uint32_t instruction)
{
	if (version < 0x030a)
		return line_lnotab(table, bytes, first_line, instruction);
	if (version == 0x030a)
		return line_pep626(table, bytes, first_line, instruction);
	return line_locations(table, bytes, first_line, instruction);
}

/*
 * Names and lines of Python frames.
 *
 * A code object is known by process and address. The kernel half sends it at first sight; what it
 * could not send (too many at once, names that are not ASCII, long line tables) is read from the
 * process here, while it lives. An address can be reused by another code object: once a drain,
 * each code object that is sampled is compared with the process again (its file name and line
 * table are other objects then).
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "capture/private.h"
#include "proc/process.h"
#include "unwind/python_lines.h"

enum { LINES_BYTES_MAX = 1 << 20, CODES_MAX = 1 << 20 };

struct code_key {
	uint64_t code;
	uint32_t pid, pad;
};

struct python_code {
	struct code_key key;
	UT_hash_handle hh;
	uint64_t identity;
	uint32_t name, file; /* strings of the profile; 0 = not known */
	uint32_t first_line;
	uint32_t lines_bytes;
	uint32_t lines_length;  /* in the process */
	uint32_t checked_drain; /* when it was compared with the process last */
	uint8_t *lines;         /* owned */
};

static struct code_key key_of(pid_t pid, uint64_t code)
{
	struct code_key key;

	memset(&key, 0, sizeof(key));
	key.code = code;
	key.pid = (uint32_t)pid;
	return key;
}

static struct python_code *code_find(struct capture *c, pid_t pid, uint64_t code)
{
	struct code_key key = key_of(pid, code);
	struct python_code *found;

	HASH_FIND(hh, c->codes, &key, sizeof(key), found);
	return found;
}

static struct python_code *code_get(struct capture *c, pid_t pid, uint64_t code)
{
	struct python_code *found = code_find(c, pid, code);

	if (found || HASH_COUNT(c->codes) >= CODES_MAX)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found)
		return NULL;
	found->key = key_of(pid, code);
	HASH_ADD(hh, c->codes, key, sizeof(found->key), found);
	if (!found->hh.tbl) {
		free(found);
		return NULL;
	}
	return found;
}

static void code_free(struct capture *c, struct python_code *code)
{
	HASH_DEL(c->codes, code);
	free(code->lines);
	free(code);
}

void python_forget(struct capture *c, pid_t pid)
{
	struct python_code *code, *next;

	HASH_ITER (hh, c->codes, code, next)
		if (code->key.pid == (uint32_t)pid)
			code_free(c, code);
}

void python_done(struct capture *c)
{
	struct python_code *code, *next;

	HASH_ITER (hh, c->codes, code, next)
		code_free(c, code);
}

static int lines_set(struct python_code *code, const void *bytes, uint32_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, n);
	free(code->lines);
	code->lines = copy;
	code->lines_bytes = n;
	return 0;
}

int python_code_add(void *context, const struct wire_code *w, uint32_t bytes)
{
	struct capture *c = context;

	if (bytes < sizeof(*w) - PYTHON_LINES_BYTES || w->name_bytes > PYTHON_NAME_BYTES ||
		w->file_bytes > PYTHON_FILE_BYTES ||
		w->lines_bytes > bytes - (sizeof(*w) - PYTHON_LINES_BYTES))
		return 0;
	struct python_code *code = code_get(c, (pid_t)w->pid, w->code);
	if (!code)
		return -ENOMEM;
	int64_t name = 0, file = 0;
	/* Cut names are read in full by code_read(). */
	if (w->name_bytes < PYTHON_NAME_BYTES)
		name = profile_string_n(c->profile, w->text, w->name_bytes);
	if (w->file_bytes < PYTHON_FILE_BYTES)
		file = profile_string_n(c->profile, w->text + PYTHON_NAME_BYTES, w->file_bytes);
	if (name < 0 || file < 0)
		return -ENOMEM;
	code->name = (uint32_t)name;
	code->file = (uint32_t)file;
	code->first_line = w->first_line;
	code->identity = w->identity;
	code->lines_length = w->lines_length;
	code->checked_drain = c->drains;
	return lines_set(code, w->text + PYTHON_NAME_BYTES + PYTHON_FILE_BYTES, w->lines_bytes);
}

/* ---- reading from the process ---- */

static uint64_t word_at(const uint8_t *bytes, uint16_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

/* A str object as UTF-8: its characters are 1, 2 or 4 bytes wide. */
static int64_t text_read(struct capture *c, struct process *p, uint64_t at)
{
	const struct python_layout *l = p->python;
	uint8_t head[64];
	uint32_t state;

	if (l->text_ascii > 56 || proc_memory_read(p->pid, at, head, sizeof(head)))
		return 0;
	uint64_t length = word_at(head, l->text_length);
	memcpy(&state, head + l->text_state, sizeof(state));
	/* The flags behind "interned", which has 2 bits, or 16 from 3.14 on. */
	unsigned int shift = l->version >= 0x030e ? 16 : 2;
	unsigned int width = state >> shift & 7;
	bool ascii = state >> (shift + 4) & 1;
	if (length > PROFILE_STRING_BYTES)
		length = PROFILE_STRING_BYTES;
	if (width != 1 && width != 2 && width != 4)
		return 0;
	/* Compact, but not ASCII: utf8 length and pointer (and wstr length before 3.12) follow. */
	uint64_t start = l->text_ascii + (ascii ? 0 : l->version >= 0x030c ? 16 : 24);
	CLEANUP(freep) uint8_t *data = malloc(length * width + 1);
	CLEANUP_STRBUF struct strbuf text = { 0 };
	if (!data)
		return -ENOMEM;
	if (proc_memory_read(p->pid, at + start, data, length * width))
		return 0;
	for (uint64_t i = 0; i < length; i++) {
		uint32_t code_point = 0;

		memcpy(&code_point, data + i * width, width);
		text_encode(&text, code_point);
	}
	return text.oom ? -ENOMEM : profile_string_n(c->profile, strbuf_cstr(&text), text.length);
}

/* Reads all of the code object; what is gone stays unknown. */
static int code_read(struct capture *c, struct process *p, struct python_code *code)
{
	const struct python_layout *l = p->python;
	uint8_t head[256];
	uint64_t length;

	if (l->code_lines > 240 || l->code_filename > 240 || l->code_name > 240 ||
		proc_memory_read(p->pid, code->key.code, head, sizeof(head)))
		return 0;
	uint64_t file = word_at(head, l->code_filename), lines = word_at(head, l->code_lines);
	uint64_t name =
		word_at(head, l->code_qualname == PYTHON_NONE ? l->code_name : l->code_qualname);
	memcpy(&code->first_line, head + l->code_first_line, sizeof(code->first_line));
	code->identity = file ^ lines;
	int64_t name_string = text_read(c, p, name), file_string = text_read(c, p, file);
	if (name_string < 0 || file_string < 0)
		return -ENOMEM;
	code->name = (uint32_t)name_string;
	code->file = (uint32_t)file_string;
	if (proc_memory_read(p->pid, lines + l->bytes_length, &length, sizeof(length)) ||
		length > LINES_BYTES_MAX)
		return 0;
	CLEANUP(freep) uint8_t *table = malloc(length + 1);
	if (!table)
		return -ENOMEM;
	code->lines_length = (uint32_t)length;
	if (proc_memory_read(p->pid, lines + l->bytes_data, table, length))
		return 0;
	return lines_set(code, table, (uint32_t)length);
}

/* Whether the process has another code object at this address by now. */
static bool code_is_other(struct process *p, const struct python_code *code)
{
	const struct python_layout *l = p->python;
	uint8_t head[256];

	if (l->code_lines > 240 || l->code_filename > 240 ||
		proc_memory_read(p->pid, code->key.code, head, sizeof(head)))
		return false; /* gone: what is known is all there will be */
	return (word_at(head, l->code_filename) ^ word_at(head, l->code_lines)) != code->identity;
}

int64_t python_frame(struct capture *c, struct process *p, uint64_t address, uint32_t instruction)
{
	struct profile_frame f = { .kind = FRAME_PYTHON };
	struct python_code *code = p->python ? code_get(c, p->pid, address) : NULL;

	if (!code) {
		c->python_unread++;
		return profile_frame(c->profile, &f);
	}
	bool complete = code->name && code->file && code->lines_bytes == code->lines_length;
	if (code->checked_drain != c->drains) {
		code->checked_drain = c->drains;
		if (code->identity && code_is_other(p, code)) {
			c->python_reused++;
			complete = false;
		} else if (!complete && code->identity) {
			complete = true; /* it was tried in an earlier drain */
		}
	}
	if (!complete) {
		int r = code_read(c, p, code);

		if (r)
			return r;
	}
	c->python_unread += !code->name;
	f.function = code->name;
	f.file = code->file;
	if (code->lines)
		f.line = python_line(p->python->version, code->lines, code->lines_bytes,
			code->first_line, instruction);
	return profile_frame(c->profile, &f);
}

/*
 * Where CPython keeps its frames: found by symbols in the interpreter's ELF file.
 *
 * Sources: Include/internal/pycore_{runtime,interp,frame,debug_offsets}.h and Include/cpython/
 * {code,unicodeobject}.h of each version. 3.9 to 3.12 cannot describe themselves; their offsets
 * were printed by a program compiled against those headers.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/python_layout.h"

#include <errno.h>
#include <string.h>

enum {
	VERSION_3_9 = 0x0309,
	VERSION_3_10,
	VERSION_3_11,
	VERSION_3_12,
	VERSION_3_13,
	VERSION_3_14,
	VERSION_3_15
};

static const struct python_layout old_layouts[] = {
	{
		.version = VERSION_3_9,
		.runtime_interpreters = 32,
		.interpreter_threads = 8,
		.thread_next = 8,
		.thread_id = 176,
		.thread_frame = 24,
		.cframe_frame = PYTHON_NONE,
		.frame_previous = 24,
		.frame_code = 32,
		.frame_instruction = 104,
		.frame_owner = 108,
		.frame_bytes = 112,
		.code_name = 112,
		.code_qualname = PYTHON_NONE,
		.code_filename = 104,
		.code_first_line = 40,
		.code_lines = 120,
		.code_instructions = PYTHON_NONE,
		.text_length = 16,
		.text_state = 32,
		.text_ascii = 48,
		.bytes_length = 16,
		.bytes_data = 32,
		.entry = PYTHON_ENTRY_EACH,
		.instruction_scale = 1,
	},
	{
		.version = VERSION_3_10,
		.runtime_interpreters = 32,
		.interpreter_threads = 8,
		.thread_next = 8,
		.thread_id = 176,
		.thread_frame = 24,
		.cframe_frame = PYTHON_NONE,
		.frame_previous = 24,
		.frame_code = 32,
		.frame_instruction = 96,
		.frame_owner = 100,
		.frame_bytes = 104,
		.code_name = 112,
		.code_qualname = PYTHON_NONE,
		.code_filename = 104,
		.code_first_line = 40,
		.code_lines = 120,
		.code_instructions = PYTHON_NONE,
		.text_length = 16,
		.text_state = 32,
		.text_ascii = 48,
		.bytes_length = 16,
		.bytes_data = 32,
		.entry = PYTHON_ENTRY_EACH,
		.instruction_scale = 2,
	},
	{
		.version = VERSION_3_11,
		.runtime_interpreters = 40,
		.interpreter_threads = 16,
		.thread_next = 8,
		.thread_id = 152,
		.thread_frame = 56,
		.cframe_frame = 8,
		.cframe_previous = 16,
		.frame_previous = 48,
		.frame_code = 32,
		.frame_instruction = 56,
		.frame_owner = 68,
		.frame_bytes = 80,
		.code_name = 120,
		.code_qualname = 128,
		.code_filename = 112,
		.code_first_line = 72,
		.code_lines = 136,
		.code_instructions = 184,
		.text_length = 16,
		.text_state = 32,
		.text_ascii = 48,
		.bytes_length = 16,
		.bytes_data = 32,
		.entry = PYTHON_ENTRY_FLAG,
	},
	{
		.version = VERSION_3_12,
		.runtime_interpreters = 40,
		.interpreter_threads = 72,
		.thread_next = 8,
		.thread_id = 136,
		.thread_frame = 56,
		.cframe_frame = 0,
		.cframe_previous = 8,
		.frame_previous = 8,
		.frame_code = 0,
		.frame_instruction = 56,
		.frame_owner = 70,
		.frame_bytes = 80,
		.code_name = 120,
		.code_qualname = 128,
		.code_filename = 112,
		.code_first_line = 68,
		.code_lines = 136,
		.code_instructions = 192,
		.text_length = 16,
		.text_state = 32,
		.text_ascii = 40,
		.bytes_length = 16,
		.bytes_data = 32,
		.entry = PYTHON_ENTRY_OWNER,
	},
};

/* Which 64-bit word of _Py_DebugOffsets holds what; the structure grows in the middle. */
struct debug_words {
	uint32_t version;
	uint8_t interpreters, interpreter_next, threads, thread_next, current_frame, thread_id;
	uint8_t frame_previous, frame_executable, frame_instruction, frame_owner;
	uint8_t code_filename, code_name, code_qualname, code_lines, code_first_line,
		code_instructions;
	uint8_t bytes_length, bytes_data, text_state, text_length, text_ascii;
};

/* A loop of this size only dispatches: its instructions are functions (3.14's tail calls). */
enum { DISPATCH_BYTES_MAX = 8192 };

enum { DEBUG_VERSION = 1, DEBUG_FREE_THREADED = 2, DEBUG_WORDS = 96 };

static const struct debug_words debug_words[] = {
	{ VERSION_3_13, 5, 8, 9, 21, 23, 24, 29, 30, 31, 33, 35, 36, 37, 38, 39, 43, 65, 66, 68, 69,
		70 },
	{ VERSION_3_14, 5, 8, 9, 24, 26, 27, 32, 33, 34, 36, 40, 41, 42, 43, 44, 48, 75, 76, 78, 79,
		80 },
	{ VERSION_3_15, 5, 8, 9, 24, 26, 30, 40, 41, 42, 44, 48, 49, 50, 51, 52, 56, 87, 88, 90, 91,
		92 },
};

/* ---- symbols ---- */

struct found {
	uint64_t runtime, eval, eval_bytes, cold, cold_bytes, version;
	bool has_new_reference; /* Py_NewRef: 3.10 */
	bool has_get_code;      /* PyFrame_GetCode: 3.9 */
};

static int symbol_look(void *context, const struct elf_symbol *s)
{
	struct found *f = context;

	if (!strcmp(s->name, "_PyRuntime")) {
		f->runtime = s->vaddr;
	} else if (!strcmp(s->name, "_PyEval_EvalFrameDefault")) {
		f->eval = s->vaddr;
		f->eval_bytes = s->size;
	} else if (!strncmp(s->name, "_PyEval_EvalFrameDefault.cold", 29)) {
		f->cold = s->vaddr;
		f->cold_bytes = s->size;
	} else if (!strcmp(s->name, "Py_Version")) {
		f->version = s->vaddr;
	} else if (!strcmp(s->name, "Py_NewRef")) {
		f->has_new_reference = true;
	} else if (!strcmp(s->name, "PyFrame_GetCode")) {
		f->has_get_code = true;
	}
	return 0;
}

/* Copies @bytes of loaded data at @vaddr from the file. */
static bool data_read(struct elf_image *image, uint64_t vaddr, void *to, size_t bytes)
{
	static const char *const sections[] = { ".PyRuntime", ".data", ".rodata", ".data.rel.ro" };

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		struct elf_bytes b;

		if (elf_image_section(image, sections[i], &b, NULL) || vaddr < b.vaddr ||
			vaddr - b.vaddr > b.n || b.n - (vaddr - b.vaddr) < bytes)
			continue;
		memcpy(to, b.at + (vaddr - b.vaddr), bytes);
		return true;
	}
	return false;
}

static uint32_t version_of(struct elf_image *image, const struct found *f)
{
	uint64_t hex;

	if (f->version && data_read(image, f->version, &hex, sizeof(hex)))
		return (uint32_t)(hex >> 16 & 0xffff);
	return f->has_new_reference ? VERSION_3_10 : f->has_get_code ? VERSION_3_9 : 0;
}

/* ---- self-description ---- */

static bool fits(const uint64_t *word, uint8_t at, uint64_t below, uint16_t *ret)
{
	*ret = (uint16_t)word[at];
	return word[at] < below;
}

static bool small(const uint64_t *word, uint8_t at, uint16_t *ret)
{
	return fits(word, at, 4096, ret);
}

static int layout_read(struct elf_image *image, uint64_t runtime, const struct debug_words *w,
	struct python_layout *l, struct error *err)
{
	uint64_t word[DEBUG_WORDS];

	if (!data_read(image, runtime, word, sizeof(word)) || memcmp(word, "xdebugpy", 8))
		return error_set(err, -EBADMSG, "CPython does not describe itself");
	if (word[DEBUG_FREE_THREADED])
		return error_set(err, -ENOTSUP, "free-threaded CPython cannot be read yet");
	*l = (struct python_layout){
		.version = w->version,
		.interpreter_threads = (uint32_t)word[w->threads],
		.cframe_frame = PYTHON_NONE,
		.entry = PYTHON_ENTRY_OWNER,
	};
	if (word[w->threads] > 1 << 24 || !small(word, w->interpreters, &l->runtime_interpreters) ||
		!fits(word, w->interpreter_next, UINT16_MAX, &l->interpreter_next) ||
		!small(word, w->thread_next, &l->thread_next) ||
		!small(word, w->current_frame, &l->thread_frame) ||
		!small(word, w->thread_id, &l->thread_id) ||
		!small(word, w->frame_previous, &l->frame_previous) ||
		!small(word, w->frame_executable, &l->frame_code) ||
		!small(word, w->frame_instruction, &l->frame_instruction) ||
		!small(word, w->frame_owner, &l->frame_owner) ||
		!small(word, w->code_filename, &l->code_filename) ||
		!small(word, w->code_name, &l->code_name) ||
		!small(word, w->code_qualname, &l->code_qualname) ||
		!small(word, w->code_lines, &l->code_lines) ||
		!small(word, w->code_first_line, &l->code_first_line) ||
		!small(word, w->code_instructions, &l->code_instructions) ||
		!small(word, w->bytes_length, &l->bytes_length) ||
		!small(word, w->bytes_data, &l->bytes_data) ||
		!small(word, w->text_state, &l->text_state) ||
		!small(word, w->text_length, &l->text_length) ||
		!small(word, w->text_ascii, &l->text_ascii))
		return error_set(err, -EBADMSG, "CPython's own offsets are out of range");
	/* All fields of a frame that are read, and not more than a window. */
	l->frame_bytes = 88;
	if (l->frame_owner >= 88 || l->frame_instruction > 80 || l->frame_code > 80 ||
		l->frame_previous > 80)
		return error_set(err, -EBADMSG, "CPython's frame offsets are out of range");
	return 0;
}

int python_image_find(struct elf_image *image, struct python_image *ret, struct error *err)
{
	struct found f = { 0 };

	if (elf_image_each_symbol(image, symbol_look, &f, NULL) || !f.runtime || !f.eval)
		return -ENOENT;
	uint32_t version = version_of(image, &f);

	*ret = (struct python_image){ .runtime = f.runtime };
	ret->eval[0].start = f.eval;
	ret->eval[0].end = f.eval + f.eval_bytes;
	ret->eval[1].start = f.cold;
	ret->eval[1].end = f.cold + f.cold_bytes;
	for (size_t i = 0; i < sizeof(old_layouts) / sizeof(*old_layouts); i++) {
		if (old_layouts[i].version != version)
			continue;
		ret->layout = old_layouts[i];
		return 0;
	}
	for (size_t i = 0; i < sizeof(debug_words) / sizeof(*debug_words); i++) {
		if (debug_words[i].version != version)
			continue;
		int r = layout_read(image, f.runtime, &debug_words[i], &ret->layout, err);

		ret->layout.tail_calls = version >= VERSION_3_14 && f.eval_bytes &&
					 f.eval_bytes < DISPATCH_BYTES_MAX;
		return r;
	}
	return error_set(err, -ENOTSUP, "CPython %u.%u cannot be read (3.9 to 3.15 can)",
		version >> 8, version & 0xff);
}

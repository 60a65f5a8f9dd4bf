/*
 * CPython as the kernel half sees it: where things lie in a process's memory, and the code objects
 * it tells user space about.
 *
 * Offsets are in bytes from the start of the named structure. They come from the interpreter's own
 * _Py_DebugOffsets (3.13 and later) or from a table by version (user/unwind/python_layout.c).
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef WIRE_PYTHON_H
#define WIRE_PYTHON_H

/*
 * How the frames of one call of the evaluation loop end, and how the native frame of that call is
 * told: by something of the interpreter's that lies on the C stack inside it, where there is such.
 */
enum python_entry {
	PYTHON_ENTRY_EACH,  /* 3.9, 3.10: one frame a call; the native frame is told by its code */
	PYTHON_ENTRY_FLAG,  /* 3.11: the frame with is_entry set is the last; cframe on the C stack
			     */
	PYTHON_ENTRY_OWNER, /* 3.12 on: an extra frame on the C stack, owner >= 3, follows the last
			     */
};

enum { PYTHON_NONE = 0xffff }; /* an offset that this version does not have */

struct python_layout {
	__u32 version; /* 0x030b = 3.11 */
	__u32 interpreter_threads;
	__u16 runtime_interpreters;
	__u16 interpreter_next; /* sub-interpreters are in one list with the main one */
	__u16 thread_next, thread_id;
	__u16 thread_frame; /* of the current frame, or of the cframe that has it */
	__u16 cframe_frame; /* PYTHON_NONE: thread_frame is the frame itself */
	__u16 cframe_previous;
	__u16 frame_previous, frame_code, frame_instruction, frame_owner, frame_bytes;
	__u16 code_name, code_qualname, code_filename, code_first_line, code_lines;
	__u16 code_instructions; /* PYTHON_NONE: frame_instruction is an index, not an address */
	__u16 text_length, text_state, text_ascii; /* of str objects */
	__u16 bytes_length, bytes_data;            /* of bytes objects */
	__u8 entry;                                /* enum python_entry */
	__u8 instruction_scale;                    /* of an index: bytes per instruction index */
	__u8 tail_calls; /* each instruction is a function of its own, called by the loop's frame */
	__u8 pad[3];
};

_Static_assert(sizeof(struct python_layout) == 60, "python_layout is part of the contract");

/* A process that runs CPython. Ranges are addresses in the process. */
struct python_process {
	__u64 runtime; /* _PyRuntime */
	struct {
		__u64 start, end;
	} eval[2]; /* _PyEval_EvalFrameDefault and its .cold part; empty when unknown */
	struct python_layout layout;
	__u32 pad;
};

_Static_assert(sizeof(struct python_process) == 104, "python_process is part of the contract");

/*
 * A Python frame takes two words of a sample: the code object's address with WIRE_FRAME_PYTHON on
 * top, then the offset of the instruction in bytes from the start of the code's instructions.
 */
#define WIRE_FRAME_PYTHON (1ULL << 61)

enum {
	PYTHON_SEGMENT_FRAMES =
		255, /* of one call of the loop; deeper ones are cut at their root */
	PYTHON_PROCESSES = 4096,
	PYTHON_SEEN = 16384, /* slots of code objects seen lately */
	PYTHON_NEW_PER_SAMPLE = 8,
	PYTHON_NAME_BYTES = 128,
	PYTHON_FILE_BYTES = 256,
	PYTHON_LINES_BYTES = 1024,
};

/* A code object at first sight. Text lengths are what stands in text[], cut when longer in the
 * process: qualified name, file name, then the line table. */
struct wire_code {
	__u32 type; /* WIRE_CODE */
	__u32 pid;
	__u64 time_ns;
	__u64 code;     /* address */
	__u64 identity; /* address of its file name xor of its line table: changes when reused */
	__u32 first_line;
	__u32 lines_length; /* in the process; more than lines_bytes means cut */
	__u16 name_bytes, file_bytes, lines_bytes, pad;
	char text[PYTHON_NAME_BYTES + PYTHON_FILE_BYTES + PYTHON_LINES_BYTES];
};

_Static_assert(sizeof(struct wire_code) == 48 + 1408, "wire_code is part of the contract");

#endif

/*
 * The Python step: the interpreter's own frames, put in the place of the native frame that runs
 * them.
 *
 * A segment is the Python frames of one call of the evaluation loop. It is collected ahead, into
 * w->python_words, one frame a step; then the native walk goes on until it has passed the frame of
 * that call. So frames stand in their true order when C code calls back into Python.
 *
 *   thread state <- cached by tid, else found in the interpreter's list by thread_id == fsbase
 *   frame        -> { code, previous, instruction, owner }, read through a window of its own
 *   SCANNING (a segment) -> READY (its native frame is awaited) -> SCANNING ... -> GONE
 *
 * Y1  The native frame of a segment is the one that has the segment's anchor on its part of the C
 *     stack: the cframe (3.11) or the extra frame that ends the segment (3.12 on). Before there
 *     was such a thing it is told by its code.
 * Y2  A code object is named at first sight (struct wire_code): `python_seen` remembers what was
 *     sent. What it forgets is sent again, what does not fit is read by user space later.
 * Y3  Python frames replace the native frame of the loop that runs them: its time is theirs. With
 *     tail calls, so does the function of the instruction that the loop has called.
 *
 * Cost: about 50 ns a frame. Kernel floor: 5.10.
 */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_UNWIND_PYTHON_H
#define BPF_UNWIND_PYTHON_H

#include "lib/emit.bpf.h"
#include "unwind/state.bpf.h"

/* Processes that run CPython, by unwind_process.python. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct python_process);
} python_processes SEC(".maps")
__weak;

/* The thread state of each thread, checked before use. Written by the walk. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} python_threads SEC(".maps")
__weak;

/* Code objects seen lately: pid << 48 ^ address, by a hash of both. Written by the walk. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} python_seen SEC(".maps")
__weak;

/* One wire_code under construction; key: enum walk_slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WALK_SLOT_COUNT);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct wire_code));
} python_scratch SEC(".maps")
__weak;

enum { PYTHON_THREADS_WALKED = 256 };

static __always_inline struct python_process *python_process_of(struct walk *w)
{
	__u32 number = w->process.python;

	return number ? bpf_map_lookup_elem(&python_processes, &number) : NULL;
}

static __always_inline bool python_read(void *to, __u64 from)
{
	return !bpf_probe_read_user(to, sizeof(__u64), (void *)from);
}

/* Looks for the thread state in the lists of all interpreters, newest threads first; 0 when it is
 * not among the first PYTHON_THREADS_WALKED. */
static __always_inline __u64 python_thread_search(
	const struct python_layout *l, __u64 runtime, __u64 id)
{
	__u64 interpreter, thread = 0, thread_id = 0;

	if (!python_read(&interpreter, runtime + l->runtime_interpreters) || !interpreter ||
		!python_read(&thread, interpreter + l->interpreter_threads))
		return 0;
	for (int i = 0; i < PYTHON_THREADS_WALKED; i++) {
		if (!thread) {
			if (!python_read(&interpreter, interpreter + l->interpreter_next) ||
				!interpreter ||
				!python_read(&thread, interpreter + l->interpreter_threads))
				return 0;
			continue;
		}
		if (!python_read(&thread_id, thread + l->thread_id))
			return 0;
		if (thread_id == id)
			return thread;
		if (!python_read(&thread, thread + l->thread_next))
			return 0;
	}
	return 0;
}

/* The thread state of the current thread, or 0. */
static __always_inline __u64 python_thread(const struct python_layout *l, __u64 runtime)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = task_thread_pointer(task), found = 0, thread_id = 0;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 *cached = bpf_map_lookup_elem(&python_threads, &tid);

	if (cached && python_read(&thread_id, *cached + l->thread_id) && thread_id == id)
		return *cached;
	found = python_thread_search(l, runtime, id);
	if (found)
		bpf_map_update_elem(&python_threads, &tid, &found, BPF_ANY);
	return found;
}

/* Finds the innermost segment's first frame and begins to collect it. */
static __always_inline void python_start(struct walk *w)
{
	struct python_process *p = python_process_of(w);
	__u64 thread, frame = 0;

	w->python_state = PYTHON_GONE;
	if (!p)
		return;
	const struct python_layout *l = &p->layout;
	thread = python_thread(l, p->runtime);
	if (!thread || !python_read(&frame, thread + l->thread_frame) || !frame)
		return;
	w->python_anchor = 0;
	if (l->cframe_frame != PYTHON_NONE) {
		w->python_anchor = frame;
		if (!python_read(&frame, frame + l->cframe_frame))
			return;
	}
	w->python_frame = frame;
	w->python_count = 0;
	w->python_natives = 0;
	w->python_state = PYTHON_SCANNING;
}

/* The segment was put in its place: begins the next one, of the call further out. */
static __always_inline void python_next(struct walk *w, const struct python_layout *l)
{
	__u64 frame = w->python_frame, anchor = w->python_anchor;

	w->python_count = 0;
	w->python_natives = 0;
	w->python_state = PYTHON_GONE;
	if (l->cframe_frame != PYTHON_NONE) {
		if (!python_read(&anchor, anchor + l->cframe_previous) || !anchor ||
			!python_read(&frame, anchor + l->cframe_frame))
			return;
		w->python_anchor = anchor;
		w->python_frame = frame;
	}
	if (frame)
		w->python_state = PYTHON_SCANNING;
}

/* Called when the native frame [low, high) at @ip has been walked. */
static __always_inline void python_enter(struct walk *w, __u64 ip, __u64 low, __u64 high)
{
	struct python_process *p;

	w->python_natives++;
	if (w->python_state != PYTHON_READY)
		return;
	p = python_process_of(w);
	if (!p)
		return;
	if (w->python_anchor) {
		if (w->python_anchor < low || w->python_anchor >= high)
			return;
	} else if (!((ip >= p->eval[0].start && ip < p->eval[0].end) ||
			   (ip >= p->eval[1].start && ip < p->eval[1].end))) {
		return;
	}
	/* volatile: the registers that are checked must be the ones that are used */
	__u32 n = *(volatile __u32 *)&w->frame_count, count = *(volatile __u32 *)&w->python_count;
	__u32 replaced = p->layout.tail_calls && w->python_natives > 1 ? 2 : 1;

	if (count && n >= replaced) {
		n -= replaced;
		if (n <= WIRE_USER_FRAMES && count <= PYTHON_SEGMENT_FRAMES &&
			n + 2 * count <= WIRE_USER_FRAMES &&
			!bpf_probe_read_kernel(
				&w->frames[n], count * 2 * sizeof(__u64), w->python_words))
			w->frame_count = n + 2 * count;
		else
			w->python_stop = STOP_DEPTH;
	}
	python_next(w, &p->layout);
}

/* Makes sure that [at, at + bytes) is in the Python window: frames are walked towards lower
 * addresses, so the window ends with the frame, but does not begin before the page of its start,
 * since what lies there may not be mapped. */
static __always_inline bool python_window(struct walk *w, __u64 at, __u32 bytes)
{
	__u64 offset = at - w->python_window_start;

	if (w->python_window_start && offset <= WINDOW_BYTES - bytes)
		return true;
	__u64 page = at & ~4095ULL, start = at + bytes - WINDOW_BYTES;

	if (start < page)
		start = page;
	if (at + bytes > start + WINDOW_BYTES)
		start = at + bytes - WINDOW_BYTES;
	if (bpf_probe_read_user(w->python_window, WINDOW_BYTES, (void *)start)) {
		w->python_window_start = 0;
		return false;
	}
	w->python_window_start = start;
	return true;
}

/* The word (or the byte) at @at, which lies in the window. */
static __always_inline __u64 python_word(struct walk *w, __u64 at)
{
	__u64 offset = at - w->python_window_start;

	if (offset > WINDOW_BYTES - 8)
		return 0;
	offset &= WINDOW_BYTES - 1;
	if (offset > WINDOW_BYTES - 8)
		return 0;
	return *(__u64 *)(w->python_window + offset);
}

static __always_inline __u8 python_byte(struct walk *w, __u64 at)
{
	__u64 offset = at - w->python_window_start;

	return offset < WINDOW_BYTES ? w->python_window[offset & (WINDOW_BYTES - 1)] : 0;
}

/* Copies the characters of a str object at @at to @to; returns how many bytes. Only one-byte
 * characters (compact ASCII) are copied here: user space reads the others. */
static __always_inline __u32 python_text(
	const struct python_layout *l, __u64 at, char *to, __u32 room)
{
	__u64 length;
	__u32 state;

	if (!python_read(&length, at + l->text_length) ||
		bpf_probe_read_user(&state, sizeof(state), (void *)(at + l->text_state)))
		return 0;
	if (!(state & 0x40)) /* ascii */
		return 0;
	__u32 n = length < room ? (__u32)length : room;

	/* The compiler knows the bound and would drop the mask, which 6.1 needs to see. */
	barrier_var(n);
	n &= 0x1ff;
	if (n > room || bpf_probe_read_user(to, n, (void *)(at + l->text_ascii)))
		return 0;
	return n;
}

/* Sends the names and lines of @code. */
static __always_inline void python_code_emit(
	struct walk *w, const struct python_layout *l, __u64 code)
{
	__u32 slot = WALK_ONCPU;
	struct wire_code *c = bpf_map_lookup_elem(&python_scratch, &slot);
	__u64 name, file, lines, length = 0;

	if (!c)
		return;
	if (!python_read(&file, code + l->code_filename) ||
		!python_read(&lines, code + l->code_lines) ||
		!python_read(&name, code + (l->code_qualname == PYTHON_NONE ? l->code_name
									    : l->code_qualname)) ||
		bpf_probe_read_user(&c->first_line, sizeof(c->first_line),
			(void *)(code + l->code_first_line)) ||
		!python_read(&length, lines + l->bytes_length))
		return;
	c->type = WIRE_CODE;
	c->pid = w->pid;
	c->time_ns = w->sample.time_ns;
	c->code = code;
	c->identity = file ^ lines;
	c->lines_length = (__u32)length;
	c->name_bytes = python_text(l, name, c->text, PYTHON_NAME_BYTES);
	c->file_bytes = python_text(l, file, c->text + PYTHON_NAME_BYTES, PYTHON_FILE_BYTES);

	__u32 n = length < PYTHON_LINES_BYTES ? (__u32)length : PYTHON_LINES_BYTES;
	barrier_var(n);
	n &= 0x7ff;
	if (n > PYTHON_LINES_BYTES ||
		bpf_probe_read_user(c->text + PYTHON_NAME_BYTES + PYTHON_FILE_BYTES, n,
			(void *)(lines + l->bytes_data)))
		n = 0;
	c->lines_bytes = n;
	__u64 size = sizeof(*c) - PYTHON_LINES_BYTES + n;
	if (size <= sizeof(*c))
		emit(c, size, LOSS_PYTHON_CODE);
}

static __always_inline void python_code_seen(
	struct walk *w, const struct python_layout *l, __u64 code)
{
	__u64 mark = code ^ (__u64)w->pid << 48;
	__u32 slot = (__u32)((mark * 0x9e3779b97f4a7c15ULL) >> 40) % PYTHON_SEEN;
	__u64 *seen = bpf_map_lookup_elem(&python_seen, &slot);

	if (!seen || *seen == mark || w->python_new >= PYTHON_NEW_PER_SAMPLE)
		return;
	*seen = mark;
	w->python_new++;
	python_code_emit(w, l, code);
}

static __always_inline void python_frame_add(
	struct walk *w, const struct python_layout *l, __u64 code, __u64 instruction)
{
	__u32 n = *(volatile __u32 *)&w->python_count;

	if (n >= PYTHON_SEGMENT_FRAMES) {
		w->python_stop = STOP_DEPTH;
		return;
	}
	if (l->code_instructions == PYTHON_NONE)
		instruction = (__u32)instruction * l->instruction_scale;
	else
		instruction -= code + l->code_instructions;
	w->python_words[2 * n] = (code & WIRE_FRAME_ADDRESS) | WIRE_FRAME_PYTHON;
	w->python_words[2 * n + 1] = instruction & 0xffffffff;
	w->python_count = n + 1;
	python_code_seen(w, l, code);
}

/* Collects one Python frame. Never ends the walk: what goes wrong ends the Python part only. */
static __always_inline long python_step(struct walk *w)
{
	struct python_process *p = python_process_of(w);
	__u64 frame = w->python_frame;

	if (!p || !frame) {
		w->python_state = w->python_count ? PYTHON_READY : PYTHON_GONE;
		return 0;
	}
	const struct python_layout *l = &p->layout;
	if (!python_window(w, frame, l->frame_bytes & 0x1ff)) {
		w->python_state = PYTHON_GONE;
		w->python_stop = STOP_STACK_READ;
		return 0;
	}
	__u64 code = python_word(w, frame + l->frame_code) & ~3ULL;
	__u64 instruction = python_word(w, frame + l->frame_instruction);
	__u8 owner = python_byte(w, frame + l->frame_owner);

	w->python_frame = python_word(w, frame + l->frame_previous);
	if (l->entry == PYTHON_ENTRY_OWNER && owner >= 3) {
		if (l->cframe_frame == PYTHON_NONE)
			w->python_anchor = frame;
		w->python_state = PYTHON_READY;
		return 0;
	}
	python_frame_add(w, l, code, instruction);
	if (l->entry == PYTHON_ENTRY_EACH || (l->entry == PYTHON_ENTRY_FLAG && owner))
		w->python_state = PYTHON_READY;
	return 0;
}

#endif

/* The records of the ring buffer: samples and process events, in the order they were taken. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

enum wire_record_type {
	WIRE_SAMPLE = 1,
	WIRE_FORK, /* a new process; new threads are known by their samples */
	WIRE_EXEC, /* a process replaced its program; its old mappings are gone */
	WIRE_CODE, /* a Python code object at first sight: struct wire_code */
	WIRE_EXIT, /* the last thread of a process ended */
};

/* A user frame is an address with these bits on top (x86-64 user addresses use 47 or 56 bits). */
#define WIRE_FRAME_GUESSED (1ULL << 63) /* found by frame pointer where no table had a rule */
#define WIRE_FRAME_EXACT   (1ULL << 62) /* the address itself, not a return address */
#define WIRE_FRAME_ADDRESS ((1ULL << 57) - 1)

enum wire_sample_flags {
	WIRE_SAMPLE_KERNEL_MODE = 1, /* the CPU was in the kernel */
	WIRE_SAMPLE_KTHREAD = 2,     /* a kernel thread or idle task: no user stack */
};

/* Followed by user_frames + kernel_frames addresses (__u64), user frames first, each leaf first. */
struct wire_sample {
	__u32 type; /* WIRE_SAMPLE */
	__u32 flags;
	__u64 time_ns;  /* CLOCK_MONOTONIC */
	__u64 start_ns; /* the process's start, CLOCK_BOOTTIME */
	__u32 pid, tid; /* in the initial pid namespace */
	__u16 kernel_frames, user_frames;
	__u16 cpu;
	__u8 stop; /* enum stop_reason */
	__u8 pad;
	char comm[16];
};

_Static_assert(sizeof(struct wire_sample) == 56, "wire_sample is part of the contract");

struct wire_process_event {
	__u32 type; /* WIRE_FORK, WIRE_EXEC, WIRE_EXIT */
	__u32 pid, tid;
	__u32 parent_pid; /* WIRE_FORK: the process that forked */
	__u64 time_ns;
	__u64 start_ns; /* as in wire_sample */
	char comm[16];
};

_Static_assert(sizeof(struct wire_process_event) == 48, "wire_process_event is the contract");

#endif

/* Every way in which a stack can end and a sample can be lost: one list, both halves. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef WIRE_LOSS_H
#define WIRE_LOSS_H

/* X(enumerator, name, text): why unwinding a user stack stopped. "whole" is decided by name. */
#define STOP_REASONS(X)                                                                     \
	X(STOP_NONE, "none", "the sample has no user stack")                                \
	X(STOP_END, "end", "an end-of-stack rule was reached: the stack is whole")          \
	X(STOP_KTHREAD, "kthread", "a kernel thread's root: the stack is whole")            \
	X(STOP_FP_ZERO, "fp_zero", "the frame pointer was zero")                            \
	X(STOP_FP_ORDER, "fp_order", "the frame pointer did not lead up the stack")         \
	X(STOP_FP_CODE, "fp_code", "the return address found by frame pointer is not code") \
	X(STOP_NO_MAPPING, "no_mapping", "the address lies in no mapping that is known")    \
	X(STOP_UNSUPPORTED, "unsupported", "the rule for the address is not supported")     \
	X(STOP_STACK_READ, "stack_read", "stack memory could not be read")                  \
	X(STOP_NOT_UP, "not_up", "a rule did not lead up the stack")                        \
	X(STOP_DEPTH, "depth", "the stack is deeper than the limit")                        \
	X(STOP_NO_REGISTERS, "no_registers", "the user registers could not be read")

enum stop_reason {
#define X(e, name, text) e,
	STOP_REASONS(X)
#undef X
		STOP_REASON_COUNT
};

/* X(enumerator, name, text): what was not kept. Counted per CPU in the kernel. */
#define LOSS_COUNTERS(X)                                                                          \
	X(LOSS_RING_FULL, "ring_full", "samples lost because the ring buffer was full")           \
	X(LOSS_SCRATCH, "scratch", "samples lost because no scratch memory was there")            \
	X(LOSS_PROCESS_EVENT, "process_event", "process events lost: the ring buffer was full")   \
	X(LOSS_TARGETS_FULL, "targets_full", "forked processes not followed: the table was full") \
	X(LOSS_PYTHON_CODE, "python_code", "Python names sent late: the ring buffer was full")    \
	X(LOSS_KERNEL_STACK, "kernel_stack", "kernel stacks that could not be taken")

enum loss_counter {
#define X(e, name, text) e,
	LOSS_COUNTERS(X)
#undef X
		LOSS_COUNTER_COUNT
};

#endif

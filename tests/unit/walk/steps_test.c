/* The walk of bpf/unwind/ in user space, at its edges: small tables and memory made by hand. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include "unit/walk/maps.h"

enum { STACK_WORDS = 2048, PAGE = 4096 };

static const uint64_t STACK = 0x7ffc00000000, HEAP = 0x555500000000, CODE = 0x400000;
static uint64_t stack[STACK_WORDS], heap[512];

/* One file of one page at CODE with @rows; stack and heap are empty. */
static void begin(const struct unwind_row *rows, uint32_t n)
{
	tables_reset();
	memset(&shim, 0, sizeof(shim));
	memset(stack, 0, sizeof(stack));
	memset(heap, 0, sizeof(heap));
	memset(seen, 0, PYTHON_SEEN * sizeof(*seen));
	shim_region_add(STACK, stack, sizeof(stack));
	shim_region_add(HEAP, heap, sizeof(heap));
	struct unwind_page page = { page_add(rows, n), n };
	struct unwind_file file = { CODE, 0, 1 };
	struct unwind_mapping mapping = { CODE, CODE + PAGE, 0, 1 };

	assert_int_equal(vec_push(&tables.pages, page), 0);
	assert_int_equal(vec_push(&tables.files, file), 0);
	assert_int_equal(vec_push(&tables.mappings, mapping), 0);
}

static void walk_from(uint64_t ip, uint64_t sp, uint64_t fp)
{
	tables_publish();
	walk_init(walk, 1);
	walk->ip = ip;
	walk->sp = sp;
	walk->fp = fp;
	walk_run(walk, WALK_ONCPU, true);
}

static void a_return_address_belongs_to_the_call_before_it(void **state)
{
	/* The call is the last instruction of its function: it does not come back. */
	const struct unwind_row rows[] = { { .pc = 0, .rule = UNWIND_SP, .cfa = 1 },
		{ .pc = 16, .rule = UNWIND_END } };

	begin(rows, 2);
	stack[0] = CODE + 16;
	stack[1] = CODE + 17;
	walk_from(CODE + 8, STACK, 0);
	assert_int_equal(walk->stop, STOP_END);
	assert_int_equal(walk->frame_count, 3);
	assert_int_equal(walk->frames[0], (CODE + 8) | WIRE_FRAME_EXACT);
	assert_int_equal(walk->frames[1], CODE + 16);
	/* Where the sample was taken is no return address. */
	walk_from(CODE + 16, STACK, 0);
	assert_int_equal(walk->frame_count, 1);
	assert_int_equal(walk->stop, STOP_END);
}

static void a_stack_deeper_than_the_limit_is_cut_there(void **state)
{
	const struct unwind_row row = { .rule = UNWIND_SP, .cfa = 1 };

	begin(&row, 1);
	for (int i = 0; i < STACK_WORDS; i++)
		stack[i] = CODE + 1;
	walk_from(CODE, STACK, 0);
	assert_int_equal(walk->frame_count, WIRE_USER_FRAMES);
	assert_int_equal(walk->stop, STOP_DEPTH);
}

static void an_address_between_two_mappings_is_in_neither(void **state)
{
	const struct unwind_row row = { .rule = UNWIND_SP, .cfa = 1 };
	struct unwind_mapping above = { CODE + 2 * PAGE, CODE + 3 * PAGE, 2 * PAGE, 1 };

	begin(&row, 1);
	assert_int_equal(vec_push(&tables.mappings, above), 0);
	const struct {
		uint64_t caller;
		uint32_t frames;
	} cases[] = {
		/* One frame more where the caller is in a mapping; a return address may stand at
		 * the mapping's end, but not at its start. */
		{ CODE, 2 },
		{ CODE + 1, 3 },
		{ CODE + PAGE, 3 },
		{ CODE + PAGE + 1, 2 },
		{ CODE + 2 * PAGE, 2 },
		{ CODE + 2 * PAGE + 1, 3 },
		{ CODE + 3 * PAGE, 3 },
		{ CODE + 3 * PAGE + 1, 2 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		stack[0] = cases[i].caller;
		stack[1] = 1;
		walk_from(CODE + 4, STACK, 0);
		assert_int_equal(walk->frame_count, cases[i].frames);
		assert_int_equal(walk->stop, STOP_NO_MAPPING);
	}
}

static void a_rule_that_leads_down_the_stack_ends_the_walk(void **state)
{
	const struct unwind_row rows[] = { { .pc = 0, .rule = UNWIND_SP, .cfa = 1 },
		{ .pc = 16, .rule = UNWIND_SP, .cfa = -1 } };

	begin(rows, 2);
	for (int i = 0; i < 16; i++)
		stack[i] = CODE + 20;
	walk_from(CODE, STACK + 64, 0);
	assert_int_equal(walk->stop, STOP_NOT_UP);
	assert_int_equal(walk->frame_count, 2);
}

static void what_a_frame_pointer_finds_is_marked_as_guessed(void **state)
{
	const struct unwind_row row = { .rule = UNWIND_END };

	begin(&row, 1);
	tables.mappings.at[0].file = 0;
	stack[4] = STACK + 64;
	stack[5] = CODE + 7;
	walk_from(CODE, STACK, STACK + 32);
	assert_int_equal(walk->frame_count, 2);
	assert_int_equal(walk->frames[1], (CODE + 7) | WIRE_FRAME_GUESSED);
	assert_int_equal(walk->stop, STOP_FP_CODE);
}

static void each_rule_finds_the_caller_where_it_says(void **state)
{
	/* The stack's words count up from 0x1000; sp is at word 100, fp at word 200. */
	const struct {
		struct unwind_row row;
		uint64_t pc;
		int deref, to;                   /* a word that points to another one; 0 = none */
		int return_word, caller_fp_word; /* -1 = fp is lost, 0 = the same as before */
	} cases[] = {
		{ { .rule = UNWIND_SP, .cfa = 3 }, 0, 0, 0, 102, 0 },
		{ { .rule = UNWIND_SP, .cfa = 3, .fp = -2 }, 0, 0, 0, 102, 101 },
		{ { .rule = UNWIND_SP, .cfa = 3, .fp = UNWIND_FP_LOST }, 0, 0, 0, 102, -1 },
		{ { .rule = UNWIND_FP, .cfa = 2, .fp = -2 }, 0, 0, 0, 201, 200 },
		{ { .rule = UNWIND_FP, .cfa = 5, .fp = UNWIND_FP_AT_FP }, 0, 0, 0, 204, 200 },
		{ { .rule = UNWIND_PLT, .cfa = 11 }, 10, 0, 0, 100, 0 },
		{ { .rule = UNWIND_PLT, .cfa = 11 }, 11, 0, 0, 101, 0 },
		{ { .rule = UNWIND_DEREF_FP, .cfa = -1 }, 0, 199, 300, 299, 0 },
		{ { .rule = UNWIND_DEREF_SP, .cfa = 4 }, 0, 104, 300, 300, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin(&cases[i].row, 1);
		tables_publish();
		for (uint64_t k = 0; k < STACK_WORDS; k++)
			stack[k] = 0x1000 + k;
		if (cases[i].deref)
			stack[cases[i].deref] = STACK + 8 * (uint64_t)cases[i].to;
		walk_init(walk, 1);
		walk->ip = CODE + cases[i].pc;
		walk->sp = STACK + 800;
		walk->fp = STACK + 1600;
		assert_int_equal(walk_step(walk), 0);
		int fp = cases[i].caller_fp_word;
		assert_int_equal(walk->ip, 0x1000 + cases[i].return_word);
		assert_int_equal(walk->sp, STACK + 8 * (uint64_t)cases[i].return_word + 8);
		assert_int_equal(walk->fp, fp < 0 ? 0 : fp ? 0x1000 + fp : STACK + 1600);
		assert_int_equal(walk->frame_flags, 0);
	}
}

static void a_frame_pointer_that_does_not_lead_up_the_stack_is_not_followed(void **state)
{
	const struct unwind_row row = { .rule = UNWIND_END };
	const struct {
		uint64_t fp;
		uint32_t stop;
	} cases[] = {
		{ 0, STOP_FP_ZERO },
		{ STACK + 56, STOP_FP_ORDER },
		{ STACK + 68, STOP_FP_ORDER },
		{ STACK + 64 + (1ULL << 28), STOP_FP_ORDER },
		{ STACK + sizeof(stack), STOP_STACK_READ },
		{ STACK + 64, STOP_FP_CODE },
	};

	begin(&row, 1);
	tables.mappings.at[0].file = 0;
	stack[9] = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		walk_from(CODE, STACK + 64, cases[i].fp);
		assert_int_equal(walk->stop, cases[i].stop);
		assert_int_equal(walk->frame_count, 1);
	}
}

/* ---- Python: an interpreter with one frame a call of its loop, or with the frame's own word ----
 */

enum {
	RUNTIME = 0,
	INTERPRETER = 8,
	THREAD = 16,
	FRAME = 24, /* word of the first frame: previous, code, instruction, owner */
};

static void python_begin(enum python_entry entry)
{
	struct python_process *p = &tables.pythons[1];

	tables.processes[1].python = 1;
	*p = (struct python_process){ .runtime = HEAP + 8 * RUNTIME };
	p->eval[0].start = CODE + 0x800;
	p->eval[0].end = CODE + 0x900;
	p->layout = (struct python_layout){
		.version = 0x0309,
		.thread_id = 8,
		.thread_next = 24,
		.thread_frame = 16,
		.cframe_frame = PYTHON_NONE,
		.frame_code = 8,
		.frame_instruction = 16,
		.frame_owner = 24,
		.frame_bytes = 32,
		.code_instructions = PYTHON_NONE,
		.instruction_scale = 1,
		.entry = (uint8_t)entry,
	};
	heap[RUNTIME] = HEAP + 8 * INTERPRETER;
	heap[INTERPRETER] = HEAP + 8 * THREAD;
	shim.thread_pointer = 77;
	heap[THREAD + 1] = 77;
	heap[THREAD + 2] = HEAP + 8 * FRAME;
}

static void frame_set(int number, int previous, uint64_t frame_code)
{
	heap[FRAME + 4 * number] = previous < 0 ? 0 : HEAP + 8 * (uint64_t)(FRAME + 4 * previous);
	heap[FRAME + 4 * number + 1] = frame_code;
	heap[FRAME + 4 * number + 2] = 10 + (uint64_t)number;
}

static void python_frames_stand_where_their_native_frames_stood(void **state)
{
	const struct unwind_row rows[] = { { .pc = 0, .rule = UNWIND_SP, .cfa = 1 },
		{ .pc = 0xf00, .rule = UNWIND_END } };
	const uint64_t expected[] = { CODE | WIRE_FRAME_EXACT, 0x1000 | WIRE_FRAME_PYTHON, 10,
		CODE + 0x100, 0x2000 | WIRE_FRAME_PYTHON, 11, CODE + 0xf01 };

	begin(rows, 2);
	python_begin(PYTHON_ENTRY_EACH);
	frame_set(0, 1, 0x1000);
	frame_set(1, -1, 0x2000);
	stack[0] = CODE + 0x810; /* the loop */
	stack[1] = CODE + 0x100; /* C code that calls it */
	stack[2] = CODE + 0x820; /* the loop */
	stack[3] = CODE + 0xf01;
	walk_from(CODE, STACK, 0);
	assert_int_equal(walk->stop, STOP_END);
	assert_int_equal(walk->frame_count, sizeof(expected) / sizeof(*expected));
	assert_memory_equal(walk->frames, expected, sizeof(expected));
	assert_int_equal(walk->python_stop, 0);
}

static void python_frames_that_lead_in_a_circle_are_cut(void **state)
{
	const struct unwind_row row = { .rule = UNWIND_SP, .cfa = 1 };

	begin(&row, 1);
	python_begin(PYTHON_ENTRY_FLAG); /* until a frame is flagged: none is */
	frame_set(0, 0, 0x1000);
	stack[0] = CODE + 0x810;
	walk_from(CODE, STACK, 0);
	assert_int_equal(walk->python_count, PYTHON_SEGMENT_FRAMES);
	assert_int_equal(walk->python_stop, STOP_DEPTH);
}

static void python_frames_that_do_not_fit_are_left_out_and_it_is_said(void **state)
{
	const struct unwind_row row = { .rule = UNWIND_SP, .cfa = 1 };

	begin(&row, 1);
	python_begin(PYTHON_ENTRY_FLAG);
	for (int i = 0; i < 100; i++)
		frame_set(i, i < 99 ? i + 1 : -1, 0x1000);
	for (int i = 0; i < STACK_WORDS; i++)
		stack[i] = CODE + 1;
	/* Room for less than 100 Python frames is left at the loop. */
	stack[WIRE_USER_FRAMES - 150] = CODE + 0x810;
	walk_from(CODE, STACK, 0);
	assert_int_equal(walk->python_stop, STOP_DEPTH);
	assert_int_equal(walk->frame_count, WIRE_USER_FRAMES);
	for (uint32_t i = 0; i < walk->frame_count; i++)
		assert_false(walk->frames[i] & WIRE_FRAME_PYTHON);
	/* With room they are there. */
	stack[WIRE_USER_FRAMES - 150] = CODE + 1;
	stack[WIRE_USER_FRAMES - 250] = CODE + 0x810;
	walk_from(CODE, STACK, 0);
	assert_int_equal(walk->python_stop, 0);
	assert_int_equal(walk->frames[WIRE_USER_FRAMES - 249], 0x1000 | WIRE_FRAME_PYTHON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_address_belongs_to_the_call_before_it),
		cmocka_unit_test(a_stack_deeper_than_the_limit_is_cut_there),
		cmocka_unit_test(an_address_between_two_mappings_is_in_neither),
		cmocka_unit_test(a_rule_that_leads_down_the_stack_ends_the_walk),
		cmocka_unit_test(what_a_frame_pointer_finds_is_marked_as_guessed),
		cmocka_unit_test(each_rule_finds_the_caller_where_it_says),
		cmocka_unit_test(a_frame_pointer_that_does_not_lead_up_the_stack_is_not_followed),
		cmocka_unit_test(python_frames_stand_where_their_native_frames_stood),
		cmocka_unit_test(python_frames_that_lead_in_a_circle_are_cut),
		cmocka_unit_test(python_frames_that_do_not_fit_are_left_out_and_it_is_said),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, maps_setup, maps_teardown);
}

/* The walk of bpf/unwind/ in user space, on random registers, stacks, heaps and tables. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include "unit/walk/maps.h"

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_u64(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
	return random_u64() % n;
}

enum {
	STACK_BYTES = 5 * 4096,
	HEAP_BYTES = 3 * 4096,
	CODE_BYTES = 16 * 4096,
};

static const uint64_t STACK = 0x7ffc00001000, HEAP = 0x555500002000, CODE = 0x400000;

/* A word as it may be found: mostly an address in @home, but also in code, stack, heap, anywhere.
 */
static uint64_t random_word(uint64_t home, uint64_t bytes)
{
	switch (below(64)) {
	case 0:
		return CODE + below(CODE_BYTES);
	case 1 ... 2:
		return STACK + below(STACK_BYTES);
	case 3:
		return HEAP + (below(HEAP_BYTES) & ~7ULL);
	case 4:
		return below(64);
	case 5:
		return random_u64();
	default:
		return home + below(bytes);
	}
}

static void random_memory(uint64_t *stack, uint64_t *heap)
{
	memset(&shim, 0, sizeof(shim));
	for (int i = 0; i < STACK_BYTES / 8; i++)
		stack[i] = random_word(CODE, CODE_BYTES);
	for (int i = 0; i < HEAP_BYTES / 8; i++)
		heap[i] = random_word(HEAP, HEAP_BYTES) & (below(8) ? ~7ULL : ~0ULL);
	shim_region_add(STACK, stack, STACK_BYTES);
	shim_region_add(HEAP, heap, HEAP_BYTES);
}

static struct unwind_row random_row(uint32_t pc)
{
	static const uint8_t rules[] = { UNWIND_FP, UNWIND_PLT, UNWIND_DEREF_FP, UNWIND_DEREF_SP,
		UNWIND_SIGNAL };
	struct unwind_row row = { .pc = pc, .fp = (int8_t)below(256) };

	row.cfa = (int16_t)(below(64) ? 1 + below(5) : below(65536));
	row.rule = below(10)   ? UNWIND_SP
		   : below(10) ? rules[below(sizeof(rules))]
			       : (uint8_t)below(256);
	return row;
}

/* Tables of one file over CODE; one time in eight nothing in them can be relied on. */
static void random_tables(void)
{
	static struct unwind_row rows[4096];
	bool lies = !below(8);
	struct unwind_file file = { CODE, 0, CODE_BYTES / 4096 };

	tables_reset();
	for (uint32_t page = 0; page < file.pages; page++) {
		uint32_t n = (uint32_t)(below(16) ? 1 + below(32) : below(4096));

		for (uint32_t i = 0; i < n; i++)
			rows[i] = random_row(lies ? (uint32_t)random_u64() : page * 4096 + i);
		struct unwind_page p = { page_add(rows, n), n };
		if (lies && !below(4))
			p = (struct unwind_page){ (uint32_t)below(1 << 17),
				(uint32_t)random_u64() >> below(32) };
		assert_int_equal(vec_push(&tables.pages, p), 0);
	}
	if (lies && !below(4))
		file.pages = (uint32_t)random_u64();
	assert_int_equal(vec_push(&tables.files, file), 0);
	struct unwind_mapping with_table = { CODE, CODE + CODE_BYTES - 4096, 0, 1 },
			      without = { CODE + CODE_BYTES - 4096, CODE + CODE_BYTES, 0, 0 };
	if (lies)
		with_table.file = (uint32_t)below(4);
	assert_int_equal(vec_push(&tables.mappings, with_table), 0);
	assert_int_equal(vec_push(&tables.mappings, without), 0);
}

static uint16_t random_offset(void)
{
	return (uint16_t)(below(16) ? 8 * below(16) : below(65536));
}

/* An interpreter whose offsets lead anywhere. */
static void random_python(void)
{
	struct python_process *p = &tables.pythons[1];
	uint8_t *layout = (uint8_t *)&p->layout;

	tables.processes[1].python = (uint32_t)below(3);
	p->runtime = HEAP + (below(HEAP_BYTES) & ~7ULL);
	for (int i = 0; i < 2; i++) {
		p->eval[i].start = CODE + below(CODE_BYTES);
		p->eval[i].end = p->eval[i].start + below(CODE_BYTES);
	}
	p->layout = (struct python_layout){ .interpreter_threads = random_offset() };
	for (size_t i = offsetof(struct python_layout, runtime_interpreters);
		i < offsetof(struct python_layout, entry); i += 2)
		memcpy(layout + i, &(uint16_t){ random_offset() }, 2);
	if (below(2))
		p->layout.cframe_frame = PYTHON_NONE;
	p->layout.entry = (uint8_t)below(3);
	p->layout.instruction_scale = (uint8_t)below(3);
	p->layout.tail_calls = (uint8_t)below(2);
	memset(seen, 0, PYTHON_SEEN * sizeof(*seen));
}

/* The thread's state is found only when its id is; so an id is taken that is in memory. */
static void random_thread(void)
{
	__u64 interpreter = 0, thread = 0;
	const struct python_process *p = &tables.pythons[1];
	const struct python_layout *l = &p->layout;

	if (python_read(&interpreter, p->runtime + l->runtime_interpreters) &&
		python_read(&thread, interpreter + l->interpreter_threads))
		bpf_probe_read_user(&shim.thread_pointer, 8, (void *)(thread + l->thread_id));
}

/* Steps to the end and holds the walk to its invariants; returns the number of Python frames. */
static uint32_t walk_checked(void)
{
	uint32_t steps = 0, pythons = 0;
	long end = 0;

	while (!end && steps++ < WALK_STEPS) {
		uint32_t before = walk->frame_count;
		uint64_t sp = walk->sp;
		bool native = walk->python_state != PYTHON_SCANNING;

		end = walk_step(walk);
		assert_true(walk->frame_count <= WIRE_USER_FRAMES);
		assert_true(walk->frame_count + 1 >= before);
		assert_true(walk->python_state == PYTHON_GONE ||
			    walk->python_count <= PYTHON_SEGMENT_FRAMES);
		if (!end && native && before)
			assert_true(walk->sp > sp); /* W1 */
		if (!native)
			assert_int_equal(walk->sp, sp);
	}
	assert_true(walk->stop > STOP_NONE && walk->stop < STOP_REASON_COUNT);
	for (uint32_t i = 0; i < walk->frame_count; i++)
		if (walk->frames[i] & WIRE_FRAME_PYTHON)
			pythons++, i++;
	return pythons;
}

static void ten_thousand_random_walks_end_within_their_bounds(void **state)
{
	uint64_t *stack = malloc(STACK_BYTES), *heap = malloc(HEAP_BYTES);
	uint32_t deep = 0, python = 0, stops[STOP_REASON_COUNT] = { 0 }, sent = 0;

	assert_true(stack && heap);
	seed = 1;
	for (int i = 0; i < 10000; i++) {
		if (i % 20 == 0) {
			random_tables();
			random_memory(stack, heap);
			tables_publish();
		}
		random_python();
		random_thread();
		memset(walk, 0xa5, sizeof(*walk)); /* as an earlier walk left it */
		walk_init(walk, 1);
		walk->ip = random_word(CODE, CODE_BYTES);
		walk->sp = below(8) ? STACK + below(1024) * 8 : random_word(STACK, STACK_BYTES);
		walk->fp = random_word(STACK, STACK_BYTES);
		python += walk_checked() > 0;
		deep += walk->frame_count > 10;
		stops[walk->stop]++;
		sent += (uint32_t)shim.records;
		shim.records = 0;
	}
	/* Else little was tested. */
	assert_true(deep > 500 && python > 100 && sent > 100);
	assert_true(stops[STOP_STACK_READ] && stops[STOP_NO_MAPPING] && stops[STOP_NOT_UP] &&
		    stops[STOP_UNSUPPORTED] && stops[STOP_END] && stops[STOP_FP_ORDER] &&
		    stops[STOP_FP_CODE]);
	free(stack);
	free(heap);
}

static void a_word_read_through_the_window_is_the_word_in_memory(void **state)
{
	uint64_t *stack = malloc(STACK_BYTES), *heap = malloc(HEAP_BYTES);

	assert_true(stack && heap);
	seed = 2;
	random_memory(stack, heap);
	walk_init(walk, 1);
	for (int i = 0; i < 100000; i++) {
		__u64 at = STACK - 64 + below(STACK_BYTES + 128), word = 0, expected;
		bool there = at >= STACK && at + 8 <= STACK + STACK_BYTES;

		assert_int_equal(window_read(walk, at, &word) == 0, there);
		if (there) {
			memcpy(&expected, (uint8_t *)stack + (at - STACK), 8);
			assert_int_equal(word, expected);
		}
	}
	/* Neighbours come out of one read, which does not touch the page after theirs (W2). */
	shim.reads = shim.faults = 0;
	walk->window_start = 0;
	for (uint64_t at = STACK + STACK_BYTES - 4096 + 8; at < STACK + STACK_BYTES; at += 8) {
		__u64 word;

		assert_int_equal(window_read(walk, at, &word), 0);
	}
	assert_int_equal(shim.faults, 0);
	assert_int_equal(shim.reads, 4096 / WINDOW_BYTES);
	free(stack);
	free(heap);
}

static void a_python_frame_is_read_whole_or_not_at_all(void **state)
{
	uint64_t *stack = malloc(STACK_BYTES), *heap = malloc(HEAP_BYTES);

	assert_true(stack && heap);
	seed = 3;
	random_memory(stack, heap);
	walk_init(walk, 1);
	for (int i = 0; i < 100000; i++) {
		uint64_t at = HEAP - 64 + below(HEAP_BYTES + 128), expected;
		uint32_t bytes = 8 + (uint32_t)below(120), offset = (uint32_t)below(bytes - 7);

		if (!python_window(walk, at, bytes))
			continue;
		assert_true(at >= HEAP && at + bytes <= HEAP + HEAP_BYTES);
		memcpy(&expected, (uint8_t *)heap + (at + offset - HEAP), 8);
		assert_int_equal(python_word(walk, at + offset), expected);
		assert_int_equal(python_byte(walk, at + offset), expected & 0xff);
	}
	free(stack);
	free(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_random_walks_end_within_their_bounds),
		cmocka_unit_test(a_word_read_through_the_window_is_the_word_in_memory),
		cmocka_unit_test(a_python_frame_is_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, maps_setup, maps_teardown);
}

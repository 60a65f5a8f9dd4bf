/* The walk of bpf/unwind/ in user space: on the recorded stack of a real process, whose callers are
 * known, and on random registers, stacks and tables. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <alloca.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "elf/image.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "unit/walk/shim.h"
#include "unwind/table.h"

/* ---- the kernel half's maps, filled as user space fills them ---- */

static struct tables {
	VEC(struct unwind_mapping) mappings;
	VEC(struct unwind_file) files;
	VEC(struct unwind_page) pages;
	VEC(struct unwind_shard *) shards;
	struct unwind_process processes[2]; /* by pid: of process 1 */
	struct python_process pythons[2];
	uint32_t shard_rows_used;
} tables;

static struct walk *walk; /* on the heap, for ASan */
static struct wire_code *code;
static __u64 *seen;

static void tables_reset(void)
{
	vec_each (shard, &tables.shards)
		free(*shard);
	vec_done(&tables.mappings);
	vec_done(&tables.files);
	vec_done(&tables.pages);
	vec_done(&tables.shards);
	memset(&tables, 0, sizeof(tables));
	assert_int_equal(vec_push(&tables.files, (struct unwind_file){ 0 }), 0); /* no table */
}

/* Tells the shim where the maps are now. */
static void tables_publish(void)
{
	tables.processes[1].first = 0;
	tables.processes[1].count = tables.mappings.n;
	shim.map_count = 0;
	shim_map_add(&unwind_mappings, tables.mappings.at, sizeof(*tables.mappings.at),
		tables.mappings.n, false);
	shim_map_add(
		&unwind_files, tables.files.at, sizeof(*tables.files.at), tables.files.n, false);
	shim_map_add(
		&unwind_pages, tables.pages.at, sizeof(*tables.pages.at), tables.pages.n, false);
	shim_map_add(
		&unwind_shards, tables.shards.at, sizeof(*tables.shards.at), tables.shards.n, true);
	shim_map_add(&unwind_processes, tables.processes, sizeof(*tables.processes), 2, false);
	shim_map_add(&python_processes, tables.pythons, sizeof(*tables.pythons), 2, false);
	shim_map_add(&python_seen, seen, sizeof(*seen), PYTHON_SEEN, false);
	shim_map_add(&python_scratch, code, sizeof(*code), 1, false);
	shim_map_add(&walk_scratch, walk, sizeof(*walk), WALK_SLOT_COUNT, false);
}

static uint32_t page_add(const struct unwind_row *rows, uint32_t n)
{
	if (!tables.shards.n || tables.shard_rows_used + n > UNWIND_SHARD_ROWS) {
		struct unwind_shard *shard = calloc(1, sizeof(*shard));

		assert_non_null(shard);
		assert_int_equal(vec_push(&tables.shards, shard), 0);
		tables.shard_rows_used = 0;
	}
	uint32_t first =
		(tables.shards.n - 1) * (uint32_t)UNWIND_SHARD_ROWS + tables.shard_rows_used;

	memcpy(tables.shards.at[tables.shards.n - 1]->rows + tables.shard_rows_used, rows,
		n * sizeof(*rows));
	tables.shard_rows_used += n;
	return first;
}

/* Adds a file's table; returns its number. */
static uint32_t file_add(const struct unwind_table *t)
{
	struct unwind_file file = { t->base, tables.pages.n, t->pages };

	for (uint32_t page = 0; page < t->pages; page++) {
		uint32_t from = t->first_row[page], n = t->first_row[page + 1] - from;
		struct unwind_page p = { page_add(t->rows + from, n), n };

		assert_int_equal(vec_push(&tables.pages, p), 0);
	}
	assert_int_equal(vec_push(&tables.files, file), 0);
	return tables.files.n - 1;
}

/* ---- a child whose callers are known ---- */

enum { CHAIN = 24 };

/* Shared with the child: the return address of each call of the chain, innermost last. */
static struct known {
	uint64_t return_addresses[CHAIN + 1];
	int count;
	bool by_signal;
} * known;

#define KNOWN_ADD() \
	(known->return_addresses[known->count++] = (uint64_t)__builtin_return_address(0))

typedef int (*link_fn)(int depth);

static int chain(int depth);

static void stop_here(int signal_number)
{
	raise(SIGSTOP);
}

__attribute__((noinline)) static int link_sp(int depth)
{
	KNOWN_ADD();
	return chain(depth - 1) + 1;
}

__attribute__((noinline)) static int link_fp(int depth)
{
	volatile char *room = alloca((size_t)(16 + depth * 8));

	KNOWN_ADD();
	room[0] = 1;
	return chain(depth - 1) + room[0];
}

/* An aligned local and alloca: gcc realigns the stack and keeps the old sp in memory. */
__attribute__((noinline)) static int link_realigned(int depth)
{
	volatile char aligned[64] __attribute__((aligned(64))), *room;

	room = alloca((size_t)(16 + depth * 8));
	KNOWN_ADD();
	aligned[0] = room[0] = 1;
	return chain(depth - 1) + aligned[0];
}

static int link_compare(const void *a, const void *b)
{
	KNOWN_ADD();
	if (known->count < CHAIN)
		chain(CHAIN - known->count);
	return 0;
}

/* A call back out of the C library. */
__attribute__((noinline)) static int link_library(int depth)
{
	int two[2] = { 0, 1 };

	KNOWN_ADD();
	qsort(two, 2, sizeof(*two), link_compare);
	return two[0] + 1;
}

__attribute__((noinline)) static int chain(int depth)
{
	static const link_fn links[] = { link_sp, link_fp, link_realigned, link_library };
	int r = 1;

	if (depth > 0)
		r += links[depth % 4](depth);
	else if (known->by_signal)
		raise(SIGUSR1);
	else
		stop_here(0);
	__asm__ volatile("" ::: "memory");
	return r;
}

/* ---- the recording of it ---- */

struct recorded {
	pid_t pid;
	struct user_regs_struct regs;
	uint8_t *stack;
};

static int mapping_record(void *context, const struct proc_mapping *m)
{
	struct recorded *r = context;

	if (strcmp(m->path, "[stack]") == 0) {
		uint64_t from = r->regs.rsp & ~4095ULL, bytes = m->end - from;

		r->stack = malloc(bytes);
		assert_non_null(r->stack);
		assert_int_equal(proc_memory_read(r->pid, from, r->stack, bytes), 0);
		shim_region_add(from, r->stack, bytes);
	}
	if (!m->executable || m->path[0] != '/')
		return 0;
	CLEANUP(fd_closep) int fd = open(m->path, O_RDONLY | O_CLOEXEC);
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct elf_bytes bytes;
	struct unwind_table *table;
	uint64_t vaddr;

	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &image, NULL), 0);
	assert_true(elf_image_vaddr(image, m->file_offset, &vaddr));
	assert_int_equal(elf_image_section(image, ".eh_frame", &bytes, NULL), 0);
	struct unwind_section section = { bytes.at, bytes.n, bytes.vaddr };
	assert_int_equal(unwind_table_build(&section, &table, NULL), 0);
	struct unwind_mapping mapping = { m->start, m->end, m->start - vaddr, file_add(table) };
	unwind_table_free(table);
	assert_int_equal(vec_push(&tables.mappings, mapping), 0);
	return 0;
}

/* Forks a child that stops below a chain of calls, and records its stack, registers and tables. */
static struct recorded record_child(bool by_signal)
{
	struct recorded r = { 0 };
	int status;

	memset(known, 0, sizeof(*known));
	known->by_signal = by_signal;
	tables_reset();
	memset(&shim, 0, sizeof(shim));
	r.pid = fork();
	assert_true(r.pid >= 0);
	if (!r.pid) {
		signal(SIGUSR1, stop_here);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		chain(CHAIN);
		_exit(0);
	}
	assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
	if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1) {
		assert_int_equal(ptrace(PTRACE_CONT, r.pid, 0, SIGUSR1), 0);
		assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
	}
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	assert_int_equal(ptrace(PTRACE_GETREGS, r.pid, 0, &r.regs), 0);
	assert_int_equal(proc_maps_each(r.pid, mapping_record, &r, NULL), 0);
	kill(r.pid, SIGKILL);
	waitpid(r.pid, &status, 0);
	assert_non_null(r.stack);
	tables_publish();
	return r;
}

static void walk_recorded(const struct recorded *r, bool has_loop)
{
	walk_init(walk, 1);
	walk->ip = r->regs.rip;
	walk->sp = r->regs.rsp;
	walk->fp = r->regs.rbp;
	walk_run(walk, WALK_ONCPU, has_loop);
}

/* The known return addresses, innermost first, must all be there in this order; what lies between
 * is chain() and the C library. */
static void assert_known_callers(void)
{
	int next = known->count - 1;
	uint32_t first = 0;

	for (uint32_t i = 0; i < walk->frame_count && next >= 0; i++)
		if (walk->frames[i] == known->return_addresses[next]) {
			first = first ? first : i;
			next--;
		}
	assert_int_equal(next, -1);
	assert_true(first > 0);
	assert_int_equal(walk->stop, STOP_END);
	for (uint32_t i = 0; i < walk->frame_count; i++)
		assert_false(walk->frames[i] & WIRE_FRAME_GUESSED);
}

static void a_recorded_stack_is_walked_to_its_end_through_all_known_callers(void **state)
{
	struct recorded r = record_child(false);

	assert_true(known->count >= CHAIN);
	walk_recorded(&r, true);
	assert_known_callers();
	free(r.stack);
}

static void a_recorded_signal_handler_is_walked_to_the_code_it_interrupted(void **state)
{
	struct recorded r = record_child(true);
	uint32_t exact = 0;

	walk_recorded(&r, true);
	assert_known_callers();
	/* The interrupted instruction is no return address. */
	for (uint32_t i = 1; i < walk->frame_count; i++)
		exact += !!(walk->frames[i] & WIRE_FRAME_EXACT);
	assert_int_equal(exact, 1);
	free(r.stack);
}

static void the_loop_of_old_kernels_finds_the_same_frames(void **state)
{
	struct recorded r = record_child(false);
	__u64 *frames = malloc(sizeof(walk->frames));

	assert_non_null(frames);
	walk_recorded(&r, true);
	uint32_t n = walk->frame_count;
	memcpy(frames, walk->frames, n * sizeof(*frames));
	walk_recorded(&r, false);
	assert_int_equal(walk->frame_count, n);
	assert_memory_equal(walk->frames, frames, n * sizeof(*frames));
	assert_int_equal(walk->stop, STOP_END);
	free(frames);
	free(r.stack);
}

static void a_stack_that_ends_early_is_a_stack_that_cannot_be_read(void **state)
{
	struct recorded r = record_child(false);

	walk_recorded(&r, true);
	uint32_t whole = walk->frame_count;
	shim.regions[0].bytes = 4096; /* the pages above are gone */
	walk_recorded(&r, true);
	assert_int_equal(walk->stop, STOP_STACK_READ);
	assert_true(walk->frame_count > 1 && walk->frame_count < whole);
	free(r.stack);
}

/* ---- made-up memory ---- */

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
			p = (struct unwind_page){ (uint32_t)random_u64(), (uint32_t)random_u64() };
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
		    stops[STOP_NO_ROW] && stops[STOP_UNSUPPORTED] && stops[STOP_END] &&
		    stops[STOP_FP_ORDER] && stops[STOP_FP_CODE]);
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
	/* Neighbours come out of one read. */
	shim.reads = 0;
	walk->window_start = 0;
	for (uint64_t at = STACK; at < STACK + 4096; at += 8) {
		__u64 word;

		assert_int_equal(window_read(walk, at, &word), 0);
	}
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

static int setup(void **state)
{
	walk = calloc(WALK_SLOT_COUNT, sizeof(*walk));
	code = calloc(1, sizeof(*code));
	seen = calloc(PYTHON_SEEN, sizeof(*seen));
	known = mmap(
		NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tables_reset();
	return !walk || !code || !seen || known == MAP_FAILED;
}

static int teardown(void **state)
{
	tables_reset();
	vec_done(&tables.files);
	free(walk);
	free(code);
	free(seen);
	return munmap(known, sizeof(*known));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_stack_is_walked_to_its_end_through_all_known_callers),
		cmocka_unit_test(a_recorded_signal_handler_is_walked_to_the_code_it_interrupted),
		cmocka_unit_test(the_loop_of_old_kernels_finds_the_same_frames),
		cmocka_unit_test(a_stack_that_ends_early_is_a_stack_that_cannot_be_read),
		cmocka_unit_test(ten_thousand_random_walks_end_within_their_bounds),
		cmocka_unit_test(a_word_read_through_the_window_is_the_word_in_memory),
		cmocka_unit_test(a_python_frame_is_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}

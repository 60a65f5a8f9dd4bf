/* The walk of bpf/unwind/ in user space, on the recorded stack of a real process whose callers are
 * known. */
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
#include "elf/image.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "unit/walk/maps.h"

/* ---- a child whose callers are known ---- */

enum { CHAIN = 24 };

/* Shared with the child: the return address of each call of the chain, innermost last. */
static struct known {
	uint64_t return_addresses[2 * CHAIN];
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

/* Arguments on the stack, an aligned local and alloca: gcc realigns the stack and keeps in memory
 * where the old one was. */
__attribute__((noinline)) static int realigned(
	int depth, int b, int c, int d, int e, int f, volatile int on_stack, volatile int next)
{
	volatile char aligned[64] __attribute__((aligned(64))), *room;

	room = alloca((size_t)(16 + depth * 8));
	KNOWN_ADD();
	aligned[0] = room[0] = 1;
	return chain(depth - 1) + aligned[0] + on_stack + next;
}

__attribute__((noinline)) static int link_realigned(int depth)
{
	return realigned(depth, 2, 3, 4, 5, 6, 7, 8) + 1;
}

static int depth_below_library;

static int link_compare(const void *a, const void *b)
{
	KNOWN_ADD();
	return chain(depth_below_library) > 0;
}

/* A call back out of the C library. */
__attribute__((noinline)) static int link_library(int depth)
{
	int two[2] = { 0, 1 };

	KNOWN_ADD();
	depth_below_library = depth - 1;
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

static int setup(void **state)
{
	known = mmap(
		NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return known == MAP_FAILED || maps_setup(state);
}

static int teardown(void **state)
{
	return maps_teardown(state) || munmap(known, sizeof(*known));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_stack_is_walked_to_its_end_through_all_known_callers),
		cmocka_unit_test(a_recorded_signal_handler_is_walked_to_the_code_it_interrupted),
		cmocka_unit_test(the_loop_of_old_kernels_finds_the_same_frames),
		cmocka_unit_test(a_stack_that_ends_early_is_a_stack_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}

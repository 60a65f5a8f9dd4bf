/* The sampling programs in the running kernel: what they record of a child whose code is known. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "collect/collect.h"
#include "elf/image.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "unwind/table.h"

/* Each in a section of its own, whose bounds the linker tells. */
#define CODE(name)                                           \
	extern const char __start_##name[], __stop_##name[]; \
	__attribute__((noinline, section(#name)))

enum { LEAF, MIDDLE, OUTER, FUNCTIONS };

static volatile uint64_t total;

CODE(code_leaf) static void leaf(void)
{
	for (int i = 0; i < 1000000; i++)
		total = total * 6364136223846793005u + 1;
}

CODE(code_middle) static uint64_t middle(unsigned int depth)
{
	uint64_t before = total;

	if (depth) {
		volatile uint64_t below =
			middle(depth - 1); /* or the compiler makes a loop of it */

		return below + before;
	}
	leaf();
	return total - before;
}

CODE(code_outer) static void outer(unsigned int depth)
{
	for (;;)
		total += middle(depth);
}

static const struct {
	const char *start, *stop;
} code[FUNCTIONS] = {
	[LEAF] = { __start_code_leaf, __stop_code_leaf },
	[MIDDLE] = { __start_code_middle, __stop_code_middle },
	[OUTER] = { __start_code_outer, __stop_code_outer },
};

static bool in_code(uint64_t frame, int function)
{
	uint64_t address = frame & WIRE_FRAME_ADDRESS;

	return address >= (uint64_t)(uintptr_t)code[function].start &&
	       address <= (uint64_t)(uintptr_t)code[function].stop;
}

/* ---- children ---- */

static pid_t child_start(void (*run)(unsigned int depth), unsigned int depth)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(depth);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- what was recorded ---- */

struct seen {
	pid_t pid; /* samples of others are counted apart */
	uint32_t samples, others, kernel_frames;
	uint32_t whole, right; /* ended at the root; led through all known functions in order */
	uint32_t deepest;
	uint32_t forks, execs, exits, mappings, comms;
	pid_t forked; /* the newest child of pid */
	uint64_t last_ns;
	bool disorder;
};

/* Leaf, then middle @depth + 1 times, then outer: as the child really calls. */
static bool is_right(const struct wire_sample *s, const uint64_t *frames)
{
	uint32_t i = 0, middles = 0;

	while (i < s->user_frames && in_code(frames[i], LEAF))
		i++;
	if (i != 1)
		return false;
	for (; i < s->user_frames && in_code(frames[i], MIDDLE); i++)
		middles++;
	return middles >= 1 && i < s->user_frames && in_code(frames[i], OUTER);
}

static int on_sample(void *context, const struct wire_sample *s, const uint64_t *frames)
{
	struct seen *seen = context;

	seen->disorder |= s->time_ns < seen->last_ns;
	seen->last_ns = s->time_ns;
	if ((pid_t)s->pid != seen->pid) {
		seen->others++;
		return 0;
	}
	seen->samples++;
	seen->kernel_frames += s->kernel_frames;
	seen->whole += s->stop == STOP_END;
	seen->right += is_right(s, frames);
	if (s->user_frames > seen->deepest)
		seen->deepest = s->user_frames;
	return 0;
}

static int on_process(void *context, const struct wire_process_event *e)
{
	struct seen *seen = context;

	seen->forks += e->type == WIRE_FORK && (pid_t)e->parent_pid == seen->pid;
	if (e->type == WIRE_FORK && (pid_t)e->parent_pid == seen->pid)
		seen->forked = (pid_t)e->pid;
	seen->execs += e->type == WIRE_EXEC && (pid_t)e->pid == seen->pid;
	seen->exits += e->type == WIRE_EXIT && (pid_t)e->pid == seen->forked;
	return 0;
}

static int on_mapping(void *context, pid_t pid, const struct proc_mapping *m)
{
	struct seen *seen = context;

	seen->mappings += pid == seen->pid && m->start < m->end;
	return 0;
}

static int on_comm(void *context, const struct collect_comm *c)
{
	struct seen *seen = context;

	seen->comms += c->pid == seen->pid && c->exec;
	return 0;
}

static int on_code(void *context, const struct wire_code *c, uint32_t bytes)
{
	return 0;
}

static int on_sideband_lost(void *context, uint64_t count)
{
	return 0;
}

static void drain(struct collect *c, struct seen *seen)
{
	struct collect_sink sink = { on_sample, on_process, on_mapping, on_comm, on_code,
		on_sideband_lost, seen };
	struct error err = { 0 };

	if (collect_drain(c, &sink, &err))
		fail_msg("%s", err.text);
}

/* Drains until @seen has @samples samples, or ten seconds are over. */
static void drain_until(struct collect *c, struct seen *seen, uint32_t samples)
{
	for (int i = 0; i < 200 && seen->samples < samples; i++) {
		usleep(50000);
		drain(c, seen);
	}
}

/* ---- unwind tables ---- */

struct upload {
	struct collect *collect;
	VEC(struct unwind_mapping) mappings;
	pid_t pid;
};

CLEANUP_DEFINE(struct unwind_table *, unwind_table_free)

static int upload_mapping(void *context, const struct proc_mapping *m)
{
	struct upload *u = context;
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(unwind_table_freep) struct unwind_table *table = NULL;
	struct elf_bytes bytes;
	struct error err;
	uint64_t vaddr;
	uint32_t file;

	if (!m->executable || m->path[0] != '/')
		return 0;
	CLEANUP(fd_closep) int fd = proc_open_mapped(u->pid, m->start, m->end, m->path, m->inode);
	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	assert_int_equal(elf_image_section(image, ".eh_frame", &bytes, &err), 0);
	assert_int_equal(
		unwind_table_build(
			&(struct unwind_section){ bytes.at, bytes.n, bytes.vaddr }, &table, &err),
		0);
	assert_true(elf_image_vaddr(image, m->file_offset, &vaddr));
	assert_int_equal(collect_file_add(u->collect, table, &file, &err), 0);
	return vec_push(&u->mappings,
		(struct unwind_mapping){
			.start = m->start, .end = m->end, .bias = m->start - vaddr, .file = file });
}

static void upload_process(struct collect *c, pid_t pid)
{
	struct upload u = { .collect = c, .pid = pid };
	struct error err;

	assert_int_equal(proc_maps_each(pid, upload_mapping, &u, &err), 0);
	assert_true(u.mappings.n >= 2);
	assert_int_equal(collect_process_set(c, pid, u.mappings.at, u.mappings.n, NULL), 0);
	vec_done(&u.mappings);
}

static struct collect *open_or_fail(const struct collect_config *config)
{
	struct collect *c = NULL;
	struct error err = { 0 };

	if (collect_open(config, &c, &err))
		fail_msg("%s; %s", err.text, err.hint);
	return c;
}

static void enable_or_fail(struct collect *c)
{
	struct error err = { 0 };

	if (collect_enable(c, &err))
		fail_msg("%s; %s", err.text, err.hint);
}

/* ---- tests ---- */

static void stacks_lead_from_the_leaf_to_the_root(bool no_loop)
{
	pid_t pid = child_start(outer, 10);
	struct seen seen = { .pid = pid };
	struct collect *c = open_or_fail(&(struct collect_config){
		.pids = &pid, .pid_count = 1, .rate_hz = 499, .no_loop = no_loop });

	upload_process(c, pid);
	enable_or_fail(c);
	drain_until(c, &seen, 100);
	collect_disable(c);
	child_end(pid);
	collect_close(c);
	assert_true(seen.samples >= 100);
	assert_int_equal(seen.others, 0);
	assert_false(seen.disorder);
	/* A sample may fall between the calls: a prologue, or the loop of outer itself. */
	assert_true(seen.right * 100 >= seen.samples * 95);
	assert_true(seen.whole * 100 >= seen.samples * 99);
	assert_true(seen.deepest >= 14);
}

static void the_program_with_a_kernel_loop_walks_to_the_root(void **state)
{
	stacks_lead_from_the_leaf_to_the_root(false);
}

static void the_program_for_older_kernels_walks_to_the_root_too(void **state)
{
	stacks_lead_from_the_leaf_to_the_root(true);
}

static void a_stack_of_five_hundred_calls_is_walked_by_both_programs(void **state)
{
	for (int no_loop = 0; no_loop < 2; no_loop++) {
		pid_t pid = child_start(outer, 500);
		struct seen seen = { .pid = pid };
		struct collect *c = open_or_fail(&(struct collect_config){
			.pids = &pid, .pid_count = 1, .rate_hz = 199, .no_loop = no_loop });

		upload_process(c, pid);
		enable_or_fail(c);
		drain_until(c, &seen, 20);
		child_end(pid);
		collect_close(c);
		assert_true(seen.samples >= 20);
		assert_true(seen.deepest > 500);
		assert_true(seen.whole * 100 >= seen.samples * 95);
	}
}

static void without_tables_a_sample_is_cut_and_never_lost(void **state)
{
	pid_t pid = child_start(outer, 10);
	struct seen seen = { .pid = pid };
	struct collect *c = open_or_fail(
		&(struct collect_config){ .pids = &pid, .pid_count = 1, .rate_hz = 499 });

	enable_or_fail(c);
	drain_until(c, &seen, 50);
	child_end(pid);
	collect_close(c);
	assert_true(seen.samples >= 50);
	assert_int_equal(seen.whole, 0);
	assert_true(seen.deepest >= 1);
}

static void nothing_is_sampled_before_enable_and_after_disable(void **state)
{
	pid_t pid = child_start(outer, 0);
	struct seen seen = { .pid = pid };
	struct collect *c = open_or_fail(
		&(struct collect_config){ .pids = &pid, .pid_count = 1, .rate_hz = 999 });
	struct collect_counts counts;

	assert_int_equal(collect_enabled_ns(c), 0);
	usleep(200000);
	drain(c, &seen);
	assert_int_equal(seen.samples, 0);
	enable_or_fail(c);
	assert_true(collect_enabled_ns(c) > 0);
	drain_until(c, &seen, 10);
	collect_disable(c);
	drain(c, &seen);
	uint32_t before = seen.samples;
	usleep(200000);
	drain(c, &seen);
	assert_true(before >= 10);
	assert_int_equal(seen.samples, before);
	/* Every run of the program is a sample or a counted loss. */
	assert_int_equal(collect_counts(c, &counts), 0);
	assert_int_equal(counts.runs,
		before + collect_loss(c, LOSS_RING_FULL) + collect_loss(c, LOSS_SCRATCH));
	child_end(pid);
	collect_close(c);
}

static void a_full_ring_counts_what_it_does_not_take(void **state)
{
	pid_t pid = child_start(outer, 900);
	struct seen seen = { .pid = pid };
	struct collect *c = open_or_fail(
		&(struct collect_config){ .pids = &pid, .pid_count = 1, .rate_hz = 9999 });
	struct collect_counts counts;

	upload_process(c, pid);
	enable_or_fail(c);
	for (int i = 0; i < 100 && collect_loss(c, LOSS_RING_FULL) < 100; i++)
		usleep(100000);
	collect_disable(c);
	child_end(pid);
	drain(c, &seen);
	assert_int_equal(collect_counts(c, &counts), 0);
	uint64_t lost = collect_loss(c, LOSS_RING_FULL);
	assert_true(lost >= 100);
	assert_true(seen.samples > 100);
	assert_int_equal(seen.samples + lost + collect_loss(c, LOSS_SCRATCH), counts.runs);
	collect_close(c);
}

static void fork_and_end(unsigned int depth)
{
	usleep(300000);
	pid_t pid = fork();
	if (!pid) {
		for (int i = 0; i < 300; i++)
			leaf();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	pause();
}

static void a_forked_child_is_followed_to_its_end(void **state)
{
	pid_t pid = child_start(fork_and_end, 0);
	struct seen seen = { .pid = pid };
	struct collect *c = open_or_fail(
		&(struct collect_config){ .pids = &pid, .pid_count = 1, .rate_hz = 499 });

	enable_or_fail(c);
	for (int i = 0; i < 200 && !seen.exits; i++) {
		usleep(50000);
		drain(c, &seen);
	}
	child_end(pid);
	collect_close(c);
	assert_int_equal(seen.forks, 1);
	assert_int_equal(seen.exits, 1);
	assert_true(seen.others > 10); /* samples of the child's child */
}

static void exec_sleep(unsigned int depth)
{
	usleep(300000);
	execl("/bin/sleep", "sleep", "30", NULL);
	_exit(127);
}

static void an_exec_is_seen_with_its_new_mappings(void **state)
{
	pid_t pid = child_start(exec_sleep, 0);
	struct seen seen = { .pid = pid };
	struct collect *c = open_or_fail(
		&(struct collect_config){ .pids = &pid, .pid_count = 1, .rate_hz = 99 });

	enable_or_fail(c);
	for (int i = 0; i < 100 && !(seen.execs && seen.comms && seen.mappings >= 3); i++) {
		usleep(50000);
		drain(c, &seen);
	}
	child_end(pid);
	collect_close(c);
	assert_int_equal(seen.execs, 1);
	assert_int_equal(seen.comms, 1);
	assert_true(seen.mappings >= 3); /* the program, ld.so, libc */
}

static void targets_that_are_gone_and_rates_beyond_the_limit_are_errors(void **state)
{
	pid_t gone = child_start(outer, 0);
	struct collect *c = NULL;
	struct error err = { 0 };

	child_end(gone);
	assert_int_equal(
		collect_open(&(struct collect_config){ .pids = &gone, .pid_count = 1 }, &c, &err),
		-ESRCH);
	assert_int_equal(
		collect_open(
			&(struct collect_config){ .rate_hz = collect_rate_max_hz() * 2 }, &c, &err),
		-EINVAL);
	assert_null(c);
}

static void the_whole_machine_has_every_process(void **state)
{
	pid_t one = child_start(outer, 1), two = child_start(outer, 1);
	struct seen seen = { .pid = one };
	struct collect *c = open_or_fail(&(struct collect_config){ .rate_hz = 499 });

	assert_int_equal(collect_attach_mode(c), COLLECT_PER_CPU);
	enable_or_fail(c);
	drain_until(c, &seen, 50);
	child_end(one);
	child_end(two);
	collect_close(c);
	assert_true(seen.samples >= 50);
	assert_true(seen.others > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_with_a_kernel_loop_walks_to_the_root),
		cmocka_unit_test(the_program_for_older_kernels_walks_to_the_root_too),
		cmocka_unit_test(a_stack_of_five_hundred_calls_is_walked_by_both_programs),
		cmocka_unit_test(without_tables_a_sample_is_cut_and_never_lost),
		cmocka_unit_test(nothing_is_sampled_before_enable_and_after_disable),
		cmocka_unit_test(a_full_ring_counts_what_it_does_not_take),
		cmocka_unit_test(a_forked_child_is_followed_to_its_end),
		cmocka_unit_test(an_exec_is_seen_with_its_new_mappings),
		cmocka_unit_test(targets_that_are_gone_and_rates_beyond_the_limit_are_errors),
		cmocka_unit_test(the_whole_machine_has_every_process),
	};
	return RUN_TESTS(tests);
}

/* Raw profiles become named ones; what cannot be named says why; hostile files harm nobody. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "programs.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "elf/image.h"
#include "symbolize/symbolize.h"
#include "symbolize/worker.h"

struct range {
	const char *name;
	uint64_t vaddr, size;
};

static int note_range(void *context, const struct elf_symbol *s)
{
	struct range *r = context;

	if (!strcmp(s->name, r->name)) {
		r->vaddr = s->vaddr;
		r->size = s->size;
	}
	return 0;
}

static struct range range_of(int fd, const char *name)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct range r = { name };
	struct error err;

	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	assert_int_equal(elf_image_each_symbol(image, note_range, &r, &err), 0);
	assert_true(r.size > 0);
	return r;
}

/* A module row for @path with the build id of @fd. */
static uint32_t add_module(struct profile *p, int fd, const char *path)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	struct error err;
	const uint8_t *id;

	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	uint32_t n = elf_image_build_id(image, &id);
	return (uint32_t)profile_module(p, path, id, n);
}

static uint32_t add_frame(struct profile *p, enum frame_kind kind, uint32_t module, uint64_t offset)
{
	return (uint32_t)profile_frame(
		p, &(struct profile_frame){
			   .kind = (uint8_t)kind, .module = module, .offset = offset });
}

static const char *name_of(const struct profile *p, uint32_t frame)
{
	return profile_str(p, p->frames.at[frame].function);
}

static struct symbolize_stats symbolized(struct profile *p, const struct symbolize_options *o)
{
	struct symbolize_stats stats;
	struct error err = { 0 };

	if (symbolize_profile(p, o, &stats, &err))
		fail_msg("%s", err.text);
	assert_int_equal(profile_check(p, &err), 0);
	return stats;
}

static void program_path(char *path, size_t n)
{
	snprintf(path, n, "%s/prog", programs_dir);
}

static void inlined_calls_become_a_chain_behind_the_same_frame(void **state)
{
	CLEANUP(fd_closep) int fd = compile("gcc", "-O2 -g", inlining_program);
	struct range kept = range_of(fd, "kept");
	struct profile *p = profile_new();
	char path[128];

	program_path(path, sizeof(path));
	uint32_t module = add_module(p, fd, path), first = 0, longest = 0, deepest = 0;
	for (uint64_t i = 0; i < kept.size; i++) {
		uint32_t frame = add_frame(p, FRAME_NATIVE, module, kept.vaddr + i);

		first = first ? first : frame;
	}
	struct symbolize_stats stats = symbolized(p, NULL);
	assert_int_equal(stats.failures.n, 0);
	assert_int_equal(stats.frames, kept.size);
	assert_int_equal(stats.named, kept.size);
	assert_int_equal(stats.with_line, kept.size);
	assert_int_equal(stats.outer, p->frames.n - first - kept.size);
	for (uint32_t i = first; i < first + kept.size; i++) {
		uint32_t n = 0, last = i;

		for (uint32_t f = i; f; f = p->frames.at[f].outer, n++)
			last = f;
		assert_string_equal(name_of(p, last), "kept");
		assert_int_equal(p->frames.at[last].kind, FRAME_NATIVE);
		assert_int_equal(p->frames.at[i].kind, n > 1 ? FRAME_INLINED : FRAME_NATIVE);
		if (n > longest)
			longest = n, deepest = i;
	}
	assert_int_equal(longest, 3);
	assert_string_equal(name_of(p, deepest), "innermost");
	uint32_t outer = p->frames.at[deepest].outer;
	assert_string_equal(name_of(p, outer), "middle");
	assert_int_equal(p->frames.at[outer].kind, FRAME_INLINED);
	assert_int_equal(p->frames.at[outer].line, 11); /* of the call in it */
	symbolize_stats_done(&stats);
	profile_free(p);
}

static void a_program_without_debug_information_keeps_its_symbols(void **state)
{
	CLEANUP(fd_closep) int fd = compile("gcc", "-O2 -rdynamic -s", inlining_program);
	struct range exported = range_of(fd, "exported");
	struct profile *p = profile_new();
	char path[128];

	program_path(path, sizeof(path));
	uint32_t module = add_module(p, fd, path);
	uint32_t frame = add_frame(p, FRAME_NATIVE, module, exported.vaddr + 2);
	uint32_t nowhere = add_frame(p, FRAME_NATIVE, module, 0x40);
	struct symbolize_stats stats = symbolized(p, NULL);
	assert_string_equal(name_of(p, frame), "exported");
	assert_int_equal(p->frames.at[nowhere].function, 0);
	assert_int_equal(stats.frames, 2);
	assert_int_equal(stats.named, 1);
	assert_int_equal(stats.with_line, 0);
	assert_int_equal(stats.failures.n, 0);
	symbolize_stats_done(&stats);
	profile_free(p);
}

static void another_build_of_the_file_names_nothing(void **state)
{
	CLEANUP(fd_closep) int fd = compile("gcc", "-O2 -g", inlining_program);
	struct range main_range = range_of(fd, "main");
	struct profile *p = profile_new();
	char path[128];

	program_path(path, sizeof(path));
	uint32_t module = add_module(p, fd, path);
	uint32_t frame = add_frame(p, FRAME_NATIVE, module, main_range.vaddr);
	CLEANUP(fd_closep) int other = compile("gcc", "-O1 -g", inlining_program);
	uint32_t gone = (uint32_t)profile_module(p, "/nosuch/file", NULL, 0);
	add_frame(p, FRAME_NATIVE, gone, 0x1000);
	struct symbolize_stats stats = symbolized(p, NULL);
	assert_int_equal(p->frames.at[frame].function, 0);
	assert_int_equal(stats.failures.n, 2);
	assert_int_equal(stats.failures.at[0].module, module);
	assert_int_equal(stats.failures.at[0].code, -ESTALE);
	assert_int_equal(stats.failures.at[1].code, -ENOENT);
	symbolize_stats_done(&stats);
	profile_free(p);
}

static int open_kept(void *context, uint32_t module)
{
	return module == 1 ? fcntl(*(int *)context, F_DUPFD_CLOEXEC, 3) : -ESRCH;
}

static void a_file_that_was_opened_in_time_needs_no_path(void **state)
{
	CLEANUP(fd_closep) int fd = compile("gcc", "-O2 -g", inlining_program);
	struct range main_range = range_of(fd, "main");
	struct profile *p = profile_new();
	uint32_t module = add_module(p, fd, "/gone/with the container");
	uint32_t frame = add_frame(p, FRAME_UNKNOWN, module, main_range.vaddr);
	uint32_t lost = (uint32_t)profile_module(p, "/lost", NULL, 0);

	add_frame(p, FRAME_NATIVE, lost, 1);
	struct symbolize_stats stats = symbolized(
		p, &(struct symbolize_options){ .open_module = open_kept, .context = &fd });
	assert_string_equal(name_of(p, frame), "main");
	assert_int_equal(p->frames.at[frame].kind, FRAME_NATIVE);
	assert_int_equal(stats.failures.n, 1);
	assert_int_equal(stats.failures.at[0].code, -ESRCH);
	symbolize_stats_done(&stats);
	profile_free(p);
}

static void kernel_frames_are_named_and_put_into_their_module(void **state)
{
	static const char text[] = "ffffffff81000000 T do_work\nffffffff81000100 T next\n"
				   "ffffffffc0000000 t nft_do\t[nf_tables]\n";
	struct profile *p = profile_new();
	char path[128];
	uint32_t kernel = (uint32_t)profile_module(p, "[kernel]", NULL, 0);
	uint32_t a = add_frame(p, FRAME_KERNEL, kernel, 0xffffffff81000010);
	uint32_t b = add_frame(p, FRAME_KERNEL, kernel, 0xffffffffc0000010);
	uint32_t c = add_frame(p, FRAME_KERNEL, kernel, 0x1000);

	snprintf(path, sizeof(path), "%s/kallsyms", programs_dir);
	write_file(path, text, strlen(text));
	struct symbolize_options o = { .kallsyms_path = path };
	profile_fact(p, "boot_id", "of another boot");
	struct symbolize_stats stale = symbolized(p, &o);
	assert_int_equal(stale.named, 0);
	assert_int_equal(stale.failures.at[0].code, -ESTALE);
	symbolize_stats_done(&stale);
	p->facts.n = 0;
	struct symbolize_stats stats = symbolized(p, &o);
	assert_string_equal(name_of(p, a), "do_work");
	assert_string_equal(name_of(p, b), "nft_do");
	assert_string_equal(
		profile_str(p, p->modules.at[p->frames.at[b].module].path), "[nf_tables]");
	assert_int_equal(p->frames.at[c].function, 0);
	assert_int_equal(stats.named, 2);
	symbolize_stats_done(&stats);
	profile_free(p);
}

static int note_vdso(void *context, const struct elf_symbol *s)
{
	struct range *r = context;

	r->vaddr = s->vaddr;
	r->size = s->size;
	return !strcmp(s->name, r->name);
}

static void the_vdso_is_read_from_memory(void **state)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	CLEANUP(fd_closep) int fd = memfd_create("vdso", MFD_CLOEXEC);
	const char *memory = (const char *)getauxval(AT_SYSINFO_EHDR);
	struct range r = { "__vdso_clock_gettime" };
	struct profile *p = profile_new();
	struct error err = { 0 };

	assert_int_equal(write(fd, memory, 4096), 4096);
	Elf64_Ehdr header;
	memcpy(&header, memory, sizeof(header));
	size_t n = header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr) - 4096;
	assert_int_equal(write(fd, memory + 4096, n), n);
	assert_int_equal(elf_image_open(fd, &image, &err), 0);
	assert_int_equal(elf_image_each_symbol(image, note_vdso, &r, &err), 1);
	uint32_t module = (uint32_t)profile_module(p, "[vdso]", NULL, 0);
	uint32_t frame = add_frame(p, FRAME_NATIVE, module, r.vaddr + 1);
	struct symbolize_stats stats = symbolized(p, NULL);
	assert_non_null(strstr(name_of(p, frame), "clock_gettime"));
	symbolize_stats_done(&stats);
	profile_free(p);
}

/* ---- The worker ---- */

static int count_places(
	void *context, uint32_t index, const struct worker_place *places, uint32_t n)
{
	++*(uint32_t *)context;
	return 0;
}

/* Runs the worker over a file of @n bytes. */
static int run_on(
	char *bytes, size_t n, const uint64_t *vaddrs, uint32_t count, uint32_t *ret_places)
{
	CLEANUP(fd_closep) int fd = memfd_create("hostile", MFD_CLOEXEC);
	struct error err;

	assert_int_equal(write(fd, bytes, n), n);
	*ret_places = 0;
	struct worker_task task = { .fd = fd,
		.vaddrs = vaddrs,
		.count = count,
		.build_id_unchecked = true,
		.place = count_places,
		.context = ret_places };
	return worker_run(&task, &err);
}

static void corrupted_debug_information_costs_that_file_only(void **state)
{
	CLEANUP(fd_closep) int fd = compile("gcc", "-O2 -g", inlining_program);
	struct range kept = range_of(fd, "kept");
	static char bytes[1 << 20], broken[1 << 20];
	uint64_t vaddrs[64];
	uint32_t places, count = kept.size < 64 ? (uint32_t)kept.size : 64;
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

	for (uint32_t i = 0; i < count; i++)
		vaddrs[i] = kept.vaddr + i;
	assert_int_equal(run_on(bytes, (size_t)n, vaddrs, count, &places), 0);
	assert_int_equal(places, 2 * count);
	srandom(7);
	for (int i = 0; i < 300; i++) {
		memcpy(broken, bytes, (size_t)n);
		for (int k = 0; k < 8; k++)
			broken[random() % n] = (char)random();
		run_on(broken, (size_t)n, vaddrs, count, &places);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left behind */
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_calls_become_a_chain_behind_the_same_frame),
		cmocka_unit_test(a_program_without_debug_information_keeps_its_symbols),
		cmocka_unit_test(another_build_of_the_file_names_nothing),
		cmocka_unit_test(a_file_that_was_opened_in_time_needs_no_path),
		cmocka_unit_test(kernel_frames_are_named_and_put_into_their_module),
		cmocka_unit_test(the_vdso_is_read_from_memory),
		cmocka_unit_test(corrupted_debug_information_costs_that_file_only),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, programs_setup, programs_teardown);
}

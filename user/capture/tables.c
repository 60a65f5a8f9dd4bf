/* Unwind tables and mappings on their way up: built once a file, sent when a process changed. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/private.h"
#include "elf/image.h"
#include "unwind/python_layout.h"
#include "unwind/table.h"

/* After a change of mappings more are likely (a program starts, libraries are loaded). */
enum { BUSY_NS = 200000000 };

CLEANUP_DEFINE(struct unwind_table *, unwind_table_free)

int table_ready(struct capture *c, uint32_t module, struct error *err)
{
	struct elf_image *image = modules_image(c->modules, module);
	bool *tried = modules_unwind_tried(c->modules, module);
	CLEANUP(unwind_table_freep) struct unwind_table *table = NULL;
	struct elf_bytes eh, debug;

	if (*tried)
		return 0;
	*tried = true;
	if (!image || elf_image_machine(image) != EM_X86_64)
		return 0;
	if (elf_image_section(image, ".eh_frame", &eh, NULL))
		eh = (struct elf_bytes){ 0 };
	if (elf_image_section(image, ".debug_frame", &debug, NULL))
		debug = (struct elf_bytes){ 0 };
	struct unwind_section debug_frame = { debug.at, debug.n, 0, .debug_frame = true };
	struct unwind_section eh_frame = { eh.at, eh.n, eh.vaddr, .next = &debug_frame };
	/* A file without a table is no error of the capture: what it says stays here. */
	struct error own = { 0 };
	int r = unwind_table_build(&eh_frame, &table, &own);
	if (r)
		return r == -ENOMEM ? error_oom(err) : 0;
	r = collect_file_add(c->collect, table, modules_unwind_file(c->modules, module), &own);
	if (r == -ENOSPC || r == -E2BIG) {
		c->tables_dropped++;
		return 0;
	}
	if (r && err)
		*err = own;
	return r;
}

/* Moves the interpreter's addresses to where this process has them. */
static void python_place(
	const struct python_image *image, uint64_t bias, struct python_process *ret)
{
	memset(ret, 0, sizeof(*ret)); /* compared as bytes */
	ret->runtime = image->runtime + bias;
	for (int i = 0; i < 2; i++) {
		if (!image->eval[i].start)
			continue;
		ret->eval[i].start = image->eval[i].start + bias;
		ret->eval[i].end = image->eval[i].end + bias;
	}
	ret->layout = image->layout;
}

static int process_upload(struct capture *c, struct process *p, struct error *err)
{
	CLEANUP(freep)
	struct unwind_mapping *up = calloc(p->mappings.n + 1, sizeof(*up));

	struct python_process python;
	bool has_python = false;

	if (!up)
		return error_oom(err);
	for (uint32_t i = 0; i < p->mappings.n; i++) {
		const struct process_mapping *m = &p->mappings.at[i];
		int r = table_ready(c, m->module, err);

		if (r)
			return r;
		up[i] = (struct unwind_mapping){
			.start = m->start,
			.end = m->end,
			.bias = m->start - m->vaddr,
			.file = *modules_unwind_file(c->modules, m->module),
		};
		const struct python_image *image =
			has_python ? NULL : modules_python(c->modules, m->module);
		if (image && c->no_python) {
			if (profile_fact(c->profile, "python_refused",
				    "Python was started when the capture had begun without it: "
				    "record that process itself (-p), or all (-a)"))
				return error_oom(err);
		} else if (image) {
			python_place(image, up[i].bias, &python);
			has_python = true;
			p->python = &image->layout;
		}
	}
	int r = collect_process_set(
		c->collect, p->pid, up, p->mappings.n, has_python ? &python : NULL);
	if (r == -ENOSPC) {
		c->mappings_dropped += p->mappings.n;
		return 0;
	}
	return r ? error_set(err, r, "cannot upload the mappings of process %d: %s", p->pid,
			   strerror(-r))
		 : 0;
}

int tables_upload(struct capture *c, struct error *err)
{
	int r = 0;

	if (c->changed.n)
		c->busy_until_ns = clock_now_ns() + BUSY_NS;
	for (uint32_t i = 0; i < c->changed.n && !r; i++) {
		struct process *p = process_find(c->processes, c->changed.at[i]);

		if (p && !p->exited)
			r = process_upload(c, p, err);
	}
	c->changed.n = 0;
	return r;
}

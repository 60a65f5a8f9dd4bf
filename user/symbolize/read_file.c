/* What the worker's child does: opens the file, asks its symbols, then its DWARF. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "symbolize/bounds.h"
#include "symbolize/call_slots.h"
#include "symbolize/debug_data.h"
#include "symbolize/demangle.h"
#include "symbolize/dwarf.h"
#include "symbolize/symbols.h"
#include "symbolize/worker.h"

static int check_build_id(
	const struct worker_task *task, const struct elf_image *image, struct error *err)
{
	const uint8_t *id;
	uint32_t n = elf_image_build_id(image, &id);

	if (task->build_id_unchecked ||
		(n == task->build_id_bytes && (!n || !memcmp(id, task->build_id, n))))
		return 0;
	return error_set(err, -ESTALE, "the file is not the one that ran: another build id");
}

/* The readable name of @symbol into @out. */
static void symbol_name(struct strbuf *out, const struct symbol *symbol)
{
	demangle(out, symbol->name);
	if (symbol->plt)
		strbuf_puts(out, "@plt");
}

static int send_symbols(const struct worker_task *task, const struct symbols *symbols, bool *named,
	struct error *err)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };
	const struct symbol *last = NULL;

	for (uint32_t i = 0; i < task->count; i++) {
		const struct symbol *symbol = symbols_find(symbols, task->vaddrs[i]);

		if (!symbol)
			continue;
		if (symbol != last) {
			strbuf_reset(&name);
			symbol_name(&name, symbol);
			if (name.oom)
				return error_oom(err);
			last = symbol;
		}
		struct worker_place place = { .function = name.text,
			.function_bytes = (uint32_t)name.length };
		named[i] = true;
		int r = task->place(task->context, i, &place, 1);
		if (r)
			return r;
	}
	return 0;
}

/* Whether the outermost function's DWARF name says less than its symbol: C++ functions that are
 * local to a file have no linkage name, and a plain name lacks their scope and parameters. */
static bool symbol_says_more(const char *function, const struct symbol *symbol)
{
	return symbol && !symbol->plt && !strncmp(symbol->name, "_Z", 2) &&
	       (!function || strncmp(function, "_Z", 2) != 0);
}

/* Adds the place's file to @out behind a NUL, in its directory when it is relative; returns where
 * it begins. */
static size_t file_add(struct strbuf *out, const struct dwarf_place *place)
{
	strbuf_putc(out, 0);
	size_t start = out->length;

	if (place->directory && place->file[0] != '/') {
		strbuf_add(out, place->directory, strnlen(place->directory, 4096));
		strbuf_putc(out, '/');
	}
	strbuf_add(out, place->file, strnlen(place->file, 4096));
	return start;
}

/* Makes worker places of DWARF's; names and files go to @names, one buffer each. */
static uint32_t convert(const struct dwarf_place *from, uint32_t n, struct strbuf *names,
	const struct symbol *symbol, struct worker_place *to)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct strbuf *name = &names[kept];

		bool outermost = i + 1 == n;

		strbuf_reset(name);
		if (from[i].function && !(outermost && symbol_says_more(from[i].function, symbol)))
			demangle(name, from[i].function);
		else if (outermost && symbol)
			symbol_name(name, symbol);
		else if (n > 1)
			continue; /* an inlined call without a name */
		size_t name_bytes = name->length;
		size_t file = from[i].file ? file_add(name, &from[i]) : name->length;
		to[kept++] = (struct worker_place){ name->text,
			name->text ? name->text + file : NULL, (uint32_t)name_bytes,
			(uint32_t)(name->length - file), from[i].line };
	}
	return kept;
}

static int send_dwarf(const struct worker_task *task, struct dwarf_info *dwarf,
	const struct symbols *symbols, bool *named, struct error *err)
{
	struct strbuf names[DWARF_PLACES_MAX] = { 0 };
	int r = 0;

	for (uint32_t i = 0; !r && i < task->count; i++) {
		struct dwarf_place found[DWARF_PLACES_MAX];
		struct worker_place places[DWARF_PLACES_MAX];
		uint32_t n = dwarf_info_find(dwarf, task->vaddrs[i], found);

		n = convert(found, n, names, symbols_find(symbols, task->vaddrs[i]), places);
		for (uint32_t k = 0; k < n; k++)
			if (names[k].oom)
				r = error_oom(err);
		named[i] |= n && places[0].function_bytes;
		if (n && !r)
			r = task->place(task->context, i, places, n);
	}
	for (uint32_t k = 0; k < DWARF_PLACES_MAX; k++)
		strbuf_done(&names[k]);
	return r;
}

/* Sends where the unnamed functions begin; @ret_any: whether there are any. */
static int send_starts(const struct worker_task *task, struct elf_image *image, const bool *named,
	bool *ret_any, struct error *err)
{
	CLEANUP(bounds_done) struct bounds bounds = { 0 };
	CLEANUP(freep) uint64_t *unnamed = calloc(task->count, sizeof(*unnamed));
	uint64_t start;
	uint32_t n = 0;

	if (!unnamed)
		return error_oom(err);
	for (uint32_t i = 0; i < task->count; i++)
		if (!named[i])
			unnamed[n++] = task->vaddrs[i];
	int r = n ? bounds_read(image, unnamed, n, &bounds, err) : 0;
	for (uint32_t i = 0; !r && i < task->count; i++) {
		if (named[i] || !bounds_find(&bounds, task->vaddrs[i], &start))
			continue;
		*ret_any = true;
		r = task->start(task->context, i, start);
	}
	return r;
}

struct ifunc_sender {
	const struct worker_task *task;
	const struct symbols *symbols;
	struct strbuf name, best;
};

static int send_ifunc(void *context, const struct elf_symbol *s)
{
	struct ifunc_sender *to = context;

	if (s->type != STT_GNU_IFUNC || s->binding == STB_LOCAL)
		return 0;
	const struct symbol *best = symbols_find(to->symbols, s->vaddr);
	strbuf_reset(&to->name);
	strbuf_reset(&to->best);
	demangle(&to->name, s->name);
	demangle(&to->best, best && best->vaddr == s->vaddr ? best->name : s->name);
	if (to->name.oom || to->best.oom)
		return -ENOMEM;
	return to->task->ifunc(to->task->context,
		(struct worker_name){ strbuf_cstr(&to->name), (uint32_t)to->name.length },
		(struct worker_name){ strbuf_cstr(&to->best), (uint32_t)to->best.length });
}

static int send_unnamed(const struct worker_task *task, struct elf_image *image,
	const struct symbols *symbols, const bool *named, struct error *err)
{
	struct ifunc_sender sender = { .task = task, .symbols = symbols };
	bool any = false;
	int r = task->start ? send_starts(task, image, named, &any, err) : 0;

	if (!r && any && task->ifunc)
		r = elf_image_each_symbol(image, send_ifunc, &sender, err);
	strbuf_done(&sender.name);
	strbuf_done(&sender.best);
	return r == -ENOMEM ? error_oom(err) : r;
}

static int send_calls(const struct worker_task *task, struct elf_image *image, struct error *err)
{
	CLEANUP(call_slots_freep) struct call_slots *slots = NULL;
	CLEANUP_STRBUF struct strbuf name = { 0 };
	int r = call_slots_new(image, &slots, err);

	for (uint32_t i = 0; !r && i < task->count; i++) {
		const char *called = call_slots_find(slots, task->vaddrs[i]);

		if (!called)
			continue;
		strbuf_reset(&name);
		demangle(&name, called);
		if (name.oom)
			return error_oom(err);
		r = task->call(task->context, i,
			(struct worker_name){ strbuf_cstr(&name), (uint32_t)name.length });
	}
	return r;
}

/* The file and what belongs to it. */
struct files {
	struct elf_image *image;
	struct elf_image *debug, *alt, *packed; /* NULL = there is none */
};

static void files_done(struct files *f)
{
	elf_image_close(f->image);
	elf_image_close(f->debug);
	elf_image_close(f->alt);
	elf_image_close(f->packed);
}

static int no_symbol(void *context, const struct elf_symbol *symbol)
{
	(void)context;
	(void)symbol;
	return 0;
}

/* Opens @fd, a file of symbols beside the main one; unreadable ones are left out. */
static int open_beside(int fd, struct elf_image **ret, struct error *err)
{
	CLEANUP(elf_image_closep) struct elf_image *image = NULL;
	int r = fd ? elf_image_open_debug(fd, &image, err) : 0;

	if (!r && image)
		r = elf_image_each_symbol(image, no_symbol, NULL, err);
	if (!r)
		*ret = STEAL(image);
	return r;
}

/* Opens what belongs to the file; what cannot be read is left out, and the first such in @err. */
static int open_belonging(const struct worker_task *task, struct files *f, struct error *err)
{
	struct error other;
	int first = open_beside(task->debug_fd, &f->debug, err);
	int r = open_beside(task->alt_fd, &f->alt, first ? &other : err);

	first = first ? first : r;
	r = task->scratch_fd
		    ? debug_data_open(f->image, task->scratch_fd, &f->packed, first ? &other : err)
		    : -ENOENT;
	if (!r && elf_image_each_symbol(f->packed, no_symbol, NULL, first ? &other : err)) {
		elf_image_close(STEAL(f->packed));
		r = -EBADMSG;
	}
	return first || r == -ENOENT ? first : r;
}

static int read_symbols(const struct files *f, struct symbols **ret, struct error *err)
{
	struct elf_image *others[2];
	uint32_t n = 0;

	if (f->debug)
		others[n++] = f->debug;
	if (f->packed)
		others[n++] = f->packed;
	return symbols_new_with(f->image, others, n, ret, err);
}

/* The file's own DWARF, or that of its debug file. */
static int open_dwarf(const struct files *f, struct dwarf_info **ret, struct error *err)
{
	if (f->debug && !elf_image_has_section(f->image, ".debug_info"))
		return dwarf_info_open(f->debug, f->alt, ret, err);
	return dwarf_info_open(f->image, f->alt, ret, err);
}

/* Symbols, then DWARF, then what can be said of addresses that neither has named. */
static int send_names(const struct worker_task *task, const struct files *f, struct error *err)
{
	CLEANUP(symbols_freep) struct symbols *symbols = NULL;
	CLEANUP(dwarf_info_closep) struct dwarf_info *dwarf = NULL;
	CLEANUP(freep) bool *named = calloc(task->count ? task->count : 1, sizeof(*named));
	struct error bounds_err;

	if (!named)
		return error_oom(err);
	int r = read_symbols(f, &symbols, err);
	if (!r)
		r = send_symbols(task, symbols, named, err);
	if (r)
		return r;
	r = open_dwarf(f, &dwarf, err);
	if (!r)
		r = send_dwarf(task, dwarf, symbols, named, err);
	else if (r == -ENOENT)
		r = 0; /* symbols are all it has */
	int bounds = task->count ? send_unnamed(task, f->image, symbols, named, &bounds_err) : 0;
	if (bounds && !r) {
		*err = bounds_err;
		r = bounds;
	}
	return r;
}

int worker_run_here(const struct worker_task *task, struct error *err)
{
	CLEANUP(files_done) struct files f = { 0 };
	struct error beside_err;
	int r = elf_image_open(task->fd, &f.image, err);

	if (!r)
		r = check_build_id(task, f.image, err);
	if (r)
		return r;
	if (task->call)
		return send_calls(task, f.image, err);
	int beside = open_belonging(task, &f, &beside_err);
	r = send_names(task, &f, err);
	if (beside && !r) {
		*err = beside_err;
		r = beside;
	}
	return r;
}

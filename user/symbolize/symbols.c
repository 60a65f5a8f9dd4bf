/* Builds the sorted table of function symbols and looks addresses up in it. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"

/* Symbols may nest (a label with a size inside of a function): how many to look back. */
enum { NESTING_MAX = 16 };

struct symbols {
	VEC(struct symbol) all;
	VEC(uint64_t) bounds; /* section end of each symbol while the table is built */
};

/* X rank bits, most significant first: no size, untyped, old version, local/weak/global,
 * underscores. */
static uint8_t rank_of(const struct elf_symbol *s)
{
	uint8_t binding = s->binding == STB_GLOBAL || s->binding == STB_GNU_UNIQUE ? 0
			  : s->binding == STB_WEAK                                 ? 1
										   : 2;
	uint8_t underscores = (uint8_t)strnlen(s->name, 3);

	for (uint8_t i = 0; i < underscores; i++)
		if (s->name[i] != '_')
			underscores = i;
	return (uint8_t)((s->size ? 0 : 0x40) | (s->type == STT_NOTYPE ? 0x20 : 0) |
			 (s->old_version ? 0x10 : 0) | binding << 2 | underscores);
}

static bool is_function(const struct elf_symbol *s)
{
	if (s->type == STT_FUNC || s->type == STT_GNU_IFUNC)
		return true;
	/* Labels that assemblers and annotation tools leave behind name no function. */
	return s->type == STT_NOTYPE && s->in_code && s->name[0] != '.' && s->name[0] != '$';
}

static int add(struct symbols *t, struct symbol symbol, uint64_t section_end)
{
	int r = vec_push(&t->all, symbol);

	return r ? r : vec_push(&t->bounds, section_end);
}

static int add_symbol(void *context, const struct elf_symbol *s)
{
	if (!is_function(s))
		return 0;
	struct symbol symbol = { s->vaddr, s->size, s->name, rank_of(s), false };
	if (symbol.size > UINT64_MAX - symbol.vaddr)
		symbol.size = 0;
	/* A size of 0 holds the section's end until the neighbours are known: see extend(). */
	return add(context, symbol, s->section_end);
}

static int add_plt(void *context, uint64_t vaddr, uint64_t size, const char *name)
{
	return add(context, (struct symbol){ vaddr, size, name, 0x1f, true }, 0);
}

struct sort_row {
	struct symbol symbol;
	uint64_t section_end;
};

static int compare(const void *a, const void *b)
{
	const struct symbol *x = &((const struct sort_row *)a)->symbol;
	const struct symbol *y = &((const struct sort_row *)b)->symbol;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	int names = strncmp(x->name, y->name, 256);
	if (names)
		return names;
	return x->size == y->size ? 0 : x->size > y->size ? -1 : 1;
}

/* Sorts, keeps the best of each address, and gives symbols without a size their reach. */
static int settle(struct symbols *t)
{
	uint32_t n = t->all.n, kept = 0;
	CLEANUP(freep) struct sort_row *rows = calloc(n ? n : 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		rows[i] = (struct sort_row){ t->all.at[i], t->bounds.at[i] };
	qsort(rows, n, sizeof(*rows), compare);
	uint64_t covered = 0; /* end of the sized symbols so far */
	for (uint32_t i = 0; i < n; i++) {
		struct symbol *s = &rows[i].symbol;
		if (kept && t->all.at[kept - 1].vaddr == s->vaddr)
			continue;
		if (!s->size && s->vaddr < covered)
			continue; /* a label inside of a function */
		if (s->vaddr + s->size > covered)
			covered = s->vaddr + s->size;
		t->bounds.at[kept] = rows[i].section_end;
		t->all.at[kept++] = *s;
	}
	for (uint32_t i = 0; i < kept; i++) {
		struct symbol *s = &t->all.at[i];
		uint64_t end = t->bounds.at[i];

		if (s->size)
			continue;
		if (i + 1 < kept && t->all.at[i + 1].vaddr < end)
			end = t->all.at[i + 1].vaddr;
		s->size = end > s->vaddr ? end - s->vaddr : 0;
	}
	t->all.n = kept;
	vec_done(&t->bounds);
	return 0;
}

int symbols_new(struct elf_image *image, struct symbols **ret, struct error *err)
{
	return symbols_new_with(image, NULL, 0, ret, err);
}

int symbols_new_with(struct elf_image *image, struct elf_image *const *others, uint32_t n,
	struct symbols **ret, struct error *err)
{
	CLEANUP(symbols_freep) struct symbols *t = calloc(1, sizeof(*t));
	struct error plt_err;

	if (!t)
		return error_oom(err);
	int r = elf_image_each_symbol(image, add_symbol, t, err);
	for (uint32_t i = 0; !r && i < n; i++)
		r = elf_image_each_symbol(others[i], add_symbol, t, err);
	if (r)
		return r == -ENOMEM ? error_oom(err) : r;
	/* Without readable linkage tables their slots stay unnamed, the functions do not. */
	if (plt_each(image, add_plt, t, &plt_err) == -ENOMEM || settle(t))
		return error_oom(err);
	*ret = STEAL(t);
	return 0;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	vec_done(&symbols->all);
	vec_done(&symbols->bounds);
	free(symbols);
}

void symbols_freep(struct symbols **symbols)
{
	symbols_free(*symbols);
}

uint32_t symbols_count(const struct symbols *symbols)
{
	return symbols->all.n;
}

const struct symbol *symbols_find(const struct symbols *symbols, uint64_t vaddr)
{
	uint32_t low = 0, high = symbols->all.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (symbols->all.at[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	for (int back = 0; low > 0 && back < NESTING_MAX; back++) {
		const struct symbol *s = &symbols->all.at[--low];

		if (vaddr - s->vaddr < s->size)
			return s;
	}
	return NULL;
}

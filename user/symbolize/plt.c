/* Names the slots of the procedure linkage tables: each jumps through a GOT entry with a
 * relocation. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "symbolize/symbols.h"

enum { PLT_BYTES_MAX = 16 << 20 };

struct slot {
	uint64_t vaddr; /* of the GOT entry */
	const char *name;
};

struct slots {
	VEC(struct slot) all;
};

static void slots_done(struct slots *s)
{
	vec_done(&s->all);
}

static int add_slot(void *context, uint64_t vaddr, const char *name)
{
	struct slots *s = context;

	return vec_push(&s->all, (struct slot){ vaddr, name });
}

static int compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

/* Decodes `[endbr64] [bnd] jmp *disp(%rip)` at @at; returns its length in bytes or 0. */
static size_t decode_jump(const uint8_t *at, size_t n, int32_t *ret_displacement)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t i = 0;

	if (n >= 4 && !memcmp(at, endbr64, 4))
		i = 4;
	if (i < n && at[i] == 0xf2)
		i++;
	if (n - i < 6 || at[i] != 0xff || at[i + 1] != 0x25)
		return 0;
	memcpy(ret_displacement, at + i + 2, 4);
	return i + 6;
}

static int each_entry(const struct slots *slots, const struct elf_bytes *plt, size_t entry_bytes,
	int (*each)(void *context, uint64_t vaddr, uint64_t size, const char *name), void *context)
{
	for (size_t i = 0; plt->n - i >= entry_bytes; i += entry_bytes) {
		int32_t displacement;
		size_t n = decode_jump(plt->at + i, entry_bytes, &displacement);

		if (!n)
			continue;
		struct slot wanted = { plt->vaddr + i + n + (uint64_t)(int64_t)displacement, NULL };
		const struct slot *slot =
			bsearch(&wanted, slots->all.at, slots->all.n, sizeof(wanted), compare);
		int r = slot ? each(context, plt->vaddr + i, entry_bytes, slot->name) : 0;
		if (r)
			return r;
	}
	return 0;
}

int plt_each(struct elf_image *image,
	int (*each)(void *context, uint64_t vaddr, uint64_t size, const char *name), void *context,
	struct error *err)
{
	static const struct {
		const char *name;
		size_t entry_bytes;
	} tables[] = { { ".plt", 16 }, { ".plt.sec", 16 }, { ".plt.got", 8 } };
	CLEANUP(slots_done) struct slots slots = { 0 };

	if (elf_image_machine(image) != EM_X86_64)
		return 0;
	int r = elf_image_each_slot(image, add_slot, &slots, err);
	if (r || !slots.all.n)
		return r;
	qsort(slots.all.at, slots.all.n, sizeof(*slots.all.at), compare);
	for (int i = 0; !r && i < 3; i++) {
		struct elf_bytes plt;
		struct error missing;

		if (elf_image_section(image, tables[i].name, &plt, &missing) ||
			plt.n > PLT_BYTES_MAX)
			continue;
		/* With endbr64 the entries of .plt.got are 16 bytes, not 8. */
		size_t entry = plt.n >= 4 && plt.at[0] == 0xf3 ? 16 : tables[i].entry_bytes;
		r = each_entry(&slots, &plt, entry, each, context);
	}
	return r;
}

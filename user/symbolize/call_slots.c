/* Decodes calls through linkage tables. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/call_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "symbolize/symbols.h"

enum { CALL_BYTES = 6 }; /* of the longer instruction, ff 15 disp32 */

struct slot {
	uint64_t vaddr;
	const char *name;
};

struct slot_table {
	VEC(struct slot) all; /* by vaddr */
};

struct call_slots {
	struct elf_image *image;
	struct slot_table got, plt; /* GOT entries, and PLT entries by the name they jump to */
	struct elf_bytes sections[2];
};

/* Only the global offset table: other words that a relocation fills, a program may change. */
static bool in_got(const struct call_slots *s, uint64_t vaddr)
{
	for (int i = 0; i < 2; i++)
		if (vaddr - s->sections[i].vaddr < s->sections[i].n)
			return true;
	return false;
}

static int add_got(void *context, uint64_t vaddr, const char *name)
{
	struct call_slots *s = context;

	return in_got(s, vaddr) ? vec_push(&s->got.all, (struct slot){ vaddr, name }) : 0;
}

static int add_plt(void *context, uint64_t vaddr, uint64_t size, const char *name)
{
	struct call_slots *s = context;

	(void)size;
	return vec_push(&s->plt.all, (struct slot){ vaddr, name });
}

static int compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static void sort(struct slot_table *t)
{
	if (t->all.n)
		qsort(t->all.at, t->all.n, sizeof(*t->all.at), compare);
}

static const char *find(const struct slot_table *t, uint64_t vaddr)
{
	struct slot wanted = { vaddr, NULL };
	const struct slot *slot =
		t->all.n ? bsearch(&wanted, t->all.at, t->all.n, sizeof(wanted), compare) : NULL;

	return slot ? slot->name : NULL;
}

/* Fills s->sections with the parts of the global offset table that there are. */
static int read_got(struct call_slots *s, struct error *err)
{
	static const char *const names[] = { ".got", ".got.plt" };

	for (int i = 0; i < 2; i++) {
		int r = elf_image_section(s->image, names[i], &s->sections[i], err);

		if (r == -ENOENT)
			s->sections[i] = (struct elf_bytes){ 0 };
		else if (r)
			return r;
	}
	return 0;
}

int call_slots_new(struct elf_image *image, struct call_slots **ret, struct error *err)
{
	CLEANUP(call_slots_freep) struct call_slots *s = calloc(1, sizeof(*s));

	if (!s)
		return error_oom(err);
	s->image = image;
	if (elf_image_machine(image) == EM_X86_64) {
		int r = read_got(s, err);

		if (!r)
			r = elf_image_each_slot(image, add_got, s, err);
		if (!r)
			r = plt_each(image, add_plt, s, err);
		if (r)
			return r == -ENOMEM ? error_oom(err) : r;
	}
	sort(&s->got);
	sort(&s->plt);
	*ret = STEAL(s);
	return 0;
}

void call_slots_free(struct call_slots *slots)
{
	if (!slots)
		return;
	vec_done(&slots->got.all);
	vec_done(&slots->plt.all);
	free(slots);
}

void call_slots_freep(struct call_slots **slots)
{
	call_slots_free(*slots);
}

const char *call_slots_find(const struct call_slots *slots, uint64_t return_vaddr)
{
	uint8_t call[CALL_BYTES];
	int32_t displacement;

	if (return_vaddr < CALL_BYTES ||
		!elf_image_code(slots->image, return_vaddr - CALL_BYTES, call, CALL_BYTES))
		return NULL;
	memcpy(&displacement, call + 2, sizeof(displacement));
	uint64_t target = return_vaddr + (uint64_t)(int64_t)displacement;
	if (call[1] == 0xe8)
		return find(&slots->plt, target);
	return call[0] == 0xff && call[1] == 0x15 ? find(&slots->got, target) : NULL;
}

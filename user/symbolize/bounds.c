/* Picks from .eh_frame the functions around given addresses. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/bounds.h"

#include <errno.h>
#include <stdlib.h>

#include "unwind/cfi.h"

/* Whether one of the ascending @vaddrs lies in @f. */
static bool holds_any(const struct cfi_function *f, const uint64_t *vaddrs, uint32_t count)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (vaddrs[middle] < f->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && vaddrs[low] < f->end;
}

static int compare(const void *a, const void *b)
{
	const struct function_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

int bounds_read(struct elf_image *image, const uint64_t *vaddrs, uint32_t count, struct bounds *ret,
	struct error *err)
{
	struct cfi_common cache = { 0 };
	struct cfi_function f;
	struct elf_bytes bytes;
	uint64_t offset = 0;

	*ret = (struct bounds){ 0 };
	if (elf_image_machine(image) != EM_X86_64)
		return 0;
	int r = elf_image_section(image, ".eh_frame", &bytes, err);
	if (r)
		return r == -ENOENT ? 0 : r;
	struct unwind_section section = { bytes.at, bytes.n, bytes.vaddr };
	while ((r = cfi_next(&section, &offset, &cache, &f)) >= 0)
		if (r && holds_any(&f, vaddrs, count) &&
			vec_push(&ret->functions, (struct function_range){ f.start, f.end }))
			return error_oom(err);
	if (ret->functions.n)
		qsort(ret->functions.at, ret->functions.n, sizeof(*ret->functions.at), compare);
	return 0;
}

void bounds_done(struct bounds *b)
{
	vec_done(&b->functions);
}

bool bounds_find(const struct bounds *b, uint64_t vaddr, uint64_t *ret_start)
{
	uint32_t low = 0, high = b->functions.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (b->functions.at[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || vaddr >= b->functions.at[low - 1].end)
		return false;
	*ret_start = b->functions.at[low - 1].start;
	return true;
}

/*
 * Call frame information: the functions of an .eh_frame section.
 *
 * Sources: Linux Standard Base Core 5.0, section 10.6 (Exception Frames); DWARF 5, sections 6.4
 * and 7.24; System V ABI AMD64, figure 3.36 (register numbers). Every read is bounded by the
 * section (struct reader); a reader that ran over its end reads zeros and remembers it.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/cfi.h"

#include <errno.h>

#include "unwind/reader.h"

enum { REGISTER_RA = 16 };

enum pointer_encoding {
	PE_ABSPTR = 0x00,
	PE_ULEB128 = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SLEB128 = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_PCREL = 0x10,
	PE_OMIT = 0xff,
};

/* Sign-extends the low @bits of @value. */
static uint64_t extend(uint64_t value, unsigned int bits)
{
	uint64_t sign = 1ULL << (bits - 1);

	return (value ^ sign) - sign;
}

static uint64_t read_pointer(struct reader *r, uint8_t encoding, uint64_t place)
{
	uint64_t value;

	switch (encoding & 0x0f) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		value = read_bytes(r, 8);
		break;
	case PE_ULEB128:
		value = read_uleb(r);
		break;
	case PE_SLEB128:
		value = (uint64_t)read_sleb(r);
		break;
	case PE_UDATA2:
		value = read_bytes(r, 2);
		break;
	case PE_SDATA2:
		value = extend(read_bytes(r, 2), 16);
		break;
	case PE_UDATA4:
		value = read_bytes(r, 4);
		break;
	case PE_SDATA4:
		value = extend(read_bytes(r, 4), 32);
		break;
	default:
		r->bad = true;
		return 0;
	}
	switch (encoding & 0x70) {
	case PE_ABSPTR:
		return value;
	case PE_PCREL:
		return value + place;
	default: /* relative to something that function tables do not use */
		r->bad = true;
		return 0;
	}
}

/* The extent of the entry at @offset: its body as a reader. False at the section's end. */
static bool entry_read(
	const struct unwind_section *s, uint64_t offset, struct reader *body, bool *wide)
{
	if (!s->bytes || offset > s->size || s->size - offset < 4)
		return false;
	struct reader r = { s->bytes + offset, s->bytes + s->size, false };
	uint64_t length = read_bytes(&r, 4);

	*wide = length == 0xffffffff;
	if (*wide)
		length = read_bytes(&r, 8);
	if (!length || length > (uint64_t)(r.end - r.at))
		return false;
	*body = (struct reader){ r.at, r.at + length, r.bad };
	return !r.bad;
}

/* Reads the augmentation data of a common entry as its string says. */
static void augmentation_read(struct reader *r, const char *letters, struct cfi_common *ret)
{
	for (const char *c = letters; *c; c++) {
		switch (*c) {
		case 'R':
			ret->pointer_encoding = (uint8_t)read_bytes(r, 1);
			break;
		case 'L':
			read_bytes(r, 1);
			break;
		case 'P': {
			uint8_t encoding = (uint8_t)read_bytes(r, 1);

			if (encoding != PE_OMIT)
				read_pointer(r, encoding & 0x0f, 0);
			break;
		}
		case 'S':
			ret->signal_frame = true;
			break;
		case 'B':
			break;
		default: /* unknown, but its data is behind what is known */
			return;
		}
	}
}

/* Whether @id marks a common entry. */
static bool is_common(const struct unwind_section *s, uint64_t id, bool wide)
{
	return id == (s->debug_frame ? (wide ? UINT64_MAX : UINT32_MAX) : 0);
}

static bool common_read(const struct unwind_section *s, uint64_t offset, struct cfi_common *ret)
{
	struct reader r;
	bool wide;

	if (!entry_read(s, offset, &r, &wide) || !is_common(s, read_bytes(&r, wide ? 8 : 4), wide))
		return false;
	uint8_t version = (uint8_t)read_bytes(&r, 1);
	const char *letters = (const char *)r.at;
	while (read_bytes(&r, 1))
		;
	if (r.bad || (version != 1 && version != 3 && version != 4))
		return false;
	if (version == 4)
		read_bytes(&r, 2); /* address and segment selector sizes */
	*ret = (struct cfi_common){ .offset = offset };
	ret->code_align = read_uleb(&r);
	ret->data_align = read_sleb(&r);
	uint64_t return_register = version == 1 ? read_bytes(&r, 1) : read_uleb(&r);
	if (return_register != REGISTER_RA)
		return false;
	if (letters[0] == 'z') {
		uint64_t length = read_uleb(&r);

		if (r.bad || length > (uint64_t)(r.end - r.at))
			return false;
		struct reader data = { r.at, r.at + length, false };
		ret->has_augmentation_data = true;
		augmentation_read(&data, letters + 1, ret);
		if (data.bad)
			return false;
		r.at += length;
	} else if (letters[0]) {
		return false;
	}
	ret->instructions = r.at;
	ret->end = r.end;
	return !r.bad;
}

int cfi_next(const struct unwind_section *s, uint64_t *offset, struct cfi_common *cache,
	struct cfi_function *ret)
{
	struct reader r;
	bool wide;

	if (!entry_read(s, *offset, &r, &wide))
		return -ENODATA;
	uint64_t id_at = (uint64_t)(r.at - s->bytes);
	*offset = (uint64_t)(r.end - s->bytes);
	uint64_t id = read_bytes(&r, wide ? 8 : 4);
	if (is_common(s, id, wide) || (!s->debug_frame && id > id_at))
		return 0; /* a common entry, read when a function refers to it */
	uint64_t common = s->debug_frame ? id : id_at - id;
	if ((!cache->instructions || cache->offset != common) && !common_read(s, common, cache)) {
		cache->instructions = NULL;
		return 0;
	}
	uint64_t place = s->address + (uint64_t)(r.at - s->bytes);
	ret->start = read_pointer(&r, cache->pointer_encoding, place);
	uint64_t length = read_pointer(&r, cache->pointer_encoding & 0x0f, 0);
	if (cache->has_augmentation_data) {
		uint64_t skip = read_uleb(&r);

		if (skip > (uint64_t)(r.end - r.at))
			return 0;
		r.at += skip;
	}
	if (r.bad || !length || ret->start + length < ret->start)
		return 0;
	ret->end = ret->start + length;
	ret->common = *cache;
	ret->instructions = r.at;
	ret->instructions_end = r.end;
	return 1;
}

/* Sections of an ELF image: checked once as a table, read one by one when asked for. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "elf/image_private.h"

struct elf_strings elf_section_strings(struct elf_image *image, uint32_t index)
{
	struct elf_strings none = { 0 };

	if (!index || index >= image->sections.n || image->sections.at[index].type != SHT_STRTAB ||
		image->sections.at[index].flags & SHF_COMPRESSED)
		return none;
	Elf_Data *data = elf_rawdata(image->sections.at[index].scn, NULL);
	if (!data || !data->d_buf || !data->d_size)
		return none;
	const char *end = memrchr(data->d_buf, 0, data->d_size);
	if (!end)
		return none;
	return (struct elf_strings){ data->d_buf, (size_t)(end - (char *)data->d_buf) + 1 };
}

static int read_section_headers(struct elf_image *image, struct error *err)
{
	size_t n;

	if (elf_getshdrnum(image->elf, &n) || n > UINT16_MAX)
		return error_set(err, -EBADMSG, "the section headers cannot be read");
	for (size_t i = 0; i < n; i++) {
		Elf_Scn *scn = elf_getscn(image->elf, i);
		GElf_Shdr sh;

		if (!scn || !gelf_getshdr(scn, &sh))
			return error_set(err, -EBADMSG, "section %zu cannot be read", i);
		if (sh.sh_type != SHT_NOBITS && sh.sh_type != SHT_NULL &&
			(sh.sh_offset > image->file_bytes ||
				sh.sh_size > image->file_bytes - sh.sh_offset))
			return error_set(err, -EBADMSG, "section %zu does not fit the file", i);
		struct section s = { scn, "", sh.sh_addr, sh.sh_size, sh.sh_flags, sh.sh_type,
			sh.sh_link };
		if (vec_push(&image->sections, s))
			return error_oom(err);
	}
	return 0;
}

static void name_sections(struct elf_image *image)
{
	size_t index;

	if (elf_getshdrstrndx(image->elf, &index))
		return;
	struct elf_strings names = elf_section_strings(image, (uint32_t)index);
	vec_each (s, &image->sections) {
		GElf_Shdr sh;

		if (gelf_getshdr(s->scn, &sh) && sh.sh_name < names.n)
			s->name = names.at + sh.sh_name;
	}
}

int elf_image_sections(struct elf_image *image, struct error *err)
{
	if (image->sections_read || !image->section_headers)
		return 0;
	image->sections.n = 0;
	int r = read_section_headers(image, err);
	if (r) {
		image->sections.n = 0;
		return r;
	}
	name_sections(image);
	image->sections_read = true;
	return 0;
}

int elf_image_libelf(struct elf_image *image, Elf **ret, struct error *err)
{
	int r = elf_image_sections(image, err);

	if (!r)
		*ret = image->elf;
	return r;
}

/* Replaces a compressed section's bytes by the original ones. */
static int decompress(struct section *s, const char *name, struct error *err)
{
	GElf_Chdr ch;

	if (!gelf_getchdr(s->scn, &ch))
		return error_set(err, -EBADMSG, "section '%s': no compression header", name);
	if (ch.ch_size > ELF_SECTION_BYTES_MAX)
		return error_set(err, -E2BIG, "section '%s' has %llu bytes when decompressed", name,
			(unsigned long long)ch.ch_size);
	if (elf_compress(s->scn, 0, 0) < 0)
		return error_set(err, -EBADMSG, "section '%s' cannot be decompressed: %s", name,
			elf_errmsg(-1));
	s->flags &= ~(uint64_t)SHF_COMPRESSED;
	s->bytes = ch.ch_size;
	return 0;
}

static struct section *find_section(struct elf_image *image, const char *name)
{
	vec_each (s, &image->sections)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

bool elf_image_has_section(struct elf_image *image, const char *name)
{
	struct error broken;
	struct section *s = elf_image_sections(image, &broken) ? NULL : find_section(image, name);

	return s && s->type != SHT_NOBITS && s->type != SHT_NULL && s->bytes;
}

int elf_image_section(
	struct elf_image *image, const char *name, struct elf_bytes *ret, struct error *err)
{
	int r = elf_image_sections(image, err);

	if (r)
		return r;
	struct section *s = find_section(image, name);
	if (!s || s->type == SHT_NOBITS || s->type == SHT_NULL)
		return error_set(err, -ENOENT, "no section '%s'", name);
	if (s->bytes > ELF_SECTION_BYTES_MAX)
		return error_set(err, -E2BIG, "section '%s' has %llu bytes", name,
			(unsigned long long)s->bytes);
	if (s->flags & SHF_COMPRESSED) {
		r = decompress(s, name, err);
		if (r)
			return r;
	}
	/* Bytes as they stand in the file: libelf would swap nothing here, but might copy. */
	Elf_Data *data = elf_rawdata(s->scn, NULL);
	if (!data || (data->d_size && !data->d_buf))
		return error_set(
			err, -EBADMSG, "section '%s' cannot be read: %s", name, elf_errmsg(-1));
	*ret = (struct elf_bytes){ data->d_buf, data->d_size, s->vaddr, s->flags };
	return 0;
}

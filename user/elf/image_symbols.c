/* The symbols of an ELF image, and the names behind its dynamic relocations. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "elf/image_private.h"

/* A symbol table with the strings it refers to. */
struct symbol_table {
	Elf_Data *data;
	struct elf_strings names;
	size_t n;
	Elf_Data *versions; /* of .gnu.version, one half word a symbol; NULL = there are none */
};

/* Opens the table in section @index; an unusable one is -EBADMSG. */
static int open_table(
	struct elf_image *image, uint32_t index, struct symbol_table *ret, struct error *err)
{
	size_t entry = image->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	struct section *s = &image->sections.at[index];

	ret->data = s->flags & SHF_COMPRESSED ? NULL : elf_getdata(s->scn, NULL);
	ret->names = elf_section_strings(image, s->link);
	if (!ret->data || ret->data->d_type != ELF_T_SYM || (ret->data->d_size && !ret->names.n))
		return error_set(err, -EBADMSG, "the symbol table '%s' cannot be read", s->name);
	ret->n = ret->data->d_size / entry;
	if (ret->n > ELF_SYMBOLS_MAX)
		ret->n = ELF_SYMBOLS_MAX;
	for (uint32_t i = 1; s->type == SHT_DYNSYM && i < image->sections.n; i++) {
		struct section *v = &image->sections.at[i];

		if (v->type == SHT_GNU_versym && v->link == index && !(v->flags & SHF_COMPRESSED))
			ret->versions = elf_getdata(v->scn, NULL);
	}
	return 0;
}

/* Whether symbol @i is hidden by its version (glibc's cfree beside free). Source: Linux Standard
 * Base Core 5.0, section 10.7.3. */
static bool is_old_version(const struct symbol_table *t, size_t i)
{
	enum { VERSION_HIDDEN = 0x8000 };
	GElf_Versym version;

	return t->versions && t->versions->d_type == ELF_T_HALF &&
	       gelf_getversym(t->versions, (int)i, &version) && version & VERSION_HIDDEN;
}

static const char *symbol_name(const struct symbol_table *t, const GElf_Sym *sym)
{
	return sym->st_name < t->names.n ? t->names.at + sym->st_name : "";
}

static int each_of_table(struct elf_image *image, uint32_t index,
	int (*each)(void *context, const struct elf_symbol *symbol), void *context,
	struct error *err)
{
	struct symbol_table t = { 0 };
	int r = open_table(image, index, &t, err);

	for (size_t i = 1; !r && i < t.n; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(t.data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF ||
			sym.st_shndx >= image->sections.n)
			continue;
		const struct section *in = &image->sections.at[sym.st_shndx];
		struct elf_symbol symbol = {
			.name = symbol_name(&t, &sym),
			.vaddr = sym.st_value,
			.size = sym.st_size,
			.section_end = in->vaddr + in->bytes,
			.type = GELF_ST_TYPE(sym.st_info),
			.binding = GELF_ST_BIND(sym.st_info),
			.in_code = in->flags & SHF_EXECINSTR,
			.old_version = is_old_version(&t, i),
		};
		if (symbol.name[0])
			r = each(context, &symbol);
	}
	return r;
}

int elf_image_each_symbol(struct elf_image *image,
	int (*each)(void *context, const struct elf_symbol *symbol), void *context,
	struct error *err)
{
	static const uint32_t types[] = { SHT_SYMTAB, SHT_DYNSYM };
	int r = elf_image_sections(image, err);

	for (int t = 0; !r && t < 2; t++)
		for (uint32_t i = 1; i < image->sections.n; i++)
			if (image->sections.at[i].type == types[t]) {
				r = each_of_table(image, i, each, context, err);
				break; /* a file has one of each kind */
			}
	return r;
}

static int each_slot_of(struct elf_image *image, struct section *s,
	int (*each)(void *context, uint64_t slot_vaddr, const char *name), void *context,
	struct error *err)
{
	struct symbol_table t = { 0 };
	Elf_Data *data = s->flags & SHF_COMPRESSED ? NULL : elf_getdata(s->scn, NULL);

	if (!data || data->d_type != ELF_T_RELA || !s->link || s->link >= image->sections.n ||
		image->sections.at[s->link].type != SHT_DYNSYM)
		return 0; /* a static program's IRELATIVE slots have no names */
	int r = open_table(image, s->link, &t, err);
	size_t n = data->d_size / (image->wide ? sizeof(Elf64_Rela) : sizeof(Elf32_Rela));
	for (size_t i = 0; !r && i < n && i < ELF_SYMBOLS_MAX; i++) {
		GElf_Rela rela;
		GElf_Sym sym;

		if (!gelf_getrela(data, (int)i, &rela))
			break;
		uint64_t index = GELF_R_SYM(rela.r_info);
		if (!index || index >= t.n || !gelf_getsym(t.data, (int)index, &sym))
			continue;
		const char *name = symbol_name(&t, &sym);
		if (name[0])
			r = each(context, rela.r_offset, name);
	}
	return r;
}

int elf_image_each_slot(struct elf_image *image,
	int (*each)(void *context, uint64_t slot_vaddr, const char *name), void *context,
	struct error *err)
{
	int r = elf_image_sections(image, err);

	for (uint32_t i = 1; !r && i < image->sections.n; i++) {
		struct section *s = &image->sections.at[i];

		if (s->type == SHT_RELA &&
			(!strcmp(s->name, ".rela.plt") || !strcmp(s->name, ".rela.dyn")))
			r = each_slot_of(image, s, each, context, err);
	}
	return r;
}

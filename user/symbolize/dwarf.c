/* Opens a file's DWARF, finds the unit of an address, and names the functions and lines there. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/dwarf_functions.h"

enum {
	UNITS_MAX = 1 << 20,
	DIES_MAX = 64 << 20,
	RANGES_MAX = 16 << 20,
};

struct unit {
	Dwarf_Off die;
	bool functions_read;
	struct dwarf_functions functions;
};

struct dwarf_info {
	Dwarf *dwarf, *alt;
	struct dwarf_budget budget;
	VEC(struct unit) units;
	struct dwarf_ranges ranges; /* of units, sorted */
};

/* The bytes that libdw will hold of the section; UINT64_MAX when it cannot be told. */
static uint64_t debug_bytes(Elf_Scn *scn, const GElf_Shdr *sh, const char *name)
{
	if (sh->sh_flags & SHF_COMPRESSED) {
		GElf_Chdr ch;

		return gelf_getchdr(scn, &ch) ? ch.ch_size : UINT64_MAX;
	}
	if (!strncmp(name, ".zdebug_", 8)) {
		/* GNU style: "ZLIB" and the size in big endian. */
		Elf_Data *data = elf_rawdata(scn, NULL);
		uint64_t bytes;

		if (!data || !data->d_buf || data->d_size < 12)
			return UINT64_MAX;
		memcpy(&bytes, (char *)data->d_buf + 4, sizeof(bytes));
		return __builtin_bswap64(bytes);
	}
	return sh->sh_size;
}

/* Sums up the debug sections before libdw reads them all, and sees whether they are complete. */
static int check_sections(Elf *elf, bool has_alt, struct error *err)
{
	uint64_t sum = 0;
	size_t names;
	bool found = false;

	if (elf_getshdrstrndx(elf, &names))
		return error_set(err, -EBADMSG, "the section names cannot be read");
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh) || !(name = elf_strptr(elf, names, sh.sh_name)))
			return error_set(err, -EBADMSG, "the section names cannot be read");
		if (!has_alt && !strcmp(name, ".gnu_debugaltlink"))
			return error_set(err, -ENOENT, "a part of its DWARF is in another file");
		if (!strcmp(name, ".zdebug_line_str"))
			return error_set(err, -EBADMSG, "DWARF 5 in sections of an outdated form");
		if (strncmp(name, ".debug_", 7) && strncmp(name, ".zdebug_", 8))
			continue;
		if (sh.sh_type == SHT_NOBITS)
			continue;
		found |= !strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info");
		uint64_t bytes = debug_bytes(scn, &sh, name);
		if (bytes > DWARF_DEBUG_BYTES_MAX || (sum += bytes) > DWARF_DEBUG_BYTES_MAX)
			return error_set(err, -E2BIG, "more than %d MB of DWARF",
				DWARF_DEBUG_BYTES_MAX >> 20);
	}
	return found ? 0 : error_set(err, -ENOENT, "no .debug_info");
}

/* Demands that a string section ends in NUL: libdw (up to 0.188 at least) reads names of the line
 * table from .debug_line_str with strlen. */
static int check_strings(struct elf_image *image, const char *name, struct error *err)
{
	struct elf_bytes strings;
	int r = elf_image_section(image, name, &strings, err);

	if (r == -ENOENT)
		return 0;
	if (!r && strings.n && strings.at[strings.n - 1])
		r = error_set(err, -EBADMSG, "section '%s' does not end in NUL", name);
	return r;
}

/* Opens @image's DWARF when its sections may be handed to libdw. */
static int open_checked(struct elf_image *image, bool has_alt, Dwarf **ret, struct error *err)
{
	Elf *elf;
	int r = elf_image_libelf(image, &elf, err);

	if (!r)
		r = check_sections(elf, has_alt, err);
	if (!r)
		r = check_strings(image, ".debug_str", err);
	if (!r)
		r = check_strings(image, ".debug_line_str", err);
	if (r)
		return r;
	*ret = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	return *ret ? 0
		    : error_set(err, -EBADMSG, "its DWARF cannot be read: %s", dwarf_errmsg(-1));
}

/* Adds the ranges of the functions of a unit that does not tell its own. */
static int add_function_ranges(struct dwarf_info *info, uint32_t number, Dwarf_Die *die)
{
	struct unit *unit = &info->units.at[number];
	int r = dwarf_functions_read(&unit->functions, die, &info->budget);

	unit->functions_read = true;
	for (uint32_t i = 0; !r && i < unit->functions.subprograms.all.n; i++) {
		struct dwarf_range range = unit->functions.subprograms.all.at[i];

		range.of = number;
		r = vec_push(&info->ranges.all, range);
	}
	return r;
}

static int add_unit(struct dwarf_info *info, Dwarf_Die *die)
{
	uint32_t before = info->ranges.all.n;

	if (vec_push(&info->units, (struct unit){ .die = dwarf_dieoffset(die) }))
		return -ENOMEM;
	uint32_t number = info->units.n - 1;
	int r = dwarf_ranges_add(&info->ranges, die, number, &info->budget);
	if (!r && info->ranges.all.n == before)
		r = add_function_ranges(info, number, die);
	return r;
}

/* Visits the units that have code in this file: no skeletons, whose DIEs are in another one. */
static int index_units(struct dwarf_info *info)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int r = 0;

	while (!r && info->units.n < UNITS_MAX &&
		dwarf_get_units(info->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (type == DW_UT_compile && dwarf_tag(&die) == DW_TAG_compile_unit &&
			!dwarf_hasattr(&die, DW_AT_GNU_dwo_name))
			r = add_unit(info, &die);
	}
	dwarf_ranges_sort(&info->ranges);
	/* A spent budget leaves the later units without lines; their symbols remain. */
	return r == -E2BIG ? 0 : r;
}

int dwarf_info_open(
	struct elf_image *image, struct elf_image *alt, struct dwarf_info **ret, struct error *err)
{
	CLEANUP(dwarf_info_closep) struct dwarf_info *info = calloc(1, sizeof(*info));

	if (!info)
		return error_oom(err);
	info->budget = (struct dwarf_budget){ DIES_MAX, RANGES_MAX };
	int r = open_checked(image, alt != NULL, &info->dwarf, err);
	if (!r && alt)
		r = open_checked(alt, false, &info->alt, err);
	if (r)
		return r;
	if (info->alt)
		dwarf_setalt(info->dwarf, info->alt);
	if (index_units(info))
		return error_oom(err);
	*ret = STEAL(info);
	return 0;
}

void dwarf_info_close(struct dwarf_info *info)
{
	if (!info)
		return;
	vec_each (unit, &info->units)
		dwarf_functions_done(&unit->functions);
	vec_done(&info->units);
	vec_done(&info->ranges.all);
	if (info->dwarf)
		dwarf_end(info->dwarf);
	dwarf_end(info->alt);
	free(info);
}

void dwarf_info_closep(struct dwarf_info **info)
{
	dwarf_info_close(*info);
}

/* The name of a function, from its own DIE or from the one it is an instance of. */
static const char *function_name(Dwarf_Die *die)
{
	static const unsigned names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name };
	Dwarf_Attribute attribute;

	for (int i = 0; i < 3; i++) {
		const char *name =
			dwarf_formstring(dwarf_attr_integrate(die, names[i], &attribute));

		if (name && *name)
			return name;
	}
	return NULL;
}

/* Where @call was inlined: the file and line of the call. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *call, struct dwarf_place *place)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t n;

	if (dwarf_formudata(dwarf_attr(call, DW_AT_call_line, &attribute), &line) == 0 &&
		line <= INT32_MAX)
		place->line = (uint32_t)line;
	if (dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &attribute), &file) == 0 &&
		dwarf_getsrcfiles(unit, &files, &n) == 0 && file < n)
		place->file = dwarf_filesrc(files, file, NULL, NULL);
}

static void line_of(Dwarf_Die *unit, uint64_t vaddr, struct dwarf_place *place)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, vaddr);
	int number;

	if (!line)
		return;
	place->file = dwarf_linesrc(line, NULL, NULL);
	if (!dwarf_lineno(line, &number) && number > 0)
		place->line = (uint32_t)number;
}

/* Where the compiler ran: files that are not absolute are relative to it. */
static const char *unit_directory(Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
}

uint32_t dwarf_info_find(struct dwarf_info *info, uint64_t vaddr, struct dwarf_place *places)
{
	const struct dwarf_range *range = dwarf_ranges_find(&info->ranges, vaddr);
	uint32_t chain[DWARF_PLACES_MAX];
	Dwarf_Die die, call;

	if (!range)
		return 0;
	struct unit *unit = &info->units.at[range->of];
	if (!dwarf_offdie(info->dwarf, unit->die, &die))
		return 0;
	if (!unit->functions_read) {
		unit->functions_read = true;
		if (dwarf_functions_read(&unit->functions, &die, &info->budget))
			return 0;
	}
	uint32_t n = dwarf_functions_find(&unit->functions, vaddr, chain, DWARF_PLACES_MAX);
	places[0] = (struct dwarf_place){ .directory = unit_directory(&die) };
	line_of(&die, vaddr, &places[0]);
	if (!n)
		return places[0].file ? 1 : 0; /* assembly: lines without functions */
	for (uint32_t i = 0; i < n; i++) {
		const struct dwarf_function *f = &unit->functions.all.at[chain[n - 1 - i]];

		if (!dwarf_offdie(info->dwarf, f->die, &call))
			return i;
		places[i].function = function_name(&call);
		if (i + 1 < n) {
			places[i + 1] = (struct dwarf_place){ .directory = places[0].directory };
			call_site(&die, &call, &places[i + 1]);
		}
	}
	return n;
}

/*
 * Parses kallsyms: "ADDRESS TYPE NAME[\t[MODULE]]" per line, about 200,000 lines, in any order.
 * The text is kept and cut into strings in place.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"

enum {
	TEXT_BYTES_MAX = 64 << 20,
	LAST_FUNCTION_BYTES = 64 << 10, /* reach of a function that only a foreign symbol bounds */
};

static const char kernel_name[] = "[kernel]";

struct kallsyms {
	char *text;
	VEC(struct kallsyms_symbol) functions;
};

/* One line. */
struct row {
	uint64_t address;
	const char *name, *module;
	char type;
};

struct rows {
	VEC(struct row) all;
};

static void rows_done(struct rows *r)
{
	vec_done(&r->all);
}

static bool is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

static int alias_rank(const struct row *r)
{
	return (is_code(r->type) ? 0 : 100) +
	       (r->type == 'T'          ? 0
		       : r->type == 't' ? 10
					: 5) +
	       (int)strspn(r->name, "_") % 5;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	int rank = alias_rank(x) - alias_rank(y);
	return rank ? rank : strcmp(x->name, y->name);
}

/* Cuts one line into a row; false when it is none. */
static bool parse_line(char *line, struct row *ret)
{
	char *end;
	size_t digits = strspn(line, "0123456789abcdefABCDEF");

	if (!digits || digits > 16 || line[digits] != ' ' || !line[digits + 1] ||
		line[digits + 2] != ' ')
		return false;
	ret->address = strtoull(line, &end, 16);
	ret->type = end[1];
	char *name = end + 3;
	size_t n = strcspn(name, "\t ");
	if (!n)
		return false;
	char *module = name + n + strspn(name + n, "\t ");
	ret->module = *module == '[' ? module : kernel_name;
	if (ret->module == module)
		module[strcspn(module, "\t ")] = 0;
	name[n] = 0;
	ret->name = name;
	return true;
}

static int parse_rows(char *text, struct rows *rows, struct error *err)
{
	bool any_address = false;
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n"));) {
		struct row row;

		if (!parse_line(line, &row))
			continue;
		any_address |= row.address != 0;
		if (vec_push(&rows->all, row))
			return error_oom(err);
	}
	if (!rows->all.n)
		return error_set(err, -EBADMSG, "no kernel symbols in the text");
	if (!any_address) {
		error_set(err, -EPERM, "the kernel hides its symbols' addresses");
		error_hint(err, "run as root, or set kernel.kptr_restrict to 0 or 1");
		return -EPERM;
	}
	return 0;
}

/* Keeps the functions; every row, of any type, ends the function in front of it. */
static int keep_functions(struct kallsyms *k, const struct rows *rows)
{
	for (uint32_t i = 0; i < rows->all.n; i++) {
		const struct row *r = &rows->all.at[i];
		uint32_t next = i + 1;

		if (!is_code(r->type) || !r->address ||
			(k->functions.n && k->functions.at[k->functions.n - 1].start == r->address))
			continue;
		while (next < rows->all.n && rows->all.at[next].address == r->address)
			next++;
		bool last =
			next == rows->all.n || strcmp(rows->all.at[next].module, r->module) != 0;
		uint64_t end = r->address + LAST_FUNCTION_BYTES;
		if (end < r->address)
			end = UINT64_MAX;
		if (next < rows->all.n && (!last || rows->all.at[next].address < end))
			end = rows->all.at[next].address;
		if (vec_push(&k->functions,
			    (struct kallsyms_symbol){ r->address, end, r->name, r->module }))
			return -ENOMEM;
	}
	return 0;
}

/* Takes @text over (NUL-terminated, heap). */
static int parse(char *text, struct kallsyms **ret, struct error *err)
{
	CLEANUP(rows_done) struct rows rows = { 0 };
	CLEANUP(kallsyms_freep) struct kallsyms *k = calloc(1, sizeof(*k));

	if (!k) {
		free(text);
		return error_oom(err);
	}
	k->text = text;
	int r = parse_rows(text, &rows, err);
	if (r)
		return r;
	qsort(rows.all.at, rows.all.n, sizeof(*rows.all.at), compare);
	if (keep_functions(k, &rows))
		return error_oom(err);
	*ret = STEAL(k);
	return 0;
}

int kallsyms_parse(const char *text, size_t n, struct kallsyms **ret, struct error *err)
{
	if (n > TEXT_BYTES_MAX)
		return error_set(err, -E2BIG, "the kernel symbols have %zu bytes", n);
	char *copy = malloc(n + 1);
	if (!copy)
		return error_oom(err);
	memcpy(copy, text, n);
	copy[n] = 0;
	return parse(copy, ret, err);
}

int kallsyms_read(FILE *f, struct kallsyms **ret, struct error *err)
{
	size_t n = 0, capacity = 1 << 20;
	CLEANUP(freep) char *text = malloc(capacity);

	while (text) {
		n += fread(text + n, 1, capacity - n - 1, f);
		if (ferror(f))
			return error_set(err, -EIO, "the kernel symbols cannot be read");
		if (feof(f))
			break;
		if (capacity >= TEXT_BYTES_MAX)
			return error_set(
				err, -E2BIG, "the kernel symbols exceed %d bytes", TEXT_BYTES_MAX);
		char *grown = realloc(text, capacity * 2);
		if (!grown)
			return error_oom(err);
		text = grown;
		capacity *= 2;
	}
	if (!text)
		return error_oom(err);
	text[n] = 0;
	return parse(STEAL(text), ret, err);
}

void kallsyms_free(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->text);
	vec_done(&k->functions);
	free(k);
}

void kallsyms_freep(struct kallsyms **k)
{
	kallsyms_free(*k);
}

uint32_t kallsyms_count(const struct kallsyms *k)
{
	return k->functions.n;
}

const struct kallsyms_symbol *kallsyms_find(const struct kallsyms *k, uint64_t address)
{
	uint32_t low = 0, high = k->functions.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (k->functions.at[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < k->functions.at[low - 1].end ? &k->functions.at[low - 1] : NULL;
}

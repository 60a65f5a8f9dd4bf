/*
 * Folded stacks: one line a stack, "root;...;leaf COUNT", as flamegraph.pl and many others use it.
 *
 * Written: the first element is the process name; COUNT is the number of samples. Equal stacks are
 * one line, lines are sorted frame by frame. Inside a name ';' becomes ':', a line break becomes a
 * space, and what a terminal would act on is escaped.
 *
 * Read: each element is a frame (the first too: nothing says that it is a process). Empty lines
 * and lines that start with "# " are skipped. The count is what the file says and nothing else: the
 * samples have value == count, no rate and no time, and weights_imported is set. A frame may say
 * more than its name, in this order, each part optional:
 *
 *     name@file:line [module]        main@orders.c:12 [/srv/orders]
 *     name_[k]                       the annotations of stackcollapse-perf.pl: [k] [i] [j]
 *
 * [module] is taken as one when it starts with '/', contains ".so", or is one of [kernel], [vdso]
 * and [anon], so that names such as "f [clone .cold]" stay whole. Code of [kernel] is kernel code,
 * code of a file *.py is Python, all other is native. "[unknown]" is a frame without a name.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "formats/formats.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "formats/call_tree.h"

enum {
	LINE_BYTES_MAX = 1 << 20, /* a line that is longer is not a stack */
};

static void folded_name(struct strbuf *out, const char *raw)
{
	CLEANUP_STRBUF struct strbuf plain = { 0 };

	for (; *raw; raw++)
		strbuf_putc(&plain, *raw == ';' ? ':' : *raw == '\n' ? ' ' : *raw);
	text_terminal(out, strbuf_cstr(&plain));
	out->oom |= plain.oom;
}

struct path {
	VEC(uint32_t) symbols; /* leaf first */
};

static void path_done(struct path *path)
{
	vec_done(&path->symbols);
}

static int write_line(const struct call_tree *t, uint32_t node, struct path *path, FILE *out)
{
	uint64_t count = t->nodes.at[node].count;

	path->symbols.n = 0;
	for (; node; node = t->nodes.at[node].parent)
		if (vec_push(&path->symbols, t->nodes.at[node].symbol))
			return -ENOMEM;
	for (uint32_t i = path->symbols.n; i-- > 0;) {
		fputs(t->symbols.at[path->symbols.at[i]].name, out);
		putc(i ? ';' : ' ', out);
	}
	fprintf(out, "%" PRIu64 "\n", count);
	return 0;
}

static int folded_write(
	const struct profile *p, enum sample_kind kind, FILE *out, struct error *err)
{
	CLEANUP(call_tree_done) struct call_tree t = { 0 };
	CLEANUP(path_done) struct path path = { 0 };
	CLEANUP(freep) uint32_t *order = NULL;

	if (call_tree_init(&t, p, &(struct call_tree_options){ kind, true, folded_name }) ||
		call_tree_order(&t, &order))
		return error_oom(err);
	for (uint32_t i = 0; i + 1 < t.nodes.n; i++)
		if (t.nodes.at[order[i]].count && write_line(&t, order[i], &path, out))
			return error_oom(err);
	return format_flush(out, err);
}

/* A part of a line; not NUL-terminated. */
struct view {
	const char *s;
	size_t n;
};

static bool view_is(struct view v, const char *s)
{
	return v.n == strlen(s) && !memcmp(v.s, s, v.n);
}

static bool view_ends(struct view v, const char *s)
{
	size_t n = strlen(s);

	return v.n >= n && !memcmp(v.s + v.n - n, s, n);
}

/* Cuts " [module]" off the end of *name; false when there is none. */
static bool cut_module(struct view *name, struct view *ret)
{
	const char *open = view_ends(*name, "]") ? memrchr(name->s, '[', name->n) : NULL;

	if (!open || open < name->s + 2 || open[-1] != ' ')
		return false;
	struct view inside = { open + 1, (size_t)(name->s + name->n - open) - 2 };
	struct view bracketed = { open, inside.n + 2 };
	bool special =
		view_is(inside, "kernel") || view_is(inside, "vdso") || view_is(inside, "anon");

	if (!special && !(inside.n && inside.s[0] == '/') && !memmem(inside.s, inside.n, ".so", 3))
		return false;
	*ret = special ? bracketed : inside;
	name->n = (size_t)(open - name->s) - 1;
	return true;
}

/* Cuts "@file:line" off the end of *name; false when there is none. */
static bool cut_line(struct view *name, struct view *ret_file, uint32_t *ret_line)
{
	const char *end = name->s + name->n, *digits = end;
	uint64_t line = 0;

	while (digits > name->s && isdigit((unsigned char)digits[-1]))
		digits--;
	if (digits == end || end - digits > 9 || digits - name->s < 3 || digits[-1] != ':')
		return false;
	const char *at = memrchr(name->s, '@', (size_t)(digits - 1 - name->s));
	if (!at || at == name->s || at + 1 == digits - 1)
		return false;
	for (const char *d = digits; d < end; d++)
		line = line * 10 + (uint64_t)(*d - '0');
	*ret_file = (struct view){ at + 1, (size_t)(digits - 1 - at) - 1 };
	*ret_line = (uint32_t)line;
	name->n = (size_t)(at - name->s);
	return true;
}

/* Cuts a "_[k]" annotation off; returns the kind it stands for, or -1. */
static int cut_kind(struct view *name)
{
	static const struct {
		const char *text;
		enum frame_kind kind;
	} kinds[] = { { "_[k]", FRAME_KERNEL }, { "_[i]", FRAME_INLINED }, { "_[j]", FRAME_JIT } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (name->n > 4 && view_ends(*name, kinds[i].text)) {
			name->n -= 4;
			return (int)kinds[i].kind;
		}
	}
	return -1;
}

static int64_t frame_read(struct profile *p, struct view name)
{
	struct profile_frame f = { .kind = FRAME_NATIVE };
	struct view module = { "", 0 }, file = { "", 0 };
	int kind = cut_kind(&name);

	cut_module(&name, &module);
	cut_line(&name, &file, &f.line);
	if (view_is(name, "[unknown]"))
		name.n = 0;
	if (kind >= 0)
		f.kind = (uint8_t)kind;
	else if (view_is(module, "[kernel]"))
		f.kind = FRAME_KERNEL;
	else if (view_ends(file, ".py"))
		f.kind = FRAME_PYTHON;
	else if (!name.n && !module.n)
		f.kind = FRAME_UNKNOWN;

	CLEANUP(freep) char *path = strndup(module.s, module.n);
	int64_t function = profile_string_n(p, name.s, name.n);
	int64_t source = profile_string_n(p, file.s, file.n);
	int64_t m = !path ? -ENOMEM : module.n ? profile_module(p, path, NULL, 0) : 0;
	if (function < 0 || source < 0 || m < 0)
		return -ENOMEM;
	f.function = (uint32_t)function;
	f.file = (uint32_t)source;
	f.module = (uint32_t)m;
	return profile_frame(p, &f);
}

static int bad_line(struct error *err, size_t line, const char *what)
{
	error_exit(err, EXIT_INPUT, -EBADMSG, "folded stacks, line %zu: %s", line, what);
	return error_hint(
		err, "each line reads 'root;...;leaf COUNT' with a whole number at the end");
}

/* Takes the count off the end of the line. */
static int count_read(struct view *v, uint32_t *ret, size_t line, struct error *err)
{
	const char *space = memrchr(v->s, ' ', v->n), *end = v->s + v->n;
	uint64_t count = 0;

	if (!space || space == v->s || space + 1 == end)
		return bad_line(err, line, "has no stack, or no count behind it");
	for (const char *d = space + 1; d < end; d++) {
		if (!isdigit((unsigned char)*d))
			return bad_line(err, line, "its count is not a whole number");
		count = count * 10 + (uint64_t)(*d - '0');
		if (count > UINT32_MAX) /* of all lines together, since equal stacks are merged */
			return bad_line(err, line, "its count is larger than 4294967295");
	}
	v->n = (size_t)(space - v->s);
	*ret = (uint32_t)count;
	return 0;
}

static int line_read(
	struct profile *p, struct view v, size_t line, uint64_t *samples, struct error *err)
{
	struct profile_sample sample = { .kind = SAMPLE_ON_CPU, .weight = 1 };
	uint32_t stack = 0, depth = 0;
	int r = count_read(&v, &sample.count, line, err);

	if (r)
		return r;
	*samples += sample.count;
	if (*samples > UINT32_MAX)
		return bad_line(err, line, "the counts so far sum up to more than 4294967295");
	for (const char *s = v.s, *end = v.s + v.n, *stop; s <= end; s = stop + 1) {
		stop = memchr(s, ';', (size_t)(end - s));
		stop = stop ? stop : end;
		if (++depth > PROFILE_DEPTH)
			return bad_line(err, line, "has more than 4096 frames");
		int64_t frame = frame_read(p, (struct view){ s, (size_t)(stop - s) });
		int64_t node = frame < 0 ? frame : profile_stack(p, stack, (uint32_t)frame, 0);
		if (node == -E2BIG)
			return bad_line(err, line, "there are more different stacks than fit");
		if (node < 0)
			return error_oom(err);
		stack = (uint32_t)node;
	}
	sample.stack = stack;
	sample.value = sample.count;
	return sample.count && profile_sample(p, &sample) ? error_oom(err) : 0;
}

static int lines_read(struct profile *p, const char *bytes, size_t n, struct error *err)
{
	size_t line = 1, stacks = 0;
	uint64_t samples = 0;

	if (!n)
		return bad_line(err, line, "the file is empty and holds no stacks");
	for (const char *s = bytes, *end = bytes + n, *stop; s < end; s = stop + 1, line++) {
		stop = memchr(s, '\n', (size_t)(end - s));
		stop = stop ? stop : end;
		struct view v = { s, (size_t)(stop - s) };

		while (v.n && isspace((unsigned char)v.s[v.n - 1]))
			v.n--;
		if (!v.n || (v.n > 1 && v.s[0] == '#' && v.s[1] == ' '))
			continue;
		if (v.n > LINE_BYTES_MAX)
			return bad_line(err, line, "is longer than 1 MiB");
		if (memchr(v.s, 0, v.n))
			return bad_line(err, line, "holds a NUL byte");
		int r = line_read(p, v, line, &samples, err);
		if (r)
			return r;
		stacks++;
	}
	return stacks ? 0 : bad_line(err, line, "the file holds no stacks");
}

CLEANUP_DEFINE(struct profile *, profile_free)

static int folded_read(const char *bytes, size_t n, struct profile **ret, struct error *err)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();

	if (!p)
		return error_oom(err);
	p->capture.weights_imported = true;
	int r = lines_read(p, bytes, n, err);
	if (r)
		return r;
	*ret = STEAL(p);
	return 0;
}

const struct format_ops format_folded = {
	.name = "folded",
	.suffix = ".folded",
	.text = "one line a stack, as flamegraph.pl reads it",
	.write = folded_write,
	.read = folded_read,
};

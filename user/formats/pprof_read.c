/*
 * Reading pprof files of any origin.
 *
 *     bytes --gunzip--> message --protobuf-c--> ids resolved --> frames, stacks, samples
 *
 * Ids are any numbers: each table is looked up through an array sorted by id. A location's lines,
 * innermost first, become a chain of frames; a name that we gave to nameless code when we wrote the
 * file ("libc.so.6+0x99") becomes nameless code again. Nothing tells when a sample was taken, so
 * all are in one time bucket and there are no intervals.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/pprof_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "formats/pprof_message.h"
#include "profile.pb-c.h"

typedef Perftools__Profiles__Profile pb_profile;
typedef Perftools__Profiles__Sample pb_sample;
typedef Perftools__Profiles__Label pb_label;
typedef Perftools__Profiles__Mapping pb_mapping;
typedef Perftools__Profiles__Location pb_location;
typedef Perftools__Profiles__Line pb_line;
typedef Perftools__Profiles__Function pb_function;

struct by_id {
	uint64_t id;
	size_t index;
};

struct index {
	struct by_id *at;
	size_t n;
};

struct reader {
	struct pprof_message unpacked;
	const pb_profile *message; /* in it */
	struct profile *profile;
	struct index mappings, locations, functions;
	uint32_t *modules;          /* by mapping: module index */
	uint32_t *frames;           /* by location: innermost frame; 0 = not yet made */
	int count_type, value_type; /* sample types; -1 = the file has none */
	int64_t value_unit_ns;      /* of value_type */
	int64_t period_ns;          /* 0 = unknown */
	uint64_t count_total;
	int64_t value_total;
};

static void reader_done(struct reader *r)
{
	pprof_message_done(&r->unpacked);
	free(r->mappings.at);
	free(r->locations.at);
	free(r->functions.at);
	free(r->modules);
	free(r->frames);
	profile_free(r->profile);
}

/* The string with this index; "" for none. Borrowed. */
static const char *text(const struct reader *r, int64_t index)
{
	return index > 0 && (uint64_t)index < r->message->n_string_table
		       ? r->message->string_table[index]
		       : "";
}

/* ---- ids ---- */

static int compare_ids(const void *pa, const void *pb)
{
	const struct by_id *a = pa, *b = pb;

	return a->id != b->id ? (a->id < b->id ? -1 : 1)
			      : (a->index > b->index) - (a->index < b->index);
}

#define INDEX_MAKE(index, elements, count)                                                 \
	({                                                                                 \
		(index)->at = calloc((count) + 1, sizeof(*(index)->at));                   \
		for (size_t i_ = 0; (index)->at && i_ < (count); i_++)                     \
			(index)->at[i_] = (struct by_id){ (elements)[i_]->id, i_ };        \
		(index)->n = (index)->at ? (count) : 0;                                    \
		if ((index)->at)                                                           \
			qsort((index)->at, (index)->n, sizeof(*(index)->at), compare_ids); \
		(index)->at ? 0 : -ENOMEM;                                                 \
	})

/* The element with this id, or -1. */
static int64_t index_find(const struct index *index, uint64_t id)
{
	size_t low = 0, n = index->n;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (index->at[middle].id < id)
			low = middle + 1;
		else
			n = middle;
	}
	return low < index->n && index->at[low].id == id ? (int64_t)index->at[low].index : -1;
}

/* ---- modules and frames ---- */

/* Hexadecimal text as bytes; returns their number, 0 when it is none or too long. */
static uint32_t build_id_read(const char *hex, uint8_t *ret)
{
	size_t n = strlen(hex);

	if (n % 2 || n / 2 > PROFILE_BUILD_ID_BYTES)
		return 0;
	for (size_t i = 0; i < n; i += 2) {
		char digits[] = { hex[i], hex[i + 1], 0 };
		char *end;

		ret[i / 2] = (uint8_t)strtoul(digits, &end, 16);
		if (*end || !isxdigit((unsigned char)digits[0]))
			return 0;
	}
	return (uint32_t)(n / 2);
}

static int modules_read(struct reader *r)
{
	const pb_profile *m = r->message;

	r->modules = calloc(m->n_mapping + 1, sizeof(*r->modules));
	if (!r->modules)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_mapping; i++) {
		uint8_t build_id[PROFILE_BUILD_ID_BYTES];
		uint32_t n = build_id_read(text(r, m->mapping[i]->build_id), build_id);
		const char *path = text(r, m->mapping[i]->filename);

		int64_t module = *path ? profile_module(r->profile, path, build_id, n) : 0;
		if (module < 0)
			return (int)module;
		r->modules[i] = (uint32_t)module;
	}
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static enum frame_kind kind_of(const char *module, const char *file)
{
	if (module[0] == '[' && strncmp(module, "[vdso", 5) && strncmp(module, "[vsys", 5) &&
		strncmp(module, "[anon", 5) && strncmp(module, "[heap", 5))
		return FRAME_KERNEL;
	return ends_with(file, ".py") ? FRAME_PYTHON : FRAME_NATIVE;
}

/* Whether @name is what profile_frame_name() calls code of @module without a name; *ret_start is
 * the address in it. */
static bool is_nameless(const char *module, const char *name, uint64_t *ret_start)
{
	const char *base = profile_basename(module);
	size_t n = strlen(base);
	char *end;

	if (!strcmp(name, "[unknown]"))
		return *ret_start = 0, true;
	if (!n || strncmp(name, base, n) || strncmp(name + n, "+0x", 3) ||
		!isxdigit((unsigned char)name[n + 3]))
		return false;
	*ret_start = strtoull(name + n + 3, &end, 16);
	return !*end;
}

/* Adds one line of a location, with @outer around it. The frame, or -errno. */
static int64_t frame_add(
	struct reader *r, struct profile_frame f, const pb_line *line, bool outermost)
{
	const char *module = profile_str(r->profile, r->profile->modules.at[f.module].path);
	int64_t at = line ? index_find(&r->functions, line->function_id) : -1;
	const pb_function *function = at < 0 ? NULL : r->message->function[at];
	const char *name = function ? text(r, function->name) : "";
	const char *path = function ? text(r, function->filename) : "";
	uint64_t start = 0;

	if (function && !*name)
		name = text(r, function->system_name);
	if (is_nameless(module, name, &start)) {
		name = "";
		f.start = start < f.offset ? start : 0;
	}
	f.kind = (uint8_t)(outermost ? kind_of(module, path) : FRAME_INLINED);
	if (!*name && !f.module) {
		f.kind = FRAME_UNKNOWN;
		f.offset = f.offset ? f.offset : 1; /* a frame of its own, not the empty row */
	}
	int64_t s = profile_string(r->profile, name);
	int64_t file = s < 0 ? s : profile_string(r->profile, path);
	if (file < 0)
		return file;
	f.function = (uint32_t)s;
	f.file = (uint32_t)file;
	if (line && line->line > 0 && line->line <= UINT32_MAX)
		f.line = (uint32_t)line->line;
	return profile_frame(r->profile, &f);
}

/* The innermost frame of a location, or -errno. */
static int64_t location_frame(struct reader *r, size_t index)
{
	const pb_location *l = r->message->location[index];
	int64_t m = index_find(&r->mappings, l->mapping_id);
	struct profile_frame f = { .offset = l->address };
	int64_t frame = 0;

	if (r->frames[index])
		return r->frames[index];
	if (l->n_line > PROFILE_INLINE_DEPTH)
		return -EBADMSG;
	if (m >= 0) {
		const pb_mapping *mapping = r->message->mapping[m];

		f.module = r->modules[m];
		/* A start of 0 says that addresses are those of the file already. */
		if (mapping->memory_start && l->address >= mapping->memory_start)
			f.offset = l->address - mapping->memory_start + mapping->file_offset;
	}
	for (size_t i = l->n_line; i-- > 0 && frame >= 0;) {
		f.outer = (uint32_t)frame;
		frame = frame_add(r, f, l->line[i], i + 1 == l->n_line);
	}
	if (!l->n_line)
		frame = frame_add(r, f, NULL, true);
	if (frame > 0)
		r->frames[index] = (uint32_t)frame;
	return frame;
}

static int64_t stack_add(struct reader *r, const pb_sample *s, struct error *err)
{
	int64_t stack = 0;

	if (s->n_location_id > PROFILE_DEPTH)
		return pprof_bad(err, "a stack has more than 4096 frames");
	for (size_t i = s->n_location_id; i-- > 0;) {
		int64_t at = index_find(&r->locations, s->location_id[i]);

		if (at < 0)
			return pprof_bad(err, "a sample's location is not there");
		int64_t frame = location_frame(r, (size_t)at);
		if (frame == -EBADMSG)
			return pprof_bad(err, "more than 64 inlined calls at one location");
		stack = frame < 0 ? frame
				  : profile_stack(r->profile, (uint32_t)stack, (uint32_t)frame, 0);
		if (stack == -E2BIG)
			return pprof_bad(err, "there are more different stacks than fit");
		if (stack < 0)
			return error_oom(err);
	}
	return stack;
}

/* ---- threads ---- */

struct owner {
	uint32_t pid, tid;
	const char *process, *thread;
};

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

/* A number, be it written as one or as text; 0 = none. */
static uint32_t label_number(const struct reader *r, const pb_label *l)
{
	const char *s = text(r, l->str);
	unsigned long n = *s ? strtoul(s, NULL, 10) : 0;

	if (!*s && l->num > 0 && l->num <= UINT32_MAX)
		return (uint32_t)l->num;
	return n <= UINT32_MAX ? (uint32_t)n : 0;
}

static struct owner owner_read(const struct reader *r, const pb_sample *s)
{
	static const char *const pid[] = { "pid", "process_id", NULL };
	static const char *const tid[] = { "tid", "thread_id", "thread id", NULL };
	static const char *const process[] = { "process", "process_name", "comm", NULL };
	static const char *const thread[] = { "thread", "thread_name", "thread name", NULL };
	struct owner o = { .process = "", .thread = "" };

	for (size_t i = 0; i < s->n_label; i++) {
		const char *name = text(r, s->label[i]->key);

		if (is_one_of(name, pid))
			o.pid = label_number(r, s->label[i]);
		else if (is_one_of(name, tid))
			o.tid = label_number(r, s->label[i]);
		else if (is_one_of(name, process))
			o.process = text(r, s->label[i]->str);
		else if (is_one_of(name, thread))
			o.thread = text(r, s->label[i]->str);
	}
	return o;
}

/* The sample's thread: an index, 0 when no label tells, or -errno. */
static int64_t thread_add(struct reader *r, const pb_sample *s)
{
	struct owner o = owner_read(r, s);
	struct profile *p = r->profile;

	if (!o.pid && !o.tid)
		return 0;
	int64_t process = profile_process(p, o.pid ? o.pid : o.tid, 0);
	int64_t thread =
		process < 0 ? process : profile_thread(p, (uint32_t)process, o.tid ? o.tid : o.pid);
	int64_t process_name = profile_string(p, *o.process ? o.process : o.thread);
	int64_t thread_name = profile_string(p, *o.thread ? o.thread : o.process);
	if (thread < 0 || process_name < 0 || thread_name < 0)
		return -ENOMEM;
	if (process_name)
		p->processes.at[process].comm = (uint32_t)process_name;
	if (thread_name)
		p->threads.at[thread].comm = (uint32_t)thread_name;
	return thread;
}

/* ---- values ---- */

/* Nanoseconds in a unit of time; 0 for other units. */
static int64_t unit_ns(const char *unit)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "nanoseconds", 1 }, { "ns", 1 }, { "microseconds", 1000 }, { "us", 1000 },
		{ "milliseconds", 1000000 }, { "ms", 1000000 }, { "seconds", 1000000000 },
		{ "s", 1000000000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].ns;
	return 0;
}

static int types_read(struct reader *r, struct error *err)
{
	const pb_profile *m = r->message;

	r->count_type = r->value_type = -1;
	for (size_t i = 0; i < m->n_sample_type && i < INT32_MAX; i++) {
		const char *type = text(r, m->sample_type[i]->type);
		int64_t ns = unit_ns(text(r, m->sample_type[i]->unit));

		if (r->value_type < 0 && ns && !strcmp(type, "cpu")) {
			r->value_type = (int)i;
			r->value_unit_ns = ns;
		} else if (r->count_type < 0 && !ns && !strcmp(type, "samples")) {
			r->count_type = (int)i;
		}
	}
	if (m->period_type && m->period > 0 && !strcmp(text(r, m->period_type->type), "cpu") &&
		__builtin_mul_overflow(
			m->period, unit_ns(text(r, m->period_type->unit)), &r->period_ns))
		r->period_ns = 0;
	if (!m->n_sample_type)
		return pprof_bad(err, "it does not say what its values are");
	if (r->count_type >= 0 || r->value_type >= 0)
		return 0;
	error_exit(err, EXIT_INPUT, -ENOTSUP, "this pprof file does not measure CPU time but '%s'",
		text(r, m->sample_type[0]->type));
	error_hint(err, "only CPU profiles can be imported");
	return -ENOTSUP;
}

/* Count and value of a sample, whatever the file has of them. */
static int values_read(
	struct reader *r, const pb_sample *s, int64_t *count, int64_t *value, struct error *err)
{
	if (s->n_value != r->message->n_sample_type)
		return pprof_bad(err, "a sample does not have as many values as there are types");
	*count = r->count_type >= 0 ? s->value[r->count_type] : 0;
	*value = r->value_type >= 0 ? s->value[r->value_type] : 0;
	if (*count < 0 || *value < 0) {
		error_exit(err, EXIT_INPUT, -ENOTSUP, "this pprof file has negative values");
		error_hint(err, "differences of profiles cannot be imported");
		return -ENOTSUP;
	}
	bool over = false;
	if (r->value_type >= 0)
		over = __builtin_mul_overflow(*value, r->value_unit_ns, value);
	else
		over = __builtin_mul_overflow(*count, r->period_ns ? r->period_ns : 1, value);
	if (r->count_type < 0 && *value)
		*count = r->period_ns && *value > r->period_ns ? *value / r->period_ns : 1;
	over |= __builtin_add_overflow(r->value_total, *value, &r->value_total);
	over |= *count > UINT32_MAX;
	r->count_total += (uint64_t)*count;
	if (over || r->count_total > UINT32_MAX)
		return pprof_bad(err, "its values sum up to more than can be counted");
	return 0;
}

static int samples_read(struct reader *r, struct error *err)
{
	for (size_t i = 0; i < r->message->n_sample; i++) {
		const pb_sample *s = r->message->sample[i];
		struct profile_sample sample = { .kind = SAMPLE_ON_CPU, .weight = 1 };
		int64_t count = 0, value = 0;
		int failed = values_read(r, s, &count, &value, err);

		if (failed)
			return failed;
		if (!count && !value)
			continue;
		int64_t stack = stack_add(r, s, err);
		if (stack < 0)
			return (int)stack;
		int64_t thread = thread_add(r, s);
		if (thread < 0)
			return error_oom(err);
		sample.stack = (uint32_t)stack;
		sample.thread = (uint32_t)thread;
		sample.count = (uint32_t)count;
		sample.value = value;
		if (profile_sample(r->profile, &sample))
			return error_oom(err);
	}
	return 0;
}

/* ---- the rest ---- */

/* "lost 5 ring_full: the ring was full", as our own files have it. */
static int loss_read(struct profile *p, const char *comment)
{
	char *name;
	uint64_t count;

	if (strncmp(comment, "lost ", 5) || !isdigit((unsigned char)comment[5]))
		return 0;
	count = strtoull(comment + 5, &name, 10);
	const char *colon = strstr(name, ": ");
	if (*name != ' ' || !colon || !count || count == UINT64_MAX)
		return 0;
	CLEANUP(freep) char *copy = strndup(name + 1, (size_t)(colon - name) - 1);
	if (!copy)
		return -ENOMEM;
	return profile_lost(p, copy, colon + 2, count, false);
}

static int capture_read(struct reader *r)
{
	const pb_profile *m = r->message;
	struct profile *p = r->profile;
	bool ours = m->n_comment && !strncmp(text(r, m->comment[0]), "assay ", 6);

	p->capture.weights_imported = true;
	p->capture.start_unix_ns = m->time_nanos > 0 ? (uint64_t)m->time_nanos : 0;
	p->capture.duration_ns = m->duration_nanos > 0 ? (uint64_t)m->duration_nanos : 0;
	if (r->period_ns)
		p->capture.rate_asked_hz = p->capture.rate_had_hz = 1e9 / (double)r->period_ns;
	for (size_t i = 1; ours && i < m->n_comment; i++)
		if (loss_read(p, text(r, m->comment[i])))
			return -ENOMEM;
	/* The first mapping is the main program. */
	if (p->processes.n == 2 && m->n_mapping)
		p->processes.at[1].exe = p->modules.at[r->modules[0]].path;
	return 0;
}

int pprof_read(const char *bytes, size_t n, struct profile **ret, struct error *err)
{
	CLEANUP(reader_done) struct reader r = { .profile = profile_new() };

	if (!r.profile)
		return error_oom(err);
	int failed = pprof_message_unpack(&r.unpacked, bytes, n, err);
	r.message = r.unpacked.profile;
	if (!failed)
		failed = types_read(&r, err);
	if (failed)
		return failed;
	const pb_profile *m = r.message;
	r.frames = calloc(m->n_location + 1, sizeof(*r.frames));
	if (!r.frames || INDEX_MAKE(&r.mappings, m->mapping, m->n_mapping) ||
		INDEX_MAKE(&r.locations, m->location, m->n_location) ||
		INDEX_MAKE(&r.functions, m->function, m->n_function) || modules_read(&r))
		return error_oom(err);
	failed = samples_read(&r, err);
	if (failed)
		return failed;
	if (capture_read(&r))
		return error_oom(err);
	*ret = STEAL(r.profile);
	return 0;
}

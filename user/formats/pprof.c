/*
 * pprof: one gzipped protobuf message, read by `go tool pprof`, Pyroscope, speedscope and others.
 *
 * The string table is the profile's own, with names of nameless frames behind it. A location is a
 * frame that stacks refer to, with its inline chain as lines. Addresses are ELF virtual addresses,
 * so each mapping claims the whole address space from 0: readers take that as "already adjusted".
 * Samples are summed over time by thread and stack. What was lost stands in the comments.
 *
 * Samples from a file without rates have counts only, so only the first sample type is written.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "formats/pprof_read.h"
#include "profile.pb-c.h"

typedef Perftools__Profiles__Profile pb_profile;
typedef Perftools__Profiles__ValueType pb_value_type;
typedef Perftools__Profiles__Sample pb_sample;
typedef Perftools__Profiles__Label pb_label;
typedef Perftools__Profiles__Mapping pb_mapping;
typedef Perftools__Profiles__Location pb_location;
typedef Perftools__Profiles__Line pb_line;
typedef Perftools__Profiles__Function pb_function;

enum { LABELS = 4 };

struct function_place {
	int64_t name, file;
};

struct function_entry {
	UT_hash_handle hh;
	struct function_place place;
	uint64_t id;
};

/* Everything the message points to; freed together. */
struct build {
	const struct profile *profile;
	pb_profile message;
	pb_value_type types[3];
	pb_value_type *type_pointers[2];
	VEC(char *) strings; /* the profile's, borrowed, then from profile.strings.n on: owned */
	VEC(pb_mapping) mappings;
	VEC(pb_function) functions;
	VEC(pb_location) locations;
	VEC(pb_line) lines;
	VEC(pb_sample) samples;
	VEC(pb_label) labels;
	VEC(uint64_t) location_ids;
	VEC(int64_t) values;
	VEC(int64_t) comments;
	VEC(void *) pointers;  /* one array of pointers for all repeated messages */
	uint64_t *location_of; /* by frame; 0 = none yet */
	uint64_t *mapping_of;  /* by module */
	struct function_entry *function_index;
};

static void build_done(struct build *b)
{
	struct function_entry *e, *next;

	HASH_ITER (hh, b->function_index, e, next) {
		HASH_DEL(b->function_index, e);
		free(e);
	}
	for (uint32_t i = b->profile->strings.n; i < b->strings.n; i++)
		free(b->strings.at[i]);
	vec_done(&b->strings);
	vec_done(&b->mappings);
	vec_done(&b->functions);
	vec_done(&b->locations);
	vec_done(&b->lines);
	vec_done(&b->samples);
	vec_done(&b->labels);
	vec_done(&b->location_ids);
	vec_done(&b->values);
	vec_done(&b->comments);
	vec_done(&b->pointers);
	free(b->location_of);
	free(b->mapping_of);
}

/* Takes the text over; its string index, or -ENOMEM. */
static int64_t string_take(struct build *b, struct strbuf *text)
{
	char *s = strbuf_steal(text);

	if (!s || vec_push(&b->strings, s)) {
		free(s);
		return -ENOMEM;
	}
	return (int64_t)b->strings.n - 1;
}

static int64_t string_add(struct build *b, const char *s)
{
	struct strbuf text = { 0 };

	strbuf_puts(&text, s);
	return string_take(b, &text);
}

static int strings_init(struct build *b)
{
	vec_each (s, &b->profile->strings)
		if (vec_push(&b->strings, *s))
			return -ENOMEM;
	return 0;
}

/* The module that is the program of the first process, or 0. */
static uint32_t main_module(const struct profile *p)
{
	for (uint32_t process = 1; process < p->processes.n; process++)
		for (uint32_t m = 1; m < p->modules.n && p->processes.at[process].exe; m++)
			if (p->modules.at[m].path == p->processes.at[process].exe)
				return m;
	return 0;
}

static int mapping_add(struct build *b, uint32_t module)
{
	const struct profile_module *m = &b->profile->modules.at[module];
	struct strbuf hex = { 0 };
	pb_mapping out = PERFTOOLS__PROFILES__MAPPING__INIT;

	if (!module || b->mapping_of[module])
		return 0;
	for (uint32_t i = 0; i < m->build_id_bytes; i++)
		strbuf_printf(&hex, "%02x", m->build_id[i]);
	int64_t build_id = m->build_id_bytes ? string_take(b, &hex) : 0;
	if (build_id < 0)
		return -ENOMEM;
	b->mapping_of[module] = b->mappings.n + 1;
	out.id = b->mappings.n + 1;
	out.memory_limit = UINT64_MAX;
	out.filename = m->path;
	out.build_id = build_id;
	out.has_functions = true;
	out.has_filenames = true;
	out.has_line_numbers = true;
	out.has_inline_frames = true;
	return vec_push(&b->mappings, out);
}

static int mappings_add(struct build *b)
{
	b->mapping_of = calloc(b->profile->modules.n, sizeof(*b->mapping_of));
	if (!b->mapping_of || mapping_add(b, main_module(b->profile)))
		return -ENOMEM;
	for (uint32_t m = 1; m < b->profile->modules.n; m++)
		if (mapping_add(b, m))
			return -ENOMEM;
	return 0;
}

/* The id of the function that @frame stands in, or -ENOMEM. */
static int64_t function_add(struct build *b, uint32_t frame)
{
	const struct profile_frame *f = &b->profile->frames.at[frame];
	struct function_place place = { f->function, f->file };
	pb_function out = PERFTOOLS__PROFILES__FUNCTION__INIT;
	struct function_entry *e;

	if (!f->function) {
		struct strbuf name = { 0 };

		profile_frame_name(b->profile, frame, &name);
		place.name = string_take(b, &name);
		if (place.name < 0)
			return -ENOMEM;
	}
	HASH_FIND(hh, b->function_index, &place, sizeof(place), e);
	if (e)
		return (int64_t)e->id;
	out.id = b->functions.n + 1;
	out.name = out.system_name = place.name;
	out.filename = place.file;
	e = calloc(1, sizeof(*e));
	if (!e || vec_push(&b->functions, out)) {
		free(e);
		return -ENOMEM;
	}
	e->place = place;
	e->id = out.id;
	HASH_ADD(hh, b->function_index, place, sizeof(place), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return (int64_t)out.id;
}

/* The id of the location of @frame (with what it is inlined into), or -ENOMEM. */
static int64_t location_add(struct build *b, uint32_t frame)
{
	const struct profile_frame *f = &b->profile->frames.at[frame];
	pb_location out = PERFTOOLS__PROFILES__LOCATION__INIT;

	if (b->location_of[frame])
		return (int64_t)b->location_of[frame];
	out.id = b->locations.n + 1;
	out.mapping_id = b->mapping_of[f->module];
	out.address = f->offset;
	for (; frame; frame = b->profile->frames.at[frame].outer, out.n_line++) {
		int64_t function = function_add(b, frame);
		pb_line line = PERFTOOLS__PROFILES__LINE__INIT;

		line.function_id = (uint64_t)function;
		line.line = b->profile->frames.at[frame].line;
		if (function < 0 || vec_push(&b->lines, line))
			return -ENOMEM;
	}
	b->location_of[f - b->profile->frames.at] = out.id;
	return vec_push(&b->locations, out) ? -ENOMEM : (int64_t)out.id;
}

static int label_add(struct build *b, int64_t name, int64_t str, int64_t num)
{
	pb_label label = PERFTOOLS__PROFILES__LABEL__INIT;

	label.key = name;
	label.str = str;
	label.num = num;
	return vec_push(&b->labels, label);
}

/* Exactly LABELS labels, so that each sample knows where its own start. */
static int labels_add(struct build *b, const struct profile_sample *s, const int64_t *names)
{
	const struct profile_thread *t = &b->profile->threads.at[s->thread];
	const struct profile_process *process = &b->profile->processes.at[t->process];

	return label_add(b, names[0], t->comm, 0) || label_add(b, names[1], 0, t->tid) ||
	       label_add(b, names[2], process->comm, 0) || label_add(b, names[3], 0, process->pid);
}

static int sample_add(struct build *b, const struct profile_sample *s, const int64_t *names)
{
	const struct profile *p = b->profile;
	pb_sample out = PERFTOOLS__PROFILES__SAMPLE__INIT;

	for (uint32_t stack = s->stack; stack; stack = p->stacks.at[stack].parent) {
		int64_t id = location_add(b, p->stacks.at[stack].frame);

		if (id < 0 || vec_push(&b->location_ids, (uint64_t)id))
			return -ENOMEM;
		out.n_location_id++;
	}
	out.n_value = b->message.n_sample_type;
	out.n_label = s->thread ? LABELS : 0;
	if (labels_add(b, s, names) || vec_push(&b->values, 0) || vec_push(&b->values, 0) ||
		vec_push(&b->samples, out))
		return -ENOMEM;
	return 0;
}

struct sample_order {
	uint32_t thread, stack, sample;
};

static int by_thread_and_stack(const void *a, const void *b)
{
	const struct sample_order *x = a, *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

static int samples_add(struct build *b, enum sample_kind kind)
{
	const struct profile *p = b->profile;
	CLEANUP(freep) struct sample_order *order = calloc(p->samples.n + 1, sizeof(*order));
	int64_t names[LABELS] = { string_add(b, "thread"), string_add(b, "tid"),
		string_add(b, "process"), string_add(b, "pid") };
	uint32_t n = 0;

	if (!order || names[0] < 0 || names[1] < 0 || names[2] < 0 || names[3] < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.at[i];

		if (s->kind == kind)
			order[n++] = (struct sample_order){ s->thread, s->stack, i };
	}
	qsort(order, n, sizeof(*order), by_thread_and_stack);
	for (uint32_t i = 0; i < n; i++) {
		const struct profile_sample *s = &p->samples.at[order[i].sample];
		bool first = !i || order[i].thread != order[i - 1].thread ||
			     order[i].stack != order[i - 1].stack;

		if (first && sample_add(b, s, names))
			return -ENOMEM;
		b->values.at[b->values.n - 2] += s->count;
		b->values.at[b->values.n - 1] += s->value;
	}
	return 0;
}

static int types_set(struct build *b, enum sample_kind kind)
{
	const struct profile_capture *c = &b->profile->capture;
	double rate = c->rate_had_hz > 0 ? c->rate_had_hz : c->rate_asked_hz;
	bool counts_only = c->weights_imported && !(rate > 0);

	for (int i = 0; i < 3; i++)
		b->types[i] = (pb_value_type)PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	int64_t names[] = { string_add(b, "samples"), string_add(b, "count"),
		string_add(b, sample_kind_pprof(kind)), string_add(b, sample_kind_unit(kind)) };
	for (int i = 0; i < 4; i++)
		if (names[i] < 0)
			return -ENOMEM;
	for (int i = 0; i < 3; i++) {
		b->types[i].type = names[i ? 2 : 0];
		b->types[i].unit = names[i ? 3 : 1];
	}
	b->type_pointers[0] = &b->types[0];
	b->type_pointers[1] = &b->types[1];
	b->message.sample_type = b->type_pointers;
	b->message.n_sample_type = counts_only ? 1 : 2;
	b->message.default_sample_type = names[counts_only ? 0 : 2];
	if (kind == SAMPLE_ON_CPU && rate > 0) {
		b->message.period_type = &b->types[2];
		b->message.period = (int64_t)llround(1e9 / rate);
	}
	b->message.time_nanos = (int64_t)c->start_unix_ns;
	b->message.duration_nanos = (int64_t)c->duration_ns;
	return 0;
}

static int comment_add(struct build *b, struct strbuf *text)
{
	int64_t s = string_take(b, text);

	return s < 0 ? -ENOMEM : vec_push(&b->comments, s);
}

static int comments_add(struct build *b, enum sample_kind kind)
{
	CLEANUP(profile_quality_done) struct profile_quality q = { 0 };
	CLEANUP_STRBUF struct strbuf text = { 0 };

	if (profile_quality(b->profile, kind, &q))
		return -ENOMEM;
	strbuf_printf(&text,
		"assay " ASSAY_VERSION ": %" PRIu64 " samples, %.1f %% of stacks whole, %.1f %% of "
		"frames named, %" PRIu64 " lost",
		q.samples, 100 * q.stacks_whole, 100 * q.frames_named, q.lost);
	if (comment_add(b, &text))
		return -ENOMEM;
	vec_each (l, &b->profile->lost) {
		if (!l->count)
			continue;
		strbuf_printf(&text, "lost %" PRIu64 " %s: %s", l->count,
			profile_str(b->profile, l->name), profile_str(b->profile, l->text));
		if (comment_add(b, &text))
			return -ENOMEM;
	}
	return 0;
}

/* Adds pointers to the elements of a vector; evaluates to the first pointer's index or -ENOMEM. */
#define pointers_add(b, v)                                              \
	({                                                              \
		int64_t first_ = (b)->pointers.n;                       \
		for (uint32_t i_ = 0; i_ < (v)->n && first_ >= 0; i_++) \
			if (vec_push(&(b)->pointers, &(v)->at[i_]))     \
				first_ = -ENOMEM;                       \
		first_;                                                 \
	})

/* Points the message at the vectors, which no longer move. */
static int message_link(struct build *b)
{
	int64_t mapping = pointers_add(b, &b->mappings), function = pointers_add(b, &b->functions);
	int64_t location = pointers_add(b, &b->locations), line = pointers_add(b, &b->lines);
	int64_t sample = pointers_add(b, &b->samples), label = pointers_add(b, &b->labels);

	/* Empty vectors get an address too: nothing may be added to NULL, not even 0. */
	if (!vec_reserve(&b->pointers, 1) || !vec_reserve(&b->location_ids, 1))
		return -ENOMEM;
	uint64_t *ids = b->location_ids.at;
	int64_t *values = b->values.at;
	if (mapping < 0 || function < 0 || location < 0 || line < 0 || sample < 0 || label < 0)
		return -ENOMEM;
	void **at = b->pointers.at;
	vec_each (l, &b->locations) {
		l->line = (pb_line **)(at + line);
		line += (int64_t)l->n_line;
	}
	vec_each (s, &b->samples) {
		s->location_id = ids;
		s->value = values;
		s->label = (pb_label **)(at + label);
		ids += s->n_location_id;
		values += 2;
		label += LABELS;
	}
	b->message.mapping = (pb_mapping **)(at + mapping);
	b->message.n_mapping = b->mappings.n;
	b->message.function = (pb_function **)(at + function);
	b->message.n_function = b->functions.n;
	b->message.location = (pb_location **)(at + location);
	b->message.n_location = b->locations.n;
	b->message.sample = (pb_sample **)(at + sample);
	b->message.n_sample = b->samples.n;
	b->message.comment = b->comments.at;
	b->message.n_comment = b->comments.n;
	b->message.string_table = b->strings.at;
	b->message.n_string_table = b->strings.n;
	return 0;
}

static void deflate_end(z_stream *z)
{
	deflateEnd(z);
}

static int gzip_write(uint8_t *bytes, size_t n, FILE *out, struct error *err)
{
	CLEANUP(deflate_end) z_stream z = { 0 };
	uint8_t piece[65536];

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY))
		return error_oom(err);
	do {
		uint32_t part = n < 1 << 30 ? (uint32_t)n : 1 << 30;

		z.next_in = bytes;
		z.avail_in = part;
		bytes += part;
		n -= part;
		do {
			z.next_out = piece;
			z.avail_out = sizeof(piece);
			deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
			fwrite(piece, 1, sizeof(piece) - z.avail_out, out);
		} while (!z.avail_out);
	} while (n);
	return format_flush(out, err);
}

static int pprof_write(const struct profile *p, enum sample_kind kind, FILE *out, struct error *err)
{
	CLEANUP(build_done)
	struct build b = { .profile = p, .message = PERFTOOLS__PROFILES__PROFILE__INIT };

	b.location_of = calloc(p->frames.n, sizeof(*b.location_of));
	if (!b.location_of || strings_init(&b) || types_set(&b, kind) || mappings_add(&b) ||
		samples_add(&b, kind) || comments_add(&b, kind) || message_link(&b))
		return error_oom(err);
	size_t n = perftools__profiles__profile__get_packed_size(&b.message);
	CLEANUP(freep) uint8_t *bytes = malloc(n);
	if (!bytes)
		return error_oom(err);
	perftools__profiles__profile__pack(&b.message, bytes);
	return gzip_write(bytes, n, out, err);
}

const struct format_ops format_pprof = {
	.name = "pprof",
	.suffix = ".pb.gz",
	.text = "gzipped protobuf, as `go tool pprof` reads it",
	.write = pprof_write,
	.read = pprof_read,
};

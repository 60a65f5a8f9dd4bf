/* pprof files read: our own come back alike, those of others as far as they go, bad ones not. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "formats/formats.h"
#include "formats/pprof_read.h"
#include "profile/table.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct table *, table_free)

/* ---- messages by hand ---- */

struct message {
	uint8_t bytes[4096];
	size_t n;
};

static void varint(struct message *m, uint64_t v)
{
	for (; v > 127; v >>= 7)
		m->bytes[m->n++] = (uint8_t)(v | 128);
	m->bytes[m->n++] = (uint8_t)v;
}

static void number(struct message *m, uint32_t field, uint64_t v)
{
	varint(m, field << 3);
	varint(m, v);
}

static void bytes(struct message *m, uint32_t field, const void *data, size_t n)
{
	varint(m, field << 3 | 2);
	varint(m, n);
	memcpy(m->bytes + m->n, data, n);
	m->n += n;
}

/* Adds a message of numbered fields: pairs of field and value, 0 at the end. */
static void fields(struct message *m, uint32_t field, const uint64_t *pairs)
{
	struct message inner = { .n = 0 };

	for (; pairs[0]; pairs += 2)
		number(&inner, (uint32_t)pairs[0], pairs[1]);
	bytes(m, field, inner.bytes, inner.n);
}

#define FIELDS(m, field, ...) fields((m), (field), (const uint64_t[]){ __VA_ARGS__, 0, 0 })

enum { SAMPLE_TYPE = 1, SAMPLE = 2, MAPPING = 3, LOCATION = 4, FUNCTION = 5, STRING = 6 };

static const char *const strings[] = { "", "samples", "count", "cpu", "nanoseconds", "main", "work",
	"/srv/app", "beef01", "main.c", "thread_id", "milliseconds", "inuse_space", "bytes",
	"app+0x40", "pid", "process" };

static void strings_add(struct message *m)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		bytes(m, STRING, strings[i], strlen(strings[i]));
}

/* A location of @function at @address, its id far from its index. */
static void location(
	struct message *m, uint64_t id, uint64_t address, uint64_t function, uint64_t line)
{
	struct message inner = { .n = 0 };

	number(&inner, 1, id);
	number(&inner, 2, 77);
	number(&inner, 3, address);
	FIELDS(&inner, 4, 1, function, 2, line);
	bytes(m, LOCATION, inner.bytes, inner.n);
}

static void tables_add(struct message *m, uint64_t memory_start)
{
	FIELDS(m, MAPPING, 1, 77, 2, memory_start, 3, UINT64_MAX, 5, 7, 6, 8);
	location(m, 5000000000, 0x1000, 900, 12);
	location(m, 3, 0x2000, 901, 20);
	FIELDS(m, FUNCTION, 1, 900, 2, 5, 4, 9);
	FIELDS(m, FUNCTION, 1, 901, 2, 6, 4, 9);
	strings_add(m);
}

static struct profile *read_message(const struct message *m)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	if (pprof_read((const char *)m->bytes, m->n, &p, &err))
		fail_msg("%s", err.text);
	assert_int_equal(profile_check(p, &err), 0);
	return p;
}

static int refused(const struct message *m, const char *because)
{
	struct profile *p = NULL;
	struct error err = { 0 };
	int r = pprof_read((const char *)m->bytes, m->n, &p, &err);

	assert_null(p);
	assert_int_equal(error_exit_code(&err), EXIT_INPUT);
	if (!strstr(err.text, because))
		fail_msg("'%s' does not say '%s'", err.text, because);
	return r;
}

static const char *function_at(const struct profile *p, uint32_t stack)
{
	return profile_str(p, p->frames.at[p->stacks.at[stack].frame].function);
}

/* ---- others' files ---- */

static void ids_are_resolved_whatever_numbers_they_are(void **state)
{
	struct message m = { .n = 0 };

	FIELDS(&m, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&m, SAMPLE_TYPE, 1, 3, 2, 4);
	FIELDS(&m, SAMPLE, 1, 3, 1, 5000000000, 2, 4, 2, 40000000);
	tables_add(&m, 0);
	CLEANUP(profile_freep) struct profile *p = read_message(&m);
	const struct profile_sample *s = &p->samples.at[0];
	const struct profile_frame *leaf = &p->frames.at[p->stacks.at[s->stack].frame];
	assert_int_equal(p->samples.n, 1);
	assert_int_equal(s->count, 4);
	assert_int_equal(s->value, 40000000);
	assert_string_equal(profile_str(p, leaf->function), "work");
	assert_int_equal(leaf->line, 20);
	assert_int_equal(leaf->offset, 0x2000);
	assert_string_equal(profile_str(p, leaf->file), "main.c");
	assert_string_equal(function_at(p, p->stacks.at[s->stack].parent), "main");
	const struct profile_module *module = &p->modules.at[leaf->module];
	assert_string_equal(profile_str(p, module->path), "/srv/app");
	assert_int_equal(module->build_id_bytes, 3);
	assert_memory_equal(module->build_id, "\xbe\xef\x01", 3);
	assert_true(p->capture.weights_imported);
}

static void addresses_are_made_relative_to_their_mapping(void **state)
{
	struct message m = { .n = 0 };

	FIELDS(&m, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&m, SAMPLE, 1, 3, 2, 4);
	tables_add(&m, 0x1800);
	CLEANUP(profile_freep) struct profile *p = read_message(&m);
	assert_int_equal(p->frames.at[p->stacks.at[p->samples.at[0].stack].frame].offset, 0x800);
}

static void time_in_other_units_becomes_nanoseconds(void **state)
{
	struct message m = { .n = 0 };

	FIELDS(&m, SAMPLE_TYPE, 1, 3, 2, 11);
	FIELDS(&m, SAMPLE, 1, 3, 2, 250);
	tables_add(&m, 0);
	FIELDS(&m, 11, 1, 3, 2, 11);
	number(&m, 12, 10); /* period: 10 ms */
	CLEANUP(profile_freep) struct profile *p = read_message(&m);
	assert_int_equal(p->samples.at[0].value, 250000000);
	assert_int_equal(p->samples.at[0].count, 25);
	assert_true(p->capture.rate_had_hz > 99.9 && p->capture.rate_had_hz < 100.1);
}

static void counts_times_the_period_are_the_value(void **state)
{
	struct message m = { .n = 0 };

	FIELDS(&m, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&m, SAMPLE, 1, 3, 2, 4);
	tables_add(&m, 0);
	FIELDS(&m, 11, 1, 3, 2, 4);
	number(&m, 12, 10000000);
	CLEANUP(profile_freep) struct profile *p = read_message(&m);
	assert_int_equal(p->samples.at[0].value, 40000000);
}

static void labels_name_the_thread(void **state)
{
	struct message m = { .n = 0 }, sample = { .n = 0 };

	FIELDS(&m, SAMPLE_TYPE, 1, 1, 2, 2);
	number(&sample, 1, 3);
	number(&sample, 2, 4);
	FIELDS(&sample, 3, 1, 15, 3, 42); /* pid = 42 */
	FIELDS(&sample, 3, 1, 10, 3, 43); /* thread_id = 43 */
	FIELDS(&sample, 3, 1, 16, 2, 6);  /* process = "work" */
	bytes(&m, SAMPLE, sample.bytes, sample.n);
	tables_add(&m, 0);
	CLEANUP(profile_freep) struct profile *p = read_message(&m);
	const struct profile_thread *t = &p->threads.at[p->samples.at[0].thread];
	assert_int_equal(t->tid, 43);
	assert_int_equal(p->processes.at[t->process].pid, 42);
	assert_string_equal(profile_str(p, p->processes.at[t->process].comm), "work");
}

static void memory_profiles_and_differences_are_refused(void **state)
{
	struct message memory = { .n = 0 }, difference = { .n = 0 };

	FIELDS(&memory, SAMPLE_TYPE, 1, 12, 2, 13);
	FIELDS(&memory, SAMPLE, 1, 3, 2, 4);
	tables_add(&memory, 0);
	assert_int_equal(refused(&memory, "inuse_space"), -ENOTSUP);
	FIELDS(&difference, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&difference, SAMPLE, 1, 3, 2, UINT64_MAX);
	tables_add(&difference, 0);
	assert_int_equal(refused(&difference, "negative"), -ENOTSUP);
}

static void what_refers_to_nothing_is_refused(void **state)
{
	struct message lost = { .n = 0 }, uneven = { .n = 0 }, nothing = { .n = 0 };
	struct message text = { .n = 4, .bytes = "a b;" };

	FIELDS(&lost, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&lost, SAMPLE, 1, 99, 2, 4);
	tables_add(&lost, 0);
	assert_int_equal(refused(&lost, "location"), -EBADMSG);
	FIELDS(&uneven, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&uneven, SAMPLE, 1, 3);
	tables_add(&uneven, 0);
	assert_int_equal(refused(&uneven, "as many values"), -EBADMSG);
	assert_int_equal(refused(&nothing, "empty"), -EBADMSG);
	assert_int_equal(refused(&text, "not a sound"), -EBADMSG);
}

static void counts_beyond_what_can_be_added_are_refused(void **state)
{
	struct message m = { .n = 0 };

	FIELDS(&m, SAMPLE_TYPE, 1, 1, 2, 2);
	FIELDS(&m, SAMPLE, 1, 3, 2, UINT32_MAX);
	FIELDS(&m, SAMPLE, 1, 3, 2, 1);
	tables_add(&m, 0);
	assert_int_equal(refused(&m, "sum up"), -EBADMSG);
}

static void a_small_file_that_unpacks_into_a_huge_message_is_refused(void **state)
{
	enum { SAMPLES = 24 << 20 };
	char *message = malloc(2 * SAMPLES), *packed = malloc(1 << 20);
	struct profile *p = NULL;
	struct error err = { 0 };
	z_stream z = { 0 };

	for (size_t i = 0; i < SAMPLES; i++)
		memcpy(message + 2 * i, "\x12\x00", 2); /* a sample without anything */
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)message;
	z.avail_in = 2 * SAMPLES;
	z.next_out = (uint8_t *)packed;
	z.avail_out = 1 << 20;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(pprof_read(packed, z.total_out, &p, &err), -EFBIG);
	deflateEnd(&z);
	free(message);
	free(packed);
}

static void text_and_messages_are_told_apart(void **state)
{
	assert_true(pprof_is("\x1f\x8b\x08", 3));
	assert_true(pprof_is("\x0a\x04\x08\x01\x10\x02", 6));
	assert_true(pprof_is("a\0b", 3));
	assert_false(pprof_is("main;work 3\r\n\tx 4\n", 18));
	assert_false(pprof_is("na\xc3\xafve 3\n", 9));
	assert_false(pprof_is("", 0));
}

/* ---- our own files ---- */

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static uint32_t call(struct profile *p, uint32_t parent, struct profile_frame f)
{
	return (uint32_t)profile_stack(p, parent, (uint32_t)profile_frame(p, &f), 0);
}

/* main calls work with inner inlined, which calls nameless code; kernel code; a Python function. */
static struct profile *ours(void)
{
	struct profile *p = profile_new();
	uint32_t app = (uint32_t)profile_module(p, "/srv/app", (const uint8_t *)"\1\2", 2);
	uint32_t libc = (uint32_t)profile_module(p, "/lib/libc.so.6", NULL, 0);
	uint32_t kernel = (uint32_t)profile_module(p, "[kernel]", NULL, 0);
	uint32_t process = (uint32_t)profile_process(p, 42, 0);
	uint32_t thread = (uint32_t)profile_thread(p, process, 43);
	struct profile_frame work = { .kind = FRAME_NATIVE,
		.module = app,
		.offset = 0x2000,
		.function = string(p, "work"),
		.file = string(p, "app.c"),
		.line = 20 };
	uint32_t outer = (uint32_t)profile_frame(p, &work);
	uint32_t root = call(p, 0,
		(struct profile_frame){ .kind = FRAME_NATIVE,
			.module = app,
			.offset = 0x1000,
			.function = string(p, "main"),
			.file = string(p, "app.c"),
			.line = 7 });
	uint32_t inner = call(p, root,
		(struct profile_frame){ .kind = FRAME_INLINED,
			.module = app,
			.offset = 0x2000,
			.function = string(p, "inner"),
			.file = string(p, "inner.h"),
			.line = 3,
			.outer = outer });
	uint32_t leaves[] = {
		call(p, inner,
			(struct profile_frame){
				.kind = FRAME_NATIVE, .module = libc, .offset = 0x99 }),
		call(p, inner,
			(struct profile_frame){ .kind = FRAME_NATIVE,
				.module = libc,
				.offset = 0x299,
				.start = 0x250 }),
		call(p, inner,
			(struct profile_frame){ .kind = FRAME_KERNEL,
				.module = kernel,
				.offset = 0xffffffff81000000,
				.function = string(p, "schedule") }),
		call(p, root,
			(struct profile_frame){ .kind = FRAME_PYTHON,
				.function = string(p, "f"),
				.file = string(p, "/srv/x.py"),
				.line = 4 }),
	};
	p->processes.at[process].comm = string(p, "app");
	p->threads.at[thread].comm = string(p, "worker");
	for (uint32_t i = 0; i < 4; i++)
		profile_sample(p, &(struct profile_sample){ i, thread, leaves[i], SAMPLE_ON_CPU,
					  2 + i, (2 + i) * 10000000, 1 });
	profile_lost(p, "ring_full", "the ring was full: samples are gone", 5, false);
	p->capture = (struct profile_capture){ .rate_asked_hz = 100,
		.rate_had_hz = 100,
		.start_unix_ns = 1700000000000000000,
		.duration_ns = 1000000000 };
	return p;
}

static struct profile *there_and_back(const struct profile *p)
{
	char *file = NULL;
	size_t n;
	FILE *out = open_memstream(&file, &n);
	struct profile *back = NULL;
	struct error err = { 0 };

	assert_int_equal(format_pprof.write(p, SAMPLE_ON_CPU, out, &err), 0);
	fclose(out);
	if (format_pprof.read(file, n, &back, &err))
		fail_msg("%s", err.text);
	free(file);
	return back;
}

static void our_own_files_give_the_same_tables(void **state)
{
	CLEANUP(profile_freep) struct profile *p = ours();
	CLEANUP(profile_freep) struct profile *back = there_and_back(p);

	for (int by = 0; by < TABLE_BY_COUNT; by++) {
		CLEANUP(table_freep) struct table *a = NULL;
		CLEANUP(table_freep) struct table *b = NULL;
		struct table_options o = { .by = (enum table_by)by };

		assert_int_equal(profile_table(p, &o, &a, NULL), 0);
		assert_int_equal(profile_table(back, &o, &b, NULL), 0);
		assert_int_equal(a->rows.n, b->rows.n);
		assert_int_equal(a->value, b->value);
		for (uint32_t i = 0; i < a->rows.n; i++) {
			CLEANUP_STRBUF struct strbuf x = { 0 }, y = { 0 };

			table_row_name(p, a, &a->rows.at[i], &x);
			table_row_name(back, b, &b->rows.at[i], &y);
			assert_string_equal(strbuf_cstr(&x), strbuf_cstr(&y));
			assert_int_equal(a->rows.at[i].line, b->rows.at[i].line);
			assert_int_equal(a->rows.at[i].offset, b->rows.at[i].offset);
			assert_int_equal(a->rows.at[i].self_count, b->rows.at[i].self_count);
			assert_int_equal(a->rows.at[i].total_value, b->rows.at[i].total_value);
		}
	}
}

static void our_own_files_keep_kinds_times_and_losses(void **state)
{
	CLEANUP(profile_freep) struct profile *p = ours();
	CLEANUP(profile_freep) struct profile *back = there_and_back(p);
	uint32_t kinds[FRAME_KIND_COUNT] = { 0 };

	for (uint32_t i = 1; i < back->frames.n; i++)
		kinds[back->frames.at[i].kind]++;
	assert_int_equal(kinds[FRAME_KERNEL], 1);
	assert_int_equal(kinds[FRAME_PYTHON], 1);
	assert_int_equal(kinds[FRAME_INLINED], 1);
	assert_int_equal(kinds[FRAME_NATIVE], 4);
	assert_int_equal(back->capture.duration_ns, 1000000000);
	assert_int_equal(back->capture.start_unix_ns, 1700000000000000000);
	assert_int_equal(back->lost.n, 1);
	assert_string_equal(profile_str(back, back->lost.at[0].name), "ring_full");
	assert_string_equal(
		profile_str(back, back->lost.at[0].text), "the ring was full: samples are gone");
	assert_int_equal(back->lost.at[0].count, 5);
	/* And the same again: nothing changes on the way. */
	CLEANUP(profile_freep) struct profile *again = there_and_back(back);
	assert_int_equal(again->frames.n, back->frames.n);
	assert_int_equal(again->stacks.n, back->stacks.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_resolved_whatever_numbers_they_are),
		cmocka_unit_test(addresses_are_made_relative_to_their_mapping),
		cmocka_unit_test(time_in_other_units_becomes_nanoseconds),
		cmocka_unit_test(counts_times_the_period_are_the_value),
		cmocka_unit_test(labels_name_the_thread),
		cmocka_unit_test(memory_profiles_and_differences_are_refused),
		cmocka_unit_test(what_refers_to_nothing_is_refused),
		cmocka_unit_test(counts_beyond_what_can_be_added_are_refused),
		cmocka_unit_test(a_small_file_that_unpacks_into_a_huge_message_is_refused),
		cmocka_unit_test(text_and_messages_are_told_apart),
		cmocka_unit_test(our_own_files_give_the_same_tables),
		cmocka_unit_test(our_own_files_keep_kinds_times_and_losses),
	};
	return RUN_TESTS(tests);
}

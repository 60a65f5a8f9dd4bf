/* pprof files: read back field by field, and read by `go tool pprof` as anyone else would. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/formats.h"
#include "profile.pb-c.h"

static uint32_t string_of(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static uint32_t frame(struct profile *p, struct profile_frame f)
{
	return (uint32_t)profile_frame(p, &f);
}

/* main at 0x1000 calls work at 0x2000, into which inner is inlined, which calls nameless code. */
static struct profile *sample_profile(void)
{
	struct profile *p = profile_new();
	static const uint8_t id[] = { 0xde, 0xad, 0xbe, 0xef };
	uint32_t libc = (uint32_t)profile_module(p, "/lib/libc.so.6", NULL, 0);
	uint32_t orders = (uint32_t)profile_module(p, "/srv/orders", id, sizeof(id));
	int64_t process = profile_process(p, 4211, 1);
	int64_t thread = profile_thread(p, (uint32_t)process, 4212);

	p->processes.at[process].comm = string_of(p, "orders");
	p->processes.at[process].exe = string_of(p, "/srv/orders");
	p->threads.at[thread].comm = string_of(p, "worker");
	uint32_t root = frame(p, (struct profile_frame){ .kind = FRAME_NATIVE,
					 .module = orders,
					 .offset = 0x1000,
					 .function = string_of(p, "main"),
					 .line = 7,
					 .file = string_of(p, "orders.c") });
	uint32_t work = frame(p, (struct profile_frame){ .kind = FRAME_NATIVE,
					 .module = orders,
					 .offset = 0x2000,
					 .function = string_of(p, "work"),
					 .line = 20,
					 .file = string_of(p, "orders.c") });
	uint32_t inner = frame(p, (struct profile_frame){ .kind = FRAME_INLINED,
					  .module = orders,
					  .offset = 0x2000,
					  .function = string_of(p, "inner"),
					  .line = 3,
					  .file = string_of(p, "inner.h"),
					  .outer = work });
	uint32_t nameless = frame(
		p, (struct profile_frame){ .kind = FRAME_NATIVE, .module = libc, .offset = 0x99 });
	uint32_t stack = (uint32_t)profile_stack(p, 0, root, 0);
	stack = (uint32_t)profile_stack(p, stack, inner, 0);
	stack = (uint32_t)profile_stack(p, stack, nameless, 0);
	for (uint32_t bucket = 0; bucket < 3; bucket++)
		profile_sample(p, &(struct profile_sample){ .bucket = bucket,
					  .count = 2,
					  .thread = (uint32_t)thread,
					  .stack = stack,
					  .value = 20000000,
					  .weight = 1 });
	profile_lost(p, "ring_full", "the ring was full", 5, false);
	p->capture = (struct profile_capture){ .rate_asked_hz = 99,
		.rate_had_hz = 100,
		.start_unix_ns = 1700000000000000000,
		.duration_ns = 750000000 };
	return p;
}

static Perftools__Profiles__Profile *unpacked(const char *bytes, size_t n)
{
	static uint8_t plain[1 << 20];
	z_stream z = { .next_in = (uint8_t *)bytes,
		.avail_in = (uint32_t)n,
		.next_out = plain,
		.avail_out = sizeof(plain) };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	return perftools__profiles__profile__unpack(NULL, z.total_out, plain);
}

static Perftools__Profiles__Profile *written(const struct profile *p)
{
	char *bytes = NULL;
	size_t n;
	FILE *out = open_memstream(&bytes, &n);
	struct error err = { 0 };

	assert_int_equal(format_pprof.write(p, SAMPLE_ON_CPU, out, &err), 0);
	fclose(out);
	Perftools__Profiles__Profile *m = unpacked(bytes, n);
	assert_non_null(m);
	free(bytes);
	return m;
}

static const char *text(const Perftools__Profiles__Profile *m, int64_t index)
{
	assert_true(index >= 0 && (size_t)index < m->n_string_table);
	return m->string_table[index];
}

static void samples_have_both_values_summed_over_time_and_labels(void **state)
{
	struct profile *p = sample_profile();
	Perftools__Profiles__Profile *m = written(p);
	const Perftools__Profiles__Sample *s = m->sample[0];

	assert_string_equal(text(m, 0), "");
	assert_int_equal(m->n_sample_type, 2);
	assert_string_equal(text(m, m->sample_type[0]->type), "samples");
	assert_string_equal(text(m, m->sample_type[0]->unit), "count");
	assert_string_equal(text(m, m->sample_type[1]->type), "cpu");
	assert_string_equal(text(m, m->sample_type[1]->unit), "nanoseconds");
	assert_int_equal(m->n_sample, 1);
	assert_int_equal(s->n_value, 2);
	assert_int_equal(s->value[0], 6);
	assert_int_equal(s->value[1], 60000000);
	assert_int_equal(s->n_label, 4);
	assert_string_equal(text(m, s->label[0]->key), "thread");
	assert_string_equal(text(m, s->label[0]->str), "worker");
	assert_string_equal(text(m, s->label[1]->key), "tid");
	assert_int_equal(s->label[1]->num, 4212);
	assert_string_equal(text(m, s->label[2]->str), "orders");
	assert_int_equal(s->label[3]->num, 4211);
	assert_int_equal(m->period, 10000000);
	assert_int_equal(m->time_nanos, 1700000000000000000);
	assert_int_equal(m->duration_nanos, 750000000);
	assert_int_equal(m->n_comment, 2);
	assert_string_equal(text(m, m->comment[1]), "lost 5 ring_full: the ring was full");
	perftools__profiles__profile__free_unpacked(m, NULL);
	profile_free(p);
}

static void locations_keep_addresses_and_inlined_lines_innermost_first(void **state)
{
	struct profile *p = sample_profile();
	Perftools__Profiles__Profile *m = written(p);
	const Perftools__Profiles__Sample *s = m->sample[0];

	assert_int_equal(s->n_location_id, 3);
	for (size_t i = 0; i < m->n_location; i++)
		assert_int_equal(m->location[i]->id, i + 1);
	const Perftools__Profiles__Location *leaf = m->location[s->location_id[0] - 1];
	const Perftools__Profiles__Location *middle = m->location[s->location_id[1] - 1];
	const Perftools__Profiles__Function *f = m->function[leaf->line[0]->function_id - 1];
	assert_string_equal(text(m, f->name), "libc.so.6+0x99");
	assert_int_equal(leaf->address, 0x99);
	assert_int_equal(middle->address, 0x2000);
	assert_int_equal(middle->n_line, 2);
	f = m->function[middle->line[0]->function_id - 1];
	assert_string_equal(text(m, f->name), "inner");
	assert_int_equal(middle->line[0]->line, 3);
	f = m->function[middle->line[1]->function_id - 1];
	assert_string_equal(text(m, f->name), "work");
	assert_string_equal(text(m, f->filename), "orders.c");
	perftools__profiles__profile__free_unpacked(m, NULL);
	profile_free(p);
}

static void the_main_program_is_the_first_mapping_with_its_build_id(void **state)
{
	struct profile *p = sample_profile();
	Perftools__Profiles__Profile *m = written(p);

	assert_int_equal(m->n_mapping, 2);
	assert_string_equal(text(m, m->mapping[0]->filename), "/srv/orders");
	assert_string_equal(text(m, m->mapping[0]->build_id), "deadbeef");
	assert_int_equal(m->location[m->sample[0]->location_id[2] - 1]->mapping_id, 1);
	assert_int_equal(m->location[m->sample[0]->location_id[0] - 1]->mapping_id, 2);
	perftools__profiles__profile__free_unpacked(m, NULL);
	profile_free(p);
}

static void imported_counts_do_not_become_nanoseconds(void **state)
{
	struct profile *p = NULL;
	struct error err = { 0 };

	assert_int_equal(format_folded.read("a;b 3\n", 6, &p, &err), 0);
	Perftools__Profiles__Profile *m = written(p);
	assert_int_equal(m->n_sample_type, 1);
	assert_int_equal(m->sample[0]->n_value, 1);
	assert_int_equal(m->sample[0]->value[0], 3);
	assert_int_equal(m->sample[0]->n_label, 0);
	perftools__profiles__profile__free_unpacked(m, NULL);
	profile_free(p);
}

static void an_empty_profile_is_a_valid_file(void **state)
{
	struct profile *p = profile_new();
	Perftools__Profiles__Profile *m = written(p);

	assert_int_equal(m->n_sample, 0);
	assert_int_equal(m->n_sample_type, 2);
	perftools__profiles__profile__free_unpacked(m, NULL);
	profile_free(p);
}

static void go_tool_pprof_reads_it(void **state)
{
	char folder[] = "/tmp/assay-pprof-XXXXXX", path[64], command[512], seen[8192];
	struct profile *p = sample_profile();
	struct error err = { 0 };

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x.pb.gz", folder);
	FILE *out = fopen(path, "w");
	assert_int_equal(format_pprof.write(p, SAMPLE_ON_CPU, out, &err), 0);
	fclose(out);
	snprintf(command, sizeof(command),
		"cd %s && HOME=%s PPROF_TMPDIR=%s go tool pprof -symbolize=none -raw x.pb.gz 2>&1; "
		"HOME=%s PPROF_TMPDIR=%s go tool pprof -symbolize=none -top x.pb.gz 2>&1",
		folder, folder, folder, folder, folder);
	FILE *in = popen(command, "r");
	seen[fread(seen, 1, sizeof(seen) - 1, in)] = 0;
	int status = pclose(in);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
	if (status || !strstr(seen, "samples/count cpu/nanoseconds") ||
		!strstr(seen, "6   60000000: ") || !strstr(seen, "inner inner.h:3") ||
		!strstr(seen, "/srv/orders deadbeef") || !strstr(seen, "60ms   100%"))
		fail_msg("go tool pprof says:\n%s", seen);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_have_both_values_summed_over_time_and_labels),
		cmocka_unit_test(locations_keep_addresses_and_inlined_lines_innermost_first),
		cmocka_unit_test(the_main_program_is_the_first_mapping_with_its_build_id),
		cmocka_unit_test(imported_counts_do_not_become_nanoseconds),
		cmocka_unit_test(an_empty_profile_is_a_valid_file),
		cmocka_unit_test(go_tool_pprof_reads_it),
	};
	return RUN_TESTS(tests);
}

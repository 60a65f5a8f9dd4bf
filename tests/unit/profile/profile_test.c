/* The model's tables: equal rows are stored once, hostile rows are refused. */
// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <errno.h>

#include "base/strbuf.h"
#include "profile/profile.h"

static void equal_rows_are_stored_once(void **state)
{
	struct profile *p = profile_new();
	int64_t name = profile_string(p, "main");

	assert_int_equal(profile_string(p, "main"), name);
	assert_int_equal(profile_string(p, ""), 0);
	struct profile_frame f = { .kind = FRAME_NATIVE, .function = (uint32_t)name };
	int64_t frame = profile_frame(p, &f);
	assert_true(frame > 0);
	assert_int_equal(profile_frame(p, &f), frame);
	f.line = 7;
	assert_int_equal(profile_frame(p, &f), frame + 1);
	int64_t stack = profile_stack(p, 0, (uint32_t)frame, 0);
	assert_int_equal(profile_stack(p, 0, (uint32_t)frame, 0), stack);
	struct profile_sample s = {
		.bucket = 3, .stack = (uint32_t)stack, .count = 1, .value = 10, .weight = 1
	};
	assert_int_equal(profile_sample(p, &s), 0);
	assert_int_equal(profile_sample(p, &s), 0);
	assert_int_equal(p->samples.n, 1);
	assert_int_equal(p->samples.at[0].value, 20);
	profile_free(p);
}

static void indexes_that_refer_to_nothing_are_refused(void **state)
{
	struct profile *p = profile_new();
	struct error err = { 0 };

	assert_int_equal(profile_stack(p, 0, 99, 0), -EINVAL);
	assert_int_equal(profile_stack(p, 9, 0, 0), -EINVAL);
	assert_int_equal(profile_frame(p, &(struct profile_frame){ .outer = 5 }), -EINVAL);
	int64_t frame = profile_frame(p, &(struct profile_frame){ .offset = 1 });
	profile_stack(p, 0, (uint32_t)frame, 0);
	assert_int_equal(profile_check(p, &err), 0);
	p->stacks.at[1].parent = 1;
	assert_int_equal(profile_check(p, &err), -EBADMSG);
	p->stacks.at[1].parent = 0;
	p->frames.at[1].outer = 1;
	assert_int_equal(profile_check(p, &err), -EBADMSG);
	p->frames.at[1].outer = 0;
	p->frames.at[1].start = 2; /* the frame is at 1 */
	assert_int_equal(profile_check(p, &err), -EBADMSG);
	assert_int_equal(profile_frame(p, &p->frames.at[1]), -EINVAL);
	profile_free(p);
}

static void foreign_strings_become_utf8_and_are_cut(void **state)
{
	struct profile *p = profile_new();
	char big[PROFILE_STRING_BYTES * 2];

	memset(big, 'x', sizeof(big));
	int64_t s = profile_string_n(p, big, sizeof(big));
	assert_int_equal(strlen(profile_str(p, (uint32_t)s)), PROFILE_STRING_BYTES);
	s = profile_string(p, "a\xff\xc0z");
	assert_string_equal(profile_str(p, (uint32_t)s), "a\xef\xbf\xbd\xef\xbf\xbdz");
	profile_free(p);
}

static void quality_counts_whole_and_named_stacks(void **state)
{
	struct profile *p = profile_new();
	struct profile_quality q;
	struct profile_frame start = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, "_start") };
	struct profile_frame nameless = { .kind = FRAME_NATIVE, .offset = 16 };
	uint32_t cut = (uint32_t)profile_string(p, "fp_zero");
	uint32_t root = (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &start), cut);
	uint32_t leaf = (uint32_t)profile_stack(p, root, (uint32_t)profile_frame(p, &nameless), 0);
	uint32_t other = (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &nameless), cut);

	profile_sample(p, &(struct profile_sample){ .stack = root, .count = 2, .weight = 1 });
	profile_sample(p, &(struct profile_sample){ .stack = leaf, .count = 1, .weight = 1 });
	profile_sample(p, &(struct profile_sample){ .stack = other, .count = 1, .weight = 1 });
	profile_lost(p, "ring_full", "the ring buffer was full", 5, false);
	assert_int_equal(profile_quality(p, SAMPLE_ON_CPU, &q), 0);
	assert_int_equal(q.samples, 4);
	assert_int_equal(q.lost, 5);
	assert_float_equal(q.stacks_whole, 0.75, 1e-9);
	assert_float_equal(q.stacks_named, 0.5, 1e-9);
	assert_float_equal(q.frames_named, 3.0 / 5, 1e-9);
	assert_int_equal(q.stops.n, 1);
	assert_int_equal(q.stops.at[0].count, 4);
	profile_quality_done(&q);
	profile_free(p);
}

static void a_walk_shows_inlined_frames_before_the_function_they_stand_in(void **state)
{
	struct profile *p = profile_new();
	struct profile_frame outer = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, "outer") };
	struct profile_frame inner = { .kind = FRAME_INLINED,
		.function = (uint32_t)profile_string(p, "inner") };
	struct profile_frame root = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, "main") };

	inner.outer = (uint32_t)profile_frame(p, &outer);
	uint32_t main_node = (uint32_t)profile_stack(p, 0, (uint32_t)profile_frame(p, &root), 0);
	uint32_t leaf =
		(uint32_t)profile_stack(p, main_node, (uint32_t)profile_frame(p, &inner), 0);
	struct strbuf names = { 0 };
	struct stack_walk w = stack_walk(p, leaf);
	for (uint32_t f; (f = stack_walk_next(&w));) {
		profile_frame_name(p, f, &names);
		strbuf_putc(&names, ' ');
	}
	assert_string_equal(strbuf_cstr(&names), "inner outer main ");
	strbuf_done(&names);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_rows_are_stored_once),
		cmocka_unit_test(indexes_that_refer_to_nothing_are_refused),
		cmocka_unit_test(foreign_strings_become_utf8_and_are_cut),
		cmocka_unit_test(quality_counts_whole_and_named_stacks),
		cmocka_unit_test(a_walk_shows_inlined_frames_before_the_function_they_stand_in),
	};
	return RUN_TESTS(tests);
}

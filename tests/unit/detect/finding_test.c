/* What people and programs are shown: never wider than asked, nothing a terminal obeys, every key.
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <locale.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "detect/detect.h"
#include "formats/finding_json.h"
#include "formats/finding_text.h"
#include "plan/plan.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct findings *, findings_free)
CLEANUP_DEFINE(struct plan *, plan_free)

enum { BUCKETS = 60 };

static uint32_t stack(
	struct profile *p, uint32_t parent, const char *function, const char *module, uint32_t line)
{
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, function),
		.file = line ? (uint32_t)profile_string(p, "/src/a/long/way/to/orders.c") : 0,
		.line = line,
		.module = (uint32_t)profile_module(p, module, NULL, 0) };

	return (uint32_t)profile_stack(p, parent, (uint32_t)profile_frame(p, &f), 0);
}

static void spend(struct profile *p, uint32_t at, uint32_t bucket, uint32_t count)
{
	uint32_t thread = (uint32_t)profile_thread(p, (uint32_t)profile_process(p, 7, 1), 8);

	if (count)
		assert_int_equal(
			profile_sample(p, &(struct profile_sample){ bucket, thread, at,
						  SAMPLE_ON_CPU, count, count * 10000000, 1 }),
			0);
}

/* 60 % compiles patterns below @name, 40 % is work of main itself. */
static struct profile *slow_program(const char *name)
{
	struct profile *p = profile_new();
	uint32_t main = stack(p, 0, "main", "/srv/app", 3);
	uint32_t leaf =
		stack(p, stack(p, main, name, "/srv/app", 5), "regcomp", "/usr/lib/libc.so.6", 0);

	for (uint32_t b = 0; b < BUCKETS; b++) {
		spend(p, main, b, 10);
		spend(p, leaf, b, 15);
	}
	p->capture.duration_ns = (uint64_t)BUCKETS * PROFILE_BUCKET_NS;
	profile_source(p, (uint32_t)profile_string(p, "/src/a/long/way/to/orders.c"), 1,
		"int a;\n\nint main(void) { f(); }\n\tint rc;\n\tif (regcomp(&re, \033[2J \"x\", "
		"0))"
		" /* a comment that makes this line longer than any terminal would be wide */\n"
		"\t\treturn;\n");
	return p;
}

static struct findings *findings_of(const struct profile *p)
{
	struct findings *f;
	struct error err;

	assert_int_equal(detect(&(struct detect_input){ .profile = p }, &f, &err), 0);
	return f;
}

static void text_keeps_its_width_and_obeys_no_name(void **state)
{
	CLEANUP(profile_freep)
	struct profile *p = slow_program("f\033]0;x\a\xe2\x80\xae long name of "
					 "a function that will not fit");
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	CLEANUP(plan_freep) struct plan *plan = NULL;
	struct error err;

	assert_int_equal(plan_make(f, NULL, &plan, &err), 0);
	for (uint32_t width = 40; width < 140; width += 7) {
		CLEANUP_STRBUF struct strbuf text = { 0 };
		struct report_style style = { .width = width };
		assert_int_equal(finding_text(f, plan, &style, &text, &err), 0);
		assert_non_null(strstr(strbuf_cstr(&text), "CRITICAL"));
		assert_non_null(strstr(strbuf_cstr(&text), ">      5 |"));
		char *save, *copy = strdup(strbuf_cstr(&text));
		for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			CLEANUP_STRBUF struct strbuf again = { 0 };
			size_t columns = text_terminal_cut(&again, l, SIZE_MAX);
			if (columns > width)
				fail_msg("%zu columns of %u: %s", columns, width, l);
			assert_string_equal(strbuf_cstr(&again), l);
		}
		free(copy);
	}
}

static void colour_is_there_only_when_asked_for(void **state)
{
	CLEANUP(profile_freep) struct profile *p = slow_program("f");
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	CLEANUP_STRBUF struct strbuf text = { 0 };
	struct report_style style = { .width = 100, .colour = true };
	struct error err;

	assert_int_equal(finding_text(f, NULL, &style, &text, &err), 0);
	assert_non_null(strstr(strbuf_cstr(&text), "\033["));
	assert_null(strstr(strbuf_cstr(&text), "\033[2J"));
}

static void an_empty_profile_says_that_there_is_nothing(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	CLEANUP_STRBUF struct strbuf text = { 0 };
	struct report_style style = { .width = 80 };
	struct error err;

	assert_int_equal(f->list.n, 0);
	assert_int_equal(finding_text(f, NULL, &style, &text, &err), 0);
	assert_non_null(strstr(strbuf_cstr(&text), "No samples"));
}

static void json_has_every_promised_key(void **state)
{
	static const char *const keys[] = { "id", "kind", "severity", "impact", "impact_low",
		"impact_high", "confidence", "function", "file", "line", "module", "thread",
		"container", "description", "evidence", "fixes", "snippet" };
	CLEANUP(profile_freep) struct profile *p = slow_program("f");
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	struct json_object *o = findings_json(f), *value;

	assert_non_null(o);
	struct json_object *first =
		json_object_array_get_idx(json_object_object_get(o, "findings"), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_true(json_object_object_get_ex(first, keys[i], &value));
	assert_true(json_object_object_get_ex(o, "quality", &value));
	assert_string_equal(
		json_object_get_string(json_object_object_get(first, "kind")), "repeated_work");
	json_object_put(o);
}

static void an_id_is_stable_across_recordings(void **state)
{
	CLEANUP(profile_freep) struct profile *p = slow_program("f");
	CLEANUP(profile_freep) struct profile *q = slow_program("f");
	CLEANUP(profile_freep) struct profile *other = slow_program("g");

	spend(q, 1, 3, 40);
	CLEANUP(findings_freep) struct findings *a = findings_of(p);
	CLEANUP(findings_freep) struct findings *b = findings_of(q);
	CLEANUP(findings_freep) struct findings *c = findings_of(other);
	assert_string_equal(a->list.at[0].id, b->list.at[0].id);
	assert_string_not_equal(a->list.at[0].id, c->list.at[0].id);
}

static void work_at_the_start_only_is_no_repeated_work(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t main = stack(p, 0, "main", "/srv/app", 0);
	uint32_t leaf =
		stack(p, stack(p, main, "init", "/srv/app", 0), "regcomp", "/usr/lib/libc.so.6", 0);

	for (uint32_t b = 0; b < BUCKETS; b++)
		spend(p, b < 15 ? leaf : main, b, 25);
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	vec_each (one, &f->list) {
		assert_int_not_equal(one->kind, FINDING_REPEATED_WORK);
		assert_true(one->severity <= SEVERITY_MEDIUM);
	}
}

static void steady_growth_is_found_and_measured(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t main = stack(p, 0, "main", "/srv/app", 0);
	uint32_t slow = stack(p, main, "g", "/srv/app", 0);

	for (uint32_t b = 0; b < BUCKETS; b++) {
		spend(p, main, b, 12);
		spend(p, slow, b, 6 + b * 24 / BUCKETS);
	}
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	const struct finding *one = &f->list.at[0];
	assert_int_equal(one->kind, FINDING_ALGORITHMIC_COMPLEXITY);
	assert_true(one->avoidable);
	bool grew = false;
	vec_each (e, &one->evidence)
		grew |= !strcmp(e->name, "cost_growth") && e->value > 3 && e->value < 7 &&
			!strcmp(e->unit, "x");
	assert_true(grew);
}

static void a_second_phase_is_no_growth(void **state)
{
	CLEANUP(profile_freep) struct profile *p = profile_new();
	uint32_t main = stack(p, 0, "main", "/srv/app", 0);
	uint32_t slow = stack(p, main, "g", "/srv/app", 0);

	for (uint32_t b = 0; b < BUCKETS; b++) {
		spend(p, main, b, b < BUCKETS / 2 ? 20 : 5);
		spend(p, slow, b, b < BUCKETS / 2 ? 5 : 20);
	}
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	vec_each (one, &f->list)
		assert_int_equal(one->kind, FINDING_CPU_HOT_PATH);
}

static void no_sample_is_in_two_findings(void **state)
{
	CLEANUP(profile_freep) struct profile *p = slow_program("f");
	CLEANUP(findings_freep) struct findings *f = findings_of(p);
	CLEANUP(freep) int *seen = calloc(p->samples.n, sizeof(*seen));
	double sum = 0;

	vec_each (one, &f->list) {
		vec_each (i, &one->samples)
			assert_int_equal(seen[*i]++, 0);
		sum += one->impact;
	}
	assert_true(f->list.n > 1 && sum < 1.0001);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_keeps_its_width_and_obeys_no_name),
		cmocka_unit_test(colour_is_there_only_when_asked_for),
		cmocka_unit_test(an_empty_profile_says_that_there_is_nothing),
		cmocka_unit_test(json_has_every_promised_key),
		cmocka_unit_test(an_id_is_stable_across_recordings),
		cmocka_unit_test(work_at_the_start_only_is_no_repeated_work),
		cmocka_unit_test(steady_growth_is_found_and_measured),
		cmocka_unit_test(a_second_phase_is_no_growth),
		cmocka_unit_test(no_sample_is_in_two_findings),
	};
	return RUN_TESTS(tests);
}

/* Plans promise what can be measured; verify holds them to it and is not fooled. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "detect/detect.h"
#include "formats/plan_json.h"
#include "formats/plan_md.h"
#include "formats/plan_text.h"
#include "plan/plan.h"
#include "plan/verify.h"

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct findings *, findings_free)
CLEANUP_DEFINE(struct plan *, plan_free)
CLEANUP_DEFINE(struct verify_result *, verify_result_free)

static uint32_t random_state;

static double random_unit(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (double)(random_state >> 8) / (1 << 24);
}

struct program {
	const char *slow;   /* the function that compiles a pattern */
	double slow_weight; /* of its time */
	double other[4];    /* weights of o0..o3 */
	double fresh;       /* weight of a function that the baseline does not have */
	uint32_t buckets;
	const char *kind, *comm, *command;
};

static uint32_t frame(struct profile *p, const char *function, const char *module)
{
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, function),
		.module = (uint32_t)profile_module(p, module, NULL, 0) };

	return (uint32_t)profile_frame(p, &f);
}

static uint32_t under(struct profile *p, uint32_t parent, const char *function)
{
	return (uint32_t)profile_stack(p, parent, frame(p, function, "/srv/app"), 0);
}

/* 25 samples a bucket, each drawn by the weights. */
static struct profile *run(const struct program *g)
{
	struct profile *p = profile_new();
	uint32_t main = under(p, 0, "main"), stacks[6];
	double weights[6] = { g->slow_weight, g->other[0], g->other[1], g->other[2], g->other[3],
		g->fresh },
	       sum = 0;
	static const char *const names[] = { NULL, "o0", "o1", "o2", "o3", "fresh" };
	uint32_t thread = (uint32_t)profile_thread(p, (uint32_t)profile_process(p, 7, 1), 7);

	for (int i = 1; i < 6; i++)
		stacks[i] = under(p, main, names[i]);
	stacks[0] = (uint32_t)profile_stack(
		p, under(p, main, g->slow), frame(p, "regcomp", "/usr/lib/libc.so.6"), 0);
	for (int i = 0; i < 6; i++)
		sum += weights[i];
	for (uint32_t b = 0; b < g->buckets; b++)
		for (int n = 0; n < 25; n++) {
			double at = random_unit() * sum;
			int i = 0;
			while (i < 5 && at >= weights[i])
				at -= weights[i++];
			profile_sample(p, &(struct profile_sample){ b, thread, stacks[i],
						  SAMPLE_ON_CPU, 1, 10000000, 1 });
		}
	p->capture.duration_ns = (uint64_t)g->buckets * PROFILE_BUCKET_NS;
	p->capture.rate_asked_hz = p->capture.rate_had_hz = 99;
	if (g->kind)
		profile_fact(p, "target_kind", g->kind);
	if (g->comm)
		profile_fact(p, "target_comm", g->comm);
	if (g->command)
		profile_fact(p, "target_command", g->command);
	return p;
}

static const struct program before = { "check", 4, { 3, 2, 1, 1 }, 0, 40, "pid", "app", NULL };

static struct plan *plan_of(const struct profile *p, struct findings **f)
{
	struct plan *plan;
	struct error err;

	assert_int_equal(detect(&(struct detect_input){ .profile = p }, f, &err), 0);
	assert_int_equal(plan_make(*f, NULL, &plan, &err), 0);
	return plan;
}

/* The plan of @g's program as JSON text; heap. */
static char *plan_written(const struct program *g)
{
	CLEANUP(profile_freep) struct profile *p = run(g);
	CLEANUP(findings_freep) struct findings *f = NULL;
	CLEANUP(plan_freep) struct plan *plan = plan_of(p, &f);
	struct json_object *o = plan_json(plan);
	char *text = strdup(json_object_to_json_string(o));

	json_object_put(o);
	return text;
}

static enum verdict verdict_on(const char *json, const struct program *after)
{
	CLEANUP(profile_freep) struct profile *p = run(after);
	CLEANUP(verify_result_freep) struct verify_result *r = NULL;
	struct error err = { 0 };

	if (verify(json, strlen(json), p, NULL, &r, &err))
		fail_msg("%s", err.text);
	return r->verdict;
}

static void a_step_promises_its_share_and_a_total(void **state)
{
	random_state = 1;
	CLEANUP(profile_freep) struct profile *p = run(&before);
	CLEANUP(findings_freep) struct findings *f = NULL;
	CLEANUP(plan_freep) struct plan *plan = plan_of(p, &f);

	assert_int_equal(plan->steps.n, 1);
	const struct plan_step *s = &plan->steps.at[0];
	assert_true(s->fix->gain_low > 0.25 && s->fix->gain_low < 0.36);
	assert_true(s->fix->gain_high > 0.36 && s->fix->gain_high < 0.5);
	assert_int_equal(plan->total.n, 1);
	assert_true(plan->total.at[0].low > 0.25 && plan->total.at[0].high < 0.5);
	assert_string_equal(s->command,
		"assay record -p \"$(pgrep -n -x -- app)\" -d 10 -F 99 -o after.assay --force && "
		"assay verify plan.json after.assay --step 1");
}

static void hostile_names_cannot_leave_the_command(void **state)
{
	struct program g = before;

	random_state = 2;
	g.comm = "a'$(reboot).b";
	CLEANUP(profile_freep) struct profile *p = run(&g);
	CLEANUP(findings_freep) struct findings *f = NULL;
	CLEANUP(plan_freep) struct plan *plan = plan_of(p, &f);
	assert_non_null(
		strstr(plan->steps.at[0].command, "$(pgrep -n -x -- 'a'\\''\\$\\(reboot\\)\\.b')"));
}

/* What the printed command finds the program by that ran as @command in @exe. */
static char *finder(const char *comm, const char *exe, const char *command)
{
	struct program g = before;

	random_state = 2;
	g.comm = comm;
	CLEANUP(profile_freep) struct profile *p = run(&g);
	uint32_t pid = p->processes.at[1].pid;
	char target[32];
	snprintf(target, sizeof(target), "pid %u", pid);
	profile_fact(p, "target", target);
	/* Another process of the same name comes first and must not be taken. */
	p->processes.at[1].pid = pid + 1;
	p->processes.at[1].comm = (uint32_t)profile_string(p, comm);
	p->processes.at[1].command = (uint32_t)profile_string(p, "python3 /opt/other.py");
	struct profile_process *q = &p->processes.at[profile_process(p, pid, 2)];
	q->comm = (uint32_t)profile_string(p, comm);
	q->exe = (uint32_t)profile_string(p, exe);
	q->command = (uint32_t)profile_string(p, command);
	CLEANUP(findings_freep) struct findings *f = NULL;
	CLEANUP(plan_freep) struct plan *plan = plan_of(p, &f);
	const char *from = strstr(plan->steps.at[0].command, "$(");
	assert_non_null(from);
	return strndup(from, (size_t)(strstr(from, ")\" -d") + 1 - from));
}

#define FINDS(want, comm, exe, command)                                  \
	do {                                                             \
		CLEANUP(freep) char *found = finder(comm, exe, command); \
		assert_string_equal(found, want);                        \
	} while (0)

static void an_interpreted_program_is_found_by_its_script(void **state)
{
	FINDS("$(pgrep -n -f -- '^/usr/bin/python3 /srv/orders\\.py( |$)')", "python3",
		"/usr/bin/python3.11", "/usr/bin/python3 /srv/orders.py --port 80");
	FINDS("$(pgrep -n -f -- '^node --require \\./a\\.js -q app\\.js( |$)')", "node-MainThread",
		"/usr/bin/node", "node --require ./a.js -q app.js");
	FINDS("$(pgrep -n -f -- '^java -cp a\\.jar -Xmx1g org\\.Main( |$)')", "java", "",
		"java -cp a.jar -Xmx1g org.Main x");
	FINDS("$(pgrep -n -f -- '^python3 -m http\\.server( |$)')", "python3", "",
		"python3 -m http.server 8000");
}

static void a_program_without_a_script_is_found_by_its_name(void **state)
{
	FINDS("$(pgrep -n -x -- python3)", "python3", "", "python3 -i");
	FINDS("$(pgrep -n -x -- python3)", "python3", "", "python3 -c while 1: pass");
	FINDS("$(pgrep -n -x -- python3)", "python3", "", "");
	FINDS("$(pgrep -n -x -- nodes)", "nodes", "/srv/nodes", "/srv/nodes /srv/list");
}

static void hostile_scripts_cannot_leave_the_command(void **state)
{
	FINDS("$(pgrep -n -f -- '^python3 /a'\\''\\$\\(reboot\\)`x`\\.\\*\\[\\|.\\\\( |$)')",
		"python3", "", "python3 /a'$(reboot)`x`.*[|\033\\");
}

static void a_command_target_is_run_again(void **state)
{
	struct program g = before;

	random_state = 2;
	g.kind = "command";
	g.command = "./app 'x y'";
	CLEANUP(profile_freep) struct profile *p = run(&g);
	CLEANUP(findings_freep) struct findings *f = NULL;
	CLEANUP(plan_freep) struct plan *plan = plan_of(p, &f);
	assert_string_equal(plan->steps.at[0].command,
		"assay record -d 10 -F 99 -o after.assay --force -- ./app 'x y' && "
		"assay verify plan.json after.assay --step 1");
}

static void a_real_fix_is_accepted(void **state)
{
	struct program after = before;

	random_state = 3;
	CLEANUP(freep) char *json = plan_written(&before);
	after.slow_weight = 0.1;
	assert_int_equal(verdict_on(json, &after), VERDICT_ACCEPTED);
}

static void a_placebo_is_never_accepted(void **state)
{
	int rejected = 0;

	for (uint32_t i = 0; i < 300; i++) {
		random_state = 1000 + i * 7919;
		CLEANUP(freep) char *json = plan_written(&before);
		enum verdict v = verdict_on(json, &before);
		assert_int_not_equal(v, VERDICT_ACCEPTED);
		rejected += v == VERDICT_REJECTED;
	}
	assert_true(rejected > 250);
}

static void a_renamed_function_is_no_gain(void **state)
{
	struct program after = before;

	random_state = 4;
	CLEANUP(freep) char *json = plan_written(&before);
	after.slow = "check_again";
	assert_int_equal(verdict_on(json, &after), VERDICT_REJECTED);
}

static void a_dear_replacement_is_no_gain(void **state)
{
	struct program after = before;

	random_state = 5;
	CLEANUP(freep) char *json = plan_written(&before);
	after.slow_weight = 0.1;
	after.fresh = 4;
	assert_int_equal(verdict_on(json, &after), VERDICT_REJECTED);
}

static void another_mix_of_work_leaves_it_undecided(void **state)
{
	struct program after = before;

	random_state = 6;
	CLEANUP(freep) char *json = plan_written(&before);
	after.slow_weight = 1;
	after.other[0] = 30;
	assert_int_equal(verdict_on(json, &after), VERDICT_UNDECIDED);
}

static void too_short_a_recording_is_undecided(void **state)
{
	struct program after = before;

	random_state = 7;
	CLEANUP(freep) char *json = plan_written(&before);
	after.slow_weight = 0.1;
	after.buckets = 6;
	assert_int_equal(verdict_on(json, &after), VERDICT_UNDECIDED);
}

static void broken_plans_are_refused_with_a_reason(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "null", "{\"steps\":3}",
		"{\"steps\":[{}],\"baseline\":{}}", "{\"steps\":[]}",
		"{\"steps\":[],\"baseline\":{\"kinds\":{\"on_cpu\":{\"samples\":-1}}}}",
		"{\"steps\":[{\"order\":1,\"title\":\"\",\"gain\":{\"low\":NaN,\"high\":1}}]}" };
	CLEANUP(profile_freep) struct profile *p = run(&before);
	struct verify_result *r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { 0 };
		assert_int_equal(verify(bad[i], strlen(bad[i]), p, NULL, &r, &err), -EBADMSG);
		assert_int_equal(err.exit, EXIT_INPUT);
		assert_null(r);
	}
}

static void a_plan_cut_anywhere_is_refused(void **state)
{
	CLEANUP(profile_freep) struct profile *p = run(&before);
	struct verify_result *r;

	random_state = 8;
	CLEANUP(freep) char *json = plan_written(&before);
	for (size_t n = 0; n + 1 < strlen(json); n += 17) {
		struct error err = { 0 };
		assert_int_equal(verify(json, n, p, NULL, &r, &err), -EBADMSG);
	}
}

static void a_step_the_plan_does_not_have_is_an_error(void **state)
{
	CLEANUP(profile_freep) struct profile *p = run(&before);
	struct verify_result *r;
	struct error err = { 0 };

	random_state = 9;
	CLEANUP(freep) char *json = plan_written(&before);
	assert_int_equal(
		verify(json, strlen(json), p, &(struct verify_options){ .step = 9 }, &r, &err),
		-EINVAL);
	assert_int_equal(err.exit, EXIT_INPUT);
}

static void the_json_has_every_promised_key(void **state)
{
	static const char *const top[] = { "steps", "estimated_total_improvement",
		"implementation_complexity", "risk_level", "prerequisites", "validation_strategy",
		"baseline", "quality" };
	static const char *const step[] = { "order", "finding", "title", "fix", "gain",
		"complexity", "risk", "prerequisites", "validation", "rollback", "rollout",
		"match" };
	static const char *const base[] = { "recording_id", "target", "options", "machine",
		"seconds", "kinds", "work" };

	random_state = 10;
	CLEANUP(freep) char *text = plan_written(&before);
	struct json_object *o = json_tokener_parse(text), *value;
	for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++)
		assert_true(json_object_object_get_ex(o, top[i], &value));
	struct json_object *s = json_object_array_get_idx(json_object_object_get(o, "steps"), 0);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++)
		assert_true(json_object_object_get_ex(s, step[i], &value));
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++)
		assert_true(json_object_object_get_ex(
			json_object_object_get(o, "baseline"), base[i], &value));
	json_object_put(o);
}

static void markdown_and_terminal_text_hold_no_markup_of_others(void **state)
{
	struct program g = before;
	CLEANUP_STRBUF struct strbuf md = { 0 }, text = { 0 };
	struct error err;

	random_state = 11;
	g.slow = "<img src=x>\033[2J`](http://evil)";
	CLEANUP(profile_freep) struct profile *p = run(&g);
	CLEANUP(findings_freep) struct findings *f = NULL;
	CLEANUP(plan_freep) struct plan *plan = plan_of(p, &f);
	assert_int_equal(plan->steps.n, 1);
	assert_int_equal(plan_md(plan, &md, &err), 0);
	assert_int_equal(plan_text(plan, &(struct report_style){ .width = 60 }, &text, &err), 0);
	assert_null(strstr(strbuf_cstr(&md), "<img"));
	assert_null(strstr(strbuf_cstr(&md), "](http"));
	assert_null(strchr(strbuf_cstr(&md), 033));
	assert_null(strchr(strbuf_cstr(&text), 033));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_promises_its_share_and_a_total),
		cmocka_unit_test(hostile_names_cannot_leave_the_command),
		cmocka_unit_test(an_interpreted_program_is_found_by_its_script),
		cmocka_unit_test(a_program_without_a_script_is_found_by_its_name),
		cmocka_unit_test(hostile_scripts_cannot_leave_the_command),
		cmocka_unit_test(a_command_target_is_run_again),
		cmocka_unit_test(a_real_fix_is_accepted),
		cmocka_unit_test(a_placebo_is_never_accepted),
		cmocka_unit_test(a_renamed_function_is_no_gain),
		cmocka_unit_test(a_dear_replacement_is_no_gain),
		cmocka_unit_test(another_mix_of_work_leaves_it_undecided),
		cmocka_unit_test(too_short_a_recording_is_undecided),
		cmocka_unit_test(broken_plans_are_refused_with_a_reason),
		cmocka_unit_test(a_plan_cut_anywhere_is_refused),
		cmocka_unit_test(a_step_the_plan_does_not_have_is_an_error),
		cmocka_unit_test(the_json_has_every_promised_key),
		cmocka_unit_test(markdown_and_terminal_text_hold_no_markup_of_others),
	};
	return RUN_TESTS(tests);
}

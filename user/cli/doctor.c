/* assay doctor: what this kernel and these permissions allow, and the mend for what is missing. */
// SPDX-License-Identifier: BSD-2-Clause
#include <json-c/json.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "collect/collect.h"
#include "collect/kernel_features.h"

static struct json_object *feature_json(const struct kernel_feature *f, int r)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(f->name));
	json_object_object_add(o, "works", json_object_new_boolean(!r));
	json_object_object_add(
		o, "need", json_object_new_string(kernel_feature_need_name(f->need)));
	json_object_object_add(o, "used_for", json_object_new_string(f->used_for));
	json_object_object_add(o, "error", r ? json_object_new_string(strerror(-r)) : NULL);
	json_object_object_add(o, "mend", r ? json_object_new_string(f->mend) : NULL);
	return o;
}

static void feature_text(const struct kernel_feature *f, int r, struct strbuf *out)
{
	const char *mark = !r ? "ok" : f->need == FEATURE_REQUIRED ? "MISSING" : "no";

	strbuf_printf(out, "  %-8s %-18s %s\n", mark, f->name, f->used_for);
	if (r)
		strbuf_printf(out, "           %-18s %s; %s\n", "", strerror(-r), f->mend);
}

static int doctor_run(struct arguments *a, struct error *err)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	struct json_object *features = json_object_new_array();
	struct utsname u;
	int missing = 0;

	uname(&u);
	strbuf_printf(&text,
		"assay " ASSAY_VERSION ", Linux %s %s, %ld CPUs, at most %g samples a "
		"second\n\n",
		u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN), collect_rate_max_hz());
	for (size_t i = 0; kernel_feature_at(i); i++) {
		const struct kernel_feature *f = kernel_feature_at(i);
		int r = f->probe();

		missing += r && f->need == FEATURE_REQUIRED;
		feature_text(f, r, &text);
		json_object_array_add(features, feature_json(f, r));
	}
	strbuf_printf(&text, "\n%s\n",
		missing ? "Profiling does not work here yet: mend what is MISSING."
			: "Everything that profiling needs works here.");
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "assay_version", json_object_new_string(ASSAY_VERSION));
	json_object_object_add(o, "kernel_release", json_object_new_string(u.release));
	json_object_object_add(o, "architecture", json_object_new_string(u.machine));
	json_object_object_add(o, "rate_max_hz", json_object_new_double(collect_rate_max_hz()));
	json_object_object_add(o, "ready", json_object_new_boolean(!missing));
	json_object_object_add(o, "features", features);
	int r;
	if (a->json) {
		r = print_json(o, err);
	} else {
		json_object_put(o);
		r = print_text(&text, err);
	}
	return r ? failure(err) : missing ? EXIT_SYSTEM : EXIT_FINE;
}

const struct command command_doctor = {
	.name = "doctor",
	.synopsis = "[--json]",
	.text = "what this kernel and these permissions allow",
	.about =
		"Tries every kernel feature that assay uses and says how to mend what is missing.\n"
		"Exit status 3 when something that profiling needs does not work.",
	.options = "json",
	.run = doctor_run,
};

/* Validation commands: record the same target again, then verify. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "plan/commands.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/text.h"

enum { SECONDS_MIN = 10, SECONDS_MAX = 600, RATE_HZ = 99 };

/* The name as an extended regular expression that matches nothing else, as pgrep wants it. */
static void pgrep_pattern(struct strbuf *out, const char *comm)
{
	CLEANUP_STRBUF struct strbuf pattern = { 0 };
	bool plain = *comm != 0;

	for (const char *c = comm; *c; c++) {
		if (strchr("\\^$.|?*+()[]{}", *c)) {
			strbuf_putc(&pattern, '\\');
			plain = false;
		}
		strbuf_putc(&pattern, *c);
		plain &= strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
				 *c) != NULL;
	}
	if (plain && *comm != '-')
		strbuf_puts(out, strbuf_cstr(&pattern));
	else
		text_shell(out, strbuf_cstr(&pattern));
	out->oom |= pattern.oom;
}

/* "-p ...", "--comm ...", "-a" or nothing (the command stands at the end). */
static void target(const struct profile *p, struct strbuf *out)
{
	const char *kind = profile_fact_find(p, "target_kind");
	const char *comm = profile_fact_find(p, "target_comm");

	if (!comm && p->processes.n == 2 && !kind) /* imported: the only process there is */
		comm = profile_str(p, p->processes.at[1].comm);
	const char *name = profile_fact_find(p, "target_name");

	if (kind && name && (!strcmp(kind, "comm") || !strcmp(kind, "cgroup"))) {
		strbuf_printf(out, " --%s ", kind);
		text_shell(out, name);
	} else if (kind && (!strcmp(kind, "all") || !strcmp(kind, "command")))
		strbuf_puts(out, !strcmp(kind, "all") ? " -a" : "");
	else if (comm && *comm) {
		strbuf_puts(out, " -p \"$(pgrep -n -x -- ");
		pgrep_pattern(out, comm);
		strbuf_puts(out, ")\"");
	} else {
		strbuf_puts(out, " -a");
	}
}

static int step_command(struct plan *p, struct plan_step *s, const char *plan_path)
{
	const struct profile *profile = p->findings->profile;
	const char *kind = profile_fact_find(profile, "target_kind");
	const char *command = profile_fact_find(profile, "target_command");
	bool runs = kind && !strcmp(kind, "command") && command && *command;
	double seconds = fmin(fmax(ceil(p->seconds - 0.5), SECONDS_MIN), SECONDS_MAX);
	CLEANUP_STRBUF struct strbuf b = { 0 }, expect = { 0 };

	strbuf_puts(&b, "assay record");
	if (runs)
		strbuf_printf(&b, " -d %.0f", seconds);
	else if (kind && !strcmp(kind, "command"))
		strbuf_printf(&b, " -a -d %.0f", seconds);
	else {
		target(profile, &b);
		strbuf_printf(&b, " -d %.0f", seconds);
	}
	strbuf_printf(
		&b, " -F %.0f -o after.assay --force", p->rate_hz >= 1 ? p->rate_hz : RATE_HZ);
	if (runs)
		strbuf_printf(&b, " -- %s", command);
	strbuf_puts(&b, " && assay verify ");
	if (plan_path[strspn(plan_path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789_./-")] ||
		*plan_path == '-')
		text_shell(&b, plan_path);
	else
		strbuf_puts(&b, plan_path);
	strbuf_printf(&b, " after.assay --step %u", s->order);
	strbuf_printf(&expect,
		"exit status 0: %s falls by %.0f to %.0f %% per unit of work (1 = it did not, 7 = "
		"the "
		"recording cannot tell)",
		metric_name(s->fix->metric), 100 * s->fix->gain_low, 100 * s->fix->gain_high);
	s->command = strbuf_steal(&b);
	s->expect = strbuf_steal(&expect);
	return s->command && s->expect ? 0 : -ENOMEM;
}

int plan_commands(struct plan *p, const char *plan_path)
{
	vec_each (s, &p->steps)
		if (step_command(p, s, plan_path))
			return -ENOMEM;
	return 0;
}

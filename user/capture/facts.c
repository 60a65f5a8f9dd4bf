/* Facts about the capture: the machine, the kernel, the options, the target, the losses. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "capture/private.h"
#include "collect/kernel_features.h"

static int fact_number(struct profile *p, const char *name, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.15g", value);
	return profile_fact(p, name, text);
}

static void cpu_model(char *ret, size_t size)
{
	char line[512];
	CLEANUP(file_closep) FILE *f = fopen("/proc/cpuinfo", "re");

	snprintf(ret, size, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(ret, size, "%s", colon + 2);
		return;
	}
}

static int machine_facts(struct profile *p)
{
	struct utsname u;
	char cpu[256], text[512], boot_id[64] = "";
	CLEANUP(file_closep) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (uname(&u))
		return 0;
	cpu_model(cpu, sizeof(cpu));
	snprintf(text, sizeof(text), "%ld CPUs, %s, %s", sysconf(_SC_NPROCESSORS_ONLN), cpu,
		u.machine);
	if (f && fgets(boot_id, sizeof(boot_id), f))
		boot_id[strcspn(boot_id, "\n")] = 0;
	return profile_fact(p, "machine", text) || profile_fact(p, "kernel_release", u.release) ||
	       profile_fact(p, "hostname", u.nodename) || profile_fact(p, "boot_id", boot_id) ||
	       fact_number(p, "cpus_online", (double)sysconf(_SC_NPROCESSORS_ONLN)) ||
	       profile_fact(p, "assay_version", ASSAY_VERSION);
}

/* What the kernel lacks and another way serves for. */
static int feature_facts(struct profile *p)
{
	CLEANUP_STRBUF struct strbuf missing = { 0 };

	if (!kernel_has_loop())
		strbuf_puts(&missing, "bpf_loop");
	if (!kernel_has_task_regs())
		strbuf_printf(&missing, "%sbpf_task_pt_regs", missing.length ? ", " : "");
	return missing.oom || profile_fact(p, "features_missing", strbuf_cstr(&missing));
}

static int target_facts(struct capture *c, const struct target *t)
{
	const struct capture_options *o = c->options;
	CLEANUP_STRBUF struct strbuf text = { 0 };
	struct profile *p = c->profile;
	const char *kind = o->system_wide ? "all"
			   : o->command   ? "command"
			   : o->comm      ? "comm"
			   : o->cgroup    ? "cgroup"
					  : "pid";
	const char *name = o->comm ? o->comm : o->cgroup;
	size_t n;
	const pid_t *pids = target_pids(t, &n);

	if (o->system_wide)
		strbuf_puts(&text, "the whole machine");
	if (name)
		strbuf_printf(&text, "%s %s", kind, name);
	if (name && profile_fact(p, "target_name", name))
		return -1;
	for (size_t i = 0; o->command && o->command[i]; i++) {
		if (i)
			strbuf_putc(&text, ' ');
		text_shell(&text, o->command[i]);
	}
	if (o->command && profile_fact(p, "target_command", strbuf_cstr(&text)))
		return -1;
	for (size_t i = 0; !o->command && i < n; i++)
		strbuf_printf(&text, "%spid %d", i ? ", " : "", pids[i]);
	/* The name of the first target, to find it again after a restart. */
	for (uint32_t i = 1; n && i < p->processes.n; i++) {
		if (p->processes.at[i].pid != (uint32_t)pids[0])
			continue;
		if (profile_fact(p, "target_comm", profile_str(p, p->processes.at[i].comm)))
			return -1;
		break;
	}
	return text.oom || profile_fact(p, "target_kind", kind) ||
	       profile_fact(p, "target", strbuf_cstr(&text));
}

int facts_add(struct capture *c, const struct target *t)
{
	struct profile *p = c->profile;
	bool per_task = collect_attach_mode(c->collect) == COLLECT_PER_TASK;

	return machine_facts(p) || feature_facts(p) || target_facts(c, t) ||
	       profile_fact(p, "attach_mode", per_task ? "per task" : "per CPU") ||
	       profile_fact(p, "attach_reason", collect_attach_reason(c->collect)) ||
	       fact_number(p, "attached_monotonic_ns", (double)c->start_ns) ||
	       (c->python_unread &&
		       fact_number(p, "python_frames_unread", (double)c->python_unread)) ||
	       (c->python_reused &&
		       fact_number(p, "python_code_reused", (double)c->python_reused)) ||
	       fact_number(p, "map_bytes", (double)collect_map_bytes(c->collect));
}

int losses_add(struct capture *c)
{
	static const struct {
		const char *name, *text;
	} counters[] = {
#define X(e, name, text) [e] = { name, text },
		LOSS_COUNTERS(X)
#undef X
	};
	struct profile *p = c->profile;
	int r = 0;

	for (int i = 0; i < LOSS_COUNTER_COUNT && !r; i++)
		r = profile_lost(
			p, counters[i].name, counters[i].text, collect_loss(c->collect, i), false);
	return r ||
	       profile_lost(p, "sideband", "mapping events lost: mappings were read again",
		       c->sideband_lost, false) ||
	       profile_lost(p, "mappings", "mappings not kept: a table was full",
		       c->mappings_dropped, false) ||
	       profile_lost(p, "unwind_tables",
		       "unwind tables not kept: the memory cap was reached", c->tables_dropped,
		       false);
}

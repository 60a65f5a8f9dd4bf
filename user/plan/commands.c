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

/* Adds @n bytes of @text as an extended regular expression that matches nothing else, as pgrep
 * wants it. What no terminal shows as it is (and what was no UTF-8) is matched by any text. */
static void escape(struct strbuf *pattern, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (n - i >= 3 && !memcmp(text + i, "\xef\xbf\xbd", 3)) {
			strbuf_puts(pattern, ".+");
			i += 2;
		} else if (c < ' ' || c == 0x7f) {
			strbuf_putc(pattern, '.');
		} else {
			if (strchr("\\^$.|?*+()[]{}", c))
				strbuf_putc(pattern, '\\');
			strbuf_putc(pattern, text[i]);
		}
	}
}

static void pgrep_comm(struct strbuf *out, const char *comm)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	CLEANUP_STRBUF struct strbuf pattern = { 0 };

	strbuf_puts(out, "pgrep -n -x -- ");
	escape(&pattern, comm, strlen(comm));
	if (!comm[strspn(comm, plain)] && *comm != '-')
		strbuf_puts(out, strbuf_cstr(&pattern));
	else
		text_shell(out, strbuf_cstr(&pattern));
	out->oom |= pattern.oom;
}

/* Is @name an interpreter's, perhaps with a version: "python3.11"? Many programs have it. */
static bool is_interpreter(const char *name)
{
	static const char *const names[] = { "python", "pypy", "node", "nodejs", "deno", "bun",
		"perl", "ruby", "java", "php", "lua", "luajit", "Rscript", "bash", "dash", "sh" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);
		if (!strncmp(name, names[i], n) && !name[n + strspn(name + n, "0123456789.-")])
			return true;
	}
	return false;
}

/* The bytes of @command up to the end of its program: a script, "-m module", "-jar file", a class;
 * 0 when it has none (a prompt, or code in an argument). */
static size_t program_end(const char *command)
{
	static const char *const valued[] = { "-W", "-X", "-r", "--require", "--import", "--loader",
		"-I", "-cp", "-classpath", "--class-path", "-p", "--module-path" };
	static const char *const code[] = { "-c", "-e", "-ne", "-pe", "--eval", "--print" };
	const char *word = command + strcspn(command, " ");
	bool value = false;

	while (*word) {
		size_t n;
		word += strspn(word, " ");
		n = strcspn(word, " ");
		if (!n)
			break;
		if (*word != '-' && !value)
			return (size_t)(word + n - command);
		bool is_value = value;
		value = false;
		for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
			if (!is_value && n == strlen(code[i]) && !strncmp(word, code[i], n))
				return 0;
		for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++)
			value |=
				!is_value && n == strlen(valued[i]) && !strncmp(word, valued[i], n);
		word += n;
	}
	return 0;
}

/* The process that was the (first) target, or the empty row. */
static const struct profile_process *target_process(const struct profile *p, const char *comm)
{
	const char *target = profile_fact_find(p, "target");
	unsigned int pid = 0;

	if (target && sscanf(target, "pid %u", &pid) != 1)
		pid = 0;
	for (uint32_t i = 1; i < p->processes.n; i++)
		if ((!pid || p->processes.at[i].pid == pid) &&
			!strcmp(profile_str(p, p->processes.at[i].comm), comm))
			return &p->processes.at[i];
	return &p->processes.at[0];
}

/* What finds the target again: by its name, or by its script where an interpreter runs it. */
static void pgrep(struct strbuf *out, const struct profile *p, const char *comm)
{
	const struct profile_process *q = target_process(p, comm);
	const char *command = profile_str(p, q->command);
	size_t n = 0;

	if (is_interpreter(comm) || is_interpreter(profile_basename(profile_str(p, q->exe))))
		n = program_end(command);
	if (!n) {
		pgrep_comm(out, comm);
		return;
	}
	CLEANUP_STRBUF struct strbuf pattern = { 0 };
	strbuf_putc(&pattern, '^');
	escape(&pattern, command, n);
	strbuf_puts(&pattern, "( |$)");
	strbuf_puts(out, "pgrep -n -f -- ");
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
		strbuf_puts(out, " -p \"$(");
		pgrep(out, p, comm);
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

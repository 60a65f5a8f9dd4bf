/* Which stacks pass through a function, and the profile of those alone. */
// SPDX-License-Identifier: BSD-2-Clause
#include "profile/filter.h"

#include <regex.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

struct pattern {
	const char *text;
	regex_t regex;
	bool is_regex;
};

static void pattern_done(struct pattern *pattern)
{
	if (pattern->is_regex)
		regfree(&pattern->regex);
}

static int pattern_parse(struct pattern *pattern, const char *focus, struct error *err)
{
	size_t n = strlen(focus);

	pattern->text = focus;
	if (!n) {
		error_exit(err, EXIT_USAGE, -EINVAL, "the function to focus on has no name");
		return error_hint(err, "give a part of its name, or /REGEX/"), -EINVAL;
	}
	if (n < 3 || focus[0] != '/' || focus[n - 1] != '/')
		return 0;
	CLEANUP(freep) char *inner = strndup(focus + 1, n - 2);
	if (!inner)
		return error_oom(err);
	int r = regcomp(&pattern->regex, inner, REG_EXTENDED | REG_NOSUB);
	if (r) {
		char why[128];

		regerror(r, &pattern->regex, why, sizeof(why));
		error_exit(err, EXIT_USAGE, -EINVAL, "bad regular expression '%s': %s", focus, why);
		error_hint(err, "without the slashes, the text is a part of the name");
		return -EINVAL;
	}
	pattern->is_regex = true;
	return 0;
}

static bool pattern_matches(const struct pattern *pattern, const char *name)
{
	if (pattern->is_regex)
		return regexec(&pattern->regex, name, 0, NULL, 0) == 0;
	return strstr(name, pattern->text) != NULL;
}

/* Frames of a location are matched one by one; *ret_any tells whether one did. */
static int match_frames(
	const struct profile *p, const struct pattern *pattern, bool *matches, bool *ret_any)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };

	for (uint32_t i = 1; i < p->frames.n; i++) {
		strbuf_reset(&name);
		profile_frame_name(p, i, &name);
		if (name.oom)
			return -ENOMEM;
		matches[i] = pattern_matches(pattern, strbuf_cstr(&name));
		*ret_any |= matches[i];
	}
	return 0;
}

int profile_focus(const struct profile *p, const char *focus, bool **ret_marks, struct error *err)
{
	CLEANUP(pattern_done) struct pattern pattern = { 0 };
	CLEANUP(freep) bool *matches = calloc(p->frames.n, sizeof(*matches));
	CLEANUP(freep) bool *marks = calloc(p->stacks.n, sizeof(*marks));
	bool any = false;

	if (!matches || !marks)
		return error_oom(err);
	int r = pattern_parse(&pattern, focus, err);
	if (r)
		return r;
	if (match_frames(p, &pattern, matches, &any))
		return error_oom(err);
	if (!any) {
		error_exit(err, EXIT_USAGE, -ENOENT, "no function matches '%s'", focus);
		error_hint(err, "names are matched as a report shows them, by case");
		return -ENOENT;
	}
	for (uint32_t i = 1; i < p->stacks.n; i++) {
		marks[i] = marks[p->stacks.at[i].parent];
		for (uint32_t f = p->stacks.at[i].frame; f; f = p->frames.at[f].outer)
			marks[i] |= matches[f];
	}
	*ret_marks = STEAL(marks);
	return 0;
}

/* New indexes by old ones. Strings and frames are copied when they are first asked for. */
struct copy {
	const struct profile *from;
	struct profile *to;
	uint32_t *strings, *modules, *frames, *stacks, *processes, *threads;
};

static void copy_done(struct copy *c)
{
	free(c->strings);
	free(c->modules);
	free(c->frames);
	free(c->stacks);
	free(c->processes);
	free(c->threads);
	profile_free(c->to);
}

static int copy_init(struct copy *c, const struct profile *from)
{
	c->from = from;
	c->to = profile_new();
	c->strings = calloc(from->strings.n, sizeof(uint32_t));
	c->modules = calloc(from->modules.n, sizeof(uint32_t));
	c->frames = calloc(from->frames.n, sizeof(uint32_t));
	c->stacks = calloc(from->stacks.n, sizeof(uint32_t));
	c->processes = calloc(from->processes.n, sizeof(uint32_t));
	c->threads = calloc(from->threads.n, sizeof(uint32_t));
	return c->to && c->strings && c->modules && c->frames && c->stacks && c->processes &&
			       c->threads
		       ? 0
		       : -ENOMEM;
}

/* Stores a new index, or returns the error the add function gave instead of one. */
static int keep(uint32_t *slot, int64_t index)
{
	if (index < 0)
		return (int)index;
	*slot = (uint32_t)index;
	return 0;
}

static int copy_strings_and_modules(struct copy *c)
{
	int r = 0;

	for (uint32_t i = 1; !r && i < c->from->strings.n; i++)
		r = keep(&c->strings[i], profile_string(c->to, c->from->strings.at[i]));
	for (uint32_t i = 1; !r && i < c->from->modules.n; i++) {
		const struct profile_module *m = &c->from->modules.at[i];

		r = keep(&c->modules[i], profile_module(c->to, profile_str(c->from, m->path),
						 m->build_id, m->build_id_bytes));
	}
	return r;
}

/* A location's frames, outermost first, because a frame needs its outer one's new index. */
static int copy_frame(struct copy *c, uint32_t frame)
{
	uint32_t chain[PROFILE_INLINE_DEPTH + 1], n = 0;
	int r = 0;

	for (uint32_t f = frame; f && !c->frames[f]; f = c->from->frames.at[f].outer) {
		if (n > PROFILE_INLINE_DEPTH)
			return -EINVAL;
		chain[n++] = f;
	}
	while (!r && n--) {
		struct profile_frame f = c->from->frames.at[chain[n]];

		f.function = c->strings[f.function];
		f.file = c->strings[f.file];
		f.module = c->modules[f.module];
		f.outer = c->frames[f.outer];
		r = keep(&c->frames[chain[n]], profile_frame(c->to, &f));
	}
	return r;
}

/* The marked stacks with all their callers; callers come first (P1). */
static int copy_stacks(struct copy *c, const bool *marks)
{
	const struct profile *from = c->from;
	CLEANUP(freep) bool *needed = calloc(from->stacks.n, sizeof(*needed));
	int r = 0;

	if (!needed)
		return -ENOMEM;
	for (uint32_t i = from->stacks.n - 1; i > 0; i--) {
		needed[i] |= marks[i];
		needed[from->stacks.at[i].parent] |= needed[i];
	}
	for (uint32_t i = 1; !r && i < from->stacks.n; i++) {
		const struct profile_stack *s = &from->stacks.at[i];

		if (!needed[i])
			continue;
		r = copy_frame(c, s->frame);
		if (!r)
			r = keep(&c->stacks[i], profile_stack(c->to, c->stacks[s->parent],
							c->frames[s->frame], c->strings[s->stop]));
	}
	return r;
}

static int copy_processes_and_threads(struct copy *c)
{
	int r = 0;

	for (uint32_t i = 1; !r && i < c->from->processes.n; i++) {
		const struct profile_process *q = &c->from->processes.at[i];

		r = keep(&c->processes[i], profile_process(c->to, q->pid, q->start_ns));
		if (r)
			break;
		struct profile_process *to = &c->to->processes.at[c->processes[i]];
		to->comm = c->strings[q->comm];
		to->exe = c->strings[q->exe];
		to->command = c->strings[q->command];
	}
	for (uint32_t i = 1; !r && i < c->from->threads.n; i++) {
		const struct profile_thread *t = &c->from->threads.at[i];

		r = keep(&c->threads[i], profile_thread(c->to, c->processes[t->process], t->tid));
		if (r)
			break;
		c->to->threads.at[c->threads[i]].comm = c->strings[t->comm];
		c->to->threads.at[c->threads[i]].on_cpu_ns = t->on_cpu_ns;
	}
	return r;
}

static int copy_samples(struct copy *c, const bool *marks)
{
	vec_each (s, &c->from->samples) {
		struct profile_sample sample = *s;

		if (!marks[s->stack])
			continue;
		sample.thread = c->threads[s->thread];
		sample.stack = c->stacks[s->stack];
		int r = profile_sample(c->to, &sample);
		if (r)
			return r;
	}
	return 0;
}

static int copy_attachments(struct copy *c)
{
	const struct profile *from = c->from;
	int r = 0;

	for (uint32_t i = 0; !r && i < from->mappings.n; i++) {
		struct profile_mapping m = from->mappings.at[i];

		m.process = c->processes[m.process];
		m.module = c->modules[m.module];
		r = vec_push(&c->to->mappings, m);
	}
	for (uint32_t i = 0; !r && i < from->sources.n; i++) {
		const struct profile_source *s = &from->sources.at[i];

		r = profile_source(c->to, c->strings[s->file], s->first_line, s->text);
	}
	for (uint32_t i = 0; !r && i < from->libraries.n; i++) {
		struct profile_library l = from->libraries.at[i];

		r = vec_push(
			&c->to->libraries, (struct profile_library){ c->modules[l.module],
						   c->strings[l.package], c->strings[l.version] });
	}
	for (uint32_t i = 0; !r && i < from->lost.n; i++) {
		const struct profile_lost *l = &from->lost.at[i];

		r = vec_push(&c->to->lost, (struct profile_lost){ c->strings[l->name],
						   c->strings[l->text], l->count });
	}
	for (uint32_t i = 0; !r && i < from->facts.n; i++)
		r = vec_push(
			&c->to->facts, (struct profile_fact){ c->strings[from->facts.at[i].name],
					       c->strings[from->facts.at[i].value] });
	c->to->capture = from->capture;
	return r;
}

int profile_filter(
	const struct profile *p, const char *focus, struct profile **ret, struct error *err)
{
	CLEANUP(copy_done) struct copy c = { 0 };
	CLEANUP(freep) bool *marks = NULL;
	int r = profile_focus(p, focus, &marks, err);

	if (r)
		return r;
	r = copy_init(&c, p);
	if (!r)
		r = copy_strings_and_modules(&c);
	if (!r)
		r = copy_stacks(&c, marks);
	if (!r)
		r = copy_processes_and_threads(&c);
	if (!r)
		r = copy_samples(&c, marks);
	if (!r)
		r = copy_attachments(&c);
	if (r == -ENOMEM)
		return error_oom(err);
	if (r)
		return error_set(
			err, r, "the profile cannot be narrowed to '%s': %s", focus, strerror(-r));
	*ret = STEAL(c.to);
	return 0;
}

/* From a group of samples to a finding: impact with its interval, severity, line, snippet. */
// SPDX-License-Identifier: BSD-2-Clause
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/detector.h"
#include "stats/trend.h"

enum {
	SNIPPET_BEFORE = 3, /* lines around the hot one */
	SNIPPET_AFTER = 3,
	TREND_SLOTS = 40,
	TREND_SAMPLES = 25, /* per slot, so that noise stays below the growth looked for */
	PRESENCE_BUCKETS = 8,
};

bool group_matters(const struct detect_context *c, const struct group *g)
{
	return g->count >= DETECT_SAMPLES_MIN && g->count >= DETECT_IMPACT_MIN * c->findings->total;
}

double group_presence(const struct detect_context *c, const struct group *g)
{
	if (c->findings->buckets < PRESENCE_BUCKETS)
		return 0;
	return __builtin_popcount(g->slots) / (double)VIEW_SLOTS;
}

uint32_t group_main_sample(const struct detect_context *c, const struct group *g)
{
	uint32_t best = g->samples.at[0];

	vec_each (i, &g->samples)
		if (view_count(&c->view, *i) > view_count(&c->view, best))
			best = *i;
	return best;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double group_growth(struct detect_context *c, const struct group *g)
{
	const struct view *v = &c->view;
	const struct profile *p = v->profile;
	double mine[TREND_SLOTS] = { 0 }, all[TREND_SLOTS] = { 0 }, ratio[TREND_SLOTS], rest = 0;
	CLEANUP(freep) bool *thread = calloc(p->threads.n, sizeof(*thread));
	CLEANUP(freep) bool *of_group = calloc(p->samples.n, sizeof(*of_group));
	struct trend trend;
	double samples = 0;

	if (!thread || !of_group || p->capture.weights_imported)
		return 0;
	vec_each (i, &g->samples) {
		thread[p->samples.at[*i].thread] = true;
		of_group[*i] = true;
	}
	vec_each (i, &v->samples)
		samples += thread[p->samples.at[*i].thread] ? view_count(v, *i) : 0;
	uint32_t slots = TREND_SLOTS;
	if (samples / TREND_SAMPLES < slots)
		slots = (uint32_t)(samples / TREND_SAMPLES);
	slots = c->findings->buckets < slots ? c->findings->buckets : slots;
	if (slots < 12)
		return 0;
	uint64_t span = (uint64_t)v->last_bucket - v->first_bucket + 1;
	vec_each (i, &v->samples) {
		const struct profile_sample *s = &p->samples.at[*i];
		uint64_t slot = (uint64_t)(s->bucket - v->first_bucket) * slots / span;
		if (thread[s->thread])
			*(of_group[*i] ? &mine[slot] : &all[slot]) += view_count(v, *i);
	}
	for (uint32_t i = 0; i < slots; i++) {
		ratio[i] = (mine[i] + 0.5) / (all[i] + 0.5);
		rest += all[i];
	}
	return rest < 3.0 * slots ? 0 : trend_growth(ratio, slots, &trend);
}

/* FNV-1a, 64 bit (Fowler, Noll, Vo; draft-eastlake-fnv), over the parts and their ends. */
static void set_id(struct finding *f, const char *const *parts)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *parts; parts++)
		for (const char *c = *parts;; c++) {
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
			if (!*c)
				break;
		}
	snprintf(f->id, sizeof(f->id), "%016llx", (unsigned long long)hash);
}

/* The frame of @function in the sample's stack that is nearest to the leaf, or 0. */
static uint32_t frame_of(struct detect_context *c, uint32_t sample, uint32_t function)
{
	const struct profile *p = c->view.profile;
	struct stack_walk w = stack_walk(p, p->samples.at[sample].stack);

	for (uint32_t f; (f = stack_walk_next(&w));)
		if (view_function(&c->view, f) == function)
			return f;
	return 0;
}

struct line_cost {
	uint32_t file, line;
	double count;
};

/* Cost by line of the function's own frames, in the order first seen. */
static int line_costs(
	struct detect_context *c, const struct finding *f, struct line_cost **ret, uint32_t *ret_n)
{
	const struct profile *p = c->view.profile;
	VEC(struct line_cost) lines = { 0 };

	vec_each (i, &f->samples) {
		uint32_t frame = frame_of(c, *i, f->function_id), k;
		if (!frame || !p->frames.at[frame].line)
			continue;
		for (k = 0; k < lines.n && lines.at[k].line != p->frames.at[frame].line; k++)
			;
		if (k == lines.n && vec_push(&lines, (struct line_cost){ p->frames.at[frame].file,
							     p->frames.at[frame].line })) {
			vec_done(&lines);
			return -ENOMEM;
		}
		lines.at[k].count += view_count(&c->view, *i);
	}
	*ret = lines.at;
	*ret_n = lines.n;
	return 0;
}

/* The start of line @n (0-based) of @text, or its end. */
static const char *line_start(const char *text, uint32_t n)
{
	for (; n && *text; text++)
		n -= *text == '\n';
	return text;
}

static int snippet_read(struct detect_context *c, struct finding *f, uint32_t file,
	const struct line_cost *lines, uint32_t n)
{
	const struct profile *p = c->view.profile;
	struct snippet *s = &f->snippet;
	const struct profile_source *source = NULL;

	for (uint32_t i = 0; i < p->sources.n && !source; i++)
		if (p->sources.at[i].file == file && f->line >= p->sources.at[i].first_line &&
			*line_start(p->sources.at[i].text, f->line - p->sources.at[i].first_line))
			source = &p->sources.at[i];
	if (!source)
		return 0;
	uint32_t first = f->line > source->first_line + SNIPPET_BEFORE ? f->line - SNIPPET_BEFORE
								       : source->first_line;
	const char *from = line_start(source->text, first - source->first_line), *to = from;
	for (s->lines = 0; *to && first + s->lines <= f->line + SNIPPET_AFTER; s->lines++)
		to = line_start(to, 1);
	s->text = strndup(from, (size_t)(to - from) - (to > from && to[-1] == '\n'));
	s->share = calloc(s->lines + 1, sizeof(*s->share));
	if (!s->text || !s->share)
		return -ENOMEM;
	s->file = file;
	s->first_line = first;
	s->hot_line = f->line;
	for (uint32_t i = 0; i < n; i++)
		if (lines[i].line >= first && lines[i].line < first + s->lines)
			s->share[lines[i].line - first] = lines[i].count / c->findings->total;
	return 0;
}

static int place(struct detect_context *c, struct finding *f)
{
	const struct profile *p = c->view.profile;
	struct line_cost *lines = NULL;
	uint32_t n = 0, best = 0;
	int rc = line_costs(c, f, &lines, &n);

	for (uint32_t i = 1; i < n; i++)
		if (lines[i].count > lines[best].count)
			best = i;
	if (!rc && n) {
		f->line = lines[best].line;
		rc = snippet_read(c, f, lines[best].file, lines, n);
	}
	free(lines);
	f->thread = p->samples.at[f->samples.at[0]].thread;
	vec_each (i, &f->samples)
		if (p->samples.at[*i].thread != f->thread)
			f->thread = 0;
	return rc;
}

static void measure(struct detect_context *c, struct finding *f, const struct group *g)
{
	f->impact = f->count / c->findings->total;
	f->impact = f->impact > 1 ? 1 : f->impact;
	if (!c->findings->no_bounds) {
		f->dispersion = interval_dispersion(c->view.clock, &g->sums);
		f->has_bounds = f->dispersion > 0 &&
				interval_share(f->count, c->findings->total, f->dispersion,
					&f->impact_low, &f->impact_high);
	}
}

struct finding *finding_new(struct detect_context *c, enum finding_kind kind, struct group *g)
{
	const struct profile *p = c->view.profile;
	const struct function_row *row = &c->findings->functions.at[g->function];
	struct finding fresh = { .kind = kind, .function_id = g->function, .owner = row->owner };

	fresh.count = g->count;
	fresh.samples.at = g->samples.at;
	fresh.samples.n = g->samples.n;
	fresh.samples.capacity = g->samples.capacity;
	measure(c, &fresh, g);
	g->samples.at = NULL;
	g->samples.n = g->samples.capacity = 0;
	if (vec_push(&c->findings->list, fresh)) {
		free(fresh.samples.at);
		return NULL;
	}
	struct finding *f = &c->findings->list.at[c->findings->list.n - 1];
	qsort(f->samples.at, f->samples.n, sizeof(uint32_t), by_number);
	vec_each (i, &f->samples)
		c->view.claimed[*i] = true;
	CLEANUP(freep) char *name = findings_function_name(c->findings, g->function);
	const char *parts[] = { finding_kind_name(kind),
		profile_basename(profile_str(p, p->modules.at[row->module].path)),
		profile_basename(profile_str(p, row->file)), name, NULL };
	if (!name || place(c, f) || finding_evidence(f, "samples", f->count, "samples"))
		return NULL;
	set_id(f, parts);
	return f;
}

int finding_evidence(struct finding *f, const char *name, double value, const char *unit)
{
	return vec_push(&f->evidence, (struct evidence){ name, unit, value });
}

static enum severity severity_of(const struct finding *f)
{
	double share = f->has_bounds ? f->impact_low : f->impact;
	enum severity band = share > 0.5   ? SEVERITY_CRITICAL
			     : share > 0.2 ? SEVERITY_HIGH
			     : share > 0.1 ? SEVERITY_MEDIUM
					   : SEVERITY_LOW;
	enum severity cap = SEVERITY_CRITICAL;

	if (!f->avoidable)
		cap = f->owner == OWNER_OWN && !f->in_library ? SEVERITY_MEDIUM : SEVERITY_LOW;
	if (!f->has_bounds && cap > SEVERITY_MEDIUM)
		cap = SEVERITY_MEDIUM;
	return band < cap ? band : cap;
}

int finding_done(struct detect_context *c, struct finding *f, const char *format, ...)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	va_list ap;

	va_start(ap, format);
	strbuf_vprintf(&text, format, ap);
	va_end(ap);
	if (f->owner != OWNER_OWN)
		strbuf_puts(&text, " No code of your own is on these stacks; this is the nearest "
				   "function of the program itself.");
	f->description = strbuf_steal(&text);
	f->severity = severity_of(f);
	return f->description ? 0 : -ENOMEM;
}

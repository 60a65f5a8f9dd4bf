/* Runs the detectors in their order and sorts what they found. */
// SPDX-License-Identifier: BSD-2-Clause
#include "detect/detect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "detect/detector.h"

const struct detector_ops *const detectors[] = {
	&detector_repeated_work,
	&detector_algorithmic_complexity,
	&detector_copy_bound,
	&detector_allocation_churn,
	&detector_cpu_hot_path,
	NULL,
};

const char *finding_kind_name(enum finding_kind kind)
{
	static const char *const names[] = {
#define X(e, name, text) [e] = name,
		FINDING_KINDS(X)
#undef X
	};

	return names[kind];
}

const char *finding_kind_text(enum finding_kind kind)
{
	static const char *const texts[] = {
#define X(e, name, text) [e] = text,
		FINDING_KINDS(X)
#undef X
	};

	return texts[kind];
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {
#define X(e, name) [e] = name,
		SEVERITIES(X)
#undef X
	};

	return names[severity];
}

const char *fix_category_name(enum fix_category category)
{
	static const char *const names[] = {
#define X(e, name) [e] = name,
		FIX_CATEGORIES(X)
#undef X
	};

	return names[category];
}

const char *metric_name(enum metric metric)
{
	static const char *const names[] = {
#define X(e, name) [e] = name,
		METRICS(X)
#undef X
	};

	return names[metric];
}

int finding_kind_find(const char *name)
{
	for (int i = 0; i < FINDING_KIND_COUNT; i++)
		if (!strcmp(finding_kind_name((enum finding_kind)i), name))
			return i;
	return -1;
}

int metric_find(const char *name)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		if (!strcmp(metric_name((enum metric)i), name))
			return i;
	return -1;
}

char *findings_function_name(const struct findings *f, uint32_t id)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };

	profile_frame_name(f->profile, f->functions.at[id].frame, &name);
	return strbuf_steal(&name);
}

char *findings_function_key(const struct findings *f, uint32_t id)
{
	const struct profile *p = f->profile;
	const struct function_row *row = &f->functions.at[id];
	CLEANUP_STRBUF struct strbuf key = { 0 };

	/* A new build may have a new name; its sources keep theirs. */
	if (!row->file)
		strbuf_puts(
			&key, profile_basename(profile_str(p, p->modules.at[row->module].path)));
	strbuf_putc(&key, '|');
	strbuf_puts(&key, profile_basename(profile_str(p, row->file)));
	strbuf_putc(&key, '|');
	profile_frame_name(p, row->frame, &key);
	return strbuf_steal(&key);
}

static void finding_release(struct finding *f)
{
	vec_each (fix, &f->fixes) {
		free(fix->title);
		free(fix->text);
		free(fix->prerequisite);
	}
	free(f->description);
	free(f->snippet.text);
	free(f->snippet.share);
	vec_done(&f->evidence);
	vec_done(&f->fixes);
	vec_done(&f->samples);
}

void findings_free(struct findings *f)
{
	if (!f)
		return;
	vec_each (finding, &f->list)
		finding_release(finding);
	vec_done(&f->list);
	vec_done(&f->functions);
	free(f->sample_function);
	free(f);
}

CLEANUP_DEFINE(struct findings *, findings_free)

static void context_done(struct detect_context *c)
{
	const struct profile *p = c->profile;

	for (uint32_t i = 0; c->notes && i < p->frames.n; i++)
		free(c->notes[i]);
	for (uint32_t i = 0; c->sources && i < p->sources.n; i++)
		source_free(c->sources[i]);
	free(c->notes);
	free(c->sources);
	free(c->source_failed);
	view_done(&c->view);
}

static int context_init(struct detect_context *c)
{
	const struct profile *p = c->findings->profile;

	c->notes = calloc(p->frames.n, sizeof(*c->notes));
	c->sources = calloc((size_t)p->sources.n + 1, sizeof(struct source *));
	c->source_failed = calloc((size_t)p->sources.n + 1, sizeof(bool));
	if (!c->notes || !c->sources || !c->source_failed)
		return -ENOMEM;
	return view_init(&c->view, c->findings);
}

static const char *why_no_bounds(const struct findings *f)
{
	if (f->profile->capture.weights_imported)
		return "the samples were imported from another tool";
	if (f->buckets < INTERVAL_BUCKETS_MIN)
		return "the capture is shorter than 5 seconds";
	return NULL;
}

/* How the whole profile divides between the functions: what a plan remembers of the rest. */
static int functions_measure(struct detect_context *c)
{
	struct groups groups = { 0 };
	struct view *v = &c->view;
	int rc = 0;

	vec_each (i, &v->samples) {
		uint32_t function = view_stack(v, v->profile->samples.at[*i].stack)->function;
		c->findings->sample_function[*i] = function;
		if (!groups_add(v, &groups, function, *i)) {
			rc = -ENOMEM;
			break;
		}
	}
	vec_each (g, &groups.list) {
		struct function_row *row = &c->findings->functions.at[g->function];
		row->count = g->count;
		row->dispersion =
			c->findings->no_bounds ? 0 : interval_dispersion(v->clock, &g->sums);
	}
	groups_done(&groups);
	return rc;
}

static int by_impact(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->impact != y->impact)
		return x->impact < y->impact ? 1 : -1;
	return strcmp(x->id, y->id);
}

int detect(const struct detect_input *input, struct findings **ret, struct error *err)
{
	CLEANUP(findings_freep) struct findings *f = calloc(1, sizeof(*f));

	*ret = NULL;
	if (!f)
		return error_oom(err);
	f->profile = input->profile;
	CLEANUP(context_done) struct detect_context c = { .findings = f, .profile = f->profile };
	f->sample_function = calloc((size_t)f->profile->samples.n + 1, sizeof(uint32_t));
	if (!f->sample_function || context_init(&c))
		return error_oom(err);
	f->no_bounds = why_no_bounds(f);
	if (c.view.samples.n) {
		if (functions_measure(&c))
			return error_oom(err);
		for (const struct detector_ops *const *d = detectors; *d; d++)
			if ((*d)->run(&c))
				return error_oom(err);
	}
	if (f->list.n)
		qsort(f->list.at, f->list.n, sizeof(struct finding), by_impact);
	*ret = STEAL(f);
	return 0;
}

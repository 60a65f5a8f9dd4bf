/* How far a profile can be believed: whole stacks, named frames, losses, why stacks ended. */
// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "base/cleanup.h"
#include "profile/profile.h"

/* Functions at which every thread of a process begins; above them there is nothing. */
static const char *const thread_roots[] = { "_start", "clone", "__clone", "clone3", "__clone3",
	"ret_from_fork", "ret_from_fork_asm", "runtime.goexit" };

/* Stop reasons that prove the root was reached whatever its name. */
static const char *const end_stops[] = { "end", "kthread" };

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s, list[i]))
			return true;
	return false;
}

bool profile_stop_is_end(const char *stop)
{
	return is_one_of(stop, end_stops, sizeof(end_stops) / sizeof(*end_stops));
}

struct stack_facts {
	uint32_t frames, named;
	uint32_t stop;
	bool whole;
};

/* Facts of a node follow from its parent's, and parents come first (P1): one pass. */
static void stack_facts_fill(const struct profile *p, struct stack_facts *facts)
{
	for (uint32_t i = 1; i < p->stacks.n; i++) {
		const struct profile_stack *s = &p->stacks.at[i];
		struct stack_facts *f = &facts[i];
		const char *outermost = "";

		*f = facts[s->parent];
		for (uint32_t frame = s->frame; frame; frame = p->frames.at[frame].outer) {
			outermost = profile_str(p, p->frames.at[frame].function);
			f->frames++;
			f->named += outermost[0] != 0;
		}
		if (!s->parent) {
			const char *stop = profile_str(p, s->stop);

			f->stop = s->stop;
			f->whole = profile_stop_is_end(stop) ||
				   is_one_of(outermost, thread_roots,
					   sizeof(thread_roots) / sizeof(*thread_roots));
		}
	}
}

int profile_quality(const struct profile *p, enum sample_kind kind, struct profile_quality *q)
{
	CLEANUP(freep) struct stack_facts *facts = calloc(p->stacks.n, sizeof(*facts));
	CLEANUP(freep) uint64_t *by_stop = calloc(p->strings.n, sizeof(*by_stop));
	uint64_t whole = 0, named = 0, frames = 0, frames_named = 0;

	*q = (struct profile_quality){ 0 };
	if (!facts || !by_stop)
		return -ENOMEM;
	stack_facts_fill(p, facts);
	vec_each (s, &p->samples) {
		const struct stack_facts *f = &facts[s->stack];

		if (s->bucket >= q->buckets)
			q->buckets = s->bucket + 1;
		if (s->kind != kind)
			continue;
		q->samples += s->count;
		whole += f->whole ? s->count : 0;
		named += f->frames && f->named == f->frames ? s->count : 0;
		frames += (uint64_t)f->frames * s->count;
		frames_named += (uint64_t)f->named * s->count;
		by_stop[f->stop] += s->count;
	}
	/* The last bucket of a capture is usually cut short; whole buckets are what counts. */
	if (p->capture.duration_ns)
		q->buckets = (uint32_t)(p->capture.duration_ns / PROFILE_BUCKET_NS);
	if (q->samples) {
		q->stacks_whole = (double)whole / (double)q->samples;
		q->stacks_named = (double)named / (double)q->samples;
	}
	if (frames)
		q->frames_named = (double)frames_named / (double)frames;
	vec_each (l, &p->lost)
		q->lost += l->count;
	for (uint32_t i = 0; i < p->strings.n; i++)
		if (by_stop[i] && vec_push(&q->stops, (struct profile_lost){ i, 0, by_stop[i] })) {
			profile_quality_done(q);
			return -ENOMEM;
		}
	return 0;
}

void profile_quality_done(struct profile_quality *q)
{
	vec_done(&q->stops);
}

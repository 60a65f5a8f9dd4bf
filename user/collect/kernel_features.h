/* What this kernel and these permissions allow, found by trying the real thing. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef COLLECT_KERNEL_FEATURES_H
#define COLLECT_KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum kernel_feature_need {
	FEATURE_REQUIRED, /* nothing can be profiled without it */
	FEATURE_BETTER,   /* something is slower or less exact without it */
	FEATURE_OPTIONAL, /* only a mode that names it needs it */
};

struct kernel_feature {
	const char *name; /* stable, for machines */
	enum kernel_feature_need need;
	const char *used_for; /* what it gives */
	const char *mend;     /* what to do when it is missing */
	int (*probe)(void);   /* 0 when it works, -errno why not */
};

/* The table, by index; NULL at its end. */
const struct kernel_feature *kernel_feature_at(size_t i);
const char *kernel_feature_need_name(enum kernel_feature_need need);

bool kernel_has_loop(void);      /* bpf_loop(), 5.17 */
bool kernel_has_task_regs(void); /* bpf_task_pt_regs(), 5.15 */

/*
 * Some kernels can deadlock when a sample reads user memory (5.19 to 6.0, 6.1 before .36, 6.2, 6.3
 * before .10; mended by "x86/mm: don't call into vmalloc code in copy_from_user_nofault" and its
 * backports). 0 when this is none of them or @force; else -EOPNOTSUPP.
 */
int kernel_refused(bool force, struct error *err);
/* Whether a kernel of this release ("6.1.0-44-amd64") and version (uname -v) is one of them. */
bool kernel_is_deadlocking(const char *release, const char *version);

#endif

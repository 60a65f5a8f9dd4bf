/* What verify needs of a plan.json, read back from foreign bytes. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PLAN_PLAN_FILE_H
#define PLAN_PLAN_FILE_H

#include "base/error.h"
#include "base/vec.h"

enum { PLAN_FILE_BYTES_MAX = 16 << 20, PLAN_FILE_KEYS_MAX = 4096 };

struct plan_file_key {
	char *key;     /* "module|file|function" */
	double share;  /* of the baseline's samples */
	uint32_t step; /* order of the step it belongs to; 0 = the rest */
};

struct plan_file_step {
	uint32_t order;
	char *title;
	double low, high; /* promised */
	double share, dispersion;
};

struct plan_file {
	VEC(struct plan_file_step) steps;
	VEC(struct plan_file_key) keys; /* the mix, and the keys of the steps */
	double samples, dispersion, seconds;
	double on_cpu_seconds;
	char *work_metric; /* NULL = none */
	double work_value;
};

/* Reads @n bytes of JSON. 0, -EBADMSG with EXIT_INPUT and the place, or -ENOMEM. Call
 * plan_file_done after either. */
int plan_file_read(const char *json, size_t n, struct plan_file *ret, struct error *err);
void plan_file_done(struct plan_file *f);

#endif

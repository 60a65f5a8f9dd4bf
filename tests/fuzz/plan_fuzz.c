/* Foreign plan.json: refused with a reason, or verified against a small profile. */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>

#include "plan/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct profile *small_profile(void)
{
	struct profile *p = profile_new();
	struct profile_frame f = { .kind = FRAME_NATIVE,
		.function = (uint32_t)profile_string(p, "f"),
		.module = (uint32_t)profile_module(p, "/srv/app", NULL, 0) };
	uint32_t frame = (uint32_t)profile_frame(p, &f);
	uint32_t stack = (uint32_t)profile_stack(p, 0, frame, 0);

	for (uint32_t b = 0; b < 40; b++)
		profile_sample(p, &(struct profile_sample){ b, 0, stack, SAMPLE_ON_CPU, 9, 9, 1 });
	p->capture.duration_ns = 10000000000;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct profile *p = small_profile();
	struct verify_result *r = NULL;
	struct error err = { 0 };

	if (verify((const char *)data, n, p, NULL, &r, &err) && !err.text[0])
		abort();
	verify_result_free(r);
	profile_free(p);
	return 0;
}

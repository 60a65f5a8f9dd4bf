/*
 * A profile whose answer is known: spend_80 does four units of work for each one of spend_20.
 *
 * Both are timed on the thread's own CPU clock, and the shares so measured are printed at the end:
 * what a profiler says is compared with that, not with the plan. The amounts vary from call to call
 * so that no sampling clock falls into step with them.
 *
 * usage: truth [SECONDS]
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { UNIT_STEPS = 4000 };

static volatile uint64_t sink;

/* A macro, so that the work belongs to no function of its own. */
#define SPEND(units)                                                         \
	do {                                                                 \
		uint64_t x = sink;                                           \
		for (uint64_t i = 0; i < (uint64_t)(units)*UNIT_STEPS; i++)  \
			x = x * 6364136223846793005u + 1442695040888963407u; \
		sink = x;                                                    \
	} while (0)

__attribute__((noinline)) static void spend_80(unsigned int units)
{
	SPEND(4 * units);
}

__attribute__((noinline)) static void spend_20(unsigned int units)
{
	SPEND(units);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10, eighty = 0, twenty = 0;
	struct timespec start, now;
	uint32_t seed = 1;

	printf("pid %d\n", (int)getpid());
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		seed = seed * 1664525u + 1013904223u;
		unsigned int units = 1 + (seed >> 24) % 64;
		double before = cpu_seconds();

		spend_80(units);
		double between = cpu_seconds();
		spend_20(units);
		eighty += between - before;
		twenty += cpu_seconds() - between;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
		 seconds);
	printf("spend_80 %.6f\nspend_20 %.6f\n", eighty / (eighty + twenty),
		twenty / (eighty + twenty));
	return 0;
}

/*
 * A fixed amount of work on one CPU: how long it takes shows what a profiler takes away.
 *
 * usage: fixed_work [ROUNDS]     prints the seconds of wall and of CPU time
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A few frames deep, as real code is. */
__attribute__((noinline)) static uint64_t mix(uint64_t x, int depth)
{
	if (depth > 0)
		return mix(x + (uint64_t)depth, depth - 1) ^ x;
	for (int i = 0; i < 20000; i++)
		x = x * 6364136223846793005u + 1442695040888963407u;
	return x;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 100000;
	double wall = seconds_now(CLOCK_MONOTONIC), cpu = seconds_now(CLOCK_PROCESS_CPUTIME_ID);
	volatile uint64_t x = 1;

	for (long i = 0; i < rounds; i++)
		x = mix(x, 12);
	printf("%.6f %.6f\n", seconds_now(CLOCK_MONOTONIC) - wall,
		seconds_now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return 0;
}

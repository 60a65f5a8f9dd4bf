/*
 * Deep stacks without frame pointers: a chain of 40 calls that alternates between functions whose
 * frame is found from sp and from fp (alloca), down to work in user mode and in system calls.
 *
 * usage: deep SECONDS
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <alloca.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DEPTH = 40 };

static volatile uint64_t sink;
static int zero;

__attribute__((noinline)) static void burn(void)
{
	uint64_t x = sink;

	for (int i = 0; i < 200000; i++)
		x = x * 6364136223846793005u + 1442695040888963407u;
	sink = x;
}

__attribute__((noinline)) static void ask_kernel(void)
{
	static char page[16384];

	for (int i = 0; i < 20; i++)
		sink += (uint64_t)read(zero, page, sizeof(page));
}

__attribute__((noinline)) static void fp_frame(int depth);

__attribute__((noinline)) static void sp_frame(int depth)
{
	if (!depth) {
		burn();
		ask_kernel();
	} else {
		fp_frame(depth - 1);
	}
	sink++;
}

__attribute__((noinline)) static void fp_frame(int depth)
{
	volatile char *room = alloca((size_t)(16 + depth * 8));

	room[0] = (char)depth;
	sp_frame(depth - 1);
	sink += (uint64_t)room[0];
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);

	zero = open("/dev/zero", O_RDONLY);
	while (time(NULL) < end)
		sp_frame(DEPTH);
	return 0;
}

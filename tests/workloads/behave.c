/*
 * Programs that behave in one way each, for tests of what a profiler must cope with.
 *
 * usage: behave MODE [SECONDS] [N]     `behave` alone lists the modes
 */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double deadline;
static unsigned int amount; /* the argument N */

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* About a millisecond of work, under a name that tests look for. */
__attribute__((noinline)) static void work(void)
{
	static volatile uint64_t sink;
	uint64_t x = sink;

	for (int i = 0; i < 700000; i++)
		x = x * 6364136223846793005u + 1442695040888963407u;
	sink = x;
}

static void work_until(double end)
{
	while (seconds_now() < end)
		work();
}

/* ---- one thread ---- */

static void spin(void)
{
	work_until(deadline);
}

static void sleeper(void)
{
	while (seconds_now() < deadline)
		usleep(100000);
}

static void syscalls(void)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char byte[64];

	while (seconds_now() < deadline)
		for (int i = 0; i < 1000; i++)
			if (pread(fd, byte, sizeof(byte), 0) != sizeof(byte))
				abort();
	close(fd);
}

/* The result is used after the call, so that no level is turned into a loop. */
__attribute__((noinline)) static uint64_t recurse(unsigned int depth)
{
	if (!depth) {
		work();
		return 1;
	}
	volatile uint64_t below = recurse(depth - 1);
	return below + 1;
}

static void recursion(void)
{
	while (seconds_now() < deadline)
		recurse(amount ? amount : 200);
}

/* A thread name that would take over a terminal or a page that shows it raw. */
static void hostile(void)
{
	prctl(PR_SET_NAME, "\033[31m<b>\n\"x\a");
	work_until(deadline);
}

/* ---- threads ---- */

static void threads_run(void *(*run)(void *))
{
	unsigned int n = amount ? amount : 16;
	pthread_t *ids = calloc(n, sizeof(*ids));

	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&ids[i], NULL, run, NULL))
			abort();
	for (unsigned int i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	free(ids);
}

static void *thread_works(void *argument)
{
	work_until(deadline);
	return NULL;
}

static void threads(void)
{
	threads_run(thread_works);
}

/* Works one millisecond in a hundred, as a server's threads do at night. */
static void *thread_idles(void *argument)
{
	while (seconds_now() < deadline) {
		work();
		usleep(100000);
	}
	return NULL;
}

static void idle_threads(void)
{
	threads_run(thread_idles);
}

__attribute__((noinline)) static void *late_thread_works(void *argument)
{
	work_until(deadline);
	return NULL;
}

/* Sleeps, and only then starts the thread that works. */
static void late_thread(void)
{
	pthread_t id;

	sleep(amount ? amount : 1);
	if (pthread_create(&id, NULL, late_thread_works, NULL))
		abort();
	pthread_join(id, NULL);
}

static void *thread_is_short(void *argument)
{
	for (int i = 0; i < 3; i++)
		work();
	return NULL;
}

static void thread_churn(void)
{
	while (seconds_now() < deadline) {
		pthread_t id;

		if (pthread_create(&id, NULL, thread_is_short, NULL))
			abort();
		pthread_join(id, NULL);
	}
}

/* ---- processes ---- */

__attribute__((noinline)) static void child_works(double end)
{
	work_until(end);
}

/* Sleeps, and only then forks the child that works. */
static void late_child(void)
{
	sleep(amount ? amount : 1);
	pid_t child = fork();
	if (!child) {
		child_works(deadline);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void fork_storm(void)
{
	while (seconds_now() < deadline) {
		pid_t child = fork();

		if (!child) {
			work();
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
}

/* Ends by itself after a twentieth of a second. */
static void short_lived(void)
{
	work_until(seconds_now() + 0.05);
}

static const struct mode {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "spin", spin },
	{ "sleeper", sleeper },
	{ "syscalls", syscalls },
	{ "recursion", recursion },
	{ "hostile", hostile },
	{ "threads", threads },
	{ "idle_threads", idle_threads },
	{ "late_thread", late_thread },
	{ "thread_churn", thread_churn },
	{ "late_child", late_child },
	{ "fork_storm", fork_storm },
	{ "short_lived", short_lived },
};

int main(int argc, char **argv)
{
	deadline = seconds_now() + (argc > 2 ? atof(argv[2]) : 1e9);
	amount = argc > 3 ? (unsigned int)atoi(argv[3]) : 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (argc > 1 && !strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			return 0;
		}
		if (argc == 1)
			puts(modes[i].name);
	}
	return argc > 1 ? 2 : 0;
}

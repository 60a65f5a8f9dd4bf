/* What /proc says of a process, for processes that do their best to be misread. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc/process.h"

static void a_hostile_name_does_not_shift_the_fields(void **state)
{
	static const char *const names[] = { "a) R 1 1 1", "((((", "))))", ") Z 0 0", "x y\tz",
		"\n)\n(", "\033[31m", "" };
	char before[16];
	struct proc_stat plain, s;
	struct error err;

	prctl(PR_GET_NAME, before);
	assert_int_equal(proc_stat_read(getpid(), 0, &plain, &err), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		prctl(PR_SET_NAME, names[i]);
		assert_int_equal(proc_stat_read(getpid(), 0, &s, &err), 0);
		assert_int_equal(s.state, 'R');
		assert_int_equal(s.start_ns, plain.start_ns);
		assert_false(s.kthread);
		assert_string_equal(s.comm, names[i]);
	}
	prctl(PR_SET_NAME, before);
}

static void a_process_began_before_now_and_after_boot(void **state)
{
	struct timespec now;
	struct proc_stat s;
	struct error err;
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	assert_int_equal(proc_stat_read(child, 0, &s, &err), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(s.start_ns <= now_ns);
	assert_true(now_ns - s.start_ns < 60000000000u);
}

static void a_zombie_is_seen_as_one(void **state)
{
	struct proc_stat s = { 0 };
	struct error err;
	pid_t child = fork();

	if (!child)
		_exit(0);
	siginfo_t done;
	assert_int_equal(waitid(P_PID, (id_t)child, &done, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_stat_read(child, 0, &s, &err), 0);
	assert_int_equal(s.state, 'Z');
	waitpid(child, NULL, 0);
	assert_int_equal(proc_stat_read(child, 0, &s, &err), -ESRCH);
}

static void kernel_threads_are_known_as_such(void **state)
{
	struct proc_stat s;
	struct error err;
	char text[64] = "x";

	assert_int_equal(proc_stat_read(2, 0, &s, &err), 0);
	if (strcmp(s.comm, "kthreadd"))
		skip(); /* in a pid namespace there is none to see */
	assert_true(s.kthread);
	assert_int_equal(proc_command(2, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void *wait_for_the_end(void *lock)
{
	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	return NULL;
}

static void all_threads_are_listed(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[8];
	struct proc_ids ids;
	struct error err;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_for_the_end, &lock), 0);
	assert_int_equal(proc_threads(getpid(), &ids, &err), 0);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ids.ids.n, 9);
	assert_int_equal(ids.ids.at[0], getpid());
	proc_ids_done(&ids);
	assert_int_equal(proc_threads(0x3ffffff, &ids, &err), -ESRCH);
}

static void the_list_of_processes_has_this_one(void **state)
{
	struct proc_ids ids;
	struct error err;
	bool found = false;

	assert_int_equal(proc_list(&ids, &err), 0);
	vec_each (pid, &ids.ids)
		found |= *pid == getpid();
	proc_ids_done(&ids);
	assert_true(found);
}

static void arguments_are_joined_and_cut_to_size(void **state)
{
	int ready[2];
	char text[256], small[8];

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (!child) {
		execlp("sleep", "sleep", "0060", "0.25", NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], text, 1), 0); /* ends when exec has closed it */
	close(ready[0]);
	assert_int_equal(proc_command(child, text, sizeof(text)), 0);
	assert_int_equal(proc_command(child, small, sizeof(small)), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_string_equal(text, "sleep 0060 0.25");
	assert_string_equal(small, "sleep 0");
	assert_int_equal(proc_command(child, text, sizeof(text)), -ESRCH);
}

static void only_regular_files_are_opened_as_source(void **state)
{
	char fifo[] = "/tmp/assay-fifo-XXXXXX";

	assert_true(mkdtemp(fifo) != NULL);
	assert_true(proc_open_in_root(getpid(), fifo) < 0);
	rmdir(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(proc_open_in_root(getpid(), fifo), -EINVAL); /* and does not block */
	unlink(fifo);
	assert_true(proc_open_in_root(getpid(), "/dev/zero") < 0);
	assert_int_equal(proc_open_in_root(getpid(), "relative"), -ENOENT);
	int fd = proc_open_in_root(getpid(), "/proc/self/exe");
	assert_true(fd >= 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hostile_name_does_not_shift_the_fields),
		cmocka_unit_test(a_process_began_before_now_and_after_boot),
		cmocka_unit_test(a_zombie_is_seen_as_one),
		cmocka_unit_test(kernel_threads_are_known_as_such),
		cmocka_unit_test(all_threads_are_listed),
		cmocka_unit_test(the_list_of_processes_has_this_one),
		cmocka_unit_test(arguments_are_joined_and_cut_to_size),
		cmocka_unit_test(only_regular_files_are_opened_as_source),
	};
	return RUN_TESTS(tests);
}

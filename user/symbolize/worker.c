/* The child with limits, the pipe, and the parent that checks every byte of it. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "symbolize/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "symbolize/debug_data.h"
#include "symbolize/dwarf.h"

enum {
	CPU_SECONDS = 20,
	WALL_SECONDS = 30,
	MEMORY_BYTES = 1 << 30, /* half: limits are set to what is used and twice this */
	FILE_BYTES = DEBUG_DATA_BYTES_MAX + (1 << 20), /* of what it unpacks */
	TEXT_BYTES_MAX = 16384,
	REPLY_BYTES_MAX = 512 << 20,
};

/* What goes down the pipe: PLACE is followed by its two texts; IFUNC by its name and the best one;
 * CALL by the name; ERROR by the error's text. */
enum reply_kind {
	REPLY_PLACE = 0x706c,
	REPLY_START,
	REPLY_IFUNC,
	REPLY_CALL,
	REPLY_ERROR,
	REPLY_DONE,
};

struct reply {
	uint32_t kind;
	uint32_t index, place, place_count; /* PLACE: of address @index, number @place of @count */
	uint32_t line;
	uint32_t function_bytes, file_bytes; /* of the texts that follow, the first one first */
	int32_t code;                        /* ERROR: -errno */
	uint64_t start_vaddr;                /* START: of the function around address @index */
};

/* ---- Child ----------------------------------------------------------------------------------- */

struct sender {
	int fd;
	struct strbuf buffer;
};

static bool flush(struct sender *s)
{
	size_t done = 0;

	while (done < s->buffer.length) {
		ssize_t n = write(s->fd, s->buffer.text + done, s->buffer.length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	strbuf_reset(&s->buffer);
	return true;
}

static uint32_t cut(uint32_t bytes)
{
	return bytes < TEXT_BYTES_MAX ? bytes : TEXT_BYTES_MAX;
}

static int flush_full(struct sender *s)
{
	if (s->buffer.oom)
		return -ENOMEM;
	return s->buffer.length < 60000 || flush(s) ? 0 : -EPIPE;
}

static int send_place(void *context, uint32_t index, const struct worker_place *places, uint32_t n)
{
	struct sender *s = context;

	for (uint32_t i = 0; i < n; i++) {
		struct reply reply = { .kind = REPLY_PLACE,
			.index = index,
			.place = i,
			.place_count = n,
			.line = places[i].line,
			.function_bytes = cut(places[i].function_bytes),
			.file_bytes = cut(places[i].file_bytes) };

		strbuf_add(&s->buffer, &reply, sizeof(reply));
		strbuf_add(&s->buffer, places[i].function, reply.function_bytes);
		strbuf_add(&s->buffer, places[i].file, reply.file_bytes);
	}
	return flush_full(s);
}

static int send_start(void *context, uint32_t index, uint64_t start_vaddr)
{
	struct sender *s = context;
	struct reply reply = { .kind = REPLY_START, .index = index, .start_vaddr = start_vaddr };

	strbuf_add(&s->buffer, &reply, sizeof(reply));
	return flush_full(s);
}

static int send_ifunc(void *context, struct worker_name name, struct worker_name best)
{
	struct sender *s = context;
	struct reply reply = {
		.kind = REPLY_IFUNC, .function_bytes = cut(name.n), .file_bytes = cut(best.n)
	};

	strbuf_add(&s->buffer, &reply, sizeof(reply));
	strbuf_add(&s->buffer, name.at, reply.function_bytes);
	strbuf_add(&s->buffer, best.at, reply.file_bytes);
	return flush_full(s);
}

static int send_call(void *context, uint32_t index, struct worker_name name)
{
	struct sender *s = context;
	struct reply reply = { .kind = REPLY_CALL, .index = index, .function_bytes = cut(name.n) };

	strbuf_add(&s->buffer, &reply, sizeof(reply));
	strbuf_add(&s->buffer, name.at, reply.function_bytes);
	return flush_full(s);
}

/* Memory and CPU time are counted from what this copy of the parent has already. */
static void limit_resources(void)
{
#ifndef __SANITIZE_ADDRESS__
	unsigned long pages = 0;
	CLEANUP(file_closep) FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu", &pages) == 1) {
		rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + 2UL * MEMORY_BYTES;

		setrlimit(RLIMIT_AS, &(struct rlimit){ bytes, bytes });
	}
#endif
	setrlimit(RLIMIT_CPU, &(struct rlimit){ CPU_SECONDS, CPU_SECONDS });
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ FILE_BYTES, FILE_BYTES });
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	setrlimit(RLIMIT_NPROC, &(struct rlimit){ 0, 0 });
}

/* Leaves the child what reading an open file, allocating, and writing to its pipe need; any other
 * system call fails with EPERM, which libraries take for "not there". */
static int filter_syscalls(void)
{
#define ALLOW(name)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(pread64),
		ALLOW(read),
		ALLOW(write),
		ALLOW(fstat),
		ALLOW(newfstatat),
		ALLOW(lseek),
		ALLOW(fcntl),
		ALLOW(close),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(mprotect),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW(futex),
		ALLOW(clock_gettime),
		ALLOW(rt_sigaction),
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigreturn),
		ALLOW(sigaltstack),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
#undef ALLOW
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* A kernel without seccomp still has the limits and the lack of capabilities. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && errno != EINVAL ? -errno : 0;
}

/* Closes everything that the child inherited but the @n files in @kept, of which some may be 0. */
static void close_others(const int *kept, size_t n)
{
#ifdef __SANITIZE_ADDRESS__
	unsigned next = 3; /* keep where the sanitizer reports to */
#else
	unsigned next = 0;
#endif

	for (;;) {
		unsigned keep = ~0U;

		for (size_t i = 0; i < n; i++)
			if (kept[i] > 0 && (unsigned)kept[i] >= next && (unsigned)kept[i] < keep)
				keep = (unsigned)kept[i];
		if (keep > next)
			syscall(SYS_close_range, next, keep == ~0U ? keep : keep - 1, 0);
		if (keep == ~0U)
			return;
		next = keep + 1;
	}
}

static int confine(struct error *err)
{
	cap_t none = cap_init();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit_resources();
	int r = !none || cap_set_proc(none) ? -errno : 0;
	cap_free(none);
	if (!r)
		r = filter_syscalls();
	return r ? error_set(err, r, "cannot confine the symbol reader: %s", strerror(-r)) : 0;
}

static _Noreturn void child(struct worker_task task, int pipe_fd)
{
	struct sender sender = { .fd = pipe_fd };
	struct error err = { 0 };
	struct reply last = { .kind = REPLY_DONE };

	/* Ctrl-C is for the parent, whose handlers must not run here. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGXCPU, SIG_DFL);
	close_others(
		(const int[]){ task.fd, task.debug_fd, task.alt_fd, task.scratch_fd, pipe_fd }, 5);
	task.place = task.place ? send_place : NULL;
	task.start = task.start ? send_start : NULL;
	task.ifunc = task.ifunc ? send_ifunc : NULL;
	task.call = task.call ? send_call : NULL;
	task.context = &sender;
	int r = confine(&err);
	if (!r)
		r = worker_run_here(&task, &err);
	if (r) {
		last.kind = REPLY_ERROR;
		last.code = r;
		last.function_bytes = (uint32_t)strlen(err.text);
	}
	if (!sender.buffer.oom || flush(&sender)) {
		strbuf_add(&sender.buffer, &last, sizeof(last));
		strbuf_add(&sender.buffer, err.text, last.function_bytes);
	}
	_exit(flush(&sender) ? 0 : 1);
}

/* ---- Parent ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	return (int64_t)(clock_now_ns() / 1000000);
}

/* Gathers all that the child sends until it closes the pipe. */
static int receive(int fd, struct strbuf *all, struct error *err)
{
	int64_t end = now_ms() + WALL_SECONDS * 1000;
	char piece[65536];

	for (;;) {
		int64_t left = end - now_ms();
		struct pollfd p = { fd, POLLIN, 0 };
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return error_set(err, -ETIMEDOUT, "reading its symbols takes over %d s",
				WALL_SECONDS);
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		strbuf_add(all, piece, (size_t)n);
		if (all->oom)
			return error_oom(err);
		if (all->length > REPLY_BYTES_MAX)
			return error_set(
				err, -E2BIG, "its names have over %d MB", REPLY_BYTES_MAX >> 20);
	}
}

/* A reader of what came. */
struct replies {
	const char *at;
	size_t left;
};

static bool take(struct replies *from, void *to, size_t n)
{
	if (from->left < n)
		return false;
	memcpy(to, from->at, n);
	from->at += n;
	from->left -= n;
	return true;
}

static bool take_text(struct replies *from, uint32_t n, const char **ret)
{
	if (n > TEXT_BYTES_MAX || from->left < n)
		return false;
	*ret = from->at;
	from->at += n;
	from->left -= n;
	return true;
}

/* Takes the places of one address, the first of which is @reply. False: cut short or nonsense. */
static bool take_places(struct replies *from, struct reply reply, const struct worker_task *task,
	struct worker_place *places)
{
	uint32_t n = reply.place_count, index = reply.index;

	if (!n || n > DWARF_PLACES_MAX || index >= task->count)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (i && !take(from, &reply, sizeof(reply)))
			return false;
		if (reply.kind != REPLY_PLACE || reply.index != index || reply.place != i ||
			reply.place_count != n)
			return false;
		places[i] = (struct worker_place){ .function_bytes = reply.function_bytes,
			.file_bytes = reply.file_bytes,
			.line = reply.line };
		if (!take_text(from, reply.function_bytes, &places[i].function) ||
			!take_text(from, reply.file_bytes, &places[i].file))
			return false;
	}
	return true;
}

static int child_died(int status, struct error *err)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return error_set(
			err, -ETIMEDOUT, "reading its symbols takes over %d s", CPU_SECONDS);
	if (WIFSIGNALED(status))
		return error_set(err, -EFAULT, "the symbol reader died of it (%s)",
			strsignal(WTERMSIG(status)));
	return error_set(err, -EFAULT, "the symbol reader gave up on it");
}

enum { REPLY_IS_NONSENSE = 1 };

/* Hands on one address's places or another reply: what the receiver returned. */
static int hand_on(struct replies *from, struct reply reply, const struct worker_task *task)
{
	struct worker_place places[DWARF_PLACES_MAX];
	struct worker_name name = { .n = reply.function_bytes }, best = { .n = reply.file_bytes };

	switch (reply.kind) {
	case REPLY_PLACE:
		if (!task->place || !take_places(from, reply, task, places))
			return REPLY_IS_NONSENSE;
		return task->place(task->context, reply.index, places, reply.place_count);
	case REPLY_START:
		if (!task->start || reply.index >= task->count ||
			reply.start_vaddr > task->vaddrs[reply.index])
			return REPLY_IS_NONSENSE;
		return task->start(task->context, reply.index, reply.start_vaddr);
	case REPLY_IFUNC:
		if (!task->ifunc || !take_text(from, name.n, &name.at) ||
			!take_text(from, best.n, &best.at))
			return REPLY_IS_NONSENSE;
		return task->ifunc(task->context, name, best);
	case REPLY_CALL:
		if (!task->call || reply.index >= task->count || !take_text(from, name.n, &name.at))
			return REPLY_IS_NONSENSE;
		return task->call(task->context, reply.index, name);
	}
	return REPLY_IS_NONSENSE;
}

/* Hands on what came; the last reply says how the child fared. */
static int deliver(
	const struct strbuf *all, const struct worker_task *task, int status, struct error *err)
{
	struct replies from = { strbuf_cstr(all), all->length };
	struct reply reply;
	const char *text;

	while (take(&from, &reply, sizeof(reply))) {
		if (reply.kind == REPLY_DONE)
			return 0;
		if (reply.kind == REPLY_ERROR && reply.code < 0 && reply.code > -4096 &&
			take_text(&from, reply.function_bytes, &text))
			return error_set(err, reply.code, "%.*s", (int)reply.function_bytes, text);
		int r = hand_on(&from, reply, task);
		if (r == REPLY_IS_NONSENSE)
			break;
		if (r)
			return error_set(err, r, "what it holds does not fit the profile");
	}
	return child_died(status, err);
}

int worker_run(const struct worker_task *task, struct error *err)
{
	CLEANUP_STRBUF struct strbuf all = { 0 };
	CLEANUP(fd_closep) int from = -1, scratch = -1;
	int pipe_fds[2], status = 0;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return error_set(err, -errno, "no pipe to a symbol reader: %s", strerror(errno));
	from = pipe_fds[0];
	/* Without it compressed symbols stay unread. */
	scratch = memfd_create("symbols", MFD_CLOEXEC);
	struct worker_task with_scratch = *task;
	with_scratch.scratch_fd = scratch > 0 ? scratch : 0;
	pid_t pid = fork();
	if (pid < 0) {
		int code = -errno;

		close(pipe_fds[1]);
		return error_set(err, code, "no symbol reader: %s", strerror(-code));
	}
	if (!pid) {
		close(from);
		child(with_scratch, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	int r = receive(from, &all, err);
	if (r)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* What came before a time-out is as good as any. */
	if (r && (r != -ETIMEDOUT || all.oom))
		return r;
	struct error end;
	int delivered = deliver(&all, task, status, &end);
	if (!r && delivered && err)
		*err = end;
	return r ? r : delivered;
}

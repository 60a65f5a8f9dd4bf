/* What this kernel and these permissions allow, found by trying the real thing. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "collect/kernel_features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"

__attribute__((format(printf, 2, 0))) static int silent(
	enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int from_libbpf(int r)
{
	return r > 0 ? 0 : r < 0 ? r : -EOPNOTSUPP;
}

static int helper(enum bpf_prog_type type, enum bpf_func_id id)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	int r = libbpf_probe_bpf_helper(type, id, NULL);

	libbpf_set_print(before);
	return from_libbpf(r);
}

static int probe_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) ? -errno : 0;
}

static int load(enum bpf_prog_type type, struct bpf_prog_load_opts *opts)
{
	/* r0 = 0; exit */
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, "probe", "Dual BSD/GPL", nothing, 2, opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int probe_perf_program(void)
{
	return load(BPF_PROG_TYPE_PERF_EVENT, NULL);
}

static int probe_tp_btf(void)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	int id = libbpf_find_vmlinux_btf_id("sched_process_fork", BPF_TRACE_RAW_TP);

	libbpf_set_print(before);
	if (id < 0)
		return id;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP,
		.attach_btf_id = (__u32)id);
	return load(BPF_PROG_TYPE_TRACING, &opts);
}

static int probe_map(enum bpf_map_type type)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	int r = libbpf_probe_bpf_map_type(type, NULL);

	libbpf_set_print(before);
	return from_libbpf(r);
}

static int probe_ring_buffer(void)
{
	return probe_map(BPF_MAP_TYPE_RINGBUF);
}

static int probe_task_storage(void)
{
	return probe_map(BPF_MAP_TYPE_TASK_STORAGE);
}

static int probe_loop(void)
{
	return helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop);
}

static int probe_task_regs(void)
{
	return helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_task_pt_regs);
}

static int probe_find_vma(void)
{
	return helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_find_vma);
}

static int event(uint32_t type, uint64_t config, pid_t pid, int cpu)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.sample_period = 1000000,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int probe_event_task(void)
{
	return event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, 0, -1);
}

static int probe_event_cpu(void)
{
	return event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, -1, 0);
}

static int probe_hardware(void)
{
	return event(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0, -1);
}

static int probe_map_files(void)
{
	char line[256], path[320];
	unsigned long long start, end;
	CLEANUP(file_closep) FILE *f = fopen("/proc/self/maps", "re");

	if (!f || !fgets(line, sizeof(line), f) || sscanf(line, "%llx-%llx", &start, &end) != 2)
		return -EIO;
	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", start, end);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int probe_kallsyms(void)
{
	char line[512];
	unsigned long long address;
	CLEANUP(file_closep) FILE *f = fopen("/proc/kallsyms", "re");

	if (!f)
		return -errno;
	if (!fgets(line, sizeof(line), f))
		return -ENODATA;
	/* The first symbol may really be at 0 (per-CPU symbols): look a few lines on. */
	for (int i = 0; i < 4096; i++) {
		if (sscanf(line, "%llx", &address) == 1 && address)
			return 0;
		if (!fgets(line, sizeof(line), f))
			break;
	}
	return -EPERM;
}

static int probe_tracefs(void)
{
	if (!access("/sys/kernel/tracing/events", R_OK) ||
		!access("/sys/kernel/debug/tracing/events", R_OK))
		return 0;
	return -errno;
}

static int probe_known_deadlock(void)
{
	return kernel_refused(false, NULL);
}

static const struct kernel_feature features[] = {
	{ "safe_user_reads", FEATURE_REQUIRED, "reading user stacks from a sample",
		"this kernel can deadlock when a sample reads user memory: update it (5.19-6.0, "
		"6.1 "
		"before .36, 6.2 and 6.3 before .10 are affected), or use --force on a test "
		"machine",
		probe_known_deadlock },
	{ "btf", FEATURE_REQUIRED, "BPF programs that fit any kernel",
		"use a kernel with CONFIG_DEBUG_INFO_BTF=y", probe_btf },
	{ "bpf_perf_event", FEATURE_REQUIRED, "sampling programs",
		"run as root, or with CAP_BPF and CAP_PERFMON", probe_perf_program },
	{ "perf_event_task", FEATURE_REQUIRED, "sampling a process (-p, -- CMD)",
		"run as root; see /proc/sys/kernel/perf_event_paranoid", probe_event_task },
	{ "perf_event_cpu", FEATURE_REQUIRED, "sampling the machine (-a), learning new mappings",
		"run as root; see /proc/sys/kernel/perf_event_paranoid", probe_event_cpu },
	{ "tp_btf", FEATURE_REQUIRED, "following forks, execs and exits",
		"run as root on a kernel from 5.10 on, with BTF", probe_tp_btf },
	{ "ring_buffer", FEATURE_REQUIRED, "getting samples out in order",
		"use a kernel from 5.8 on", probe_ring_buffer },
	{ "bpf_loop", FEATURE_BETTER, "cheaper stack walks (kernel 5.17)",
		"nothing to do: a bounded loop serves", probe_loop },
	{ "bpf_task_pt_regs", FEATURE_BETTER, "user stacks below system calls (kernel 5.15)",
		"nothing to do: the registers are found on the kernel stack", probe_task_regs },
	{ "map_files", FEATURE_BETTER, "reading the very file that a process has mapped",
		"run as root (CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN)", probe_map_files },
	{ "kallsyms", FEATURE_BETTER, "names of kernel functions",
		"run as root with kernel.kptr_restrict below 2 (CAP_SYSLOG)", probe_kallsyms },
	{ "bpf_find_vma", FEATURE_OPTIONAL, "unwinding new mappings at first sight (5.17)",
		"nothing to do", probe_find_vma },
	{ "task_storage", FEATURE_OPTIONAL, "per-thread times (5.11)", "nothing to do",
		probe_task_storage },
	{ "tracefs", FEATURE_OPTIONAL, "tracepoints by name",
		"mount -t tracefs tracefs /sys/kernel/tracing", probe_tracefs },
	{ "hardware_counters", FEATURE_OPTIONAL, "sampling by cycles or cache misses",
		"virtual machines often have no PMU; the CPU clock serves", probe_hardware },
};

const struct kernel_feature *kernel_feature_at(size_t i)
{
	return i < sizeof(features) / sizeof(*features) ? &features[i] : NULL;
}

const char *kernel_feature_need_name(enum kernel_feature_need need)
{
	static const char *const names[] = { "required", "better", "optional" };

	return names[need];
}

bool kernel_has_loop(void)
{
	static int known = 1;

	if (known == 1)
		known = probe_loop();
	return !known;
}

bool kernel_has_task_regs(void)
{
	static int known = 1;

	if (known == 1)
		known = probe_task_regs();
	return !known;
}

bool kernel_is_deadlocking(const char *release, const char *version)
{
	/* Debian's release says 6.1.0 for all of 6.1: the real one stands in the version. */
	const char *debian = strstr(version, "Debian ");
	unsigned int major = 0, minor = 0, patch = 0;

	if (debian)
		release = debian + strlen("Debian ");
	sscanf(release, "%u.%u.%u", &major, &minor, &patch);
	if (major == 5)
		return minor == 19;
	if (major != 6)
		return false;
	return minor == 0 || (minor == 1 && patch < 36) || minor == 2 || (minor == 3 && patch < 10);
}

int kernel_refused(bool force, struct error *err)
{
	struct utsname u;

	if (force || uname(&u) || !kernel_is_deadlocking(u.release, u.version))
		return 0;
	error_exit(err, EXIT_SYSTEM, -EOPNOTSUPP,
		"kernel %s can deadlock when a sample reads user memory", u.release);
	return error_hint(err, "update the kernel, or use --force where a hang is acceptable");
}

/* Opening and closing the kernel half: sizes, loading, order of attachment, counters. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "collect/collect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/kernel_features.h"
#include "collect/private.h"
#include "proc/process.h"

static struct strbuf libbpf_log;

__attribute__((format(printf, 2, 0))) static int libbpf_log_add(
	enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && libbpf_log.length < 1 << 16)
		strbuf_vprintf(&libbpf_log, fmt, ap);
	return 0;
}

void libbpf_log_start(void)
{
	strbuf_reset(&libbpf_log);
	libbpf_set_print(libbpf_log_add);
}

const char *libbpf_log_text(void)
{
	const char *text = strbuf_cstr(&libbpf_log);
	size_t n = strlen(text), keep = 400;

	return n > keep ? text + n - keep : text;
}

int permission_error(struct error *err, int code, const char *what)
{
	error_exit(err, EXIT_SYSTEM, code, "%s: %s", what, strerror(-code));
	return error_hint(err, geteuid() ? "run as root (sudo assay ...)"
					 : "needs CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE (or "
					   "CAP_SYS_ADMIN); `assay doctor` shows what is missing");
}

CLEANUP_DEFINE(struct collect *, collect_close)

/* Room for half a second of samples of 1 KiB from every CPU, as a power of two. */
static uint32_t ring_bytes(double rate_hz, int cpus)
{
	double want = rate_hz * cpus * 1024 / 2;
	uint32_t bytes = 1 << 19;

	while (bytes < want && bytes < 1 << 26)
		bytes *= 2;
	return bytes;
}

static bool has_loop(const struct collect_config *config)
{
	return !config->no_loop && kernel_has_loop();
}

/* The index of the controller in css_set.subsys of this kernel, or -errno. */
static int controller_index(const char *controller)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char name[64];
	int index = -ENOENT;

	if (!btf)
		return -errno;
	snprintf(name, sizeof(name), "%s_cgrp_id", controller);
	int id = btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	for (int i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name))
			index = btf_enum(type)[i].val;
	btf__free(btf);
	return index;
}

static int filter_set(
	struct wire_config *wire, const struct collect_config *config, struct error *err)
{
	if (config->comm && strlen(config->comm) >= WIRE_COMM_BYTES) {
		error_exit(err, EXIT_USAGE, -EINVAL, "the name '%s' is longer than %d bytes",
			config->comm, WIRE_COMM_BYTES - 1);
		return error_hint(err, "the kernel keeps the first %d bytes of a name: '%.*s'",
			WIRE_COMM_BYTES - 1, WIRE_COMM_BYTES - 1, config->comm);
	}
	if (config->comm) {
		wire->filter = WIRE_FILTER_COMM;
		memcpy(wire->comm, config->comm, strlen(config->comm));
	} else if (config->cgroup.id) {
		const char *controller = config->cgroup.controller;
		int index = controller ? controller_index(controller) : WIRE_CGROUP_V2;

		if (index < 0) {
			error_exit(err, EXIT_SYSTEM, index,
				"this kernel has no cgroup controller '%s'", controller);
			return error_hint(err, "give the group's directory of another hierarchy");
		}
		wire->filter = WIRE_FILTER_CGROUP;
		wire->cgroup_id = config->cgroup.id;
		wire->cgroup_subsystem = (__u32)index;
	}
	return 0;
}

static int skeleton_open(struct collect *c, const struct collect_config *config, struct error *err)
{
	struct assay_bpf *skel = assay_bpf__open();

	if (!skel)
		return error_exit(err, EXIT_BUG, -errno, "cannot open the built-in BPF object: %s",
			libbpf_log_text());
	c->skel = skel;
	bool loop = has_loop(config);
	struct wire_config *wire = &skel->rodata->assay_config;
	wire->filter_targets = config->pid_count > 0;
	wire->own_pid = (uint32_t)getpid();
	wire->python = !config->no_python;
	wire->has_task_regs = kernel_has_task_regs();
	wire->thread_size = 16384;
	bpf_program__set_autoload(skel->progs.oncpu_loop, loop);
	bpf_program__set_autoload(skel->progs.oncpu_bounded, !loop);
	uint32_t bytes = ring_bytes(config->rate_hz, c->possible_cpus);
	wire->ring_wake_bytes = bytes / 2;
	bpf_map__set_max_entries(skel->maps.records, bytes);
	upload_size(skel, !config->pid_count);
	return filter_set(wire, config, err);
}

static int skeleton_load(struct collect *c, struct error *err)
{
	int r = assay_bpf__load(c->skel);

	if (!r)
		return 0;
	if (r == -EPERM)
		return permission_error(err, r, "cannot load the BPF programs");
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		error_exit(err, EXIT_SYSTEM, -EOPNOTSUPP,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux)");
		return error_hint(err, "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (all "
				       "distributions' kernels since 2021 are)");
	}
	error_exit(err, EXIT_SYSTEM, r, "the kernel refused the BPF programs: %s", strerror(-r));
	return error_hint(err, "`assay doctor` shows what is missing; the kernel's last words: %s",
		libbpf_log_text());
}

static int targets_fill(struct collect *c, const struct collect_config *config, struct error *err)
{
	int fd = bpf_map__fd(c->skel->maps.targets);
	__u32 one = 1;

	for (size_t i = 0; i < config->pid_count; i++) {
		__u32 pid = (__u32)config->pids[i];

		if (bpf_map_update_elem(fd, &pid, &one, BPF_ANY))
			return error_set(
				err, -errno, "cannot add target %u: %s", pid, strerror(errno));
	}
	return 0;
}

static int process_programs_attach(struct collect *c, struct error *err)
{
	struct {
		struct bpf_program *program;
		struct bpf_link **link;
	} all[] = {
		{ c->skel->progs.process_fork, &c->skel->links.process_fork },
		{ c->skel->progs.process_exec, &c->skel->links.process_exec },
		{ c->skel->progs.process_exit, &c->skel->links.process_exit },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		*all[i].link = bpf_program__attach(all[i].program);
		if (!*all[i].link) {
			int code = -errno;

			error_exit(err, EXIT_SYSTEM, code, "cannot attach '%s': %s",
				bpf_program__name(all[i].program), strerror(-code));
			return error_hint(err, "`assay doctor` shows what is missing");
		}
	}
	return 0;
}

static int record_copy(void *context, void *data, size_t size);

int collect_open(const struct collect_config *user_config, struct collect **ret, struct error *err)
{
	struct collect_config config = *user_config;

	if (!config.rate_hz)
		config.rate_hz = 99;
	double rate_max = collect_rate_max_hz();
	if (!(config.rate_hz >= 1 && config.rate_hz <= rate_max)) {
		error_exit(err, EXIT_USAGE, -EINVAL, "the rate must be 1 to %g Hz, not %g",
			rate_max, config.rate_hz);
		return error_hint(err, "the limit is /proc/sys/kernel/perf_event_max_sample_rate");
	}
	int r = kernel_refused(config.force, err);
	if (r)
		return r;

	CLEANUP(collect_closep) struct collect *c = calloc(1, sizeof(*c));
	if (!c)
		return error_oom(err);
	c->possible_cpus = libbpf_num_possible_cpus();
	c->sideband.epoll = -1;
	attach_watch(&c->attach, &config);
	libbpf_log_start();
	r = skeleton_open(c, &config, err);
	if (!r)
		r = skeleton_load(c, err);
	if (!r)
		r = targets_fill(c, &config, err);
	if (!r)
		r = upload_open(&c->upload, c->skel, err);
	if (!r)
		r = process_programs_attach(c, err);
	if (!r)
		r = sideband_open(&c->sideband, err);
	if (r)
		return r;
	c->ring = ring_buffer__new(bpf_map__fd(c->skel->maps.records), record_copy, c, NULL);
	if (!c->ring)
		return error_exit(err, EXIT_SYSTEM, -errno, "cannot map the ring buffer: %s",
			strerror(errno));
	/* Edge-triggered: woken by the programs, not by every record that waits. */
	struct epoll_event woken = { .events = EPOLLIN | EPOLLET };
	epoll_ctl(c->sideband.epoll, EPOLL_CTL_ADD, bpf_map__fd(c->skel->maps.records), &woken);
	struct bpf_program *program =
		has_loop(&config) ? c->skel->progs.oncpu_loop : c->skel->progs.oncpu_bounded;
	r = attach_open(&c->attach, &config, bpf_program__fd(program), err);
	if (r)
		return r;
	if (config.comm || config.cgroup.id)
		c->attach.reason = config.comm
					   ? "threads are chosen by name in the kernel"
					   : "threads are chosen by control group in the kernel";
	*ret = STEAL(c);
	return 0;
}

void collect_close(struct collect *c)
{
	if (!c)
		return;
	attach_done(&c->attach);
	sideband_done(&c->sideband);
	ring_buffer__free(c->ring);
	upload_done(&c->upload);
	assay_bpf__destroy(c->skel);
	vec_done(&c->batch.events);
	strbuf_done(&c->batch.bytes);
	vec_done(&c->later.events);
	strbuf_done(&c->later.bytes);
	free(c);
}

int collect_enable(struct collect *c, struct error *err)
{
	int r = upload_settle(&c->upload);

	if (r)
		return error_exit(
			err, EXIT_SYSTEM, r, "cannot insert an unwind table: %s", strerror(-r));
	r = attach_enable(&c->attach, err);

	if (!r)
		c->enabled_ns = clock_now_ns();
	return r;
}

void collect_disable(struct collect *c)
{
	attach_disable(&c->attach);
}

/* Copies one event into @b. */
static int batch_add(
	struct batch *b, const void *data, uint32_t bytes, uint64_t time_ns, bool sideband)
{
	struct pending p = {
		.time_ns = time_ns,
		.sequence = b->events.n,
		.bytes = bytes,
		.offset = b->bytes.length,
		.sideband = sideband,
	};

	strbuf_add(&b->bytes, data, bytes);
	/* Keep every event aligned for the structs that are read from it. */
	strbuf_pad(&b->bytes, 0, (8 - b->bytes.length % 8) % 8);
	return b->bytes.oom ? -ENOMEM : vec_push(&b->events, p);
}

static int record_copy(void *context, void *data, size_t size)
{
	struct collect *c = context;
	const __u32 *type = data;
	uint64_t time_ns;

	if (*type == WIRE_SAMPLE)
		time_ns = ((struct wire_sample *)data)->time_ns;
	else if (*type == WIRE_CODE)
		time_ns = ((struct wire_code *)data)->time_ns;
	else
		time_ns = ((struct wire_process_event *)data)->time_ns;

	return batch_add(&c->batch, data, (uint32_t)size, time_ns, false);
}

static int pending_compare(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	/* At the same moment the side-band goes first, then the order of arrival. */
	if (x->sideband != y->sideband)
		return x->sideband ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static int dispatch(const struct batch *b, const struct pending *p, const struct collect_sink *sink)
{
	const void *data = b->bytes.text + p->offset;

	if (p->sideband)
		return sideband_dispatch(data, p->bytes, p->time_ns, sink);
	const struct wire_sample *s = data;
	if (s->type == WIRE_CODE)
		return sink->code(sink->context, data, p->bytes);
	if (s->type != WIRE_SAMPLE)
		return sink->process(sink->context, data);
	if (p->bytes < sizeof(*s) + (s->user_frames + s->kernel_frames) * sizeof(uint64_t))
		return 0;
	return sink->sample(sink->context, s, (const uint64_t *)(s + 1));
}

int collect_drain(struct collect *c, const struct collect_sink *sink, struct error *err)
{
	/* Events newer than this may still be overtaken by older ones from another buffer. */
	uint64_t cut_ns = clock_now_ns();
	struct batch *b = &c->batch;
	int r = 0;

	upload_age(&c->upload);
	b->events.n = 0;
	strbuf_reset(&b->bytes);
	vec_each (p, &c->later.events)
		if (batch_add(
			    b, c->later.bytes.text + p->offset, p->bytes, p->time_ns, p->sideband))
			return error_oom(err);
	c->later.events.n = 0;
	strbuf_reset(&c->later.bytes);
	if (ring_buffer__consume(c->ring) == -ENOMEM || sideband_read(&c->sideband, b))
		return error_oom(err);
	if (b->events.n)
		qsort(b->events.at, b->events.n, sizeof(*b->events.at), pending_compare);
	vec_each (p, &b->events) {
		if (p->time_ns > cut_ns)
			r = batch_add(&c->later, b->bytes.text + p->offset, p->bytes, p->time_ns,
				p->sideband);
		else
			r = dispatch(b, p, sink);
		if (r)
			return error_set(err, r, "cannot take up an event: %s", strerror(-r));
	}
	return 0;
}

int collect_full_fd(const struct collect *c)
{
	return c->sideband.epoll;
}

enum collect_attach collect_attach_mode(const struct collect *c)
{
	return c->attach.mode;
}

const char *collect_attach_reason(const struct collect *c)
{
	return c->attach.reason;
}

uint64_t collect_enabled_ns(const struct collect *c)
{
	return c->enabled_ns;
}

uint64_t collect_period_ns(const struct collect *c)
{
	return c->attach.period_ns;
}

static uint64_t percpu_sum(const struct collect *c, struct bpf_map *map, __u32 slot)
{
	CLEANUP(freep) __u64 *values = calloc((size_t)c->possible_cpus, sizeof(*values));
	uint64_t sum = 0;

	if (!values || bpf_map_lookup_elem(bpf_map__fd(map), &slot, values))
		return 0;
	for (int i = 0; i < c->possible_cpus; i++)
		sum += values[i];
	return sum;
}

uint64_t collect_loss(const struct collect *c, enum loss_counter counter)
{
	return percpu_sum(c, c->skel->maps.losses, counter);
}

int collect_counts(const struct collect *c, struct collect_counts *ret)
{
	ret->runs = percpu_sum(c, c->skel->maps.oncpu_runs, 0);
	return attach_time_ns(&c->attach, &ret->event_ns);
}

double collect_rate_max_hz(void)
{
	CLEANUP(file_closep)
	FILE *f = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	double hz;

	return f && fscanf(f, "%lf", &hz) == 1 ? hz : 100000;
}

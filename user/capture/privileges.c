/* Limits up at the start, capabilities down once everything is attached. */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include "capture/private.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON            38
#define CAP_BPF                39
#define CAP_CHECKPOINT_RESTORE 40
#endif

void files_limit_raise(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Keeps what a running capture needs: maps and events of new processes, their files, the kernel's
 * symbols, the folder of the recording. */
int privileges_drop(struct error *err)
{
	static const cap_value_t kept[] = { CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_SYSLOG,
		CAP_CHECKPOINT_RESTORE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, CAP_KILL };
	cap_t now = cap_get_proc(), next = cap_init();
	cap_flag_value_t has = CAP_CLEAR;
	int r = !now || !next ? -ENOMEM : 0;

	/* Kernels or containers without CAP_BPF gave us everything through CAP_SYS_ADMIN. */
	if (!r && !cap_get_flag(now, CAP_BPF, CAP_PERMITTED, &has) && has == CAP_SET) {
		for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
			if (cap_get_flag(now, kept[i], CAP_PERMITTED, &has) || has != CAP_SET)
				continue;
			cap_set_flag(next, CAP_PERMITTED, 1, &kept[i], CAP_SET);
			cap_set_flag(next, CAP_EFFECTIVE, 1, &kept[i], CAP_SET);
		}
		r = cap_set_proc(next) ? -errno : 0;
	}
	cap_free(now);
	cap_free(next);
	return r ? error_exit(err, EXIT_SYSTEM, r, "cannot drop capabilities: %s", strerror(-r))
		 : 0;
}

/* The read-only configuration, in one place for all programs. */
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#ifndef BPF_LIB_CONFIG_H
#define BPF_LIB_CONFIG_H

#include "lib/compat.bpf.h"

/* Set by user space before loading; one for all programs. */
const volatile struct wire_config assay_config __weak = {};

#endif

/* The command that checks a step, to be run exactly as printed. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef PLAN_COMMANDS_H
#define PLAN_COMMANDS_H

#include "plan/plan.h"

/* Fills in command and expect of every step. 0 or -ENOMEM. */
int plan_commands(struct plan *p, const char *plan_path);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef CMD_ULIMIT_H
#define CMD_ULIMIT_H

/*
 * Limits as the options of docker run give them.
 *
 * Source   docker run, "--ulimit", "--pids-limit"; getrlimit(2).
 * Threads  any.
 * Errors   -LX_EINVAL.
 */

#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"
#include "runner/run.h"

/* "NAME=SOFT[:HARD]"; -1 and "unlimited" are no limit, and a lone value is both. */
MUST_USE int cmd_ulimit_read(const char *text, struct runner_ulimit *out, struct core_diag *diag);

/* A number of processes; -1 and 0 are no limit, which is 0. */
MUST_USE int cmd_pids_limit_read(const char *text, uint32_t *out);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef CMD_CAPABILITY_H
#define CMD_CAPABILITY_H

/*
 * Capabilities as the options of docker run name them.
 *
 * Source   docker run, "--cap-add"; capabilities(7).
 * Threads  any.
 * Errors   -LX_EINVAL.
 */

#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"

/* "SYS_ADMIN", "CAP_SYS_ADMIN" or "ALL", in any case: a set of LX_CAP_BIT(). */
MUST_USE int cmd_capability_read(const char *text, uint64_t *out, struct core_diag *diag);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef CORE_SIZE_H
#define CORE_SIZE_H

/*
 * Sizes as people write them: 500, 64k, 20G, 1mb.
 *
 * Threads  any.
 * Errors   -LX_EINVAL.
 */

#include <stdint.h>

#include "lx/compiler.h"

/* A number, and perhaps one of K, M, G and T (times 1024 each), and perhaps a B. */
MUST_USE int core_size_parse(const char *text, uint64_t *out);

#endif

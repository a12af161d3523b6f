/* SPDX-License-Identifier: MIT */
#ifndef SHIM_FUTEX_H
#define SHIM_FUTEX_H

/*
 * Futexes: a table of wait queues in the arena, keyed by what the word is: an
 * address of one process, or a place in shared memory.
 *
 * Source  futex(2), get_robust_list(2).
 * Threads any.
 * Errors  -LX_EFAULT, -LX_EAGAIN, -LX_EINVAL ..
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct shim_task;

/* Create the table; once per container. */
MUST_USE int shim_futex_init(void);

/* Wake up to `count` waiters of any bitset; returns how many. */
int64_t shim_futex_wake(lx_uptr word, uint32_t count);

/* A thread ends: mark the robust futexes it holds as orphaned and wake one waiter of each. */
void shim_futex_exit(struct shim_task *t);

#endif

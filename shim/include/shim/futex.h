/* SPDX-License-Identifier: MIT */
#ifndef SHIM_FUTEX_H
#define SHIM_FUTEX_H

/*
 * Futexes: a table of wait queues in the arena, keyed by what the word is: an
 * address of one address space, or a place in shared memory.
 *
 * Source  futex(2), futex_waitv(2), get_robust_list(2); Linux'
 *         Documentation/locking/pi-futex.rst, robust-futex-ABI.rst.
 * Threads any.
 * Errors  -LX_EFAULT, -LX_EAGAIN, -LX_EINVAL ..
 */

#include <stdint.h>

#include "core/list.h"
#include "lx/compiler.h"
#include "lx/types.h"

struct futex_pi;
struct core_wakes;
struct shim_task;

struct shim_futex_key {
    uint64_t object, offset;
};

/* One wait for one word; guarded by the lock of the bucket it is in, if nothing else is said. */
struct shim_futex_waiter {
    struct core_list node;
    struct shim_futex_key key;
    struct shim_futex_key target; /* of FUTEX_WAIT_REQUEUE_PI: where it may be moved */
    struct shim_task *task;       /* constant while it is queued */
    struct futex_pi *pi;          /* it waits to own this; NULL: for a wake */
    uint32_t bitset;
    uint32_t may_move_to_pi; /* constant while it is queued: 1 in FUTEX_WAIT_REQUEUE_PI */
    uint32_t owner_died;     /* 1: it was made the owner, and has to write that into the word */
    _Atomic uint32_t bucket; /* index */
    _Atomic uint32_t queued;
};

/* What a task keeps for futexes; all zero at first. */
struct shim_futex_task {
    struct shim_futex_waiter waiter;
    struct shim_futex_waiter *vector; /* own: of futex_waitv(2) */
    uint32_t vector_count;            /* own */
    uint32_t gone;            /* guarded by the table's lock, as the next two: it owns no more */
    struct futex_pi *owned;   /* that others wait for */
    struct futex_pi *blocked; /* that it waits for */
};

/* Create the table; once per container. */
MUST_USE int shim_futex_init(void);

/* Wake up to `count` waiters of any bitset for a word of `t`'s process; returns how many. */
int64_t shim_futex_wake(struct shim_task *t, lx_uptr word, int32_t count);

/* The same for who holds locks: the host is told by core_wakes_send(), later. */
void shim_futex_wake_later(struct shim_task *t, lx_uptr word, int32_t count,
                           struct core_wakes *wakes);

/*
 * A thread ends: mark the robust futexes it holds as orphaned and wake one waiter of each,
 * and hand over the priority-inheritance futexes that others wait for.  On its own thread.
 */
void shim_futex_exit(struct shim_task *t);

/* The same when a thread goes on with another program: its robust list is forgotten. */
void shim_futex_exec(struct shim_task *t);

/*
 * A task will never run again, and did not end by itself: take it out of all queues, and
 * hand over what it owned.  By anyone; touches no guest memory.  Harmless after
 * shim_futex_exit().
 */
void shim_futex_drop(struct shim_task *t);

#endif

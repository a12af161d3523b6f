/* SPDX-License-Identifier: MIT */
#ifndef SHIM_FUTEX_TABLE_H
#define SHIM_FUTEX_TABLE_H

/*
 * The table of futexes, for the files of this folder and the handlers.
 *
 * A waiter hangs in the bucket of its key; a waker takes it out and wakes its
 * sleeper.  Whoever finds itself taken out still takes the bucket's lock once
 * before it goes on, so that its waker is done with it.
 *
 * Source  futex(2); Linux' kernel/futex, whose order of checks this keeps.
 * Threads any.  Errors  -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "lx/compiler.h"
#include "lx/types.h"
#include "shim/futex.h"

#define FUTEX_BUCKET_COUNT 1024u

struct bucket {
    struct core_lock lock; /* guards all */
    struct core_list waiters;
    struct core_list pis; /* of struct futex_pi.node */
    uint64_t pad[2];      /* a cache line of its own */
};

struct futex_table {
    struct core_lock pi_lock; /* guards who owns and waits for which struct futex_pi */
    struct bucket buckets[FUTEX_BUCKET_COUNT];
};

/* A futex of a call: the word, as the caller's process sees it, and what it is. */
struct futex {
    lx_uptr word;
    struct shim_futex_key key;
};

struct core_wakes;

struct futex_table *futex_table(void);

/*
 * Find out what a word is.
 *   shared   1: without FUTEX_PRIVATE_FLAG.
 *   returns  -LX_EINVAL: not aligned; -LX_EFAULT.
 */
MUST_USE int futex_find(struct shim_task *t, lx_uptr word, int shared, struct futex *out);

int futex_same(const struct shim_futex_key *a, const struct shim_futex_key *b);
struct bucket *futex_bucket(const struct shim_futex_key *key);
void futex_lock_two(struct bucket *a, struct bucket *b);
void futex_unlock_two(struct bucket *a, struct bucket *b);

/* The word's value; the guest's memory may go away at any time. */
MUST_USE int futex_load(lx_uptr word, uint32_t *value);
MUST_USE int futex_exchange(lx_uptr word, uint32_t expected, uint32_t desired, uint32_t *old);

/* The first waiter for a key, or NULL. */
struct shim_futex_waiter *futex_first_locked(struct bucket *b, const struct shim_futex_key *key);

void futex_enqueue_locked(struct bucket *b, struct shim_task *t, struct shim_futex_waiter *w,
                          const struct shim_futex_key *key, uint32_t bitset);

/* Move a waiter to another key, whose bucket is locked as well. */
void futex_move_locked(struct bucket *from, struct bucket *to, struct shim_futex_waiter *w,
                       const struct shim_futex_key *key);

/* Take a waiter out and wake its task, which wants this lock first: when it has been released. */
void futex_release_locked(struct shim_futex_waiter *w, struct core_wakes *wakes);

/* Lock the bucket that a waiter is in now: a requeue may move it. */
struct bucket *futex_lock_bucket_of(struct shim_futex_waiter *w);

/* Take a waiter out if nobody has; returns 1 if it was still there. */
int futex_dequeue(struct shim_futex_waiter *w);

/* ---- Calls: the arguments are those of futex(2) --------------------------- */

MUST_USE int64_t futex_wait(struct shim_task *t, const struct futex *f, uint32_t expected,
                            uint32_t bitset, int64_t deadline_ns);

/* Wait for any of the task's vector; returns the index of one that was woken. */
MUST_USE int64_t futex_wait_any(struct shim_task *t, const struct futex *futexes,
                                const uint32_t *expected, uint32_t count, int64_t deadline_ns);
MUST_USE int64_t futex_wake(const struct futex *f, int32_t count, uint32_t bitset);
MUST_USE int64_t futex_wake_op(const struct futex *f, int32_t wake, int32_t wake2,
                               const struct futex *f2, uint32_t code);

/* expected: NULL for FUTEX_REQUEUE, which does not compare. */
MUST_USE int64_t futex_requeue(const struct futex *f, int32_t wake, int32_t requeue,
                               const struct futex *f2, const uint32_t *expected);

/* try: 1 does not wait. */
MUST_USE int64_t futex_lock_pi(struct shim_task *t, const struct futex *f, int64_t deadline_ns,
                               int try);
MUST_USE int64_t futex_unlock_pi(struct shim_task *t, lx_uptr word, int shared);
MUST_USE int64_t futex_wait_requeue_pi(struct shim_task *t, const struct futex *f,
                                       uint32_t expected, int64_t deadline_ns,
                                       const struct futex *f2);
MUST_USE int64_t futex_requeue_pi(const struct futex *f, int32_t requeue, const struct futex *f2,
                                  uint32_t expected);

/* Hand over what a task owns that others wait for; it will own no more. */
void futex_disown_all(struct shim_task *t);

/* A waiter for a PI futex gives up, if it is still there. */
void futex_leave_pi(struct shim_futex_waiter *w);

#endif

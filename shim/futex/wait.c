/* SPDX-License-Identifier: MIT */
/* Plain futexes: waiting, waking, requeueing. */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/wait.h"
#include "futex/table.h"
#include "lx/errno.h"
#include "lx/futex.h"
#include "plat/plat.h"
#include "shim/signal.h"
#include "shim/task.h"

/* Queue a waiter if the word has the expected value. */
static int enqueue(struct shim_task *t, struct shim_futex_waiter *w, const struct futex *f,
                   uint32_t expected, uint32_t bitset)
{
    uint32_t value;
    int err = futex_load(f->word, &value); /* touches the page before the lock is held */
    if (err < 0)
        return err;
    struct bucket *b = futex_bucket(&f->key);
    core_lock_acquire(&b->lock);
    err = futex_load(f->word, &value);
    if (err == 0 && value != expected)
        err = -LX_EAGAIN;
    if (err == 0)
        futex_enqueue_locked(b, t, w, &f->key, bitset);
    core_lock_release(&b->lock);
    return err;
}

int64_t futex_wait(struct shim_task *t, const struct futex *f, uint32_t expected, uint32_t bitset,
                   int64_t deadline_ns)
{
    struct shim_futex_waiter *w = &t->futex.waiter;
    int err = enqueue(t, w, f, expected, bitset);
    if (err < 0)
        return err;
    while (err == 0 && atomic_load(&w->queued))
        err = core_sleep(&t->sleeper, 0, deadline_ns);
    if (!futex_dequeue(w))
        return 0; /* woken, whatever else came at the same time */
    return err == -LX_EINTR ? -SHIM_ERESTARTSYS : err;
}

/* Take the first `count` out; returns the last one that somebody woke, or -1. */
static int64_t dequeue_all(struct shim_futex_waiter *w, uint32_t count)
{
    int64_t woken = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (!futex_dequeue(&w[i]))
            woken = i;
    }
    return woken;
}

static int all_are_queued(struct shim_futex_waiter *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!atomic_load(&w[i].queued))
            return 0;
    }
    return 1;
}

static int64_t wait_any(struct shim_task *t, struct shim_futex_waiter *w,
                        const struct futex *futexes, const uint32_t *expected, uint32_t count,
                        int64_t deadline_ns)
{
    int err = 0;
    uint32_t queued = 0;
    while (queued < count) {
        err = enqueue(t, &w[queued], &futexes[queued], expected[queued], LX_FUTEX_BITSET_MATCH_ANY);
        if (err < 0)
            break;
        queued++;
    }
    while (err == 0 && all_are_queued(w, count))
        err = core_sleep(&t->sleeper, 0, deadline_ns);
    int64_t woken = dequeue_all(w, queued);
    if (woken >= 0)
        return woken;
    return err == -LX_EINTR ? -SHIM_ERESTARTSYS : err;
}

int64_t futex_wait_any(struct shim_task *t, const struct futex *futexes, const uint32_t *expected,
                       uint32_t count, int64_t deadline_ns)
{
    uint64_t size = count * sizeof *t->futex.vector;
    struct shim_futex_waiter *w = core_arena_alloc(size);
    if (!w)
        return -LX_ENOMEM;
    t->futex.vector_count = count;
    t->futex.vector = w;
    int64_t result = wait_any(t, w, futexes, expected, count, deadline_ns);
    t->futex.vector = NULL;
    core_arena_free(w, size);
    return result;
}

/* As on Linux, at least one is woken, whatever `count` says. */
static int64_t wake_locked(struct bucket *b, const struct shim_futex_key *key, int32_t count,
                           uint32_t bitset, struct core_wakes *wakes)
{
    int64_t woken = 0;
    CORE_LIST_FOR_EACH_SAFE(node, &b->waiters)
    {
        struct shim_futex_waiter *w = CORE_LIST_ENTRY(node, struct shim_futex_waiter, node);
        if (!futex_same(&w->key, key))
            continue;
        if (w->pi || w->may_move_to_pi)
            return -LX_EINVAL; /* these are for other calls */
        if (!(w->bitset & bitset))
            continue;
        futex_release_locked(w, wakes);
        if (++woken >= count)
            break;
    }
    return woken;
}

static int64_t wake_later(const struct futex *f, int32_t count, uint32_t bitset,
                          struct core_wakes *wakes)
{
    struct bucket *b = futex_bucket(&f->key);
    core_lock_acquire(&b->lock);
    int64_t woken = wake_locked(b, &f->key, count, bitset, wakes);
    core_lock_release(&b->lock);
    return woken;
}

int64_t futex_wake(const struct futex *f, int32_t count, uint32_t bitset)
{
    struct core_wakes wakes = {.count = 0};
    int64_t woken = wake_later(f, count, bitset, &wakes);
    core_wakes_send(&wakes);
    return woken;
}

void shim_futex_wake_later(struct shim_task *t, lx_uptr word, int32_t count,
                           struct core_wakes *wakes)
{
    struct futex f;
    if (futex_find(t, word, 1, &f) == 0)
        wake_later(&f, count, LX_FUTEX_BITSET_MATCH_ANY, wakes);
}

int64_t shim_futex_wake(struct shim_task *t, lx_uptr word, int32_t count)
{
    struct futex f;
    int err = futex_find(t, word, 1, &f);
    return err < 0 ? err : futex_wake(&f, count, LX_FUTEX_BITSET_MATCH_ANY);
}

int64_t futex_requeue(const struct futex *f, int32_t wake, int32_t requeue, const struct futex *f2,
                      const uint32_t *expected)
{
    uint32_t value;
    struct bucket *from = futex_bucket(&f->key), *to = futex_bucket(&f2->key);
    int64_t result = 0, done = 0;
    struct core_wakes wakes = {.count = 0};
    futex_lock_two(from, to);
    if (expected) {
        result = futex_load(f->word, &value);
        if (result == 0 && value != *expected)
            result = -LX_EAGAIN;
        if (result < 0)
            goto out;
    }
    CORE_LIST_FOR_EACH_SAFE(node, &from->waiters)
    {
        struct shim_futex_waiter *w = CORE_LIST_ENTRY(node, struct shim_futex_waiter, node);
        if (done - wake >= requeue)
            break;
        if (!futex_same(&w->key, &f->key))
            continue;
        if (w->pi || w->may_move_to_pi) {
            result = -LX_EINVAL;
            break;
        }
        if (++done <= wake)
            futex_release_locked(w, &wakes);
        else
            futex_move_locked(from, to, w, &f2->key);
    }
out:
    futex_unlock_two(from, to);
    core_wakes_send(&wakes);
    return result < 0 ? result : done;
}

static uint32_t apply_op(uint32_t op, uint32_t old, uint32_t arg)
{
    switch (op) {
    case LX_FUTEX_OP_SET:
        return arg;
    case LX_FUTEX_OP_ADD:
        return old + arg;
    case LX_FUTEX_OP_OR:
        return old | arg;
    case LX_FUTEX_OP_ANDN:
        return old & ~arg;
    default:
        return old ^ arg;
    }
}

static int compare(uint32_t cmp, int32_t old, int32_t arg)
{
    switch (cmp) {
    case LX_FUTEX_OP_CMP_EQ:
        return old == arg;
    case LX_FUTEX_OP_CMP_NE:
        return old != arg;
    case LX_FUTEX_OP_CMP_LT:
        return old < arg;
    case LX_FUTEX_OP_CMP_LE:
        return old <= arg;
    case LX_FUTEX_OP_CMP_GT:
        return old > arg;
    default:
        return old >= arg;
    }
}

/* FUTEX_WAKE_OP: change f2's word atomically, wake on f, and on f2 if its old value fits. */
int64_t futex_wake_op(const struct futex *f, int32_t wake, int32_t wake2, const struct futex *f2,
                      uint32_t code)
{
    uint32_t op = code >> 28 & 7, cmp = code >> 24 & 15, shifted = code >> 31;
    uint32_t arg = (uint32_t)((int32_t)(code << 8) >> 20);
    int32_t cmp_arg = (int32_t)(code << 20) >> 20;
    if (op > LX_FUTEX_OP_XOR || cmp > LX_FUTEX_OP_CMP_GE)
        return -LX_ENOSYS;
    if (shifted)
        arg = 1u << (arg & 31);
    struct bucket *b = futex_bucket(&f->key), *b2 = futex_bucket(&f2->key);
    struct core_wakes wakes = {.count = 0};
    uint32_t old, seen;
    futex_lock_two(b, b2);
    int64_t result = futex_load(f2->word, &old);
    for (; result == 0; old = seen) {
        result = futex_exchange(f2->word, old, apply_op(op, old, arg), &seen);
        if (seen == old)
            break;
    }
    if (result == 0)
        result = wake_locked(b, &f->key, wake, LX_FUTEX_BITSET_MATCH_ANY, &wakes);
    if (result >= 0 && compare(cmp, (int32_t)old, cmp_arg)) {
        int64_t more = wake_locked(b2, &f2->key, wake2, LX_FUTEX_BITSET_MATCH_ANY, &wakes);
        result = more < 0 ? more : result + more;
    }
    futex_unlock_two(b, b2);
    core_wakes_send(&wakes);
    return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * futex(2), futex_waitv(2), futex_wait(2), futex_wake(2), futex_requeue(2), set_robust_list(2),
 * get_robust_list(2).
 */

#include "lx/futex.h"

#include "futex/table.h"
#include "lx/errno.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"

static int has_timeout(int command)
{
    switch (command) {
    case LX_FUTEX_WAIT:
    case LX_FUTEX_WAIT_BITSET:
    case LX_FUTEX_LOCK_PI:
    case LX_FUTEX_LOCK_PI2:
    case LX_FUTEX_WAIT_REQUEUE_PI:
        return 1;
    default:
        return 0;
    }
}

/* FUTEX_WAIT's is relative, the others' are absolute; FUTEX_LOCK_PI knows one clock only. */
static int deadline_of(struct shim_task *t, lx_uptr timeout, int32_t op, int64_t *deadline_ns)
{
    int command = op & LX_FUTEX_CMD_MASK;
    int realtime = op & LX_FUTEX_CLOCK_REALTIME || command == LX_FUTEX_LOCK_PI;
    int err = shim_time_deadline(timeout, realtime ? LX_CLOCK_REALTIME : LX_CLOCK_MONOTONIC,
                                 command != LX_FUTEX_WAIT, deadline_ns);
    if (err == 0 && t->restart_ns)
        *deadline_ns = (int64_t)t->restart_ns;
    t->restart_ns = 0;
    return err;
}

static int64_t wait(struct shim_task *t, lx_uptr word, int shared, uint32_t expected,
                    uint32_t bitset, int64_t deadline_ns)
{
    struct futex f;
    if (!bitset)
        return -LX_EINVAL;
    int err = futex_find(t, word, shared, &f);
    if (err < 0)
        return err;
    int64_t result = futex_wait(t, &f, expected, bitset, deadline_ns);
    if (result != -SHIM_ERESTARTSYS || deadline_ns == PLAT_FOREVER)
        return result;
    t->restart_ns = (uint64_t)deadline_ns;
    return -SHIM_ERESTART_RESTARTBLOCK;
}

static int64_t wake(struct shim_task *t, lx_uptr word, int shared, int32_t count, uint32_t bitset)
{
    struct futex f;
    if (!bitset)
        return -LX_EINVAL;
    int err = futex_find(t, word, shared, &f);
    return err < 0 ? err : futex_wake(&f, count, bitset);
}

static int64_t lock_pi(struct shim_task *t, lx_uptr word, int shared, int64_t deadline_ns, int try)
{
    struct futex f;
    int err = futex_find(t, word, shared, &f);
    return err < 0 ? err : futex_lock_pi(t, &f, deadline_ns, try);
}

static int find_two(struct shim_task *t, lx_uptr word, lx_uptr word2, int shared, struct futex *f,
                    struct futex *f2)
{
    int err = futex_find(t, word, shared, f);
    return err < 0 ? err : futex_find(t, word2, shared, f2);
}

static int64_t wake_op(struct shim_task *t, lx_uptr word, int shared, int32_t count, int32_t count2,
                       lx_uptr word2, uint32_t code)
{
    struct futex f, f2;
    int err = find_two(t, word, word2, shared, &f, &f2);
    return err < 0 ? err : futex_wake_op(&f, count, count2, &f2, code);
}

static int64_t requeue(struct shim_task *t, lx_uptr word, int shared, int32_t wakes, int32_t moves,
                       lx_uptr word2, const uint32_t *expected)
{
    struct futex f, f2;
    if (wakes < 0 || moves < 0)
        return -LX_EINVAL;
    int err = find_two(t, word, word2, shared, &f, &f2);
    return err < 0 ? err : futex_requeue(&f, wakes, moves, &f2, expected);
}

static int64_t requeue_pi(struct shim_task *t, lx_uptr word, int shared, int32_t wakes,
                          int32_t moves, lx_uptr word2, uint32_t expected)
{
    struct futex f, f2;
    if (moves < 0 || word == word2 || wakes != 1)
        return -LX_EINVAL;
    int err = find_two(t, word, word2, shared, &f, &f2);
    if (err == 0 && futex_same(&f.key, &f2.key))
        err = -LX_EINVAL;
    return err < 0 ? err : futex_requeue_pi(&f, moves, &f2, expected);
}

static int64_t wait_requeue_pi(struct shim_task *t, lx_uptr word, int shared, uint32_t expected,
                               int64_t deadline_ns, lx_uptr word2)
{
    struct futex f, f2;
    if (word == word2)
        return -LX_EINVAL;
    int err = find_two(t, word2, word, shared, &f2, &f);
    return err < 0 ? err : futex_wait_requeue_pi(t, &f, expected, deadline_ns, &f2);
}

int64_t sys_futex(struct shim_task *t, lx_uptr word, int32_t op, uint32_t value, lx_uptr timeout,
                  lx_uptr word2, uint32_t value3)
{
    int command = op & LX_FUTEX_CMD_MASK, shared = !(op & LX_FUTEX_PRIVATE_FLAG);
    int32_t count = (int32_t)value, count2 = (int32_t)timeout;
    int64_t deadline_ns = PLAT_FOREVER;
    if (timeout && has_timeout(command)) {
        int err = deadline_of(t, timeout, op, &deadline_ns);
        if (err < 0)
            return err;
    }
    if (op & LX_FUTEX_CLOCK_REALTIME && command != LX_FUTEX_WAIT_BITSET &&
        command != LX_FUTEX_WAIT_REQUEUE_PI && command != LX_FUTEX_LOCK_PI2)
        return -LX_ENOSYS;
    switch (command) {
    case LX_FUTEX_WAIT:
        return wait(t, word, shared, value, LX_FUTEX_BITSET_MATCH_ANY, deadline_ns);
    case LX_FUTEX_WAIT_BITSET:
        return wait(t, word, shared, value, value3, deadline_ns);
    case LX_FUTEX_WAKE:
        return wake(t, word, shared, count, LX_FUTEX_BITSET_MATCH_ANY);
    case LX_FUTEX_WAKE_BITSET:
        return wake(t, word, shared, count, value3);
    case LX_FUTEX_REQUEUE:
        return requeue(t, word, shared, count, count2, word2, NULL);
    case LX_FUTEX_CMP_REQUEUE:
        return requeue(t, word, shared, count, count2, word2, &value3);
    case LX_FUTEX_WAKE_OP:
        return wake_op(t, word, shared, count, count2, word2, value3);
    case LX_FUTEX_LOCK_PI:
    case LX_FUTEX_LOCK_PI2:
        return lock_pi(t, word, shared, deadline_ns, 0);
    case LX_FUTEX_TRYLOCK_PI:
        return lock_pi(t, word, shared, PLAT_FOREVER, 1);
    case LX_FUTEX_UNLOCK_PI:
        return futex_unlock_pi(t, word, shared);
    case LX_FUTEX_WAIT_REQUEUE_PI:
        return wait_requeue_pi(t, word, shared, value, deadline_ns, word2);
    case LX_FUTEX_CMP_REQUEUE_PI:
        return requeue_pi(t, word, shared, count, count2, word2, value3);
    default:
        return -LX_ENOSYS;
    }
}

/* Words of 32 bits only, as Linux has them; the others are reserved. */
static int check_flags(uint32_t flags)
{
    if (flags & ~(uint32_t)(LX_FUTEX2_SIZE_MASK | LX_FUTEX2_PRIVATE))
        return -LX_EINVAL;
    return (flags & LX_FUTEX2_SIZE_MASK) == LX_FUTEX2_SIZE_U32 ? 0 : -LX_EINVAL;
}

static int is_shared(uint32_t flags)
{
    return !(flags & LX_FUTEX2_PRIVATE);
}

static int absolute_deadline(lx_uptr timeout, int32_t clock, int64_t *deadline_ns)
{
    *deadline_ns = PLAT_FOREVER;
    if (!timeout)
        return 0;
    if (clock != LX_CLOCK_REALTIME && clock != LX_CLOCK_MONOTONIC)
        return -LX_EINVAL;
    return shim_time_deadline(timeout, clock, 1, deadline_ns);
}

/* The words of futex_waitv(2) and futex_requeue(2): all are checked before any is found. */
static int copy_words(struct lx_futex_waitv *words, lx_uptr from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int err = shim_copy_in(&words[i], from + i * sizeof *words, sizeof *words);
        if (err == 0)
            err = check_flags(words[i].flags);
        if (err == 0 && (words[i].reserved || words[i].val > UINT32_MAX))
            err = -LX_EINVAL;
        if (err < 0)
            return err;
    }
    return 0;
}

static int find_words(struct shim_task *t, const struct lx_futex_waitv *words, uint32_t count,
                      struct futex *futexes, uint32_t *expected)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < count; i++) {
        expected[i] = (uint32_t)words[i].val;
        err = futex_find(t, words[i].uaddr, is_shared(words[i].flags), &futexes[i]);
    }
    return err;
}

int64_t sys_futex_waitv(struct shim_task *t, lx_uptr waiters, uint32_t count, uint32_t flags,
                        lx_uptr timeout, int32_t clock)
{
    struct lx_futex_waitv words[LX_FUTEX_WAITV_MAX];
    struct futex futexes[LX_FUTEX_WAITV_MAX];
    uint32_t expected[LX_FUTEX_WAITV_MAX];
    int64_t deadline_ns;
    if (flags || !count || count > LX_FUTEX_WAITV_MAX || !waiters)
        return -LX_EINVAL;
    int err = absolute_deadline(timeout, clock, &deadline_ns);
    if (err == 0)
        err = copy_words(words, waiters, count);
    if (err == 0)
        err = find_words(t, words, count, futexes, expected);
    return err < 0 ? err : futex_wait_any(t, futexes, expected, count, deadline_ns);
}

int64_t sys_futex_wake(struct shim_task *t, lx_uptr word, uint64_t mask, int32_t count,
                       uint32_t flags)
{
    struct futex f;
    int err = check_flags(flags);
    if (err == 0 && (mask > UINT32_MAX || !mask))
        err = -LX_EINVAL;
    if (err == 0)
        err = futex_find(t, word, is_shared(flags), &f);
    if (err < 0 || !count)
        return err;
    return futex_wake(&f, count, (uint32_t)mask);
}

/* Restarted as it is, since its deadline is absolute. */
int64_t sys_futex_wait(struct shim_task *t, lx_uptr word, uint64_t value, uint64_t mask,
                       uint32_t flags, lx_uptr timeout, int32_t clock)
{
    struct futex f;
    int64_t deadline_ns;
    int err = check_flags(flags);
    if (err == 0 && (value > UINT32_MAX || mask > UINT32_MAX))
        err = -LX_EINVAL;
    if (err == 0)
        err = absolute_deadline(timeout, clock, &deadline_ns);
    if (err == 0 && !mask)
        err = -LX_EINVAL;
    if (err == 0)
        err = futex_find(t, word, is_shared(flags), &f);
    return err < 0 ? err : futex_wait(t, &f, (uint32_t)value, (uint32_t)mask, deadline_ns);
}

int64_t sys_futex_requeue(struct shim_task *t, lx_uptr waiters, uint32_t flags, int32_t wake_count,
                          int32_t requeue_count)
{
    struct lx_futex_waitv words[2];
    struct futex futexes[2];
    uint32_t expected[2];
    if (flags || !waiters)
        return -LX_EINVAL;
    int err = copy_words(words, waiters, 2);
    if (err == 0 && (wake_count < 0 || requeue_count < 0))
        err = -LX_EINVAL;
    if (err == 0)
        err = find_words(t, words, 2, futexes, expected);
    if (err < 0)
        return err;
    return futex_requeue(&futexes[0], wake_count, requeue_count, &futexes[1], &expected[0]);
}

int64_t sys_set_robust_list(struct shim_task *t, lx_uptr head, uint64_t size)
{
    if (size != sizeof(struct lx_robust_list_head))
        return -LX_EINVAL;
    t->robust_list = head;
    return 0;
}

int64_t sys_get_robust_list(struct shim_task *t, int32_t pid, lx_uptr head, lx_uptr size)
{
    struct shim_container *c = shim_container();
    lx_uptr list = t->robust_list;
    if (pid && pid != t->tid) {
        core_lock_acquire(&c->lock);
        struct shim_task *other = shim_task_find_locked(pid);
        list = other ? other->robust_list : 0;
        shim_container_release(c);
        if (!other)
            return -LX_ESRCH;
    }
    uint64_t head_size = sizeof(struct lx_robust_list_head);
    int err = shim_copy_out(size, &head_size, sizeof head_size);
    return err < 0 ? err : shim_copy_out(head, &list, sizeof list);
}

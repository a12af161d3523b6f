/* SPDX-License-Identifier: MIT */
/*
 * Futexes.  A waiter hangs in a bucket under its key; a waker takes it out and
 * wakes its sleeper.  Waiters lie in the arena with their task.
 */

#include "shim/futex.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/hash.h"
#include "core/layout.h"
#include "lx/errno.h"
#include "lx/futex.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"

#define BUCKET_COUNT 1024u
#define ROBUST_LIMIT 2048u /* as Linux: a circular list must end */

struct bucket {
    struct core_lock lock; /* guards waiters */
    struct core_list waiters;
    uint64_t pad[4];
};

struct futex_table {
    struct bucket buckets[BUCKET_COUNT];
};

int shim_futex_init(void)
{
    struct futex_table *table = core_arena_alloc(sizeof *table);
    if (!table)
        return -LX_ENOMEM;
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        core_lock_init(&table->buckets[i].lock, CORE_LOCK_FUTEX);
        core_list_init(&table->buckets[i].waiters);
    }
    shim_container()->futexes = table;
    return 0;
}

/*
 * One process has one address space, and nothing is shared with others yet: the
 * address is the key.
 */
static struct bucket *bucket_of(lx_uptr word)
{
    return &shim_container()->futexes->buckets[core_hash_u64(word) % BUCKET_COUNT];
}

static int load(lx_uptr word, uint32_t *value)
{
    if (word & 3)
        return -LX_EINVAL;
    if (!shim_user_ok(word, sizeof *value))
        return -LX_EFAULT;
    return plat_load_guest32((const void *)word, value) ? -LX_EFAULT : 0;
}

static int exchange(lx_uptr word, uint32_t expected, uint32_t desired, uint32_t *old)
{
    if (!shim_user_ok(word, sizeof *old))
        return -LX_EFAULT;
    return plat_cmpxchg_guest32((void *)word, expected, desired, old) ? -LX_EFAULT : 0;
}

static void enqueue_locked(struct bucket *b, struct shim_task *t, lx_uptr word, uint32_t bitset)
{
    t->futex.word = word;
    t->futex.bitset = bitset;
    atomic_store(&t->futex.queued, 1);
    core_list_add(&b->waiters, &t->futex.node);
}

/* Take the task off whatever queue it is on now: a requeue may have moved it. */
static int dequeue(struct shim_task *t)
{
    for (;;) {
        lx_uptr word = atomic_load(&t->futex.word);
        struct bucket *b = bucket_of(word);
        core_lock_acquire(&b->lock);
        if (!atomic_load(&t->futex.queued)) {
            core_lock_release(&b->lock);
            return 0;
        }
        if (atomic_load(&t->futex.word) == word) {
            core_list_remove(&t->futex.node);
            atomic_store(&t->futex.queued, 0);
            core_lock_release(&b->lock);
            return 1;
        }
        core_lock_release(&b->lock);
    }
}

static int64_t futex_wait(struct shim_task *t, lx_uptr word, uint32_t expected, uint32_t bitset,
                          int64_t deadline_ns)
{
    uint32_t value;
    if (!bitset)
        return -LX_EINVAL;
    int err = load(word, &value); /* touches the page before the lock is held */
    if (err < 0)
        return err;
    struct bucket *b = bucket_of(word);
    core_lock_acquire(&b->lock);
    err = load(word, &value);
    if (err == 0 && value != expected)
        err = -LX_EAGAIN;
    if (err == 0)
        enqueue_locked(b, t, word, bitset);
    core_lock_release(&b->lock);
    if (err < 0)
        return err;

    while (err == 0 && atomic_load(&t->futex.queued))
        err = core_sleep(&t->sleeper, 0, deadline_ns);
    if (!dequeue(t))
        return 0; /* woken, whatever else came at the same time */
    if (err != -LX_EINTR)
        return err;
    if (deadline_ns == PLAT_FOREVER)
        return -SHIM_ERESTARTSYS;
    t->restart_ns = (uint64_t)deadline_ns;
    return -SHIM_ERESTART_RESTARTBLOCK;
}

static void wake_locked(struct shim_task *t)
{
    core_list_remove(&t->futex.node);
    atomic_store(&t->futex.queued, 0);
    core_sleeper_wake(&t->sleeper);
}

static int64_t wake_bits_locked(struct bucket *b, lx_uptr word, uint32_t count, uint32_t bitset)
{
    int64_t woken = 0;
    CORE_LIST_FOR_EACH_SAFE(node, &b->waiters)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, futex.node);
        if (woken >= count)
            break;
        if (t->futex.word != word || !(t->futex.bitset & bitset))
            continue;
        wake_locked(t);
        woken++;
    }
    return woken;
}

static int64_t futex_wake(lx_uptr word, uint32_t count, uint32_t bitset)
{
    if (!bitset || word & 3)
        return -LX_EINVAL; /* the word itself is not looked at */
    struct bucket *b = bucket_of(word);
    core_lock_acquire(&b->lock);
    int64_t woken = wake_bits_locked(b, word, count, bitset);
    core_lock_release(&b->lock);
    return woken;
}

int64_t shim_futex_wake(lx_uptr word, uint32_t count)
{
    return futex_wake(word, count, LX_FUTEX_BITSET_MATCH_ANY);
}

static void lock_two(struct bucket *a, struct bucket *b)
{
    core_lock_acquire(a < b ? &a->lock : &b->lock);
    if (a != b)
        core_lock_acquire(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
    core_lock_release(&a->lock);
    if (a != b)
        core_lock_release(&b->lock);
}

/* expected: NULL for FUTEX_REQUEUE, which does not compare. */
static int64_t futex_requeue(lx_uptr word, uint32_t wake, uint32_t requeue, lx_uptr word2,
                             const uint32_t *expected)
{
    uint32_t value;
    if ((int32_t)wake < 0 || (int32_t)requeue < 0 || word2 & 3)
        return -LX_EINVAL;
    int err = load(word, &value);
    if (err < 0)
        return err;
    struct bucket *from = bucket_of(word), *to = bucket_of(word2);
    lock_two(from, to);
    int64_t result = expected ? load(word, &value) : 0;
    if (result == 0 && expected && value != *expected)
        result = -LX_EAGAIN;
    if (result < 0)
        goto out;
    result = wake_bits_locked(from, word, wake, LX_FUTEX_BITSET_MATCH_ANY);
    uint32_t moved = 0;
    CORE_LIST_FOR_EACH_SAFE(node, &from->waiters)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, futex.node);
        if (moved >= requeue)
            break;
        if (t->futex.word != word)
            continue;
        if (word == word2) { /* moved to where it is, or this list would have no end */
            moved++;
            continue;
        }
        core_list_remove(node);
        t->futex.word = word2;
        core_list_add(&to->waiters, node);
        moved++;
    }
    result += moved;
out:
    unlock_two(from, to);
    return result;
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

/* FUTEX_WAKE_OP: change word2 atomically, wake on word, and on word2 if its old value fits. */
static int64_t futex_wake_op(lx_uptr word, uint32_t wake, uint32_t wake2, lx_uptr word2,
                             uint32_t code)
{
    uint32_t op = code >> 28 & 7, cmp = code >> 24 & 15, shifted = code >> 31;
    uint32_t arg = (uint32_t)((int32_t)(code << 8) >> 20);
    int32_t cmp_arg = (int32_t)(code << 20) >> 20;
    if (op > LX_FUTEX_OP_XOR || cmp > LX_FUTEX_OP_CMP_GE)
        return -LX_ENOSYS;
    if (shifted)
        arg = 1u << (arg & 31);
    uint32_t old, seen;
    int err = load(word, &old);
    if (err == 0)
        err = load(word2, &old);
    if (err < 0)
        return err;
    struct bucket *b = bucket_of(word), *b2 = bucket_of(word2);
    lock_two(b, b2);
    int64_t result;
    for (;; old = seen) {
        result = exchange(word2, old, apply_op(op, old, arg), &seen);
        if (result < 0 || seen == old)
            break;
    }
    if (result == 0) {
        result = wake_bits_locked(b, word, wake, LX_FUTEX_BITSET_MATCH_ANY);
        if (compare(cmp, (int32_t)old, cmp_arg))
            result += wake_bits_locked(b2, word2, wake2, LX_FUTEX_BITSET_MATCH_ANY);
    }
    unlock_two(b, b2);
    return result;
}

int64_t sys_futex(struct shim_task *t, lx_uptr word, int32_t op, uint32_t value, lx_uptr timeout,
                  lx_uptr word2, uint32_t value3)
{
    int command = op & LX_FUTEX_CMD_MASK;
    int32_t clock = op & LX_FUTEX_CLOCK_REALTIME ? LX_CLOCK_REALTIME : LX_CLOCK_MONOTONIC;
    int64_t deadline_ns = PLAT_FOREVER;
    if (op & LX_FUTEX_CLOCK_REALTIME && command != LX_FUTEX_WAIT && command != LX_FUTEX_WAIT_BITSET)
        return -LX_ENOSYS;
    if (timeout && (command == LX_FUTEX_WAIT || command == LX_FUTEX_WAIT_BITSET)) {
        /* futex(2): FUTEX_WAIT's is relative, FUTEX_WAIT_BITSET's absolute. */
        int err = shim_time_deadline(timeout, clock, command == LX_FUTEX_WAIT_BITSET, &deadline_ns);
        if (err < 0)
            return err;
        if (t->restart_ns)
            deadline_ns = (int64_t)t->restart_ns;
        t->restart_ns = 0;
    }
    switch (command) {
    case LX_FUTEX_WAIT:
        return futex_wait(t, word, value, LX_FUTEX_BITSET_MATCH_ANY, deadline_ns);
    case LX_FUTEX_WAIT_BITSET:
        return futex_wait(t, word, value, value3, deadline_ns);
    case LX_FUTEX_WAKE:
        return futex_wake(word, value, LX_FUTEX_BITSET_MATCH_ANY);
    case LX_FUTEX_WAKE_BITSET:
        return futex_wake(word, value, value3);
    case LX_FUTEX_REQUEUE:
        return futex_requeue(word, value, (uint32_t)timeout, word2, NULL);
    case LX_FUTEX_CMP_REQUEUE:
        return futex_requeue(word, value, (uint32_t)timeout, word2, &value3);
    case LX_FUTEX_WAKE_OP:
        return futex_wake_op(word, value, (uint32_t)timeout, word2, value3);
    default:
        return -LX_ENOSYS; /* priority inheritance comes with processes */
    }
}

/* A robust futex of a thread that ends: if it holds it, say that its owner died. */
static int orphan(struct shim_task *t, lx_uptr word)
{
    uint32_t old, seen;
    int err = load(word, &old);
    if (err < 0)
        return err;
    while ((old & LX_FUTEX_TID_MASK) == (uint32_t)t->tid) {
        err = exchange(word, old, (old & LX_FUTEX_WAITERS) | LX_FUTEX_OWNER_DIED, &seen);
        if (err < 0)
            return err;
        if (seen == old) {
            if (old & LX_FUTEX_WAITERS)
                shim_futex_wake(word, 1);
            return 0;
        }
        old = seen;
    }
    return 0;
}

void shim_futex_exit(struct shim_task *t)
{
    struct lx_robust_list_head head;
    if (!t->robust_list || shim_copy_in(&head, t->robust_list, sizeof head) < 0)
        return;
    lx_uptr entry = head.list;
    for (uint32_t i = 0; i < ROBUST_LIMIT && (entry & ~1ull) != t->robust_list; i++) {
        lx_uptr next;
        if (shim_copy_in(&next, entry & ~1ull, sizeof next) < 0)
            return;
        if (entry != head.list_op_pending &&
            orphan(t, (entry & ~1ull) + (uint64_t)head.futex_offset) < 0)
            return;
        entry = next;
    }
    if (head.list_op_pending) {
        int err = orphan(t, (head.list_op_pending & ~1ull) + (uint64_t)head.futex_offset);
        (void)err; /* the thread ends either way */
    }
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
        core_lock_release(&c->lock);
        if (!other)
            return -LX_ESRCH;
    }
    uint64_t head_size = sizeof(struct lx_robust_list_head);
    int err = shim_copy_out(size, &head_size, sizeof head_size);
    return err < 0 ? err : shim_copy_out(head, &list, sizeof list);
}

/* SPDX-License-Identifier: MIT */
/*
 * Priority-inheritance futexes.  Their word holds the owner's thread id; the
 * kernel comes in when somebody has to wait.  It then knows the owner itself,
 * so that it can hand over when the owner leaves, and find deadlocks.
 *
 * No priorities are inherited: the host schedules.  All else is Linux': waiters
 * become owners in their order, and the word says so before they know.
 *
 * Locks: the container's table of tasks, to find an owner by its thread id; the
 * bucket; the table's own, over who owns what.
 */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/wait.h"
#include "futex/table.h"
#include "lx/errno.h"
#include "lx/futex.h"
#include "plat/plat.h"
#include "shim/signal.h"
#include "shim/task.h"

#define CHAIN_LIMIT 1024u /* as Linux' max_lock_depth: longer ones count as deadlocks */
#define RETRY (-LX_EBUSY) /* the word changed under us */
#define ACQUIRED 1

/* A futex that has waiters. */
struct futex_pi {
    struct core_list node;     /* in the bucket */
    struct shim_futex_key key; /* constant */
    uint32_t waiters;          /* guarded by the bucket's lock */
    uint32_t unwritten;        /* likewise: 1: the owner has yet to write itself into the word */
    struct shim_task *owner;   /* guarded by the table's lock, as `next` */
    struct futex_pi *next;     /* of what the owner owns */
};

static struct futex_pi *find_locked(struct bucket *b, const struct shim_futex_key *key)
{
    CORE_LIST_FOR_EACH(node, &b->pis)
    {
        struct futex_pi *pi = CORE_LIST_ENTRY(node, struct futex_pi, node);
        if (futex_same(&pi->key, key))
            return pi;
    }
    return NULL;
}

static void own(struct futex_pi *pi, struct shim_task *owner)
{
    pi->owner = owner;
    pi->next = owner->futex.owned;
    owner->futex.owned = pi;
}

static void disown(struct futex_pi *pi)
{
    struct futex_pi **at = &pi->owner->futex.owned;
    while (*at != pi)
        at = &(*at)->next;
    *at = pi->next;
}

/* NULL: no memory, or the owner has just ended. */
static struct futex_pi *new_locked(struct bucket *b, const struct shim_futex_key *key,
                                   struct shim_task *owner, int *gone)
{
    struct futex_pi *pi = core_arena_alloc(sizeof *pi);
    *gone = 0;
    if (!pi)
        return NULL;
    pi->key = *key;
    core_lock_acquire(&futex_table()->pi_lock);
    *gone = (int)owner->futex.gone;
    if (!*gone)
        own(pi, owner);
    core_lock_release(&futex_table()->pi_lock);
    if (*gone) {
        core_arena_free(pi, sizeof *pi);
        return NULL;
    }
    core_list_add(&b->pis, &pi->node);
    return pi;
}

/* It is only there while somebody waits, or is about to write into the word. */
static void free_if_idle_locked(struct futex_pi *pi)
{
    if (pi->waiters || pi->unwritten)
        return;
    core_lock_acquire(&futex_table()->pi_lock);
    disown(pi);
    core_lock_release(&futex_table()->pi_lock);
    core_list_remove(&pi->node);
    core_arena_free(pi, sizeof *pi);
}

/* May a caller that saw this value wait?  The word has to agree with what we know. */
static int check_value(const struct futex_pi *pi, uint32_t value)
{
    uint32_t tid = value & LX_FUTEX_TID_MASK;
    if (pi->unwritten || (value & LX_FUTEX_OWNER_DIED && !tid))
        return 0;
    return tid == (uint32_t)pi->owner->tid ? 0 : -LX_EINVAL;
}

static int replace(lx_uptr word, uint32_t old, uint32_t value)
{
    uint32_t seen;
    int err = futex_exchange(word, old, value, &seen);
    return err < 0 ? err : seen == old ? 0 : RETRY;
}

/* Whoever is in the word, from now on by name; the container's lock is held, too. */
static int attach_to_owner_locked(struct bucket *b, const struct futex *f, uint32_t value,
                                  struct futex_pi **out)
{
    struct shim_task *owner = shim_task_find_locked((int32_t)(value & LX_FUTEX_TID_MASK));
    int gone = 1;
    if (owner)
        *out = new_locked(b, &f->key, owner, &gone);
    if (*out)
        return 0;
    if (!gone)
        return -LX_ENOMEM;
    uint32_t now;
    int err = futex_load(f->word, &now);
    return err < 0 ? err : now == value ? -LX_ESRCH : RETRY;
}

/*
 * Take the futex for a task, or learn who has it.
 *   mark     1: leave FUTEX_WAITERS in the word, and `out` filled, in any case.
 *   returns  ACQUIRED; 0: the task has to wait for `out`; RETRY; -LX_EDEADLK ..
 */
static int acquire_locked(struct bucket *b, const struct futex *f, struct shim_task *t, int mark,
                          struct futex_pi **out)
{
    uint32_t value, tid = (uint32_t)t->tid;
    *out = NULL;
    int err = futex_load(f->word, &value);
    if (err < 0)
        return err;
    if ((value & LX_FUTEX_TID_MASK) == tid)
        return -LX_EDEADLK;
    struct shim_futex_waiter *first = futex_first_locked(b, &f->key);
    if (first && !first->pi)
        return -LX_EINVAL;
    struct futex_pi *pi = find_locked(b, &f->key);
    if (pi) {
        err = check_value(pi, value);
        *out = err < 0 ? NULL : pi;
        return err;
    }
    if (value & LX_FUTEX_TID_MASK) {
        err = replace(f->word, value, value | LX_FUTEX_WAITERS);
        return err < 0 ? err : attach_to_owner_locked(b, f, value | LX_FUTEX_WAITERS, out);
    }
    int gone;
    if (mark && !(*out = new_locked(b, &f->key, t, &gone)))
        return -LX_ENOMEM;
    err = replace(f->word, value,
                  (value & LX_FUTEX_OWNER_DIED) | tid | (mark ? LX_FUTEX_WAITERS : 0));
    if (err == 0)
        return ACQUIRED;
    if (*out)
        free_if_idle_locked(*out);
    *out = NULL;
    return err;
}

/* The task begins to wait for the owner, unless that waits for the task. */
static int block_locked(struct futex_pi *pi, struct shim_task *t)
{
    int err = 0;
    core_lock_acquire(&futex_table()->pi_lock);
    const struct futex_pi *at = pi;
    for (uint32_t i = 0; at && err == 0; i++) {
        if (at->owner == t || i == CHAIN_LIMIT)
            err = -LX_EDEADLK;
        at = at->owner->futex.blocked;
    }
    if (err == 0)
        t->futex.blocked = pi;
    core_lock_release(&futex_table()->pi_lock);
    if (err == 0)
        pi->waiters++;
    return err;
}

static void release_locked(struct shim_futex_waiter *w)
{
    struct core_wakes wakes = {.count = 0};
    futex_release_locked(w, &wakes);
    core_wakes_send(&wakes);
}

/*
 * Make a waiter the owner.
 *   died     1: the old one has not written that into the word; the new one does.
 */
static void hand_over_locked(struct futex_pi *pi, struct shim_futex_waiter *w, int died)
{
    core_lock_acquire(&futex_table()->pi_lock);
    disown(pi);
    own(pi, w->task);
    w->task->futex.blocked = NULL;
    core_lock_release(&futex_table()->pi_lock);
    pi->waiters--;
    pi->unwritten = (uint32_t)died;
    w->owner_died = (uint32_t)died;
    release_locked(w);
    free_if_idle_locked(pi);
}

/* The waiter has been made the owner by one that died: its word says so from now on. */
static int take_over_locked(struct bucket *b, struct shim_futex_waiter *w, lx_uptr word)
{
    struct futex_pi *pi = find_locked(b, &w->key);
    uint32_t value, tid = (uint32_t)w->task->tid;
    int err;
    do {
        err = futex_load(word, &value);
        if (err == 0)
            err = replace(word, value, tid | LX_FUTEX_WAITERS | LX_FUTEX_OWNER_DIED);
    } while (err == RETRY);
    pi->unwritten = 0;
    free_if_idle_locked(pi);
    return err;
}

static void leave_locked(struct shim_futex_waiter *w)
{
    struct futex_pi *pi = w->pi;
    core_lock_acquire(&futex_table()->pi_lock);
    w->task->futex.blocked = NULL;
    core_lock_release(&futex_table()->pi_lock);
    core_list_remove(&w->node);
    atomic_store(&w->queued, 0);
    w->pi = NULL;
    pi->waiters--;
    free_if_idle_locked(pi);
}

void futex_leave_pi(struct shim_futex_waiter *w)
{
    struct bucket *b = futex_lock_bucket_of(w);
    if (atomic_load(&w->queued) && w->pi)
        leave_locked(w);
    core_lock_release(&b->lock);
}

/*
 * The end of a wait to own.
 *   err      why it ended: -LX_ETIMEDOUT, -LX_EINTR; void if it has become the owner.
 */
static int finish(struct shim_futex_waiter *w, lx_uptr word, int err)
{
    struct bucket *b = futex_lock_bucket_of(w);
    if (atomic_load(&w->queued))
        leave_locked(w);
    else
        err = w->owner_died ? take_over_locked(b, w, word) : 0;
    w->pi = NULL;
    core_lock_release(&b->lock);
    return err;
}

static int lock_once(struct shim_task *t, const struct futex *f, int try)
{
    struct shim_futex_waiter *w = &t->futex.waiter;
    struct bucket *b = futex_bucket(&f->key);
    struct futex_pi *pi;
    core_lock_acquire(&shim_container()->lock);
    core_lock_acquire(&b->lock);
    int result = acquire_locked(b, f, t, 0, &pi);
    if (result == 0) {
        result = try ? -LX_EAGAIN : block_locked(pi, t);
        if (result == 0) {
            w->pi = pi;
            futex_enqueue_locked(b, t, w, &f->key, LX_FUTEX_BITSET_MATCH_ANY);
        }
        free_if_idle_locked(pi);
    }
    core_lock_release(&b->lock);
    shim_container_release(shim_container());
    return result;
}

int64_t futex_lock_pi(struct shim_task *t, const struct futex *f, int64_t deadline_ns, int try)
{
    struct shim_futex_waiter *w = &t->futex.waiter;
    int result, err = 0;
    while ((result = lock_once(t, f, try)) == RETRY)
        plat_thread_yield(0);
    if (result != 0)
        return result == ACQUIRED ? 0 : result;
    while (err == 0 && atomic_load(&w->queued))
        err = core_sleep(&t->sleeper, 0, deadline_ns);
    err = finish(w, f->word, err);
    return err == -LX_EINTR ? -SHIM_ERESTARTNOINTR : err;
}

/* Nobody waits: the word becomes free.  Else the first waiter's, and still with FUTEX_WAITERS. */
static int unlock_locked(struct bucket *b, const struct futex *f, struct shim_task *t,
                         uint32_t value)
{
    uint32_t seen;
    struct shim_futex_waiter *first = futex_first_locked(b, &f->key);
    if (!first) {
        int err = futex_exchange(f->word, value, 0, &seen);
        return err < 0 ? err : seen == value ? 0 : -LX_EAGAIN;
    }
    struct futex_pi *pi = first->pi;
    if (!pi || pi->owner != t) /* it cannot become ours, nor stop being */
        return -LX_EINVAL;
    uint32_t next = LX_FUTEX_WAITERS | (uint32_t)first->task->tid;
    int err = futex_exchange(f->word, value, next, &seen);
    if (err < 0)
        return err;
    if (seen != value) /* a waiter may have come just now; all else is the guest's mistake */
        return (seen & LX_FUTEX_TID_MASK) == value ? RETRY : -LX_EINVAL;
    hand_over_locked(pi, first, 0);
    return 0;
}

int64_t futex_unlock_pi(struct shim_task *t, lx_uptr word, int shared)
{
    int err;
    do {
        uint32_t value;
        struct futex f;
        err = futex_load(word, &value);
        if (err == 0 && (value & LX_FUTEX_TID_MASK) != (uint32_t)t->tid)
            err = -LX_EPERM;
        if (err == 0)
            err = futex_find(t, word, shared, &f);
        if (err < 0)
            return err;
        struct bucket *b = futex_bucket(&f.key);
        core_lock_acquire(&b->lock);
        err = unlock_locked(b, &f, t, value);
        core_lock_release(&b->lock);
    } while (err == RETRY);
    return err;
}

static int enqueue_to_move(struct shim_task *t, const struct futex *f, uint32_t expected,
                           const struct futex *f2)
{
    struct shim_futex_waiter *w = &t->futex.waiter;
    struct bucket *b = futex_bucket(&f->key);
    uint32_t value;
    core_lock_acquire(&b->lock);
    int err = futex_load(f->word, &value);
    if (err == 0 && value != expected)
        err = -LX_EAGAIN;
    if (err == 0 && futex_same(&f->key, &f2->key))
        err = -LX_EINVAL;
    if (err == 0) {
        w->may_move_to_pi = 1;
        w->target = f2->key;
        futex_enqueue_locked(b, t, w, &f->key, LX_FUTEX_BITSET_MATCH_ANY);
    }
    core_lock_release(&b->lock);
    return err;
}

int64_t futex_wait_requeue_pi(struct shim_task *t, const struct futex *f, uint32_t expected,
                              int64_t deadline_ns, const struct futex *f2)
{
    struct shim_futex_waiter *w = &t->futex.waiter;
    int err = enqueue_to_move(t, f, expected, f2);
    if (err < 0)
        return err;
    while (err == 0 && atomic_load(&w->queued))
        err = core_sleep(&t->sleeper, 0, deadline_ns);

    struct bucket *b = futex_lock_bucket_of(w);
    int moved = w->pi != NULL;
    if (!moved && atomic_load(&w->queued)) {
        core_list_remove(&w->node);
        atomic_store(&w->queued, 0);
        err = err == -LX_EINTR ? -SHIM_ERESTARTNOINTR : err;
    } else if (!moved) {
        err = 0; /* it got the lock at once */
    }
    w->may_move_to_pi = 0;
    core_lock_release(&b->lock);
    if (!moved)
        return err;
    err = finish(w, f2->word, err);
    return err == -LX_EINTR ? -LX_EAGAIN : err; /* the word is no longer what it was */
}

/* The first waiter may get the lock right now, and need not wait a second time. */
static int take_for_first_locked(struct bucket *from, struct bucket *to, const struct futex *f,
                                 int32_t requeue, const struct futex *f2, struct futex_pi **pi)
{
    struct shim_futex_waiter *first = futex_first_locked(from, &f->key);
    *pi = NULL;
    if (!first)
        return 0;
    if (!first->may_move_to_pi || first->pi || !futex_same(&first->target, &f2->key))
        return -LX_EINVAL;
    int result = acquire_locked(to, f2, first->task, requeue != 0, pi);
    if (result == ACQUIRED)
        release_locked(first);
    return result;
}

static int64_t requeue_locked(struct bucket *from, struct bucket *to, const struct futex *f,
                              int32_t requeue, const struct futex *f2)
{
    struct futex_pi *pi;
    int err = take_for_first_locked(from, to, f, requeue, f2, &pi);
    if (err < 0)
        return err;
    int64_t done = err == ACQUIRED;
    err = 0;
    CORE_LIST_FOR_EACH_SAFE(node, &from->waiters)
    {
        struct shim_futex_waiter *w = CORE_LIST_ENTRY(node, struct shim_futex_waiter, node);
        if (done - 1 >= requeue) /* one is to be woken, or moved because it cannot be */
            break;
        if (!futex_same(&w->key, &f->key))
            continue;
        if (!w->may_move_to_pi || w->pi || !futex_same(&w->target, &f2->key)) {
            err = -LX_EINVAL;
            break;
        }
        err = block_locked(pi, w->task);
        if (err < 0)
            break;
        w->pi = pi;
        futex_move_locked(from, to, w, &f2->key);
        done++;
    }
    if (pi)
        free_if_idle_locked(pi);
    return err < 0 ? err : done;
}

int64_t futex_requeue_pi(const struct futex *f, int32_t requeue, const struct futex *f2,
                         uint32_t expected)
{
    struct bucket *from = futex_bucket(&f->key), *to = futex_bucket(&f2->key);
    for (;;) {
        uint32_t value;
        core_lock_acquire(&shim_container()->lock);
        futex_lock_two(from, to);
        int64_t result = futex_load(f->word, &value);
        if (result == 0 && value != expected)
            result = -LX_EAGAIN;
        if (result == 0)
            result = requeue_locked(from, to, f, requeue, f2);
        futex_unlock_two(from, to);
        shim_container_release(shim_container());
        if (result != RETRY)
            return result;
        plat_thread_yield(0);
    }
}

/* The first that waits to own it; plain waiters for the same word may have come before. */
static struct shim_futex_waiter *first_heir_locked(struct bucket *b, const struct futex_pi *pi)
{
    CORE_LIST_FOR_EACH(node, &b->waiters)
    {
        struct shim_futex_waiter *w = CORE_LIST_ENTRY(node, struct shim_futex_waiter, node);
        if (w->pi == pi)
            return w;
    }
    return NULL;
}

/* What a task owns, by its key; returns 0: nothing, and it will own no more. */
static int next_owned(struct shim_task *t, struct shim_futex_key *key)
{
    core_lock_acquire(&futex_table()->pi_lock);
    const struct futex_pi *pi = t->futex.owned;
    if (pi)
        *key = pi->key;
    else
        t->futex.gone = 1;
    core_lock_release(&futex_table()->pi_lock);
    return pi != NULL;
}

void futex_disown_all(struct shim_task *t)
{
    struct shim_futex_key key;
    while (next_owned(t, &key)) {
        struct bucket *b = futex_bucket(&key);
        core_lock_acquire(&b->lock);
        struct futex_pi *pi = find_locked(b, &key);
        if (pi && pi->owner == t) {
            struct shim_futex_waiter *heir = first_heir_locked(b, pi);
            pi->unwritten = 0;
            if (heir)
                hand_over_locked(pi, heir, 1);
            else
                free_if_idle_locked(pi);
        }
        core_lock_release(&b->lock);
    }
}

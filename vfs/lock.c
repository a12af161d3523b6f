/* SPDX-License-Identifier: MIT */
/*
 * Locks on files.  Each file's are guarded by a lock of their own: who uses one file is not in the
 * way of who uses another.  All those who wait are in one list, with a lock of its own that is taken
 * only if there are any: so a circle of waiters is found without locking more.
 *
 * Differs from Linux: what has no inode here (a pipe without a name, a standard stream, an
 * event counter) is locked without effect.
 */

#include "vfs/lock.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/lock.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "plat/plat.h"
#include "vfs/file.h"

#define STEPS_MAX 10 /* of a search for a circle, as in Linux */

#define SPARE 2u /* blocks that a change may need */

/* A lock that is held: in the file's list, those of one owner together and by `begin`. */
struct vfs_held {
    struct vfs_held *next;
    struct vfs_lock lock;
};

/* A file's, from the first one on. */
struct vfs_locks {
    struct core_lock lock; /* guards what follows, and inode->lock_count */
    struct vfs_held *held;
    struct vfs_held *spare; /* blocks for changes to come, so that none fails half-way */
    uint32_t spare_count;
    _Atomic uint32_t waiter_count; /* guarded by LOCK_FILE_WAITS */
};

/* Somebody who waits for a lock; in the list of all that do.  Guarded by LOCK_FILE_WAITS. */
struct vfs_lock_wait {
    struct core_list node;
    struct vfs_locks *locks;
    struct vfs_lock lock;
    const void *blocker; /* the process that owns what is in the way; NULL: another owner, or it was
                            woken */
    struct core_sleeper *sleeper;
};

/* NULL: no memory. */
static struct vfs_locks *locks_of(struct vfs_inode *inode)
{
    struct vfs_locks *there = atomic_load_explicit(&inode->locks, memory_order_acquire);
    if (there)
        return there;
    struct vfs_locks *l = core_arena_alloc(sizeof *l);
    if (!l)
        return NULL;
    core_lock_init(&l->lock, CORE_LOCK_FILE_LOCKS);
    if (atomic_compare_exchange_strong(&inode->locks, &there, l))
        return l;
    core_arena_free(l, sizeof *l);
    return there;
}

static void free_blocks(struct vfs_held *h)
{
    while (h) {
        struct vfs_held *next = h->next;
        core_arena_free(h, sizeof *h);
        h = next;
    }
}

void locks_free(struct vfs_inode *inode)
{
    struct vfs_locks *l = inode->locks;
    if (!l)
        return;
    free_blocks(l->spare);
    core_arena_free(l, sizeof *l);
    inode->locks = NULL;
}

static void put_spare_locked(struct vfs_locks *l, struct vfs_held *h)
{
    h->next = l->spare;
    l->spare = h;
    l->spare_count++;
}

/* Acquire a file's lock, with blocks for a change: -LX_ENOLCK. */
static int acquire_for_change(struct vfs_locks *l)
{
    core_lock_acquire(&l->lock);
    while (l->spare_count < SPARE) {
        core_lock_release(&l->lock);
        struct vfs_held *h = core_arena_alloc(sizeof *h);
        if (!h)
            return -LX_ENOLCK;
        core_lock_acquire(&l->lock);
        put_spare_locked(l, h);
    }
    return 0;
}

/* Release it, and what is left over of blocks. */
static void release(struct vfs_locks *l)
{
    struct vfs_held *rest = NULL;
    while (l->spare_count > SPARE) {
        struct vfs_held *h = l->spare;
        l->spare = h->next;
        l->spare_count--;
        h->next = rest;
        rest = h;
    }
    core_lock_release(&l->lock);
    free_blocks(rest);
}

static int is_same_owner(const struct vfs_lock *a, const struct vfs_lock *b)
{
    return a->owner == b->owner && a->kind == b->kind;
}

static int is_flock(const struct vfs_lock *l)
{
    return l->kind == VFS_LOCK_FLOCK;
}

static int conflict(const struct vfs_lock *a, const struct vfs_lock *b)
{
    return is_flock(a) == is_flock(b) && !is_same_owner(a, b) &&
           (a->type == LX_F_WRLCK || b->type == LX_F_WRLCK) && a->begin <= b->end &&
           b->begin <= a->end;
}

static struct vfs_held *find_conflict_locked(const struct vfs_locks *l, const struct vfs_lock *lock)
{
    struct vfs_held *h = l->held;
    while (h && !conflict(&h->lock, lock))
        h = h->next;
    return h;
}

/* Open files cannot be followed: fcntl(2). */
static const void *process_of(const struct vfs_held *h)
{
    return h && h->lock.kind == VFS_LOCK_PROCESS ? h->lock.owner : NULL;
}

/*
 * Let those go on for whom nothing is in the way any more.
 *   returns  1 if there are any: core_wakes_send() when the file's lock is released.
 */
static int wake_locked(struct vfs_locks *l, struct core_wakes *wakes)
{
    struct vfs_state *s = vfs_state();
    int any = 0;
    if (!atomic_load(&l->waiter_count))
        return 0;
    core_lock_acquire(&s->lock_wait_lock);
    CORE_LIST_FOR_EACH(node, &s->lock_waits)
    {
        struct vfs_lock_wait *w = CORE_LIST_ENTRY(node, struct vfs_lock_wait, node);
        if (w->locks != l)
            continue;
        const struct vfs_held *blocker = find_conflict_locked(l, &w->lock);
        w->blocker = process_of(blocker);
        if (blocker)
            continue;
        core_sleeper_wake_later(w->sleeper, wakes);
        any = 1;
    }
    core_lock_release(&s->lock_wait_lock);
    return any;
}

static void remove_locked(struct vfs_inode *inode, struct vfs_held **at)
{
    struct vfs_held *h = *at;
    *at = h->next;
    inode->lock_count--;
    put_spare_locked(inode->locks, h);
}

static void insert_locked(struct vfs_inode *inode, struct vfs_held **at,
                          const struct vfs_lock *lock)
{
    struct vfs_locks *l = inode->locks;
    struct vfs_held *h = l->spare;
    l->spare = h->next;
    l->spare_count--;
    *h = (struct vfs_held){*at, *lock};
    *at = h;
    inode->lock_count++;
}

/* Do two locks of one owner overlap, or (of one type) touch? */
static int meets(const struct vfs_lock *a, const struct vfs_lock *b)
{
    uint64_t gap = a->type == b->type; /* an end is at most INT64_MAX: nothing overflows */
    return a->begin <= b->end + gap && b->begin <= a->end + gap;
}

/*
 * Put a lock in place of what the owner had there: of the same type it grows, of another
 * it is cut, in the middle into two.
 */
static void apply_locked(struct vfs_inode *inode, struct vfs_lock lock)
{
    struct vfs_locks *l = inode->locks;
    struct vfs_held **at = &l->held, **place = NULL;
    while (*at && !is_same_owner(&(*at)->lock, &lock))
        at = &(*at)->next;
    while (*at && is_same_owner(&(*at)->lock, &lock)) {
        struct vfs_lock *old = &(*at)->lock;
        if (old->begin > lock.begin && !place)
            place = at; /* the lock belongs before it */
        if (!meets(old, &lock)) {
            at = &(*at)->next;
            continue;
        }
        if (old->type == lock.type) {
            lock.begin = old->begin < lock.begin ? old->begin : lock.begin;
            lock.end = old->end > lock.end ? old->end : lock.end;
            remove_locked(inode, at);
            continue;
        }
        int before = old->begin<lock.begin, after = old->end> lock.end;
        if (before && after) {
            struct vfs_lock rest = *old;
            rest.begin = lock.end + 1;
            old->end = lock.begin - 1;
            at = &(*at)->next;
            insert_locked(inode, at, &rest);
            place = at;
            break;
        }
        if (before) {
            old->end = lock.begin - 1;
            at = &(*at)->next;
        } else if (after) {
            old->begin = lock.end + 1;
            place = place ? place : at;
            at = &(*at)->next;
        } else {
            remove_locked(inode, at);
        }
    }
    if (lock.type != LX_F_UNLCK)
        insert_locked(inode, place ? place : at, &lock);
}

/* Would waiting close a circle of processes? */
static int is_circle_locked(const struct vfs_lock *lock, const void *blocker)
{
    if (lock->kind != VFS_LOCK_PROCESS)
        return 0;
    for (uint32_t steps = 0; blocker && steps < STEPS_MAX; steps++) {
        const void *next = NULL;
        CORE_LIST_FOR_EACH(node, &vfs_state()->lock_waits)
        {
            struct vfs_lock_wait *w = CORE_LIST_ENTRY(node, struct vfs_lock_wait, node);
            if (w->lock.kind == VFS_LOCK_PROCESS && w->lock.owner == blocker) {
                next = w->blocker;
                break;
            }
        }
        if (next == lock->owner)
            return 1;
        blocker = next;
    }
    return 0;
}

/* One try: 1 if others may go on now; -LX_EAGAIN: `blocker` is in the way. */
static int try_locked(struct vfs_inode *inode, const struct vfs_lock *lock,
                      struct vfs_held **blocker, struct core_wakes *wakes)
{
    struct vfs_locks *l = inode->locks;
    *blocker = lock->type == LX_F_UNLCK ? NULL : find_conflict_locked(l, lock);
    if (*blocker)
        return -LX_EAGAIN;
    apply_locked(inode, *lock);
    return wake_locked(l, wakes); /* it may have been a stronger one before */
}

/* flock(2): a conversion first gives up the lock there is. */
static void give_up_other_locked(struct vfs_inode *inode, const struct vfs_lock *lock,
                                 struct core_wakes *wakes)
{
    struct vfs_locks *l = inode->locks;
    for (struct vfs_held **at = &l->held; *at; at = &(*at)->next) {
        if (!is_same_owner(&(*at)->lock, lock))
            continue;
        if ((*at)->lock.type != lock->type) {
            remove_locked(inode, at);
            wake_locked(l, wakes);
        }
        return;
    }
}

/*
 * Be among those who wait, and say for whom; the file's lock is held.
 *   returns  -LX_EAGAIN; -LX_EDEADLK: it would wait for ever.
 */
static int join_waits(struct vfs_lock_wait *w, const struct vfs_held *blocker)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->lock_wait_lock);
    int is_circle = is_circle_locked(&w->lock, process_of(blocker));
    if (!is_circle) {
        w->blocker = process_of(blocker);
        if (core_list_is_empty(&w->node)) {
            core_list_add(&s->lock_waits, &w->node);
            atomic_fetch_add(&w->locks->waiter_count, 1);
        }
    }
    core_lock_release(&s->lock_wait_lock);
    return is_circle ? -LX_EDEADLK : -LX_EAGAIN;
}

static void leave_waits_locked(struct vfs_lock_wait *w)
{
    if (core_list_is_empty(&w->node))
        return;
    core_list_remove(&w->node);
    atomic_fetch_sub(&w->locks->waiter_count, 1);
}

static void leave_waits(struct vfs_lock_wait *w)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->lock_wait_lock);
    leave_waits_locked(w);
    core_lock_release(&s->lock_wait_lock);
}

/* Each look is as the first one; after an interrupt there is one more. */
static int wait_for_lock(struct vfs_inode *inode, struct vfs_lock_wait *w)
{
    struct core_wakes wakes = {.count = 0};
    struct vfs_held *blocker;
    int err = 0, result;
    for (;;) {
        result = acquire_for_change(w->locks);
        if (result == 0) {
            result = try_locked(inode, &w->lock, &blocker, &wakes);
            if (result == -LX_EAGAIN)
                result = join_waits(w, blocker);
            release(w->locks);
        }
        if (result != -LX_EAGAIN || err < 0)
            break;
        err = core_sleep(w->sleeper, 0, PLAT_FOREVER);
    }
    leave_waits(w);
    core_wakes_send(&wakes);
    return result == -LX_EAGAIN ? err : result;
}

static int set_waiting(struct vfs_inode *inode, const struct vfs_lock *lock,
                       struct core_sleeper *self)
{
    struct vfs_lock_wait *w = core_arena_alloc(sizeof *w);
    if (!w)
        return -LX_ENOLCK;
    *w = (struct vfs_lock_wait){.locks = inode->locks, .lock = *lock, .sleeper = self};
    core_list_init(&w->node);
    int err = wait_for_lock(inode, w);
    core_arena_free(w, sizeof *w);
    return err;
}

int vfs_lock_set(struct vfs_file *file, const struct vfs_lock *lock, int waits,
                 struct core_sleeper *self)
{
    struct vfs_inode *inode = file->inode;
    struct core_wakes wakes = {.count = 0};
    struct vfs_held *blocker;
    if (!inode || (lock->type == LX_F_UNLCK && !atomic_load(&inode->lock_count)))
        return 0;
    struct vfs_locks *l = locks_of(inode);
    int err = l ? acquire_for_change(l) : -LX_ENOLCK;
    if (err < 0)
        return err;
    if (lock->kind != VFS_LOCK_PROCESS)
        file->locked = 1;
    if (is_flock(lock))
        give_up_other_locked(inode, lock, &wakes);
    err = try_locked(inode, lock, &blocker, &wakes);
    release(l);
    core_wakes_send(&wakes);
    if (err == -LX_EAGAIN && waits)
        err = set_waiting(inode, lock, self);
    /* They need a processor to look again: who takes the lock at once again, and has it most of the
     * time, would keep it from them for seconds on a busy machine. */
    if (err > 0)
        plat_thread_yield(0);
    return err < 0 ? err : 0;
}

void vfs_lock_test(struct vfs_file *file, struct vfs_lock *lock)
{
    struct vfs_locks *l = file->inode ? atomic_load(&file->inode->locks) : NULL;
    if (!l) {
        lock->type = LX_F_UNLCK;
        return;
    }
    core_lock_acquire(&l->lock);
    const struct vfs_held *h = find_conflict_locked(l, lock);
    if (h)
        *lock = h->lock;
    else
        lock->type = LX_F_UNLCK;
    core_lock_release(&l->lock);
}

/* Remove all of an owner's, of any of these kinds. */
static void forget(struct vfs_inode *inode, const void *owner)
{
    struct core_wakes wakes = {.count = 0};
    if (!inode || !atomic_load(&inode->lock_count))
        return;
    struct vfs_locks *l = inode->locks;
    core_lock_acquire(&l->lock);
    int gone = 0;
    for (struct vfs_held **at = &l->held; *at;) {
        if ((*at)->lock.owner == owner) {
            remove_locked(inode, at);
            gone = 1;
        } else {
            at = &(*at)->next;
        }
    }
    if (gone)
        wake_locked(l, &wakes);
    release(l);
    core_wakes_send(&wakes);
}

void vfs_lock_forget_process(struct vfs_file *file, const struct vfs_fdtable *fds)
{
    forget(file->inode, fds);
}

void vfs_lock_forget_file(struct vfs_file *file)
{
    forget(file->inode, file);
}

void vfs_lock_forget_sleeper(const struct core_sleeper *sleeper)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->lock_wait_lock);
    CORE_LIST_FOR_EACH_SAFE(node, &s->lock_waits)
    {
        struct vfs_lock_wait *w = CORE_LIST_ENTRY(node, struct vfs_lock_wait, node);
        if (w->sleeper == sleeper) {
            leave_waits_locked(w);
            core_arena_free(w, sizeof *w);
        }
    }
    core_lock_release(&s->lock_wait_lock);
}

/* SPDX-License-Identifier: MIT */
/*
 * Locks on files.  One lock guards them all, and those who wait: they are few, and so a
 * circle of waiters is found without locking more.
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

/* A lock that is held: in the inode's list, those of one owner together and by `begin`. */
struct vfs_held {
    struct vfs_held *next;
    struct vfs_lock lock;
};

/* Somebody who waits for a lock; in the list of all that do. */
struct vfs_lock_wait {
    struct core_list node;
    struct vfs_inode *inode;
    struct vfs_lock lock;
    const void *blocker; /* owner of what is in the way */
    struct core_sleeper *sleeper;
};

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

static struct vfs_held *find_conflict_locked(struct vfs_inode *inode, const struct vfs_lock *lock)
{
    struct vfs_held *h = inode->locks;
    while (h && !conflict(&h->lock, lock))
        h = h->next;
    return h;
}

/* Let those go on for whom nothing is in the way any more: 1 if there are any. */
static int wake_locked(struct vfs_inode *inode)
{
    int any = 0;
    CORE_LIST_FOR_EACH(node, &vfs_state()->lock_waits)
    {
        struct vfs_lock_wait *w = CORE_LIST_ENTRY(node, struct vfs_lock_wait, node);
        if (w->inode == inode && !find_conflict_locked(inode, &w->lock)) {
            core_sleeper_wake(w->sleeper);
            any = 1;
        }
    }
    return any;
}

static void remove_locked(struct vfs_inode *inode, struct vfs_held **at)
{
    struct vfs_held *h = *at;
    *at = h->next;
    inode->lock_count--;
    core_arena_free(h, sizeof *h);
}

/* Blocks that a change may need: taken before, so that it cannot fail half-way. */
struct blocks {
    struct vfs_held *block[2];
};

static int blocks_new(struct blocks *b)
{
    b->block[0] = core_arena_alloc(sizeof *b->block[0]);
    b->block[1] = core_arena_alloc(sizeof *b->block[1]);
    return b->block[0] && b->block[1] ? 0 : -LX_ENOLCK;
}

static void blocks_free(struct blocks *b)
{
    core_arena_free(b->block[0], sizeof *b->block[0]);
    core_arena_free(b->block[1], sizeof *b->block[1]);
}

static void insert_locked(struct vfs_inode *inode, struct vfs_held **at,
                          const struct vfs_lock *lock, struct blocks *b)
{
    struct vfs_held **from = b->block[0] ? &b->block[0] : &b->block[1], *h = *from;
    *from = NULL;
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
static void apply_locked(struct vfs_inode *inode, struct vfs_lock lock, struct blocks *b)
{
    struct vfs_held **at = &inode->locks, **place = NULL;
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
            insert_locked(inode, at, &rest, b);
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
        insert_locked(inode, place ? place : at, &lock, b);
}

/* Would waiting close a circle of processes?  Open files cannot be followed: fcntl(2). */
static int is_circle_locked(const struct vfs_lock *lock, const struct vfs_held *blocker)
{
    const struct vfs_lock *by = &blocker->lock;
    const void *owner = by->owner;
    if (lock->kind != VFS_LOCK_PROCESS || by->kind != VFS_LOCK_PROCESS)
        return 0;
    for (uint32_t steps = 0; steps < STEPS_MAX; steps++) {
        const void *next = NULL;
        CORE_LIST_FOR_EACH(node, &vfs_state()->lock_waits)
        {
            struct vfs_lock_wait *w = CORE_LIST_ENTRY(node, struct vfs_lock_wait, node);
            if (w->lock.kind == VFS_LOCK_PROCESS && w->lock.owner == owner) {
                next = w->blocker;
                break;
            }
        }
        if (!next)
            return 0;
        if (next == lock->owner)
            return 1;
        owner = next;
    }
    return 0;
}

/* One try: 1 if others may go on now; -LX_EAGAIN: `blocker` is in the way. */
static int try_locked(struct vfs_inode *inode, const struct vfs_lock *lock, struct blocks *b,
                      struct vfs_held **blocker)
{
    *blocker = lock->type == LX_F_UNLCK ? NULL : find_conflict_locked(inode, lock);
    if (*blocker)
        return -LX_EAGAIN;
    apply_locked(inode, *lock, b);
    return wake_locked(inode); /* it may have been a stronger one before */
}

/* flock(2): a conversion first gives up the lock there is. */
static void give_up_other_locked(struct vfs_inode *inode, const struct vfs_lock *lock)
{
    for (struct vfs_held **at = &inode->locks; *at; at = &(*at)->next) {
        if (!is_same_owner(&(*at)->lock, lock))
            continue;
        if ((*at)->lock.type != lock->type) {
            remove_locked(inode, at);
            wake_locked(inode);
        }
        return;
    }
}

static int wait_for_lock(struct vfs_inode *inode, const struct vfs_lock *lock, struct blocks *b,
                         struct vfs_lock_wait *w, struct core_sleeper *self)
{
    struct vfs_state *s = vfs_state();
    int err = 0, result;
    for (;;) {
        struct vfs_held *blocker;
        core_lock_acquire(&s->file_lock);
        result = try_locked(inode, lock, b, &blocker);
        if (result == -LX_EAGAIN && is_circle_locked(lock, blocker))
            result = -LX_EDEADLK;
        if (result == -LX_EAGAIN && err == 0) {
            w->blocker = blocker->lock.kind == VFS_LOCK_PROCESS ? blocker->lock.owner : NULL;
            if (!w->sleeper) {
                *w = (struct vfs_lock_wait){.inode = inode, .lock = *lock, .blocker = w->blocker};
                w->sleeper = self;
                core_list_add(&s->lock_waits, &w->node);
            }
        } else if (w->sleeper) {
            core_list_remove(&w->node);
        }
        core_lock_release(&s->file_lock);
        if (result != -LX_EAGAIN)
            return result < 0 ? result : 0;
        if (err < 0)
            return err;
        err = core_sleep(self, 0, PLAT_FOREVER); /* after an interrupt it looks once more */
    }
}

int vfs_lock_set(struct vfs_file *file, const struct vfs_lock *lock, int waits,
                 struct core_sleeper *self)
{
    struct vfs_state *s = vfs_state();
    struct vfs_inode *inode = file->inode;
    struct vfs_held *blocker;
    struct blocks b;
    if (!inode || (lock->type == LX_F_UNLCK && !atomic_load(&inode->lock_count)))
        return 0;
    int err = blocks_new(&b);
    if (err == 0) {
        if (lock->kind != VFS_LOCK_PROCESS)
            file->locked = 1;
        core_lock_acquire(&s->file_lock);
        if (is_flock(lock))
            give_up_other_locked(inode, lock);
        err = try_locked(inode, lock, &b, &blocker);
        core_lock_release(&s->file_lock);
    }
    if (err == -LX_EAGAIN && waits) {
        struct vfs_lock_wait *w = core_arena_alloc(sizeof *w);
        err = w ? wait_for_lock(inode, lock, &b, w, self) : -LX_ENOLCK;
        core_arena_free(w, sizeof *w);
    }
    blocks_free(&b);
    /* They need a processor to look again: who takes the lock at once again, and has it most of the
     * time, would keep it from them for seconds on a busy machine. */
    if (err > 0)
        plat_thread_yield(0);
    return err < 0 ? err : 0;
}

void vfs_lock_test(struct vfs_file *file, struct vfs_lock *lock)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->file_lock);
    struct vfs_held *h = file->inode ? find_conflict_locked(file->inode, lock) : NULL;
    if (h)
        *lock = h->lock;
    else
        lock->type = LX_F_UNLCK;
    core_lock_release(&s->file_lock);
}

/* Remove all of an owner's, of any of these kinds. */
static void forget(struct vfs_inode *inode, const void *owner)
{
    struct vfs_state *s = vfs_state();
    if (!inode || !atomic_load(&inode->lock_count))
        return;
    core_lock_acquire(&s->file_lock);
    int gone = 0;
    for (struct vfs_held **at = &inode->locks; *at;) {
        if ((*at)->lock.owner == owner) {
            remove_locked(inode, at);
            gone = 1;
        } else {
            at = &(*at)->next;
        }
    }
    if (gone)
        wake_locked(inode);
    core_lock_release(&s->file_lock);
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
    core_lock_acquire(&s->file_lock);
    CORE_LIST_FOR_EACH_SAFE(node, &s->lock_waits)
    {
        struct vfs_lock_wait *w = CORE_LIST_ENTRY(node, struct vfs_lock_wait, node);
        if (w->sleeper == sleeper) {
            core_list_remove(node);
            core_arena_free(w, sizeof *w);
        }
    }
    core_lock_release(&s->file_lock);
}

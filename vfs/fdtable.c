/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables: an array that grows, and where to look for a free place.
 *
 * Threads that use different descriptors are not in each other's way: the table's lock is for
 * changes, and a thread that only looks a file up takes one of several others.
 */

#include "vfs/fdtable.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "vfs/file.h"
#include "vfs/lock.h"
#include "vfs/mqueue.h"
#include "vfs/owner.h"

#define FIRST_SIZE 64
#define STRIPES 8
#define LINE 64 /* of the processor's cache */

struct slot {
    struct vfs_file *_Atomic file; /* a reference; NULL: free */
    uint32_t flags;
};

struct vfs_fdtable {
    int32_t limit; /* constant */
    _Atomic uint32_t users;
    _Atomic uint32_t is_shared; /* 1: there were several users at a time */
    struct core_lock lock; /* guards all to the blank line; a single user may read without it */
    int32_t size;          /* of slots */
    int32_t lowest;        /* no free slot lies below */
    struct slot *slots;

    /* Of a shared table: to take a file out of a slot, or to move all slots, needs these, too; so
     * one of them is enough to find the file of a descriptor, and keep it. */
    struct {
        struct core_lock lock;
        uint8_t pad[LINE - sizeof(struct core_lock)];
    } stripes[STRIPES]; /* of descriptor n: n modulo STRIPES */
};

int vfs_fdtable_new(int32_t limit, struct vfs_fdtable **out)
{
    struct vfs_fdtable *t = core_arena_alloc(sizeof *t);
    *out = t;
    if (!t)
        return -LX_ENOMEM;
    t->limit = limit;
    core_lock_init(&t->lock, CORE_LOCK_FDTABLE);
    for (uint32_t i = 0; i < STRIPES; i++)
        core_lock_init(&t->stripes[i].lock, CORE_LOCK_FDS);
    return 0;
}

/* What keeps the file of a descriptor from being taken out. */
static struct core_lock *keeper_of(struct vfs_fdtable *t, int32_t fd)
{
    return t->is_shared ? &t->stripes[(uint32_t)fd % STRIPES].lock : &t->lock;
}

/* Put another file, or none, in a slot's place; the table's lock is held. */
static struct vfs_file *exchange_locked(struct vfs_fdtable *t, int32_t fd, struct vfs_file *file)
{
    struct core_lock *keeper = keeper_of(t, fd);
    struct slot *s = &t->slots[fd];
    if (keeper != &t->lock)
        core_lock_acquire(keeper);
    struct vfs_file *old = s->file;
    atomic_store_explicit(&s->file, file, memory_order_release);
    if (keeper != &t->lock)
        core_lock_release(keeper);
    return old;
}

static int any_from(const struct vfs_fdtable *t, int32_t from, int32_t to)
{
    while (from < to && !t->slots[from].file)
        from++;
    return from < to;
}

int vfs_fdtable_clone(struct vfs_fdtable *t, struct vfs_fdtable **out)
{
    struct vfs_fdtable *copy;
    *out = NULL;
    int err = vfs_fdtable_new(t->limit, &copy);
    if (err < 0)
        return err;
    core_lock_acquire(&t->lock);
    int32_t size = t->size;
    while (size > FIRST_SIZE && !any_from(t, size / 2, size))
        size /= 2;
    copy->slots = size ? core_arena_alloc((uint64_t)size * sizeof *copy->slots) : NULL;
    if (copy->slots) {
        copy->size = size;
        copy->lowest = t->lowest;
        for (int32_t fd = 0; fd < size; fd++) {
            if (t->slots[fd].file) {
                copy->slots[fd].file = vfs_file_get(t->slots[fd].file);
                copy->slots[fd].flags = t->slots[fd].flags;
            }
        }
    }
    core_lock_release(&t->lock);
    if (size && !copy->slots) {
        vfs_fdtable_free(copy);
        return -LX_ENOMEM;
    }
    *out = copy;
    return 0;
}

void vfs_fdtable_close_exec(struct vfs_fdtable *t)
{
    for (int32_t fd = 0; fd < t->size; fd++) {
        struct vfs_file *file;
        if (t->slots[fd].file && t->slots[fd].flags & VFS_FD_CLOEXEC &&
            vfs_fdtable_remove(t, fd, &file) == 0)
            vfs_file_put(file);
    }
}

/*
 * Any close of a file ends the record locks that the process has on it, and that a queue or a
 * directory notifies the process: fcntl(2), mq_close(3).
 */
static void forget_closed(struct vfs_fdtable *t, struct vfs_file *closed)
{
    if (!closed)
        return;
    vfs_lock_forget_process(closed, t);
    vfs_mqueue_forget_process(closed, t);
    vfs_dnotify_forget(closed, t);
}

void vfs_fdtable_free(struct vfs_fdtable *t)
{
    if (!t)
        return;
    for (int32_t fd = 0; fd < t->size; fd++) {
        forget_closed(t, t->slots[fd].file);
        vfs_file_put(t->slots[fd].file);
    }
    core_arena_free(t->slots, (uint64_t)t->size * sizeof *t->slots);
    core_arena_free(t, sizeof *t);
}

int vfs_fdtable_get(struct vfs_fdtable *t, int32_t fd, struct vfs_file **out)
{
    struct core_lock *keeper = keeper_of(t, fd);
    core_lock_acquire(keeper);
    struct vfs_file *file = (uint32_t)fd < (uint32_t)t->size ? t->slots[fd].file : NULL;
    *out = file ? vfs_file_get(file) : NULL;
    core_lock_release(keeper);
    return file ? 0 : -LX_EBADF;
}

int vfs_fdtable_borrow(struct vfs_fdtable *t, int32_t fd, struct vfs_borrowed *out)
{
    out->counted = atomic_load_explicit(&t->users, memory_order_acquire) > 1;
    if (out->counted)
        return vfs_fdtable_get(t, fd, &out->file);
    out->file = (uint32_t)fd < (uint32_t)t->size ? t->slots[fd].file : NULL;
    return out->file ? 0 : -LX_EBADF;
}

void vfs_give_back(struct vfs_borrowed *b)
{
    if (b->counted)
        vfs_file_put(b->file);
}

void vfs_fdtable_add_user(struct vfs_fdtable *t)
{
    if (t->users) /* and it is the one who says so: nobody else changes anything now */
        t->is_shared = 1;
    atomic_fetch_add(&t->users, 1);
}

uint32_t vfs_fdtable_remove_user(struct vfs_fdtable *t)
{
    return atomic_fetch_sub(&t->users, 1) - 1;
}

uint32_t vfs_fdtable_users(const struct vfs_fdtable *t)
{
    return t->users;
}

static void move_slots_locked(struct vfs_fdtable *t, struct slot *slots, int32_t size)
{
    uint32_t stripes = t->is_shared ? STRIPES : 0;
    for (uint32_t i = 0; i < stripes; i++)
        core_lock_acquire(&t->stripes[i].lock);
    t->slots = slots;
    t->size = size;
    for (uint32_t i = 0; i < stripes; i++)
        core_lock_release(&t->stripes[i].lock);
}

/* Make room for `fd`. */
static int grow_locked(struct vfs_fdtable *t, int32_t fd)
{
    if (fd < t->size)
        return 0;
    int64_t size = t->size ? t->size : FIRST_SIZE;
    while (size <= fd)
        size *= 2;
    if (size > t->limit)
        size = t->limit;
    struct slot *slots = core_arena_alloc((uint64_t)size * sizeof *slots);
    if (!slots)
        return -LX_ENOMEM;
    struct slot *old = t->slots;
    uint64_t old_size = (uint64_t)t->size * sizeof *old;
    if (old)
        memcpy(slots, old, old_size);
    move_slots_locked(t, slots, (int32_t)size);
    core_arena_free(old, old_size);
    return 0;
}

/* The lowest free descriptor, with the file in its place. */
static int32_t put(struct vfs_fdtable *t, struct vfs_file *file, uint32_t flags, int32_t first,
                   int32_t end)
{
    core_lock_acquire(&t->lock);
    int32_t fd = first > t->lowest ? first : t->lowest;
    while (fd < t->size && t->slots[fd].file)
        fd++;
    int32_t result = fd;
    if (fd >= end) {
        result = -LX_EMFILE;
    } else if (grow_locked(t, fd) < 0) {
        result = -LX_ENOMEM;
    } else {
        t->slots[fd].flags = flags;
        atomic_store_explicit(&t->slots[fd].file, file, memory_order_release);
        if (first <= t->lowest)
            t->lowest = fd + 1;
    }
    core_lock_release(&t->lock);
    return result;
}

int32_t vfs_fdtable_install(struct vfs_fdtable *t, struct vfs_file *file, uint32_t flags,
                            int32_t first, uint64_t limit)
{
    int32_t end = limit < (uint64_t)t->limit ? (int32_t)limit : t->limit, fd;
    if (first < 0 || first >= end)
        fd = first ? -LX_EINVAL : -LX_EMFILE;
    else
        fd = put(t, file, flags, first, end);
    if (fd < 0)
        vfs_file_put(file);
    return fd;
}

int32_t vfs_fdtable_add(struct vfs_fdtable *t, struct vfs_file *file, uint32_t flags, int32_t first,
                        uint64_t limit)
{
    return vfs_fdtable_install(t, vfs_file_get(file), flags, first, limit);
}

int vfs_fdtable_has_room(struct vfs_fdtable *t, uint64_t limit)
{
    int32_t end = limit < (uint64_t)t->limit ? (int32_t)limit : t->limit;
    core_lock_acquire(&t->lock);
    int32_t fd = t->lowest;
    while (fd < t->size && t->slots[fd].file)
        fd++;
    core_lock_release(&t->lock);
    return fd < end ? 0 : -LX_EMFILE;
}

int vfs_fdtable_replace(struct vfs_fdtable *t, int32_t fd, struct vfs_file *file, uint32_t flags,
                        struct vfs_file **old)
{
    *old = NULL;
    if (fd < 0 || fd >= t->limit)
        return -LX_EBADF;
    core_lock_acquire(&t->lock);
    int err = grow_locked(t, fd);
    if (err == 0) {
        *old = exchange_locked(t, fd, vfs_file_get(file));
        t->slots[fd].flags = flags;
    }
    core_lock_release(&t->lock);
    forget_closed(t, *old);
    return err;
}

int vfs_fdtable_remove(struct vfs_fdtable *t, int32_t fd, struct vfs_file **old)
{
    *old = NULL;
    core_lock_acquire(&t->lock);
    if (fd >= 0 && fd < t->size) {
        *old = exchange_locked(t, fd, NULL);
        if (fd < t->lowest)
            t->lowest = fd;
    }
    core_lock_release(&t->lock);
    forget_closed(t, *old);
    return *old ? 0 : -LX_EBADF;
}

static struct slot *slot_locked(struct vfs_fdtable *t, int32_t fd)
{
    return fd >= 0 && fd < t->size && t->slots[fd].file ? &t->slots[fd] : NULL;
}

int vfs_fdtable_flags(struct vfs_fdtable *t, int32_t fd, uint32_t *flags)
{
    *flags = 0;
    core_lock_acquire(&t->lock);
    const struct slot *s = slot_locked(t, fd);
    if (s)
        *flags = s->flags;
    core_lock_release(&t->lock);
    return s ? 0 : -LX_EBADF;
}

int vfs_fdtable_set_flags(struct vfs_fdtable *t, int32_t fd, uint32_t flags)
{
    core_lock_acquire(&t->lock);
    struct slot *s = slot_locked(t, fd);
    if (s)
        s->flags = flags;
    core_lock_release(&t->lock);
    return s ? 0 : -LX_EBADF;
}

int32_t vfs_fdtable_next(struct vfs_fdtable *t, int32_t fd)
{
    core_lock_acquire(&t->lock);
    while (fd < t->size && !t->slots[fd].file)
        fd++;
    int32_t found = fd < t->size ? fd : -1;
    core_lock_release(&t->lock);
    return found;
}

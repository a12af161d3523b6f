/* SPDX-License-Identifier: MIT */
/* Descriptor tables: an array that grows, and where to look for a free place. */

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

struct slot {
    struct vfs_file *file; /* a reference; NULL: free */
    uint32_t flags;
};

struct vfs_fdtable {
    int32_t limit; /* constant */
    _Atomic uint32_t users;
    struct core_lock lock; /* guards all below; a single user may read without it */
    int32_t size;          /* of slots */
    int32_t lowest;        /* no free slot lies below */
    struct slot *slots;
};

int vfs_fdtable_new(int32_t limit, struct vfs_fdtable **out)
{
    struct vfs_fdtable *t = core_arena_alloc(sizeof *t);
    *out = t;
    if (!t)
        return -LX_ENOMEM;
    t->limit = limit;
    core_lock_init(&t->lock, CORE_LOCK_FDTABLE);
    return 0;
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
            if (t->slots[fd].file)
                copy->slots[fd] =
                    (struct slot){vfs_file_get(t->slots[fd].file), t->slots[fd].flags};
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
 * Any close of a file ends the record locks that the process has on it, and that a queue or a directory
 * notifies the process: fcntl(2), mq_close(3).
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
    *out = NULL;
    core_lock_acquire(&t->lock);
    if (fd >= 0 && fd < t->size && t->slots[fd].file)
        *out = vfs_file_get(t->slots[fd].file);
    core_lock_release(&t->lock);
    return *out ? 0 : -LX_EBADF;
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
    if (t->slots)
        memcpy(slots, t->slots, (uint64_t)t->size * sizeof *slots);
    core_arena_free(t->slots, (uint64_t)t->size * sizeof *slots);
    t->slots = slots;
    t->size = (int32_t)size;
    return 0;
}

int32_t vfs_fdtable_add(struct vfs_fdtable *t, struct vfs_file *file, uint32_t flags, int32_t first,
                        uint64_t limit)
{
    int32_t end = limit < (uint64_t)t->limit ? (int32_t)limit : t->limit;
    if (first < 0 || first >= end)
        return first ? -LX_EINVAL : -LX_EMFILE;
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
        t->slots[fd] = (struct slot){vfs_file_get(file), flags};
        if (first <= t->lowest)
            t->lowest = fd + 1;
    }
    core_lock_release(&t->lock);
    return result;
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
        *old = t->slots[fd].file;
        t->slots[fd] = (struct slot){vfs_file_get(file), flags};
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
        *old = t->slots[fd].file;
        t->slots[fd].file = NULL;
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

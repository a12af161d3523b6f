/* SPDX-License-Identifier: MIT */
/* Event counters. */

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/event.h"
#include "vfs/file.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct vfs_eventfd {
    struct core_lock lock; /* guards count */
    uint64_t count;
    uint32_t semaphore; /* constant */
    struct core_waitq waitq;
};

int vfs_eventfd_new(uint64_t value, uint32_t flags, struct vfs_file **out)
{
    *out = NULL;
    struct vfs_eventfd *e = core_arena_alloc(sizeof *e);
    if (!e)
        return -LX_ENFILE;
    int err = vfs_file_new(VFS_FILE_EVENTFD, LX_O_RDWR | (flags & LX_O_NONBLOCK), NULL, out);
    if (err < 0) {
        core_arena_free(e, sizeof *e);
        return err;
    }
    core_lock_init(&e->lock, CORE_LOCK_PIPE);
    core_waitq_init(&e->waitq);
    e->count = value;
    e->semaphore = flags & LX_EFD_SEMAPHORE;
    (*out)->eventfd = e;
    return 0;
}

void vfs_eventfd_close(struct vfs_file *file)
{
    core_arena_free(file->eventfd, sizeof *file->eventfd);
}

/* Take what a read gives; 0 if there is nothing. */
static uint64_t take(struct vfs_eventfd *e)
{
    core_lock_acquire(&e->lock);
    uint64_t value = e->semaphore ? e->count != 0 : e->count;
    e->count -= value;
    core_lock_release(&e->lock);
    return value;
}

static int give(struct vfs_eventfd *e, uint64_t value)
{
    core_lock_acquire(&e->lock);
    int fits = value <= COUNT_MAX - e->count;
    if (fits)
        e->count += value;
    core_lock_release(&e->lock);
    return fits;
}

int64_t vfs_eventfd_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    struct vfs_eventfd *e = file->eventfd;
    uint64_t value;
    if (size < sizeof value)
        return -LX_EINVAL;
    value = take(e);
    if (!value) {
        struct core_waiter *w = &self->waiter;
        int err = file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : 0;
        core_waitq_add(&e->waitq, w, self, LX_POLLIN);
        while (err == 0 && !(value = take(e)))
            err = core_sleep(self, 0, PLAT_FOREVER);
        core_waitq_remove(w);
        if (err < 0)
            return err;
    }
    core_waitq_wake(&e->waitq, LX_POLLOUT, UINT32_MAX);
    return plat_copy_guest(buf, &value, sizeof value) ? -LX_EFAULT : (int64_t)sizeof value;
}

int64_t vfs_eventfd_write(struct vfs_file *file, const void *buf, uint64_t size,
                          struct core_sleeper *self)
{
    struct vfs_eventfd *e = file->eventfd;
    uint64_t value;
    if (size < sizeof value)
        return -LX_EINVAL;
    if (plat_copy_guest(&value, buf, sizeof value))
        return -LX_EFAULT;
    if (value == UINT64_MAX)
        return -LX_EINVAL;
    if (!give(e, value)) {
        struct core_waiter *w = &self->waiter;
        int err = file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : 0;
        core_waitq_add(&e->waitq, w, self, LX_POLLOUT);
        while (err == 0 && !give(e, value))
            err = core_sleep(self, 0, PLAT_FOREVER);
        core_waitq_remove(w);
        if (err < 0)
            return err;
    }
    core_waitq_wake(&e->waitq, LX_POLLIN, UINT32_MAX);
    return sizeof value;
}

uint32_t vfs_eventfd_poll(struct vfs_file *file)
{
    struct vfs_eventfd *e = file->eventfd;
    core_lock_acquire(&e->lock);
    uint64_t count = e->count;
    core_lock_release(&e->lock);
    return (count ? LX_POLLIN : 0u) | (count < COUNT_MAX ? LX_POLLOUT : 0u);
}

struct core_waitq *vfs_eventfd_waitq(struct vfs_file *file)
{
    return &file->eventfd->waitq;
}

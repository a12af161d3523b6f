/* SPDX-License-Identifier: MIT */
/* Processes and threads as files. */

#include "vfs/pidfd.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/pidfd.h"
#include "lx/poll.h"
#include "vfs/file.h"

struct vfs_pidfd *vfs_pidfd_new(int32_t id)
{
    struct vfs_pidfd *p = core_arena_alloc(sizeof *p);
    if (p) {
        p->refs = 1;
        p->id = id;
        core_waitq_init(&p->waitq);
    }
    return p;
}

struct vfs_pidfd *vfs_pidfd_get(struct vfs_pidfd *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void vfs_pidfd_put(struct vfs_pidfd *p)
{
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        core_arena_free(p, sizeof *p);
}

void vfs_pidfd_tell(struct vfs_pidfd *p, uint32_t state)
{
    if (!p)
        return;
    atomic_fetch_or(&p->state, state);
    core_waitq_wake(&p->waitq, LX_POLLIN | LX_POLLRDNORM | LX_POLLHUP, UINT32_MAX);
}

int vfs_pidfd_open(struct vfs_pidfd *p, uint32_t flags, struct vfs_file **out)
{
    int err = vfs_file_new(VFS_FILE_PIDFD, LX_O_RDWR | (flags & LX_O_NONBLOCK), NULL, out);
    if (err < 0)
        return err;
    (*out)->flags |= flags & LX_PIDFD_THREAD; /* fcntl(2) shows it */
    (*out)->pidfd = vfs_pidfd_get(p);
    return 0;
}

void vfs_pidfd_close(struct vfs_file *file)
{
    vfs_pidfd_put(file->pidfd);
}

uint32_t vfs_pidfd_poll(struct vfs_file *file)
{
    uint32_t state = atomic_load(&file->pidfd->state);
    return (state ? LX_POLLIN | LX_POLLRDNORM : 0u) | (state & VFS_PIDFD_GONE ? LX_POLLHUP : 0u);
}

struct core_waitq *vfs_pidfd_waitq(struct vfs_file *file)
{
    return &file->pidfd->waitq;
}

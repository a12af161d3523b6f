/* SPDX-License-Identifier: MIT */
/* fcntl(2), F_NOTIFY: signals about what happens in a directory. */

#include "async.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/inotify.h"
#include "notify.h"
#include "vfs/file.h"

static struct core_lock *lock(void)
{
    return &vfs_state()->notify_lock;
}

/* What is watched, in the terms of inotify(7): convert_arg() in Linux. */
static uint32_t mask_of(uint32_t events)
{
    static const struct {
        uint32_t event, mask;
    } rows[] = {
        {LX_DN_ACCESS, LX_IN_ACCESS},
        {LX_DN_MODIFY, LX_IN_MODIFY},
        {LX_DN_CREATE, LX_IN_CREATE | LX_IN_MOVED_TO},
        {LX_DN_DELETE, LX_IN_DELETE | LX_IN_MOVED_FROM},
        {LX_DN_RENAME, NOTIFY_RENAMED},
        {LX_DN_ATTRIB, LX_IN_ATTRIB},
    };
    uint32_t mask = events & LX_DN_MULTISHOT ? 0 : LX_IN_ONESHOT;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        mask |= events & rows[i].event ? rows[i].mask : 0;
    return mask;
}

/* What is asked for more than once is told more than once if it was so at any time. */
static uint32_t add_masks(uint32_t a, uint32_t b)
{
    return (a | b) & ~(LX_IN_ONESHOT & (a ^ b));
}

static struct watch *find_locked(const struct vfs_file *file, const struct vfs_fdtable *fds)
{
    struct watch *w = file->inode->watches;
    while (w && !(w->file == file && w->fds == fds))
        w = w->next;
    return w;
}

int vfs_dnotify_add(struct vfs_file *file, const struct vfs_fdtable *fds, int32_t fd,
                    uint32_t events)
{
    uint32_t mask = mask_of(events);
    if (file->kind != VFS_FILE_DIRECTORY)
        return -LX_ENOTDIR;
    core_lock_acquire(lock());
    struct watch *w = find_locked(file, fds);
    if (w)
        mask = add_masks(w->mask, mask);
    else
        w = watch_new_locked(NULL, file->inode);
    if (w) {
        w->mask = mask;
        w->file = file;
        w->fds = fds;
        w->number = fd;
    }
    core_lock_release(lock());
    return w ? 0 : -LX_ENOMEM;
}

void vfs_dnotify_forget(const struct vfs_file *file, const struct vfs_fdtable *fds)
{
    struct watch *ended = NULL;
    if (file->kind != VFS_FILE_DIRECTORY || !notify_is_watched(file->inode))
        return;
    core_lock_acquire(lock());
    struct watch *w = find_locked(file, fds);
    if (w)
        watch_end_locked(w, &ended);
    core_lock_release(lock());
    watch_free(ended);
}

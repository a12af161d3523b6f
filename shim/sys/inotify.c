/* SPDX-License-Identifier: MIT */
/* inotify_init(2), inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2). */

#include "vfs/inotify.h"

#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/inotify.h"
#include "lx/unistd.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/inode.h"

#define KNOWN                                                                                     \
    (LX_IN_ALL_EVENTS | LX_IN_UNMOUNT | LX_IN_Q_OVERFLOW | LX_IN_IGNORED | LX_IN_ISDIR |          \
     LX_IN_ONLYDIR | LX_IN_DONT_FOLLOW | LX_IN_EXCL_UNLINK | LX_IN_MASK_CREATE | LX_IN_MASK_ADD | \
     LX_IN_ONESHOT)

int64_t sys_inotify_init1(struct shim_task *t, uint32_t flags)
{
    struct vfs_file *file;
    if (flags & ~(LX_IN_CLOEXEC | LX_IN_NONBLOCK))
        return -LX_EINVAL;
    int err = vfs_inotify_new(flags & LX_IN_NONBLOCK ? LX_O_NONBLOCK : 0, &file);
    return err < 0 ? err : sys_install(t, file, flags & LX_IN_CLOEXEC ? VFS_FD_CLOEXEC : 0);
}

int64_t sys_inotify_init(struct shim_task *t)
{
    return sys_inotify_init1(t, 0);
}

/* The inode that is to be watched, which takes permission to read it. */
static int find_watched(struct shim_task *t, lx_uptr path, uint32_t mask, struct vfs_inode **out)
{
    struct sys_path p;
    uint32_t flags = (mask & LX_IN_DONT_FOLLOW ? VFS_WALK_NOFOLLOW : 0) |
                     (mask & LX_IN_ONLYDIR ? VFS_WALK_DIRECTORY : 0);
    *out = NULL;
    int err = sys_path_get(t, LX_AT_FDCWD, path, &p);
    if (err == 0)
        err = vfs_walk(t->process->fs, NULL, p.text, flags, out);
    if (err == 0)
        err = vfs_may(&t->process->fs->cred, *out, LX_R_OK);
    sys_path_put(&p);
    return err;
}

int64_t sys_inotify_add_watch(struct shim_task *t, int32_t fd, lx_uptr path, uint32_t mask)
{
    struct vfs_borrowed b;
    struct vfs_inode *inode = NULL;
    if (mask & ~KNOWN || !mask)
        return -LX_EINVAL;
    int32_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result < 0)
        return result;
    if ((mask & LX_IN_MASK_ADD && mask & LX_IN_MASK_CREATE) || b.file->kind != VFS_FILE_INOTIFY)
        result = b.file->kind == VFS_FILE_PATH ? -LX_EBADF : -LX_EINVAL;
    if (result == 0)
        result = find_watched(t, path, mask, &inode);
    if (result == 0)
        result = vfs_inotify_add(b.file, inode, mask);
    vfs_inode_put(inode);
    vfs_give_back(&b);
    return result;
}

int64_t sys_inotify_rm_watch(struct shim_task *t, int32_t fd, int32_t wd)
{
    struct vfs_borrowed b;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    err = b.file->kind == VFS_FILE_INOTIFY ? vfs_inotify_remove(b.file, wd)
          : b.file->kind == VFS_FILE_PATH  ? -LX_EBADF
                                           : -LX_EINVAL;
    vfs_give_back(&b);
    return err;
}

/* SPDX-License-Identifier: MIT */
/* Arguments of file calls. */

#include "sys/file.h"

#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "shim/signal.h"
#include "vfs/inode.h"
#include "vfs/tree.h"

/* Where a file is: references, or NULL. */
static void get_where(const struct vfs_file *file, struct vfs_path *out)
{
    const struct vfs_path where = vfs_file_where(file);
    if (where.inode)
        *out = vfs_path_get(&where);
}

int sys_fd_path(struct shim_task *t, int32_t fd, int real, struct vfs_path *out)
{
    struct vfs_borrowed b;
    *out = (struct vfs_path){NULL, NULL};
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    if (real && b.file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    else
        get_where(b.file, out);
    vfs_give_back(&b);
    return err;
}

int sys_path_get(struct shim_task *t, int32_t dirfd, lx_uptr path, struct sys_path *out)
{
    out->from = NULL;
    out->dir = (struct vfs_borrowed){NULL, 0};
    int64_t length = shim_copy_path(out->text, path);
    if (length < 0)
        return (int)length;
    return out->text[0] == '/' ? 0 : sys_path_from(t, dirfd, out);
}

int sys_path_from(struct shim_task *t, int32_t dirfd, struct sys_path *out)
{
    if (dirfd == LX_AT_FDCWD)
        return 0;
    int err = vfs_fdtable_borrow(t->process->fds, dirfd, &out->dir);
    if (err < 0)
        return err;
    out->where = vfs_file_where(out->dir.file);
    out->from = &out->where;
    return out->where.inode ? 0 : -LX_ENOTDIR;
}

int sys_path_is_empty(lx_uptr path)
{
    char first;
    return !path || (shim_copy_in(&first, path, 1) == 0 && !first);
}

void sys_path_put(struct sys_path *p)
{
    vfs_give_back(&p->dir);
    p->from = NULL;
}

int sys_find(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t at_flags,
             struct vfs_path *out, struct vfs_file **file)
{
    struct vfs_fs *fs = t->process->fs;
    struct sys_path p;
    int err;
    *out = (struct vfs_path){NULL, NULL};
    *file = NULL;
    if (at_flags & LX_AT_EMPTY_PATH && path && sys_path_is_empty(path)) {
        if (dirfd == LX_AT_FDCWD)
            return vfs_walk_path(fs, NULL, ".", 0, out);
        err = vfs_fdtable_get(t->process->fds, dirfd, file);
        if (err == 0)
            get_where(*file, out);
        return err;
    }
    err = sys_path_get(t, dirfd, path, &p);
    if (err == 0)
        err = vfs_walk_path(fs, p.from, p.text,
                            at_flags & LX_AT_SYMLINK_NOFOLLOW ? VFS_WALK_NOFOLLOW : 0, out);
    sys_path_put(&p);
    return err;
}

void sys_find_place(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t at_flags,
                    struct vfs_file **out)
{
    const struct vfs_open how = {.flags = LX_O_PATH |
                                          (at_flags & LX_AT_SYMLINK_NOFOLLOW ? LX_O_NOFOLLOW : 0)};
    struct sys_path p;
    *out = NULL;
    if (sys_path_get(t, dirfd, path, &p) == 0 &&
        vfs_file_open_path(t->process->fs, p.from, p.text, &how, &t->sleeper, out) < 0)
        *out = NULL;
    sys_path_put(&p);
}

int64_t sys_install(struct shim_task *t, struct vfs_file *file, uint32_t fd_flags)
{
    uint64_t limit = t->process->limits[LX_RLIMIT_NOFILE].rlim_cur;
    return vfs_fdtable_install(t->process->fds, file, fd_flags, 0, limit);
}

void sys_take_back(struct shim_task *t, int64_t fd)
{
    struct vfs_file *file;
    if (fd >= 0 && vfs_fdtable_remove(t->process->fds, (int32_t)fd, &file) == 0)
        vfs_file_put(file);
}

int64_t sys_interrupted(int64_t result)
{
    return result == -LX_EINTR ? -SHIM_ERESTARTSYS : result;
}

/* SPDX-License-Identifier: MIT */
/*
 * getdents(2), getdents64(2), getcwd(2), chdir(2), fchdir(2), chroot(2), mkdir(2),
 * mkdirat(2), rmdir(2), mknod(2), mknodat(2), unlink(2), unlinkat(2), rename(2), renameat(2),
 * renameat2(2), link(2), linkat(2), symlink(2), symlinkat(2), umask(2).
 */

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/inode.h"
#include "vfs/tree.h"

/* ---- Listing ---- */

struct listing {
    lx_uptr at, end; /* in the guest's buffer */
    uint64_t cookie; /* after the last entry that fitted */
    int64_t err;
    int old; /* getdents(2)'s record */
};

static int emit(void *arg, const char *name, uint32_t size, uint64_t ino, uint32_t type,
                uint64_t next)
{
    struct listing *l = arg;
    uint8_t record[sizeof(struct lx_dirent64) + LX_NAME_MAX + 16];
    uint64_t head =
        l->old ? offsetof(struct lx_dirent, d_name) : offsetof(struct lx_dirent64, d_name);
    uint64_t length = (head + size + (l->old ? 2 : 1) + 7) & ~7ull;
    if (length > l->end - l->at) {
        l->err = -LX_EINVAL; /* getdents(2): too small for even one */
        return 0;
    }
    memset(record, 0, sizeof record);
    memcpy(record, &ino, 8);
    memcpy(record + 8, &next, 8);
    uint16_t reclen = (uint16_t)length;
    memcpy(record + 16, &reclen, 2);
    record[l->old ? length - 1 : 18] = (uint8_t)type;
    memcpy(record + head, name, size);
    int err = shim_copy_out(l->at, record, length);
    if (err < 0) {
        l->err = err;
        return 0;
    }
    l->at += length;
    l->cookie = next;
    return 1;
}

static int64_t list(struct shim_task *t, int32_t fd, lx_uptr buf, uint32_t size, int old)
{
    struct vfs_file *file;
    int err = vfs_fdtable_get(t->process->fds, fd, &file);
    if (err < 0)
        return err;
    int64_t result = -LX_ENOTDIR;
    if (file->kind == VFS_FILE_DIRECTORY) {
        struct listing l = {.at = buf, .end = buf + size, .old = old};
        core_lock_acquire(&file->lock);
        l.cookie = file->position;
        err = file->inode->nlink ? vfs_file_list(file, l.cookie, emit, &l) : -LX_ENOENT;
        file->position = l.cookie;
        core_lock_release(&file->lock);
        result = l.at > buf ? (int64_t)(l.at - buf) : err < 0 ? err : l.err;
    } else if (file->kind == VFS_FILE_PATH) {
        result = -LX_EBADF;
    }
    vfs_file_put(file);
    return result;
}

int64_t sys_getdents64(struct shim_task *t, int32_t fd, lx_uptr buf, uint32_t size)
{
    return list(t, fd, buf, size, 0);
}

int64_t sys_getdents(struct shim_task *t, int32_t fd, lx_uptr buf, uint32_t size)
{
    return list(t, fd, buf, size, 1);
}

/* ---- Root and working directory ---- */

int64_t sys_getcwd(struct shim_task *t, lx_uptr buf, uint64_t size)
{
    char path[SHIM_PATH_MAX];
    int64_t length = vfs_fs_getcwd(t->process->fs, path, size < sizeof path ? size : sizeof path);
    if (length < 0)
        return length;
    int err = shim_copy_out(buf, path, (uint64_t)length + 1);
    return err < 0 ? err : length + 1;
}

static int find_dir(struct shim_task *t, lx_uptr path, struct vfs_path *out)
{
    char text[SHIM_PATH_MAX];
    *out = (struct vfs_path){NULL, NULL};
    int64_t length = shim_copy_path(text, path);
    if (length < 0)
        return (int)length;
    int err = vfs_walk_path(t->process->fs, NULL, text, VFS_WALK_DIRECTORY, out);
    if (err == 0) {
        err = vfs_may(&t->process->fs->cred, out->inode, LX_X_OK);
        if (err < 0)
            vfs_path_put(out);
    }
    return err;
}

int64_t sys_chdir(struct shim_task *t, lx_uptr path)
{
    struct vfs_path dir;
    int err = find_dir(t, path, &dir);
    if (err == 0)
        vfs_fs_set_cwd(t->process->fs, &dir);
    vfs_path_put(&dir);
    return err;
}

int64_t sys_fchdir(struct shim_task *t, int32_t fd)
{
    struct vfs_path dir;
    int err = sys_fd_path(t, fd, 0, &dir);
    if (err == 0 && (!dir.inode || !VFS_IS_DIR(dir.inode)))
        err = -LX_ENOTDIR;
    if (err == 0)
        err = vfs_may(&t->process->fs->cred, dir.inode, LX_X_OK);
    if (err == 0)
        vfs_fs_set_cwd(t->process->fs, &dir);
    vfs_path_put(&dir);
    return err;
}

int64_t sys_chroot(struct shim_task *t, lx_uptr path)
{
    struct vfs_path dir;
    int err = find_dir(t, path, &dir);
    if (err == 0 && !shim_capable(t, LX_CAP_SYS_CHROOT))
        err = -LX_EPERM;
    if (err == 0)
        vfs_fs_set_root(t->process->fs, &dir);
    vfs_path_put(&dir);
    return err;
}

int64_t sys_umask(struct shim_task *t, uint32_t mask)
{
    uint32_t old = t->process->fs->umask;
    t->process->fs->umask = mask & 0777;
    return old;
}

/* ---- Names ---- */

/* Call a tree operation with a path argument. */
#define WITH_PATH(dirfd, path, call)                    \
    do {                                                \
        struct sys_path p;                              \
        struct vfs_fs *fs = t->process->fs;             \
        int err = sys_path_get(t, (dirfd), (path), &p); \
        if (err == 0)                                   \
            err = (call);                               \
        sys_path_put(&p);                               \
        return err;                                     \
    } while (0)

int64_t sys_mkdirat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t mode)
{
    WITH_PATH(dirfd, path, vfs_tree_mkdir(fs, p.from, p.text, mode));
}

int64_t sys_mkdir(struct shim_task *t, lx_uptr path, uint32_t mode)
{
    return sys_mkdirat(t, LX_AT_FDCWD, path, mode);
}

int64_t sys_mknodat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t mode, uint64_t dev)
{
    WITH_PATH(dirfd, path, vfs_tree_mknod(fs, p.from, p.text, mode, (uint32_t)dev));
}

int64_t sys_mknod(struct shim_task *t, lx_uptr path, uint32_t mode, uint64_t dev)
{
    return sys_mknodat(t, LX_AT_FDCWD, path, mode, dev);
}

int64_t sys_unlinkat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t flags)
{
    if (flags & ~(uint32_t)LX_AT_REMOVEDIR)
        return -LX_EINVAL;
    WITH_PATH(dirfd, path,
              flags ? vfs_tree_rmdir(fs, p.from, p.text) : vfs_tree_unlink(fs, p.from, p.text));
}

int64_t sys_unlink(struct shim_task *t, lx_uptr path)
{
    return sys_unlinkat(t, LX_AT_FDCWD, path, 0);
}

int64_t sys_rmdir(struct shim_task *t, lx_uptr path)
{
    return sys_unlinkat(t, LX_AT_FDCWD, path, LX_AT_REMOVEDIR);
}

int64_t sys_renameat2(struct shim_task *t, int32_t olddirfd, lx_uptr oldpath, int32_t newdirfd,
                      lx_uptr newpath, uint32_t flags)
{
    struct sys_path from, to;
    from.dir = to.dir = (struct vfs_borrowed){NULL, 0};
    int err = vfs_tree_check_rename(flags);
    if (err == 0)
        err = sys_path_get(t, olddirfd, oldpath, &from);
    if (err == 0)
        err = sys_path_get(t, newdirfd, newpath, &to);
    if (err == 0)
        err = vfs_tree_rename(t->process->fs, from.from, from.text, to.from, to.text, flags);
    sys_path_put(&from);
    sys_path_put(&to);
    return err;
}

int64_t sys_renameat(struct shim_task *t, int32_t olddirfd, lx_uptr oldpath, int32_t newdirfd,
                     lx_uptr newpath)
{
    return sys_renameat2(t, olddirfd, oldpath, newdirfd, newpath, 0);
}

int64_t sys_rename(struct shim_task *t, lx_uptr oldpath, lx_uptr newpath)
{
    return sys_renameat2(t, LX_AT_FDCWD, oldpath, LX_AT_FDCWD, newpath, 0);
}

int64_t sys_linkat(struct shim_task *t, int32_t olddirfd, lx_uptr oldpath, int32_t newdirfd,
                   lx_uptr newpath, uint32_t flags)
{
    struct vfs_path what;
    struct vfs_file *file;
    struct sys_path to;
    if (flags & ~(uint32_t)(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH))
        return -LX_EINVAL;
    uint32_t find =
        (flags & LX_AT_EMPTY_PATH) | (flags & LX_AT_SYMLINK_FOLLOW ? 0 : LX_AT_SYMLINK_NOFOLLOW);
    int err = sys_find(t, olddirfd, oldpath, find, &what, &file);
    vfs_file_put(file);
    if (err < 0)
        return err;
    err = sys_path_get(t, newdirfd, newpath, &to);
    if (err == 0)
        err = what.inode ? vfs_tree_link(t->process->fs, &what, to.from, to.text) : -LX_EXDEV;
    sys_path_put(&to);
    vfs_path_put(&what);
    return err;
}

int64_t sys_link(struct shim_task *t, lx_uptr oldpath, lx_uptr newpath)
{
    return sys_linkat(t, LX_AT_FDCWD, oldpath, LX_AT_FDCWD, newpath, 0);
}

int64_t sys_symlinkat(struct shim_task *t, lx_uptr target, int32_t dirfd, lx_uptr path)
{
    char text[SHIM_PATH_MAX];
    int64_t length = shim_copy_path(text, target);
    if (length < 0)
        return length;
    WITH_PATH(dirfd, path, vfs_tree_symlink(fs, p.from, p.text, text));
}

int64_t sys_symlink(struct shim_task *t, lx_uptr target, lx_uptr path)
{
    return sys_symlinkat(t, target, LX_AT_FDCWD, path);
}

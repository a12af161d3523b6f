/* SPDX-License-Identifier: MIT */
/*
 * stat(2), lstat(2), fstat(2), newfstatat(2), statx(2), access(2), faccessat(2),
 * faccessat2(2), statfs(2), fstatfs(2), readlink(2), readlinkat(2), name_to_handle_at(2).
 */

#include "lx/stat.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/inode.h"
#include "vfs/mount.h"
#include "vfs/super.h"

#define STAT_FLAGS (LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH)

/* What a descriptor names; mount_id: as below. */
static int get_fd_stat(struct shim_task *t, int32_t fd, struct lx_stat *out, uint32_t *mount_id)
{
    struct vfs_borrowed b;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    err = vfs_file_stat(b.file, out);
    if (mount_id)
        *mount_id = vfs_mount_id(b.file->mount);
    vfs_give_back(&b);
    return err;
}

/* mount_id: NULL, or filled, too. */
static int get_stat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t flags,
                    struct lx_stat *out, uint32_t *mount_id)
{
    struct vfs_fs *fs = t->process->fs;
    struct sys_path p;
    int err;
    if (flags & LX_AT_EMPTY_PATH && sys_path_is_empty(path)) {
        if (dirfd != LX_AT_FDCWD)
            return get_fd_stat(t, dirfd, out, mount_id);
        err = vfs_walk_stat(fs, NULL, ".", 0, out, mount_id);
    } else {
        uint32_t walk = flags & LX_AT_SYMLINK_NOFOLLOW ? VFS_WALK_NOFOLLOW : 0;
        err = sys_path_get(t, dirfd, path, &p);
        if (err == 0)
            err = vfs_walk_stat(fs, p.from, p.text, walk, out, mount_id);
        sys_path_put(&p);
    }
    return err;
}

int64_t sys_newfstatat(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr buf,
                       uint32_t flags)
{
    struct lx_stat st;
    if (flags & ~(uint32_t)STAT_FLAGS)
        return -LX_EINVAL;
    int err = get_stat(t, dirfd, path, flags, &st, NULL);
    return err < 0 ? err : shim_copy_out(buf, &st, sizeof st);
}

int64_t sys_stat(struct shim_task *t, lx_uptr path, lx_uptr buf)
{
    return sys_newfstatat(t, LX_AT_FDCWD, path, buf, 0);
}

int64_t sys_lstat(struct shim_task *t, lx_uptr path, lx_uptr buf)
{
    return sys_newfstatat(t, LX_AT_FDCWD, path, buf, LX_AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fstat(struct shim_task *t, int32_t fd, lx_uptr buf)
{
    struct lx_stat st;
    int err = get_fd_stat(t, fd, &st, NULL);
    return err < 0 ? err : shim_copy_out(buf, &st, sizeof st);
}

static struct lx_statx_timestamp timestamp(struct lx_timespec ts)
{
    return (struct lx_statx_timestamp){ts.tv_sec, (uint32_t)ts.tv_nsec, 0};
}

int64_t sys_statx(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t flags, uint32_t mask,
                  lx_uptr buf)
{
    struct lx_stat st;
    struct lx_statx x;
    uint32_t mount_id, sync = flags & LX_AT_STATX_SYNC_TYPE;
    if (mask & LX_STATX__RESERVED || flags & ~(uint32_t)(STAT_FLAGS | LX_AT_STATX_SYNC_TYPE) ||
        sync == LX_AT_STATX_SYNC_TYPE)
        return -LX_EINVAL;
    int err = get_stat(t, dirfd, path, flags, &st, &mount_id);
    if (err < 0)
        return err;
    memset(&x, 0, sizeof x);
    x.stx_mask = LX_STATX_BASIC_STATS | (mask & LX_STATX_MNT_ID);
    x.stx_blksize = (uint32_t)st.st_blksize;
    x.stx_nlink = (uint32_t)st.st_nlink;
    x.stx_uid = st.st_uid;
    x.stx_gid = st.st_gid;
    x.stx_mode = (uint16_t)st.st_mode;
    x.stx_ino = st.st_ino;
    x.stx_size = (uint64_t)st.st_size;
    x.stx_blocks = (uint64_t)st.st_blocks;
    x.stx_atime = timestamp(st.st_atim);
    x.stx_mtime = timestamp(st.st_mtim);
    x.stx_ctime = timestamp(st.st_ctim);
    x.stx_rdev_major = LX_MAJOR(st.st_rdev);
    x.stx_rdev_minor = LX_MINOR(st.st_rdev);
    x.stx_dev_major = LX_MAJOR(st.st_dev);
    x.stx_dev_minor = LX_MINOR(st.st_dev);
    x.stx_mnt_id = mask & LX_STATX_MNT_ID ? mount_id : 0;
    return shim_copy_out(buf, &x, sizeof x);
}

static int may_access(const struct vfs_cred *cred, const struct vfs_path *where, uint32_t want)
{
    struct vfs_inode *inode = where->inode;
    if (want & LX_X_OK && VFS_IS_REG(inode) && vfs_mount_flags(where->mount) & VFS_MOUNT_NOEXEC)
        return -LX_EACCES;
    int err = vfs_may(cred, inode, want);
    if (err == 0 && want & LX_W_OK && (VFS_IS_REG(inode) || VFS_IS_DIR(inode) || VFS_IS_LNK(inode)))
        err = vfs_may_write(where);
    return err;
}

/* access(2) asks for the real ids, faccessat2(2) with AT_EACCESS for the effective ones. */
int64_t sys_faccessat2(struct shim_task *t, int32_t dirfd, lx_uptr path, int32_t mode,
                       uint32_t flags)
{
    struct vfs_path where;
    struct vfs_file *file;
    if (mode & ~7 || flags & ~(uint32_t)(LX_AT_EACCESS | LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
        return -LX_EINVAL;
    int err = sys_find(t, dirfd, path, flags, &where, &file);
    if (err == 0 && where.inode && mode) {
        struct vfs_cred cred = t->process->fs->cred;
        if (!(flags & LX_AT_EACCESS)) {
            const struct shim_cred *real = &t->process->cred;
            cred.uid = real->uid;
            cred.gid = real->gid;
            if (!(real->securebits & LX_SECBIT_NO_SETUID_FIXUP)) /* access_override_creds() */
                cred.capabilities = real->uid ? 0 : (uint32_t)real->permitted;
        }
        err = may_access(&cred, &where, (uint32_t)mode);
    }
    vfs_path_put(&where);
    vfs_file_put(file);
    return err;
}

int64_t sys_faccessat(struct shim_task *t, int32_t dirfd, lx_uptr path, int32_t mode)
{
    return sys_faccessat2(t, dirfd, path, mode, 0);
}

int64_t sys_access(struct shim_task *t, lx_uptr path, int32_t mode)
{
    return sys_faccessat2(t, LX_AT_FDCWD, path, mode, 0);
}

/* f_flags */
#define ST_VALID 0x20u
#define ST_RELATIME 0x1000u

static uint64_t statfs_flags(uint32_t flags)
{
    static const uint32_t st[][2] = {{VFS_MOUNT_READ_ONLY, 1},       {VFS_MOUNT_NOSUID, 2},
                                     {VFS_MOUNT_NODEV, 4},           {VFS_MOUNT_NOEXEC, 8},
                                     {VFS_MOUNT_NOATIME, 0x400},     {VFS_MOUNT_NODIRATIME, 0x800},
                                     {VFS_MOUNT_NOSYMFOLLOW, 0x2000}};
    uint64_t shown = ST_VALID;
    if (!(flags & (VFS_MOUNT_NOATIME | VFS_MOUNT_STRICTATIME)))
        shown |= ST_RELATIME;
    for (uint32_t i = 0; i < sizeof st / sizeof st[0]; i++)
        shown |= flags & st[i][0] ? st[i][1] : 0;
    return shown;
}

/* Its inode is NULL for pipes and streams. */
static int64_t put_statfs(const struct vfs_path *where, lx_uptr buf)
{
    struct vfs_usage u = {.magic = LX_PIPEFS_MAGIC, .block_size = 4096};
    uint32_t flags = vfs_mount_flags(where->mount);
    struct lx_statfs s;
    memset(&s, 0, sizeof s);
    if (where->inode)
        vfs_super_usage(where->inode->super, &u);
    if (where->inode && where->inode->super->read_only)
        flags |= VFS_MOUNT_READ_ONLY;
    s.f_type = u.magic;
    s.f_bsize = s.f_frsize = u.block_size;
    s.f_blocks = u.blocks;
    s.f_bfree = u.free_blocks;
    s.f_bavail = u.usable_blocks;
    s.f_files = u.inodes;
    s.f_ffree = u.free_inodes;
    s.f_namelen = LX_NAME_MAX;
    s.f_flags = (int64_t)statfs_flags(flags);
    return shim_copy_out(buf, &s, sizeof s);
}

int64_t sys_statfs(struct shim_task *t, lx_uptr path, lx_uptr buf)
{
    struct vfs_path where;
    struct vfs_file *file;
    int err = sys_find(t, LX_AT_FDCWD, path, 0, &where, &file);
    int64_t result = err < 0 ? err : put_statfs(&where, buf);
    vfs_path_put(&where);
    return result;
}

int64_t sys_fstatfs(struct shim_task *t, int32_t fd, lx_uptr buf)
{
    struct vfs_path where;
    int err = sys_fd_path(t, fd, 0, &where);
    int64_t result = err < 0 ? err : put_statfs(&where, buf);
    vfs_path_put(&where);
    return result;
}

/* Differs from Linux: no file system has handles, as some have none there. */
int64_t sys_name_to_handle_at(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr handle,
                              lx_uptr mount_id, uint32_t flags)
{
    struct vfs_path where;
    struct vfs_file *file;
    (void)handle, (void)mount_id;
    if (flags & ~(uint32_t)(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH | LX_AT_HANDLE_FID |
                            LX_AT_HANDLE_MNT_ID_UNIQUE))
        return -LX_EINVAL;
    uint32_t find =
        (flags & LX_AT_EMPTY_PATH) | (flags & LX_AT_SYMLINK_FOLLOW ? 0 : LX_AT_SYMLINK_NOFOLLOW);
    int err = sys_find(t, dirfd, path, find, &where, &file);
    vfs_path_put(&where);
    vfs_file_put(file);
    return err < 0 ? err : -LX_EOPNOTSUPP;
}

int64_t sys_readlinkat(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr buf, uint64_t size)
{
    struct vfs_path where;
    struct vfs_file *file;
    char target[SHIM_PATH_MAX];
    if ((int32_t)size <= 0)
        return -LX_EINVAL;
    uint32_t flags = LX_AT_SYMLINK_NOFOLLOW | (dirfd == LX_AT_FDCWD ? 0 : LX_AT_EMPTY_PATH);
    int64_t result = sys_find(t, dirfd, path, flags, &where, &file);
    const struct vfs_inode *inode = where.inode;
    if (result == 0 && (!inode || !VFS_IS_LNK(inode)))
        result = file ? -LX_ENOENT : -LX_EINVAL;
    if (result == 0)
        result =
            vfs_inode_readlink(where.inode, target, size < sizeof target ? size : sizeof target);
    if (result > 0) {
        int err = shim_copy_out(buf, target, (uint64_t)result);
        result = err < 0 ? err : result;
    }
    vfs_path_put(&where);
    vfs_file_put(file);
    return result;
}

int64_t sys_readlink(struct shim_task *t, lx_uptr path, lx_uptr buf, uint64_t size)
{
    return sys_readlinkat(t, LX_AT_FDCWD, path, buf, size);
}

/* SPDX-License-Identifier: MIT */
/*
 * Attributes: chmod(2), fchmod(2), fchmodat(2), fchmodat2(2), chown(2), lchown(2), fchown(2),
 * fchownat(2), utime(2), utimes(2), futimesat(2), utimensat(2), truncate(2), and the extended
 * ones: setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their l and f forms.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/inotify.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "shim/limit.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/acl.h"
#include "vfs/inode.h"
#include "vfs/inotify.h"
#include "vfs/mount.h"
#include "vfs/socket.h"

#define NS_PER_S 1000000000ll
#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#define CHMOD_FLAGS (LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH)

/* What a call is about. */
struct target {
    struct vfs_path where; /* references, or NULL: a pipe or a stream */
    struct vfs_file *file; /* a reference: its descriptor's, or where it was found if anybody is
                                to be told; else NULL */
};

/* That of (dirfd, path, flags), which must have an inode. */
static int find(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t flags,
                struct target *out)
{
    int err = sys_find(t, dirfd, path, flags, &out->where, &out->file);
    if (err == 0 && !out->where.inode)
        err = -LX_EINVAL; /* it has no attributes of ours */
    if (err == 0 && !out->file && vfs_notify_is_on())
        sys_find_place(t, dirfd, path, flags, &out->file);
    return err;
}

static int find_fd(struct shim_task *t, int32_t fd, struct target *out)
{
    *out = (struct target){.file = NULL};
    int err = vfs_fdtable_get(t->process->fds, fd, &out->file);
    if (err == 0 && out->file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    if (err == 0 && out->file->inode) {
        const struct vfs_path where = vfs_file_where(out->file);
        out->where = vfs_path_get(&where);
    }
    return err;
}

/* The end of a call: if it went well, `event`, an LX_IN_* or 0, has happened. */
static int64_t finish(struct target *target, int64_t result, uint32_t event)
{
    if (result == 0 && event && target->where.inode)
        vfs_notify(target->where.inode, target->file, event);
    vfs_path_put(&target->where);
    vfs_file_put(target->file);
    return result;
}

static int chmod_inode(struct shim_task *t, const struct vfs_path *where, uint32_t mode)
{
    struct vfs_inode *inode = where->inode;
    const struct vfs_cred *cred = &t->process->fs->cred;
    int err = vfs_may_write(where);
    if (err < 0)
        return err;
    if (!vfs_owns(cred, inode))
        return -LX_EPERM;
    if (VFS_IS_LNK(inode))
        return -LX_EOPNOTSUPP;
    if (!vfs_has(cred, LX_CAP_FSETID) && !vfs_in_group(cred, inode->gid))
        mode &= ~(uint32_t)LX_S_ISGID; /* chmod(2): not one of the caller's groups */
    return vfs_inode_chmod(inode, mode);
}

int64_t sys_fchmodat2(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t mode,
                      uint32_t flags)
{
    struct target target;
    if (flags & ~(uint32_t)CHMOD_FLAGS)
        return -LX_EINVAL;
    int err = find(t, dirfd, path, flags, &target);
    if (err == 0)
        err = chmod_inode(t, &target.where, mode);
    return finish(&target, err, LX_IN_ATTRIB);
}

int64_t sys_fchmodat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t mode)
{
    return sys_fchmodat2(t, dirfd, path, mode, 0);
}

int64_t sys_chmod(struct shim_task *t, lx_uptr path, uint32_t mode)
{
    return sys_fchmodat2(t, LX_AT_FDCWD, path, mode, 0);
}

int64_t sys_fchmod(struct shim_task *t, int32_t fd, uint32_t mode)
{
    struct target target;
    int err = find_fd(t, fd, &target);
    if (err == 0 && target.where.inode)
        err = chmod_inode(t, &target.where, mode);
    else if (err == 0 &&
             target.file->kind == VFS_FILE_SOCKET) /* for the name that it gets: unix(7) */
        vfs_socket_set_mode(target.file, mode);
    return finish(&target, err, LX_IN_ATTRIB);
}

/*
 * chown(2): the owner may give a file to one of his groups; all else takes privilege.
 * Set-id bits and file capabilities do not outlive it.
 */
static int chown_inode(struct shim_task *t, const struct vfs_path *where, uint32_t uid,
                       uint32_t gid)
{
    struct vfs_inode *inode = where->inode;
    const struct vfs_cred *cred = &t->process->fs->cred;
    int err = vfs_may_write(where);
    if (err < 0)
        return err;
    if (!vfs_has(cred, LX_CAP_CHOWN)) {
        int owns = cred->uid == inode->uid;
        if (uid != VFS_KEEP && (uid != inode->uid || !owns))
            return -LX_EPERM;
        if (gid != VFS_KEEP && (!owns || (gid != inode->gid && !vfs_in_group(cred, gid))))
            return -LX_EPERM;
    }
    if (VFS_IS_DIR(inode))
        return vfs_inode_chown(inode, uid, gid);
    uint32_t mode = inode->mode;
    int keeps_group =
        !(mode & LX_S_IXGRP) && (vfs_has(cred, LX_CAP_FSETID) || vfs_in_group(cred, inode->gid));
    if (mode & (LX_S_ISUID | (keeps_group ? 0u : LX_S_ISGID)) && !vfs_owns(cred, inode))
        return -LX_EPERM; /* even if the owner stays: the mode would not */
    err = vfs_drop_privileges(cred, inode);
    return err < 0 ? err : vfs_inode_chown(inode, uid, gid);
}

int64_t sys_fchownat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t uid, uint32_t gid,
                     uint32_t flags)
{
    struct target target;
    if (flags & ~(uint32_t)CHMOD_FLAGS)
        return -LX_EINVAL;
    int err = find(t, dirfd, path, flags, &target);
    if (err == 0)
        err = chown_inode(t, &target.where, uid, gid);
    return finish(&target, err, LX_IN_ATTRIB);
}

int64_t sys_chown(struct shim_task *t, lx_uptr path, uint32_t uid, uint32_t gid)
{
    return sys_fchownat(t, LX_AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(struct shim_task *t, lx_uptr path, uint32_t uid, uint32_t gid)
{
    return sys_fchownat(t, LX_AT_FDCWD, path, uid, gid, LX_AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(struct shim_task *t, int32_t fd, uint32_t uid, uint32_t gid)
{
    struct target target;
    int err = find_fd(t, fd, &target);
    if (err == 0 && target.where.inode)
        err = chown_inode(t, &target.where, uid, gid);
    return finish(&target, err, LX_IN_ATTRIB);
}

/* ---- Times ---- */

/* A timespec with UTIME_NOW and UTIME_OMIT, as ns. */
static int ns_of(const struct lx_timespec *ts, int64_t *ns)
{
    if (ts->tv_nsec == UTIME_NOW)
        *ns = vfs_now();
    else if (ts->tv_nsec == UTIME_OMIT)
        *ns = VFS_TIME_KEEP;
    else if (ts->tv_nsec < 0 || ts->tv_nsec >= NS_PER_S)
        return -LX_EINVAL;
    else if (__builtin_mul_overflow(ts->tv_sec, NS_PER_S, ns) ||
             __builtin_add_overflow(*ns, ts->tv_nsec, ns))
        *ns = ts->tv_sec < 0 ? INT64_MIN + 1 : INT64_MAX;
    return 0;
}

/*
 * Set times; `ts` is NULL for now.  Setting them to now takes write permission, to
 * anything else ownership: utimensat(2).
 */
static int set_times(struct shim_task *t, const struct vfs_path *where,
                     const struct lx_timespec ts[2])
{
    struct vfs_inode *inode = where->inode;
    const struct vfs_cred *cred = &t->process->fs->cred;
    int64_t atime, mtime;
    int err = vfs_may_write(where);
    if (err < 0)
        return err;
    if (!ts || (ts[0].tv_nsec == UTIME_NOW && ts[1].tv_nsec == UTIME_NOW)) {
        if (!vfs_owns(cred, inode) && vfs_may(cred, inode, LX_W_OK) < 0)
            return -LX_EACCES;
        atime = mtime = vfs_now();
    } else {
        err = ns_of(&ts[0], &atime);
        if (err == 0)
            err = ns_of(&ts[1], &mtime);
        if (err < 0)
            return err;
        if (atime == VFS_TIME_KEEP && mtime == VFS_TIME_KEEP)
            return 0;
        if (!vfs_owns(cred, inode))
            return -LX_EPERM;
    }
    return vfs_inode_utimes(inode, atime, mtime);
}

/* Setting one time is, to who watches, what would have set it. */
static uint32_t times_event(const struct lx_timespec ts[2])
{
    if (ts && ts[0].tv_nsec == UTIME_OMIT)
        return LX_IN_MODIFY;
    return ts && ts[1].tv_nsec == UTIME_OMIT ? LX_IN_ACCESS : LX_IN_ATTRIB;
}

static int64_t set_times_at(struct shim_task *t, int32_t dirfd, lx_uptr path,
                            const struct lx_timespec *ts, uint32_t flags)
{
    struct target target;
    int err = path || dirfd == LX_AT_FDCWD ? find(t, dirfd, path, flags, &target)
                                           : find_fd(t, dirfd, &target);
    if (err == 0 && target.where.inode)
        err = set_times(t, &target.where, ts);
    return finish(&target, err, times_event(ts));
}

int64_t sys_utimensat(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr times,
                      uint32_t flags)
{
    struct lx_timespec ts[2];
    if (flags & ~(uint32_t)CHMOD_FLAGS)
        return -LX_EINVAL;
    int err = times ? shim_copy_in(ts, times, sizeof ts) : 0;
    if (err < 0)
        return err;
    if (times && ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
        return 0; /* the path is not even looked at */
    if (!path && dirfd != LX_AT_FDCWD && flags)
        return -LX_EINVAL;
    return set_times_at(t, dirfd, path, times ? ts : NULL, flags);
}

int64_t sys_futimesat(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr times)
{
    struct lx_timeval tv[2];
    struct lx_timespec ts[2];
    int err = times ? shim_copy_in(tv, times, sizeof tv) : 0;
    for (uint32_t i = 0; err == 0 && times && i < 2; i++) {
        if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
            err = -LX_EINVAL;
        ts[i] = (struct lx_timespec){tv[i].tv_sec, tv[i].tv_usec * 1000};
    }
    return err < 0 ? err : set_times_at(t, dirfd, path, times ? ts : NULL, 0);
}

int64_t sys_utimes(struct shim_task *t, lx_uptr path, lx_uptr times)
{
    return sys_futimesat(t, LX_AT_FDCWD, path, times);
}

int64_t sys_utime(struct shim_task *t, lx_uptr path, lx_uptr times)
{
    struct lx_utimbuf buf;
    struct lx_timespec ts[2];
    int err = times ? shim_copy_in(&buf, times, sizeof buf) : 0;
    if (err == 0 && times) {
        ts[0] = (struct lx_timespec){buf.actime, 0};
        ts[1] = (struct lx_timespec){buf.modtime, 0};
    }
    return err < 0 ? err : set_times_at(t, LX_AT_FDCWD, path, times ? ts : NULL, 0);
}

int64_t sys_truncate(struct shim_task *t, lx_uptr path, int64_t size)
{
    struct target target;
    if (size < 0)
        return -LX_EINVAL;
    int err = find(t, LX_AT_FDCWD, path, 0, &target);
    struct vfs_inode *inode = target.where.inode;
    if (err == 0 && VFS_IS_DIR(inode))
        err = -LX_EISDIR;
    else if (err == 0 && !VFS_IS_REG(inode))
        err = -LX_EINVAL;
    if (err == 0)
        err = vfs_may_write(&target.where);
    if (err == 0)
        err = vfs_may(&t->process->fs->cred, inode, LX_W_OK);
    if (err == 0)
        err = shim_limit_file_size(t, vfs_inode_size(inode), (uint64_t)size);
    if (err == 0)
        err = vfs_drop_privileges(&t->process->fs->cred, inode);
    if (err == 0)
        err = vfs_inode_truncate(inode, (uint64_t)size);
    if (err == -LX_ESTALE)
        err = -LX_ENOENT; /* a host gave its name to another */
    return finish(&target, err, LX_IN_MODIFY);
}

/* ---- Extended attributes ---- */

struct xattr_name {
    char text[LX_XATTR_NAME_MAX + 1];
};

static int starts_with(const char *s, const char *prefix)
{
    return memcmp(s, prefix, core_str_length(prefix)) == 0;
}

static int get_name(lx_uptr from, struct xattr_name *name)
{
    memset(name, 0, sizeof *name);
    int64_t length = shim_copy_string(name->text, from, sizeof name->text);
    if (length == -LX_ENAMETOOLONG || length == 0)
        return -LX_ERANGE;
    return length < 0 ? (int)length : 0;
}

/* xattr_permission() in Linux: security.* and system.* are looked after by those who keep them. */
static int may_access(struct shim_task *t, struct vfs_inode *inode, const struct xattr_name *name,
                      uint32_t want)
{
    const struct vfs_cred *cred = &t->process->fs->cred;
    int writes = want == LX_W_OK, missing = writes ? -LX_EPERM : -LX_ENODATA;
    if (starts_with(name->text, "security.") || starts_with(name->text, "system."))
        return 0;
    if (starts_with(name->text, "trusted."))
        return shim_capable(t, LX_CAP_SYS_ADMIN) ? 0 : missing;
    if (starts_with(name->text, "user.")) {
        if (!VFS_IS_REG(inode) && !VFS_IS_DIR(inode))
            return missing;
        if (writes && VFS_IS_DIR(inode) && inode->mode & LX_S_ISVTX && !vfs_owns(cred, inode))
            return -LX_EPERM; /* of directories that others may write to, the owner's */
    }
    return vfs_may(cred, inode, want);
}

/* The access control list that a name means, or 0. */
static uint32_t list_of(const struct xattr_name *name)
{
    return vfs_acl_of(name->text, core_str_length(name->text));
}

/* Is there such a class of attributes? */
static int check_class(const struct vfs_inode *inode, const struct xattr_name *name)
{
    static const char *const classes[] = {"user.", "trusted.", "security."};
    for (uint32_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (starts_with(name->text, classes[i]))
            return name->text[core_str_length(classes[i])] ? 0 : -LX_EINVAL;
    }
    return list_of(name) && !VFS_IS_LNK(inode) ? 0 : -LX_EOPNOTSUPP;
}

static int is_capability(const struct xattr_name *name)
{
    return memcmp(name->text, LX_XATTR_NAME_CAPS, sizeof LX_XATTR_NAME_CAPS) == 0;
}

/* A file's capabilities, as setxattr(2) takes them: cap_convert_nscap() in Linux. */
static int are_file_capabilities(const void *value, uint64_t size)
{
    const struct lx_vfs_cap_data *d = value;
    uint32_t revision = size >= sizeof d->magic_etc ? d->magic_etc & LX_VFS_CAP_REVISION_MASK : 0;
    return (revision == LX_VFS_CAP_REVISION_2 && size == 20) ||
           (revision == LX_VFS_CAP_REVISION_3 && size == 24);
}

/* Those of security.* take privilege. */
static int may_change(struct shim_task *t, struct vfs_inode *inode, const struct xattr_name *name)
{
    int err = may_access(t, inode, name, LX_W_OK);
    if (err == 0 && starts_with(name->text, "security.") &&
        !shim_capable(t, is_capability(name) ? LX_CAP_SETFCAP : LX_CAP_SYS_ADMIN))
        err = -LX_EPERM;
    return err < 0 ? err : check_class(inode, name);
}

/* What setxattr(2) is to set. */
struct setting {
    struct xattr_name name;
    uint8_t *value; /* `size` bytes: `small`, or the arena's */
    uint64_t size;
    uint32_t flags;
    _Alignas(uint32_t) uint8_t small[256];
};

static void put_setting(struct setting *s)
{
    if (s->value != s->small)
        core_arena_free(s->value, s->size);
}

/* It is copied in before the file is looked up; put_setting() afterwards, if there was no error. */
static int get_setting(lx_uptr name, lx_uptr value, uint64_t size, int32_t flags,
                       struct setting *out)
{
    out->size = size;
    out->flags = (uint32_t)flags;
    if (flags & ~(LX_XATTR_CREATE | LX_XATTR_REPLACE))
        return -LX_EINVAL;
    int err = get_name(name, &out->name);
    if (err < 0)
        return err;
    if (size > LX_XATTR_SIZE_MAX)
        return -LX_E2BIG;
    out->value = size > sizeof out->small ? core_arena_alloc_dirty(size) : out->small;
    if (!out->value)
        return -LX_ENOMEM;
    err = shim_copy_in(out->value, value, size);
    if (err < 0)
        put_setting(out);
    return err;
}

static int64_t set_xattr(struct shim_task *t, const struct vfs_path *where, const struct setting *s)
{
    struct vfs_inode *inode = where->inode;
    int err = vfs_may_write(where);
    uint32_t list = list_of(&s->name);
    if (err == 0 && list) /* whatever the flags say */
        return vfs_acl_set(&t->process->fs->cred, inode, list, s->value, s->size);
    if (err == 0 && is_capability(&s->name) && !are_file_capabilities(s->value, s->size))
        err = -LX_EINVAL;
    if (err == 0)
        err = may_change(t, inode, &s->name);
    return err < 0 ? err : vfs_inode_setxattr(inode, s->name.text, s->value, s->size, s->flags);
}

static int64_t get_xattr(struct shim_task *t, struct vfs_inode *inode, lx_uptr name, lx_uptr value,
                         uint64_t size)
{
    struct xattr_name n;
    int err = get_name(name, &n);
    if (err == 0)
        err = may_access(t, inode, &n, LX_R_OK);
    if (err == 0)
        err = check_class(inode, &n);
    if (err == 0 && size && !shim_user_ok(value, size))
        err = -LX_EFAULT;
    return err < 0 ? err : vfs_inode_getxattr(inode, n.text, (void *)value, size);
}

static int64_t list_xattr(struct vfs_inode *inode, lx_uptr list, uint64_t size)
{
    if (size && !shim_user_ok(list, size))
        return -LX_EFAULT;
    return vfs_inode_listxattr(inode, (char *)list, size);
}

static int64_t remove_xattr(struct shim_task *t, const struct vfs_path *where, lx_uptr name)
{
    struct vfs_inode *inode = where->inode;
    struct xattr_name n;
    int err = get_name(name, &n);
    if (err == 0)
        err = vfs_may_write(where);
    if (err == 0 && list_of(&n))
        return vfs_acl_set(&t->process->fs->cred, inode, list_of(&n), NULL, 0);
    if (err == 0)
        err = may_change(t, inode, &n);
    return err < 0 ? err : vfs_inode_removexattr(inode, n.text);
}

/* Each operation by path, by path without following, and by descriptor. */
#define ON_INODE(lookup, call, event)                 \
    do {                                              \
        struct target target;                         \
        int64_t result = (lookup);                    \
        struct vfs_inode *inode = target.where.inode; \
        if (result == 0)                              \
            result = inode ? (call) : -LX_EOPNOTSUPP; \
        return finish(&target, result, event);        \
    } while (0)
#define SET_ON_INODE(lookup)                                                                      \
    do {                                                                                          \
        struct setting setting;                                                                   \
        struct target target;                                                                     \
        int64_t result = get_setting(name, value, size, flags, &setting);                         \
        if (result < 0)                                                                           \
            return result;                                                                        \
        result = (lookup);                                                                        \
        if (result == 0)                                                                          \
            result = target.where.inode ? set_xattr(t, &target.where, &setting) : -LX_EOPNOTSUPP; \
        put_setting(&setting);                                                                    \
        return finish(&target, result, LX_IN_ATTRIB);                                             \
    } while (0)
#define BY_PATH find(t, LX_AT_FDCWD, path, 0, &target)
#define BY_LINK find(t, LX_AT_FDCWD, path, LX_AT_SYMLINK_NOFOLLOW, &target)
#define BY_FD find_fd(t, fd, &target)

int64_t sys_setxattr(struct shim_task *t, lx_uptr path, lx_uptr name, lx_uptr value, uint64_t size,
                     int32_t flags)
{
    SET_ON_INODE(BY_PATH);
}

int64_t sys_lsetxattr(struct shim_task *t, lx_uptr path, lx_uptr name, lx_uptr value, uint64_t size,
                      int32_t flags)
{
    SET_ON_INODE(BY_LINK);
}

int64_t sys_fsetxattr(struct shim_task *t, int32_t fd, lx_uptr name, lx_uptr value, uint64_t size,
                      int32_t flags)
{
    SET_ON_INODE(BY_FD);
}

int64_t sys_getxattr(struct shim_task *t, lx_uptr path, lx_uptr name, lx_uptr value, uint64_t size)
{
    ON_INODE(BY_PATH, get_xattr(t, inode, name, value, size), 0);
}

int64_t sys_lgetxattr(struct shim_task *t, lx_uptr path, lx_uptr name, lx_uptr value, uint64_t size)
{
    ON_INODE(BY_LINK, get_xattr(t, inode, name, value, size), 0);
}

int64_t sys_fgetxattr(struct shim_task *t, int32_t fd, lx_uptr name, lx_uptr value, uint64_t size)
{
    ON_INODE(BY_FD, get_xattr(t, inode, name, value, size), 0);
}

int64_t sys_listxattr(struct shim_task *t, lx_uptr path, lx_uptr list, uint64_t size)
{
    ON_INODE(BY_PATH, list_xattr(inode, list, size), 0);
}

int64_t sys_llistxattr(struct shim_task *t, lx_uptr path, lx_uptr list, uint64_t size)
{
    ON_INODE(BY_LINK, list_xattr(inode, list, size), 0);
}

int64_t sys_flistxattr(struct shim_task *t, int32_t fd, lx_uptr list, uint64_t size)
{
    ON_INODE(BY_FD, list_xattr(inode, list, size), 0);
}

int64_t sys_removexattr(struct shim_task *t, lx_uptr path, lx_uptr name)
{
    ON_INODE(BY_PATH, remove_xattr(t, &target.where, name), LX_IN_ATTRIB);
}

int64_t sys_lremovexattr(struct shim_task *t, lx_uptr path, lx_uptr name)
{
    ON_INODE(BY_LINK, remove_xattr(t, &target.where, name), LX_IN_ATTRIB);
}

int64_t sys_fremovexattr(struct shim_task *t, int32_t fd, lx_uptr name)
{
    ON_INODE(BY_FD, remove_xattr(t, &target.where, name), LX_IN_ATTRIB);
}

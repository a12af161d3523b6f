/* SPDX-License-Identifier: MIT */
/* open(2), openat(2), openat2(2), creat(2), close(2), close_range(2). */

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/tree.h"

#define KNOWN_FLAGS                                                                           \
    (LX_O_ACCMODE | LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_APPEND |         \
     LX_O_NONBLOCK | LX_O_DSYNC | LX_O_SYNC | LX_O_DIRECT | LX_O_LARGEFILE | LX_O_DIRECTORY | \
     LX_O_NOFOLLOW | LX_O_NOATIME | LX_O_ASYNC | LX_O_CLOEXEC | LX_O_PATH | LX_O_TMPFILE)
#define KNOWN_RESOLVE                                                                              \
    (LX_RESOLVE_NO_XDEV | LX_RESOLVE_NO_MAGICLINKS | LX_RESOLVE_NO_SYMLINKS | LX_RESOLVE_BENEATH | \
     LX_RESOLVE_IN_ROOT | LX_RESOLVE_CACHED)
#define TMPFILE_BIT (LX_O_TMPFILE & ~LX_O_DIRECTORY)

static int64_t do_open(struct shim_task *t, int32_t dirfd, lx_uptr path, const struct vfs_open *how)
{
    struct sys_path p;
    struct vfs_file *file;
    int64_t result = sys_path_get(t, dirfd, path, &p);
    if (result == 0 && how->resolve & LX_RESOLVE_IN_ROOT && p.text[0] == '/')
        result = sys_path_from(t, dirfd, &p);
    if (result == 0)
        result = vfs_file_open_path(t->process->fs, p.from, p.text, how, &t->sleeper, &file);
    sys_path_put(&p);
    if (result == 0)
        result = sys_install(t, file, how->flags & LX_O_CLOEXEC ? VFS_FD_CLOEXEC : 0);
    return sys_interrupted(result);
}

/* open(2) ignores flags it does not know; only O_TMPFILE is checked. */
int64_t sys_openat(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t flags, uint32_t mode)
{
    flags &= KNOWN_FLAGS;
    if (flags & TMPFILE_BIT &&
        ((flags & LX_O_TMPFILE) != LX_O_TMPFILE || (flags & LX_O_ACCMODE) == LX_O_RDONLY))
        return -LX_EINVAL;
    flags |= LX_O_LARGEFILE; /* of every 64-bit program: fcntl(F_GETFL) shows it */
    if (flags & LX_O_PATH)
        flags &= LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC;
    if (flags & LX_O_CREAT && flags & LX_O_DIRECTORY)
        return -LX_EINVAL;
    return do_open(t, dirfd, path, &(struct vfs_open){flags, mode & 07777, 0});
}

int64_t sys_open(struct shim_task *t, lx_uptr path, uint32_t flags, uint32_t mode)
{
    return sys_openat(t, LX_AT_FDCWD, path, flags, mode);
}

int64_t sys_creat(struct shim_task *t, lx_uptr path, uint32_t mode)
{
    return sys_openat(t, LX_AT_FDCWD, path, LX_O_CREAT | LX_O_WRONLY | LX_O_TRUNC, mode);
}

int64_t sys_openat2(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr how, uint64_t size)
{
    struct lx_open_how h;
    memset(&h, 0, sizeof h);
    if (size < sizeof h)
        return -LX_EINVAL;
    if (size > 4096)
        return -LX_E2BIG;
    int err = shim_copy_in(&h, how, sizeof h);
    for (uint64_t at = sizeof h; err == 0 && at < size; at++) {
        char byte; /* fields that we do not know must be zero */
        err = shim_copy_in(&byte, how + at, 1);
        if (err == 0 && byte)
            err = -LX_E2BIG;
    }
    if (err < 0)
        return err;
    int creates = (h.flags & LX_O_CREAT) || (h.flags & TMPFILE_BIT);
    if (h.flags & ~(uint64_t)KNOWN_FLAGS || h.resolve & ~(uint64_t)KNOWN_RESOLVE ||
        (creates ? h.mode & ~07777ull : h.mode) ||
        (h.resolve & LX_RESOLVE_BENEATH && h.resolve & LX_RESOLVE_IN_ROOT) ||
        (h.flags & LX_O_CREAT && h.flags & LX_O_DIRECTORY))
        return -LX_EINVAL;
    if (h.flags & LX_O_PATH &&
        h.flags & ~(uint64_t)(LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC))
        return -LX_EINVAL;
    if (h.flags & TMPFILE_BIT && (h.flags & LX_O_ACCMODE) == LX_O_RDONLY)
        return -LX_EINVAL;
    return do_open(t, dirfd, path,
                   &(struct vfs_open){(uint32_t)h.flags, (uint32_t)h.mode, (uint32_t)h.resolve});
}

int64_t sys_close(struct shim_task *t, int32_t fd)
{
    struct vfs_file *file;
    int err = vfs_fdtable_remove(t->process->fds, fd, &file);
    vfs_file_put(file);
    return err;
}

int64_t sys_close_range(struct shim_task *t, uint32_t first, uint32_t last, uint32_t flags)
{
    if (first > last || flags & ~(uint32_t)(LX_CLOSE_RANGE_CLOEXEC | LX_CLOSE_RANGE_UNSHARE))
        return -LX_EINVAL;
    struct vfs_fdtable *fds = t->process->fds;
    if (first > INT32_MAX)
        return 0;
    for (int32_t fd = (int32_t)first; (fd = vfs_fdtable_next(fds, fd)) >= 0 && (uint32_t)fd <= last;
         fd++) {
        if (flags & LX_CLOSE_RANGE_CLOEXEC) {
            int err = vfs_fdtable_set_flags(fds, fd, VFS_FD_CLOEXEC);
            (void)err; /* closed meanwhile: that is as good */
        } else {
            sys_close(t, fd);
        }
    }
    return 0;
}

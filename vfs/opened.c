/* SPDX-License-Identifier: MIT */
/* Open files without a place in a tree: their inodes, and opening them again. */

#include "opened.h"

#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "plat/plat.h"
#include "stream.h"
#include "vfs/file.h"
#include "vfs/memfd.h"
#include "vfs/pipe.h"
#include "vfs/text.h"

/*
 * Differs from Linux: the inode is its user's, not that of whoever made the pipe.  A
 * process that may not look at another's descriptors is refused before it comes here.
 */
int opened_inode(struct vfs_file *file, const struct vfs_cred *cred, struct vfs_inode **out)
{
    struct lx_stat st;
    *out = NULL;
    int err = vfs_file_stat(file, &st);
    if (err == 0)
        err = vfs_inode_new(&vfs_state()->files_super, st.st_mode, cred->uid, cred->gid,
                            (uint32_t)st.st_rdev, NULL, out);
    if (err < 0)
        return err;
    (*out)->owner = VFS_OF_FILE;
    (*out)->opened = vfs_file_get(file);
    (*out)->nlink = 1;
    return 0;
}

/*
 * Differs from Linux: a standard stream can be opened again for what the host has given it
 * for, whatever the permissions of its file are.
 */
int opened_again(struct vfs_file *file, uint32_t flags, struct vfs_file **out)
{
    uint32_t access = ((flags & LX_O_ACCMODE) + 1) & (PLAT_READ | PLAT_WRITE);
    *out = NULL;
    if (file->kind == VFS_FILE_PIPE)
        return vfs_pipe_reopen(file, flags, out);
    if (file->kind != VFS_FILE_STREAM)
        return -LX_ENXIO;
    if (!vfs_file_may(file, access) && file->stream_kind != PLAT_STREAM_CONSOLE)
        return -LX_EACCES;
    int err = vfs_file_new(VFS_FILE_STREAM, flags, NULL, out);
    if (err == 0) {
        (*out)->stream = file->stream;
        (*out)->stream_kind = file->stream_kind;
        (*out)->is_again = file->stream_kind == PLAT_STREAM_FILE;
    }
    if (err == 0 && (*out)->is_again && flags & LX_O_TRUNC) {
        err = stream_truncate(*out, 0);
        if (err < 0) {
            vfs_file_put(*out);
            *out = NULL;
        }
    }
    return err;
}

int64_t opened_text(struct vfs_file *file, char *buf, uint64_t size)
{
    static const char *const events[] = {
        [VFS_FILE_EVENTFD] = "anon_inode:[eventfd]",
        [VFS_FILE_EPOLL] = "anon_inode:[eventpoll]",
        [VFS_FILE_TIMERFD] = "anon_inode:[timerfd]",
        [VFS_FILE_SIGNALFD] = "anon_inode:[signalfd]",
        [VFS_FILE_PIDFD] = "anon_inode:[pidfd]",
        [VFS_FILE_INOTIFY] = "anon_inode:inotify",
        [VFS_FILE_SOCKET] = NULL,
        [VFS_FILE_PATH] = NULL,
    };
    struct lx_stat st;
    struct vfs_text t = {.data = NULL};
    int err = vfs_file_stat(file, &st);
    if (err < 0)
        return err;
    if (events[file->kind])
        vfs_text_f(&t, "%s", events[file->kind]);
    else if (file->inode && file->inode->memfd)
        vfs_text_f(&t, "/memfd:%s (deleted)", file->inode->memfd->name);
    else if ((st.st_mode & LX_S_IFMT) == LX_S_IFIFO)
        vfs_text_f(&t, "pipe:[%llu]", (unsigned long long)st.st_ino);
    else if (file->kind == VFS_FILE_SOCKET)
        vfs_text_f(&t, "socket:[%llu]", (unsigned long long)st.st_ino);
    else if (file->kind == VFS_FILE_STREAM && file->stream_kind == PLAT_STREAM_CONSOLE)
        vfs_text_f(&t, "/dev/pts/0");
    else if (file->kind == VFS_FILE_STREAM && file->stream_kind == PLAT_STREAM_NULL)
        vfs_text_f(&t, "/dev/null");
    else /* a file of the host, which has no path here */
        vfs_text_f(&t, "file:[%llu]", (unsigned long long)st.st_ino);
    uint64_t length = t.size < size ? t.size : size;
    memcpy(buf, t.data, length);
    if (t.failed)
        err = -LX_ENOMEM;
    vfs_text_free(&t);
    return err < 0 ? err : (int64_t)length;
}

/* ---- The table ---- */

static void end(struct vfs_inode *inode)
{
    vfs_file_put(inode->opened);
}

static void refresh(struct vfs_inode *inode)
{
    (void)inode;
}

static void show(struct vfs_inode *inode, struct lx_stat *out)
{
    struct lx_stat st;
    if (vfs_file_stat(inode->opened, &st) == 0)
        *out = st;
}

static uint64_t shown_ino(struct vfs_inode *inode)
{
    struct lx_stat st;
    return vfs_file_stat(inode->opened, &st) == 0 ? st.st_ino : inode->ino;
}

static int may_use(const struct vfs_inode *inode, uint32_t want)
{
    (void)inode;
    (void)want;
    return 0;
}

static int keeps_mode(struct vfs_inode *inode, uint32_t mode)
{
    (void)inode;
    (void)mode;
    return 0; /* as fchmod(2) on such a descriptor */
}

static int64_t read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    return vfs_file_pread(inode->opened, buf, size, offset);
}

static int64_t write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    return vfs_file_pwrite(inode->opened, buf, size, offset);
}

static int64_t append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *offset)
{
    (void)inode;
    (void)buf;
    (void)size;
    (void)offset;
    return -LX_EINVAL; /* there are no open files of the inode itself */
}

const struct inode_ops opened_ops = {
    .end = end,
    .refresh = refresh,
    .stat = show,
    .shown_ino = shown_ino,
    .may = may_use,
    .chmod = keeps_mode,
    .chown = inode_keeps_owner,
    .utimes = inode_keeps_times,
    .read = read,
    .write = write,
    .append = append,
    .truncate = inode_keeps_size,
    .allocate = inode_cannot_allocate,
};

/* SPDX-License-Identifier: MIT */
/*
 * Descriptors and their files: dup(2), dup2(2), dup3(2), fcntl(2), ftruncate(2),
 * fallocate(2), fsync(2), fdatasync(2), sync(2), syncfs(2), sync_file_range(2), fadvise64(2),
 * readahead(2), ioctl(2).
 */

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/inotify.h"
#include "lx/ioctl.h"
#include "lx/resource.h"
#include "lx/socket.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "shim/limit.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "sys/socket.h"
#include "vfs/inode.h"
#include "vfs/inotify.h"
#include "vfs/memfd.h"
#include "vfs/owner.h"
#include "vfs/pipe.h"
#include "vfs/socket.h"

static uint64_t fd_limit(const struct shim_task *t)
{
    return t->process->limits[LX_RLIMIT_NOFILE].rlim_cur;
}

int64_t sys_dup(struct shim_task *t, int32_t oldfd)
{
    struct vfs_file *file;
    int err = vfs_fdtable_get(t->process->fds, oldfd, &file);
    return err < 0 ? err : sys_install(t, file, 0);
}

static int64_t replace(struct shim_task *t, int32_t oldfd, int32_t newfd, uint32_t flags)
{
    struct vfs_file *file, *displaced;
    int err = vfs_fdtable_get(t->process->fds, oldfd, &file);
    if (err < 0)
        return err;
    if (newfd < 0 || (uint64_t)newfd >= fd_limit(t))
        err = -LX_EBADF;
    else
        err = vfs_fdtable_replace(t->process->fds, newfd, file, flags, &displaced);
    if (err == 0)
        vfs_file_put(displaced); /* dup(2): errors from this close are lost */
    vfs_file_put(file);
    return err < 0 ? err : newfd;
}

/*
 * Equal descriptors are refused before either is looked up, so dup3(-1, -1, 0)
 * is EINVAL although dup2(-1, -1) is EBADF.
 */
int64_t sys_dup3(struct shim_task *t, int32_t oldfd, int32_t newfd, uint32_t flags)
{
    if (flags & ~(uint32_t)LX_O_CLOEXEC || oldfd == newfd)
        return -LX_EINVAL;
    return replace(t, oldfd, newfd, flags & LX_O_CLOEXEC ? VFS_FD_CLOEXEC : 0);
}

int64_t sys_dup2(struct shim_task *t, int32_t oldfd, int32_t newfd)
{
    uint32_t flags;
    if (oldfd != newfd)
        return replace(t, oldfd, newfd, 0);
    int err = vfs_fdtable_flags(t->process->fds, oldfd, &flags);
    return err < 0 ? err : newfd;
}

#define SETTABLE (LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME)

/* O_ASYNC has no effect where Linux sends no SIGIO. */
static int set_flags(struct shim_task *t, int32_t fd, struct vfs_file *file, uint32_t flags)
{
    int changes = ((flags ^ file->flags) & LX_O_ASYNC) && vfs_async_is_known(file);
    int err = changes ? sys_owner_async(t, fd, file, (flags & LX_O_ASYNC) != 0) : 0;
    if (err == 0)
        vfs_file_set_flags(file, SETTABLE, flags);
    return err;
}

/* Nobody is told before another opens the file, so no lease can be given: fcntl(2). */
static int64_t set_lease(struct shim_task *t, const struct vfs_file *file, int32_t type)
{
    if (file->kind != VFS_FILE_REGULAR)
        return -LX_EINVAL;
    if (!vfs_owns(&t->process->fs->cred, file->inode))
        return -LX_EACCES;
    return type == LX_F_RDLCK || type == LX_F_WRLCK || type == LX_F_UNLCK ? -LX_EAGAIN : -LX_EINVAL;
}

int64_t sys_fd_is(struct shim_task *t, int32_t fd, const struct vfs_file *file)
{
    struct vfs_borrowed b;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result == 0)
        result = b.file == file;
    vfs_give_back(&b);
    return result;
}

static int64_t control(struct shim_task *t, int32_t fd, struct vfs_file *file, int32_t command,
                       uint64_t arg)
{
    uint32_t flags;
    int err;
    if (file->kind == VFS_FILE_PATH && command != LX_F_DUPFD && command != LX_F_DUPFD_CLOEXEC &&
        command != LX_F_DUPFD_QUERY && command != LX_F_GETFD && command != LX_F_SETFD &&
        command != LX_F_GETFL)
        return -LX_EBADF;
    switch (command) {
    case LX_F_DUPFD:
    case LX_F_DUPFD_CLOEXEC:
        if (arg >= fd_limit(t))
            return -LX_EINVAL;
        return vfs_fdtable_add(t->process->fds, file,
                               command == LX_F_DUPFD_CLOEXEC ? VFS_FD_CLOEXEC : 0, (int32_t)arg,
                               fd_limit(t));
    case LX_F_GETFD:
        err = vfs_fdtable_flags(t->process->fds, fd, &flags);
        return err < 0 ? err : (int64_t)(flags & VFS_FD_CLOEXEC);
    case LX_F_SETFD:
        return vfs_fdtable_set_flags(t->process->fds, fd, arg & LX_FD_CLOEXEC ? VFS_FD_CLOEXEC : 0);
    case LX_F_GETFL:
        return file->flags;
    case LX_F_SETFL:
        return set_flags(t, fd, file, (uint32_t)arg);
    case LX_F_DUPFD_QUERY:
        return sys_fd_is(t, (int32_t)arg, file);
    case LX_F_GETLK:
    case LX_F_OFD_GETLK:
    case LX_F_SETLK:
    case LX_F_SETLKW:
    case LX_F_OFD_SETLK:
    case LX_F_OFD_SETLKW:
        return sys_lock_control(t, fd, file, command, arg);
    case LX_F_GETPIPE_SZ:
        return file->kind == VFS_FILE_PIPE ? vfs_pipe_size(file) : -LX_EBADF;
    case LX_F_SETPIPE_SZ:
        return file->kind == VFS_FILE_PIPE ? vfs_pipe_set_size(file, (uint32_t)arg) : -LX_EBADF;
    case LX_F_GET_SEALS:
        return vfs_memfd_seals(file);
    case LX_F_ADD_SEALS:
        return vfs_memfd_add_seals(file, (uint32_t)arg);
    case LX_F_SETOWN:
    case LX_F_GETOWN:
    case LX_F_SETOWN_EX:
    case LX_F_GETOWN_EX:
    case LX_F_SETSIG:
    case LX_F_GETSIG:
        return sys_owner_control(t, file, command, arg);
    case LX_F_SETLEASE:
        return set_lease(t, file, (int32_t)arg);
    case LX_F_GETLEASE:
        return LX_F_UNLCK;
    case LX_F_NOTIFY:
        return sys_owner_notify(t, fd, file, (uint32_t)arg);
    default:
        return -LX_EINVAL;
    }
}

int64_t sys_fcntl(struct shim_task *t, int32_t fd, int32_t command, uint64_t arg)
{
    struct vfs_borrowed b;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result == 0)
        result = control(t, fd, b.file, command, arg);
    vfs_give_back(&b);
    return result;
}

/* Check a descriptor for a call that has nothing else to do. */
static int64_t check_fd(struct shim_task *t, int32_t fd)
{
    struct vfs_path where;
    int err = sys_fd_path(t, fd, 1, &where);
    vfs_path_put(&where);
    return err;
}

int64_t sys_ftruncate(struct shim_task *t, int32_t fd, int64_t size)
{
    struct vfs_borrowed b;
    if (size < 0)
        return -LX_EINVAL;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err == 0 && b.file->kind == VFS_FILE_REGULAR && vfs_file_may(b.file, PLAT_WRITE)) {
        err = shim_limit_file_size(t, vfs_file_size(b.file), (uint64_t)size);
        if (err == 0)
            err = vfs_drop_privileges(&t->process->fs->cred, b.file->inode);
    }
    if (err == 0)
        err = vfs_file_truncate(b.file, (uint64_t)size);
    vfs_give_back(&b);
    return err;
}

/* Holes, zeros or space; a hole never changes the size. */
static int has_fallocate_mode(uint32_t mode)
{
    if (mode & LX_FALLOC_FL_PUNCH_HOLE)
        return mode == (LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_KEEP_SIZE);
    return (mode & ~(uint32_t)(LX_FALLOC_FL_ZERO_RANGE | LX_FALLOC_FL_KEEP_SIZE)) == 0;
}

int64_t sys_fallocate(struct shim_task *t, int32_t fd, uint32_t mode, int64_t offset, int64_t size)
{
    struct vfs_borrowed b;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    int64_t end;
    if (b.file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    else if (offset < 0 || size <= 0)
        err = -LX_EINVAL;
    else if (!has_fallocate_mode(mode))
        err = -LX_EOPNOTSUPP;
    else if (!vfs_file_may(b.file, PLAT_WRITE))
        err = -LX_EBADF;
    else if (b.file->kind == VFS_FILE_PIPE)
        err = -LX_ESPIPE;
    else if (b.file->kind != VFS_FILE_REGULAR)
        err = b.file->kind == VFS_FILE_MQUEUE ? -LX_EOPNOTSUPP : -LX_ENODEV;
    else if (__builtin_add_overflow(offset, size, &end))
        err = -LX_EFBIG;
    else if (!(mode & LX_FALLOC_FL_KEEP_SIZE))
        err = shim_limit_file_size(t, vfs_file_size(b.file), (uint64_t)end);
    if (err == 0)
        err = vfs_drop_privileges(&t->process->fs->cred, b.file->inode);
    if (err == 0)
        err = vfs_inode_allocate(b.file->inode, mode, (uint64_t)offset, (uint64_t)size);
    if (err == 0)
        vfs_notify(b.file->inode, b.file, LX_IN_MODIFY);
    vfs_give_back(&b);
    return err;
}

static int is_disk_stream(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_STREAM && file->stream_kind == PLAT_STREAM_FILE;
}

/* Nothing of ours outlives the container: there is nothing to write back. */
static int64_t synchronise(struct shim_task *t, int32_t fd)
{
    struct vfs_borrowed b;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err == 0 && b.file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    else if (err == 0 && b.file->kind != VFS_FILE_REGULAR && b.file->kind != VFS_FILE_DIRECTORY &&
             !is_disk_stream(b.file))
        err = -LX_EINVAL;
    else if (err == 0 && b.file->inode && b.file->inode->owner == VFS_OF_PROC)
        err = -LX_EINVAL;
    if (err == 0)
        err = vfs_file_sync(b.file);
    vfs_give_back(&b);
    return err;
}

int64_t sys_fsync(struct shim_task *t, int32_t fd)
{
    return synchronise(t, fd);
}

int64_t sys_fdatasync(struct shim_task *t, int32_t fd)
{
    return synchronise(t, fd);
}

int64_t sys_syncfs(struct shim_task *t, int32_t fd)
{
    return check_fd(t, fd);
}

int64_t sys_sync_file_range(struct shim_task *t, int32_t fd, int64_t offset, int64_t size,
                            uint32_t flags)
{
    struct vfs_borrowed b;
    int64_t end;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    if (b.file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    else if (flags & ~(uint32_t)LX_SYNC_FILE_RANGE_ALL || offset < 0 || size < 0 ||
             __builtin_add_overflow(offset, size, &end))
        err = -LX_EINVAL;
    else if (b.file->kind != VFS_FILE_REGULAR && b.file->kind != VFS_FILE_DIRECTORY &&
             !is_disk_stream(b.file))
        err = -LX_ESPIPE;
    vfs_give_back(&b);
    return err;
}

int64_t sys_sync(struct shim_task *t)
{
    (void)t;
    return 0;
}

int64_t sys_fadvise64(struct shim_task *t, int32_t fd, int64_t offset, uint64_t size,
                      int32_t advice)
{
    struct vfs_borrowed b;
    (void)offset;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err == 0 && b.file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    else if (err == 0 && b.file->kind == VFS_FILE_PIPE)
        err = -LX_ESPIPE;
    else if (err == 0 &&
             (advice < LX_POSIX_FADV_NORMAL || advice > LX_POSIX_FADV_NOREUSE || (int64_t)size < 0))
        err = -LX_EINVAL;
    vfs_give_back(&b);
    return err;
}

int64_t sys_readahead(struct shim_task *t, int32_t fd, int64_t offset, uint64_t size)
{
    struct vfs_borrowed b;
    (void)offset, (void)size;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err == 0 && !vfs_file_may(b.file, PLAT_READ))
        err = -LX_EBADF;
    else if (err == 0 && b.file->kind != VFS_FILE_REGULAR)
        err = -LX_EINVAL;
    vfs_give_back(&b);
    return err;
}

/* ---- ioctl(2) ---- */

/* A console shows itself as a terminal in its usual, cooked state. */
static int64_t terminal_control(struct shim_task *t, uint32_t stream, uint32_t request, lx_uptr arg)
{
    struct plat_winsize size;
    if (plat_stream_winsize(stream, &size) < 0)
        return -LX_ENOTTY;
    switch (request) {
    case LX_TCGETS: {
        static const struct lx_termios cooked = {
            .c_iflag = LX_ICRNL | LX_IXON | LX_IUTF8,
            .c_oflag = LX_OPOST | LX_ONLCR,
            .c_cflag = LX_B38400 | LX_CS8 | LX_CREAD,
            .c_lflag = LX_ISIG | LX_ICANON | LX_ECHO | LX_ECHOE | LX_ECHOK | LX_ECHOCTL |
                       LX_ECHOKE | LX_IEXTEN,
            .c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0},
        };
        return shim_copy_out(arg, &cooked, sizeof cooked);
    }
    case LX_TCSETS:
    case LX_TCSETSW:
    case LX_TCSETSF: { /* Differs from Linux: the console stays as it is, in its cooked state */
        struct lx_termios wanted;
        return shim_copy_in(&wanted, arg, sizeof wanted);
    }
    case LX_TIOCGWINSZ: {
        struct lx_winsize ws = {size.rows, size.columns, 0, 0};
        return shim_copy_out(arg, &ws, sizeof ws);
    }
    case LX_TIOCGPGRP:
        return shim_copy_out(arg, &t->process->pgid, sizeof t->process->pgid);
    case LX_TIOCGSID:
        return shim_copy_out(arg, &t->process->sid, sizeof t->process->sid);
    case LX_TIOCSPGRP:
        return 0; /* one process group */
    default:
        return -LX_EINVAL;
    }
}

/* SIOCOUTQ, a terminal's TIOCOUTQ: what a socket has sent and nobody has taken. */
static int64_t socket_control(struct shim_task *t, struct vfs_file *file, uint32_t request,
                              lx_uptr arg)
{
    int64_t result;
    int32_t value;
    switch (request) {
    case LX_SIOCOUTQ:
        result = vfs_socket_unsent(file);
        break;
    case LX_SIOCATMARK:
        result = vfs_socket_at_mark(file);
        break;
    case LX_FIOSETOWN:
    case LX_SIOCSPGRP:
        result = shim_copy_in(&value, arg, sizeof value);
        return result < 0 ? result : sys_owner_control(t, file, LX_F_SETOWN, (uint32_t)value);
    case LX_FIOGETOWN:
    case LX_SIOCGPGRP:
        value = (int32_t)sys_owner_control(t, file, LX_F_GETOWN, 0);
        return shim_copy_out(arg, &value, sizeof value);
    default:
        return sys_interface_control(vfs_socket_family(file), request, arg);
    }
    if (result < 0)
        return result;
    value = (int32_t)result;
    return shim_copy_out(arg, &value, sizeof value);
}

static int64_t file_control(struct shim_task *t, int32_t fd, struct vfs_file *file,
                            uint32_t request, lx_uptr arg)
{
    int32_t value;
    int err;
    switch (request) {
    case LX_FIOCLEX:
        return vfs_fdtable_set_flags(t->process->fds, fd, VFS_FD_CLOEXEC);
    case LX_FIONCLEX:
        return vfs_fdtable_set_flags(t->process->fds, fd, 0);
    case LX_FIONBIO:
        err = shim_copy_in(&value, arg, sizeof value);
        if (err == 0)
            vfs_file_set_flags(file, LX_O_NONBLOCK, value ? LX_O_NONBLOCK : 0);
        return err;
    case LX_FIOASYNC:
        err = shim_copy_in(&value, arg, sizeof value);
        if (err == 0 && !value != !(file->flags & LX_O_ASYNC))
            err = vfs_async_is_known(file) ? sys_owner_async(t, fd, file, value != 0) : -LX_ENOTTY;
        return err;
    case LX_FIONREAD: {
        int64_t available = vfs_file_available(file);
        if (available < 0)
            return available;
        value = available > INT32_MAX ? INT32_MAX : (int32_t)available;
        return shim_copy_out(arg, &value, sizeof value);
    }
    default:
        break;
    }
    if (file->kind == VFS_FILE_SOCKET)
        return socket_control(t, file, request, arg);
    if (file->kind == VFS_FILE_TTY || file->kind == VFS_FILE_PTMX)
        return sys_tty_control(t, file, request, arg);
    return file->kind == VFS_FILE_STREAM ? terminal_control(t, file->stream, request, arg)
                                         : -LX_ENOTTY;
}

int64_t sys_ioctl(struct shim_task *t, int32_t fd, uint32_t request, lx_uptr arg)
{
    struct vfs_borrowed b;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result == 0)
        result =
            b.file->kind == VFS_FILE_PATH ? -LX_EBADF : file_control(t, fd, b.file, request, arg);
    vfs_give_back(&b);
    return result;
}

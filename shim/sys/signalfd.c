/* SPDX-License-Identifier: MIT */
/* signalfd(2), signalfd4(2). */

#include "vfs/signalfd.h"

#include "lx/errno.h"
#include "lx/fcntl.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "sys/file.h"

static int pending(uint64_t set)
{
    struct shim_task *t = shim_task_self();
    return ((t->pending.set | t->process->pending.set) & set) != 0;
}

static uint32_t take(uint64_t set, struct lx_siginfo *info)
{
    return shim_signal_take(shim_task_self(), set, info);
}

static struct core_waitq *waitq(void)
{
    return shim_signal_waitq(shim_task_self()->process);
}

void shim_signalfd_init(void)
{
    static const struct vfs_signal_provider provider = {
        pending, take, waitq, shim_signal_owners_later, shim_signal_owners};
    vfs_signalfd_provide(&provider);
}

int64_t sys_signalfd4(struct shim_task *t, int32_t fd, lx_uptr mask, uint64_t size, uint32_t flags)
{
    uint64_t set;
    struct vfs_file *file;
    if (size != sizeof set)
        return -LX_EINVAL;
    int err = shim_copy_in(&set, mask, sizeof set);
    if (err < 0)
        return err;
    if (flags & ~(uint32_t)(LX_SFD_CLOEXEC | LX_SFD_NONBLOCK))
        return -LX_EINVAL;
    set &= ~SHIM_SIGNAL_UNBLOCKABLE;
    if (fd == -1) {
        err = vfs_signalfd_new(set, flags & LX_SFD_NONBLOCK ? LX_O_NONBLOCK : 0, &file);
        return err < 0 ? err : sys_install(t, file, flags & LX_SFD_CLOEXEC ? VFS_FD_CLOEXEC : 0);
    }
    err = vfs_fdtable_get(t->process->fds, fd, &file);
    if (err < 0)
        return err;
    if (file->kind == VFS_FILE_SIGNALFD)
        vfs_signalfd_set(file, set);
    else
        err = file->kind == VFS_FILE_PATH ? -LX_EBADF : -LX_EINVAL;
    vfs_file_put(file);
    return err < 0 ? err : fd;
}

int64_t sys_signalfd(struct shim_task *t, int32_t fd, lx_uptr mask, uint64_t size)
{
    return sys_signalfd4(t, fd, mask, size, 0);
}

/* SPDX-License-Identifier: MIT */
/* Signals as a file. */

#include "vfs/signalfd.h"

#include <stdatomic.h>

#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"

void vfs_signalfd_provide(const struct vfs_signal_provider *provider)
{
    g_providers.signals = provider;
}

int vfs_signalfd_new(uint64_t set, uint32_t flags, struct vfs_file **out)
{
    int err = vfs_file_new(VFS_FILE_SIGNALFD, LX_O_RDWR | (flags & LX_O_NONBLOCK), NULL, out);
    if (err == 0)
        (*out)->signals = set;
    return err;
}

void vfs_signalfd_set(struct vfs_file *file, uint64_t set)
{
    atomic_store(&file->signals, set);
    core_waitq_wake(g_providers.signals->waitq(), LX_POLLIN,
                    UINT32_MAX); /* what it waits for changed */
}

/* Which members are meant depends on where it comes from: signalfd_copyinfo() in Linux. */
static void convert(const struct lx_siginfo *from, struct lx_signalfd_siginfo *to)
{
    uint32_t sig = (uint32_t)from->si_signo;
    memset(to, 0, sizeof *to);
    to->ssi_signo = sig;
    to->ssi_errno = from->si_errno;
    to->ssi_code = from->si_code;
    if (from->si_code == LX_SI_TIMER) {
        to->ssi_tid = (uint32_t)from->si_pid; /* the union's first two: si_timerid, si_overrun */
        to->ssi_overrun = from->si_uid;
        to->ssi_ptr = from->si_value;
        to->ssi_int = (int32_t)from->si_value;
    } else if (from->si_code == LX_SI_SIGIO || (from->si_code > 0 && sig == LX_SIGPOLL)) {
        to->ssi_band = (uint32_t)from->si_band;
        to->ssi_fd = from->si_fd;
    } else if (from->si_code > 0 && from->si_code != LX_SI_KERNEL &&
               (sig == LX_SIGSEGV || sig == LX_SIGBUS || sig == LX_SIGILL || sig == LX_SIGFPE ||
                sig == LX_SIGTRAP)) {
        to->ssi_addr = from->si_addr;
        to->ssi_addr_lsb = sig == LX_SIGBUS ? (uint16_t)from->si_addr_lsb : 0;
    } else {
        to->ssi_pid = (uint32_t)from->si_pid;
        to->ssi_uid = from->si_uid;
        if (from->si_code > 0 && sig == LX_SIGCHLD) {
            to->ssi_status = from->si_status;
            to->ssi_utime = (uint64_t)from->si_utime;
            to->ssi_stime = (uint64_t)from->si_stime;
        } else if (from->si_code < 0 && from->si_code != LX_SI_TKILL) {
            to->ssi_ptr = from->si_value;
            to->ssi_int = (int32_t)from->si_value;
        }
    }
}

/* Take what is pending, as many as fit; 0: nothing. */
static int64_t try_read(struct vfs_file *file, uint8_t *buf, uint64_t count)
{
    uint64_t set = atomic_load(&file->signals), done = 0;
    struct lx_siginfo info;
    struct lx_signalfd_siginfo out;
    while (done < count && g_providers.signals->pending(set) &&
           g_providers.signals->take(set, &info)) {
        convert(&info, &out);
        if (plat_copy_guest(buf + done * sizeof out, &out,
                            sizeof out)) /* as in Linux, it is lost */
            return done ? (int64_t)(done * sizeof out) : -LX_EFAULT;
        done++;
    }
    return (int64_t)(done * sizeof out);
}

int64_t vfs_signalfd_read(struct vfs_file *file, void *buf, uint64_t size,
                          struct core_sleeper *self)
{
    uint64_t count = size / sizeof(struct lx_signalfd_siginfo);
    if (!count)
        return -LX_EINVAL;
    int64_t result = try_read(file, buf, count);
    if (result)
        return result;
    int err = file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : 0;
    if (err == 0)
        core_waitq_add(g_providers.signals->waitq(), &self->waiter, self, LX_POLLIN);
    while (err == 0 && !(result = try_read(file, buf, count)))
        err = core_sleep(self, 0, PLAT_FOREVER);
    core_waitq_remove(&self->waiter);
    return result ? result : err;
}

uint32_t vfs_signalfd_poll(struct vfs_file *file)
{
    return g_providers.signals->pending(atomic_load(&file->signals)) ? LX_POLLIN : 0;
}

struct core_waitq *vfs_signalfd_waitq(struct vfs_file *file)
{
    (void)file;
    return g_providers.signals->waitq();
}

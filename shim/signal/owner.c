/* SPDX-License-Identifier: MIT */
/* Signals for the owners of open files: fcntl(2), F_SETOWN and F_SETSIG. */

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "vfs/owner.h"

/* It is for whoever the one that named him could have sent a signal: sigio_perm() in Linux. */
static int may_tell(const struct vfs_owner *owner, const struct shim_process *p)
{
    const struct shim_cred *c = &p->cred;
    return !owner->euid || owner->euid == c->suid || owner->euid == c->uid ||
           owner->uid == c->suid || owner->uid == c->uid;
}

/* Signals whose codes mean something else. */
static int has_own_codes(int32_t sig)
{
    return sig == LX_SIGILL || sig == LX_SIGFPE || sig == LX_SIGSEGV || sig == LX_SIGBUS ||
           sig == LX_SIGTRAP || sig == LX_SIGCHLD || sig == LX_SIGSYS;
}

/* send_sigio_to_task() in Linux. */
static void describe(const struct vfs_owner_signal *s, struct lx_siginfo *info)
{
    static const int64_t bands[] = {
        [LX_POLL_IN] = LX_POLLIN | LX_POLLRDNORM,
        [LX_POLL_OUT] = LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND,
        [LX_POLL_MSG] = LX_POLLIN | LX_POLLRDNORM | LX_POLLMSG,
        [LX_POLL_ERR] = LX_POLLERR,
        [LX_POLL_PRI] = LX_POLLPRI | LX_POLLRDBAND,
        [LX_POLL_HUP] = LX_POLLHUP | LX_POLLERR,
    };
    shim_signal_of_kernel(info, s->number);
    if (!s->code)
        return;
    info->si_code = has_own_codes(s->number) ? LX_SI_SIGIO : s->code;
    info->si_band = bands[s->code];
    info->si_fd = s->fd;
}

/* t: NULL: any thread of the process. */
static int send_locked(struct shim_process *p, struct shim_task *t, const struct lx_siginfo *info)
{
    return t ? shim_signal_send_task_locked(t, info) : shim_signal_send_process_locked(p, info);
}

/* What cannot be queued becomes a SIGIO, which is never refused. */
static void tell_locked(const struct vfs_owner_signal *s, struct shim_process *p,
                        struct shim_task *t)
{
    struct lx_siginfo info;
    if (!may_tell(&s->owner, p))
        return;
    describe(s, &info);
    int err = send_locked(p, t, &info);
    if (err < 0) {
        shim_signal_of_kernel(&info, LX_SIGIO);
        err = send_locked(p, t, &info);
    }
}

static void tell_one_locked(const struct vfs_owner_signal *s)
{
    struct shim_task *t = shim_task_find_locked(s->owner.id);
    struct shim_process *p = t ? t->process : shim_process_find_locked(s->owner.id);
    if (p)
        tell_locked(s, p, s->owner.type == LX_F_OWNER_TID ? t : NULL);
}

static void tell_group_locked(const struct vfs_owner_signal *s)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid != s->owner.id)
            continue;
        tell_locked(s, p, NULL);
        shim_signal_note_group_locked(p, (uint32_t)s->number);
    }
}

static void tell_owner_locked(const struct vfs_owner_signal *s)
{
    if (s->owner.type == LX_F_OWNER_PGRP)
        tell_group_locked(s);
    else
        tell_one_locked(s);
}

void shim_signal_owners(void)
{
    struct shim_container *c = shim_container();
    if (!vfs_owner_signals_wait())
        return;
    core_lock_acquire(&c->lock); /* then what another thread has taken is sent, too */
    vfs_owner_signals_send(tell_owner_locked);
    shim_container_release(c);
}

void shim_signal_owners_later(void)
{
    struct shim_task *t = shim_task_self();
    if (t) /* else whoever runs here does it by himself */
        atomic_store(&t->attention, 1);
}

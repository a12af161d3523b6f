/* SPDX-License-Identifier: MIT */
/*
 * Owners of open files: fcntl(2), F_SETOWN and what belongs to it, and the signals for them.
 * Differs from Linux: an owner is known by his number, which may be another's after him.
 */

#include "lx/errno.h"
#include "lx/fcntl.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/signalfd.h"

/* Is there a task, process or group of this number? */
static int exists(int32_t id)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    int found = shim_task_find_locked(id) || shim_process_find_locked(id);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        found |= CORE_LIST_ENTRY(node, struct shim_process, in_table)->pgid == id;
    }
    shim_container_release(c);
    return found;
}

static int64_t set_owner(struct shim_task *t, struct vfs_file *file, uint8_t type, int32_t id)
{
    if (id && !exists(id))
        return -LX_ESRCH;
    file->owner_uid = t->process->cred.uid;
    file->owner_euid = t->process->cred.euid;
    file->owner_type = type;
    file->owner = id;
    return 0;
}

/* Who is gone owns nothing. */
static int32_t owner_of(const struct vfs_file *file)
{
    int32_t id = file->owner;
    return id && exists(id) ? id : 0;
}

int64_t sys_owner_control(struct shim_task *t, struct vfs_file *file, int32_t command, uint64_t arg)
{
    struct lx_f_owner_ex ex;
    int32_t id = (int32_t)arg;
    int err;
    switch (command) {
    case LX_F_SETOWN:
        if (id == INT32_MIN)
            return -LX_EINVAL;
        return set_owner(t, file, id < 0 ? LX_F_OWNER_PGRP : LX_F_OWNER_PID, id < 0 ? -id : id);
    case LX_F_GETOWN:
        return file->owner_type == LX_F_OWNER_PGRP ? -owner_of(file) : owner_of(file);
    case LX_F_SETOWN_EX:
        err = shim_copy_in(&ex, arg, sizeof ex);
        if (err == 0 && (ex.type < LX_F_OWNER_TID || ex.type > LX_F_OWNER_PGRP))
            err = -LX_EINVAL;
        return err < 0 ? err : set_owner(t, file, (uint8_t)ex.type, ex.pid);
    case LX_F_GETOWN_EX:
        ex = (struct lx_f_owner_ex){file->owner_type, owner_of(file)};
        return shim_copy_out(arg, &ex, sizeof ex);
    case LX_F_SETSIG:
        if (arg > SHIM_SIGNAL_COUNT)
            return -LX_EINVAL;
        file->signal = (uint8_t)arg;
        return 0;
    default: /* LX_F_GETSIG */
        return file->signal;
    }
}

/* ---- SIGURG ---- */

/* It is for whoever the one that named him could have sent a signal: sigio_perm() in Linux. */
static int may_tell(const struct vfs_owner *owner, const struct shim_process *p)
{
    const struct shim_cred *c = &p->cred;
    return !owner->euid || owner->euid == c->suid || owner->euid == c->uid ||
           owner->uid == c->suid || owner->uid == c->uid;
}

/* A standard signal is never refused. */
static void tell_process_locked(const struct vfs_owner *owner, struct shim_process *p,
                                const struct lx_siginfo *info)
{
    int err = may_tell(owner, p) ? shim_signal_send_process_locked(p, info) : 0;
    (void)err;
}

static void tell_one_locked(const struct vfs_owner *owner, const struct lx_siginfo *info)
{
    struct shim_task *t = shim_task_find_locked(owner->id);
    struct shim_process *p = t ? t->process : shim_process_find_locked(owner->id);
    if (!t || owner->type != LX_F_OWNER_TID) {
        if (p)
            tell_process_locked(owner, p, info);
        return;
    }
    int err = may_tell(owner, p) ? shim_signal_send_task_locked(t, info) : 0;
    (void)err;
}

static void tell_group_locked(const struct vfs_owner *owner, const struct lx_siginfo *info)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid != owner->id)
            continue;
        tell_process_locked(owner, p, info);
        shim_signal_note_group_locked(p, (uint32_t)info->si_signo);
    }
}

void sys_owner_tell(const struct vfs_owner *owner, int32_t sig)
{
    struct shim_container *c = shim_container();
    struct lx_siginfo info;
    shim_signal_of_kernel(&info, sig);
    core_lock_acquire(&c->lock);
    if (owner->type == LX_F_OWNER_PGRP)
        tell_group_locked(owner, &info);
    else
        tell_one_locked(owner, &info);
    shim_container_release(c);
}

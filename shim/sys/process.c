/* SPDX-License-Identifier: MIT */
/*
 * Ends and identities: exit(2), exit_group(2), wait4(2), waitid(2), getpid(2), gettid(2),
 * getppid(2), getpgid(2), setpgid(2), getsid(2), setsid(2), set_tid_address(2).
 */

#include "lx/errno.h"
#include "lx/wait.h"
#include "shim/syscall.h"
#include "shim/task.h"

int64_t sys_exit(struct shim_task *t, int32_t status)
{
    shim_task_exit(t, ((uint32_t)status & 0xff) << 8);
}

int64_t sys_exit_group(struct shim_task *t, int32_t status)
{
    shim_process_exit(t, ((uint32_t)status & 0xff) << 8);
}

/* A process has no children as long as it cannot fork. */
int64_t sys_wait4(struct shim_task *t, int32_t pid, lx_uptr status, int32_t options, lx_uptr usage)
{
    (void)t, (void)status, (void)usage;
    uint32_t known =
        LX_WNOHANG | LX_WUNTRACED | LX_WCONTINUED | LX___WNOTHREAD | LX___WALL | LX___WCLONE;
    if ((uint32_t)options & ~known)
        return -LX_EINVAL;
    return pid == INT32_MIN ? -LX_ESRCH : -LX_ECHILD;
}

int64_t sys_waitid(struct shim_task *t, int32_t type, int32_t id, lx_uptr info, int32_t options,
                   lx_uptr usage)
{
    (void)t, (void)info, (void)usage;
    uint32_t events = LX_WEXITED | LX_WSTOPPED | LX_WCONTINUED;
    uint32_t known = events | LX_WNOHANG | LX_WNOWAIT | LX___WNOTHREAD | LX___WALL | LX___WCLONE;
    if ((uint32_t)options & ~known || !((uint32_t)options & events))
        return -LX_EINVAL;
    if (type < LX_P_ALL || type > LX_P_PIDFD || (type == LX_P_PID && id <= 0))
        return -LX_EINVAL;
    return type == LX_P_PIDFD ? -LX_EBADF : -LX_ECHILD;
}

int64_t sys_getpid(struct shim_task *t)
{
    return t->process->pid;
}

int64_t sys_gettid(struct shim_task *t)
{
    return t->tid;
}

int64_t sys_getppid(struct shim_task *t)
{
    return t->process->ppid;
}

int64_t sys_getpgrp(struct shim_task *t)
{
    return t->process->pgid;
}

/* The process with this id, 0 meaning the caller's; NULL: none. */
static const struct shim_process *find(struct shim_task *t, int32_t pid)
{
    if (pid == 0 || pid == t->process->pid)
        return t->process;
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    const struct shim_task *other = shim_task_find_locked(pid);
    core_lock_release(&c->lock);
    return other ? t->process : NULL; /* another thread's tid: as yet there is one process */
}

int64_t sys_getpgid(struct shim_task *t, int32_t pid)
{
    const struct shim_process *p = find(t, pid);
    return p ? p->pgid : -LX_ESRCH;
}

int64_t sys_getsid(struct shim_task *t, int32_t pid)
{
    const struct shim_process *p = find(t, pid);
    return p ? p->sid : -LX_ESRCH;
}

int64_t sys_setpgid(struct shim_task *t, int32_t pid, int32_t pgid)
{
    struct shim_process *p = t->process;
    if (!pgid)
        pgid = pid;
    if (pgid < 0)
        return -LX_EINVAL;
    if (pid && pid != p->pid)
        return -LX_ESRCH;
    if (p->sid == p->pid)
        return -LX_EPERM; /* a session leader */
    if (pgid && pgid != p->pid)
        return -LX_EPERM;
    p->pgid = p->pid;
    return 0;
}

int64_t sys_setsid(struct shim_task *t)
{
    struct shim_process *p = t->process;
    if (p->pgid == p->pid)
        return -LX_EPERM;
    p->sid = p->pgid = p->pid;
    return p->sid;
}

int64_t sys_set_tid_address(struct shim_task *t, lx_uptr tidptr)
{
    t->clear_child_tid = tidptr;
    return t->tid;
}

/* SPDX-License-Identifier: MIT */
/*
 * Ends and identities: exit(2), exit_group(2), getpid(2), gettid(2), getppid(2), getpgrp(2),
 * getpgid(2), setpgid(2), getsid(2), setsid(2), set_tid_address(2).
 */

#include "shim/process.h"
#include "lx/errno.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/terminal.h"

int64_t sys_exit(struct shim_task *t, int32_t status)
{
    shim_task_exit(t, ((uint32_t)status & 0xff) << 8);
}

int64_t sys_exit_group(struct shim_task *t, int32_t status)
{
    shim_process_exit(t, ((uint32_t)status & 0xff) << 8);
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

/* The process with this id or a thread with it, 0 meaning the caller's; NULL: none. */
static struct shim_process *find_locked(struct shim_task *t, int32_t pid)
{
    if (pid == 0)
        return t->process;
    struct shim_process *p = shim_process_find_locked(pid);
    struct shim_task *other = p ? NULL : shim_task_find_locked(pid);
    return other ? other->process : p;
}

int64_t sys_getpgid(struct shim_task *t, int32_t pid)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    const struct shim_process *p = find_locked(t, pid);
    int64_t result = p ? p->pgid : -LX_ESRCH;
    shim_container_release(c);
    return result;
}

int64_t sys_getsid(struct shim_task *t, int32_t pid)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    const struct shim_process *p = find_locked(t, pid);
    int64_t result = p ? p->sid : -LX_ESRCH;
    shim_container_release(c);
    return result;
}

/* Is there a process of this session in the group? */
static int group_is_in_session_locked(int32_t pgid, int32_t sid)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid == pgid && p->sid == sid)
            return 1;
    }
    return 0;
}

/* In Linux' order of checks. */
static int64_t set_group_locked(struct shim_task *t, int32_t pid, int32_t pgid)
{
    struct shim_process *self = t->process, *p = shim_process_find_locked(pid);
    if (!p)
        return -LX_ESRCH;
    if (p->parent == self && p != self) {
        if (p->sid != self->sid)
            return -LX_EPERM;
        if (p->exec_count)
            return -LX_EACCES;
    } else if (p != self) {
        return -LX_ESRCH;
    }
    if (p->sid == p->pid)
        return -LX_EPERM; /* a session leader */
    if (pgid != pid && !group_is_in_session_locked(pgid, self->sid))
        return -LX_EPERM;
    p->pgid = pgid;
    return 0;
}

int64_t sys_setpgid(struct shim_task *t, int32_t pid, int32_t pgid)
{
    struct shim_container *c = shim_container();
    if (!pid)
        pid = t->process->pid;
    if (!pgid)
        pgid = pid;
    if (pgid < 0)
        return -LX_EINVAL;
    core_lock_acquire(&c->lock);
    int64_t result = set_group_locked(t, pid, pgid);
    shim_container_release(c);
    return result;
}

int64_t sys_setsid(struct shim_task *t)
{
    struct shim_container *c = shim_container();
    struct shim_process *self = t->process;
    int64_t result = self->pid;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        if (CORE_LIST_ENTRY(node, struct shim_process, in_table)->pgid == self->pid)
            result = -LX_EPERM; /* setsid(2): the id is a group's */
    }
    if (result > 0) {
        self->pgid = self->pid;
        self->sid = self->pid;
        shim_terminal_drop_locked(self);
    }
    shim_container_release(c);
    return result;
}

int64_t sys_set_tid_address(struct shim_task *t, lx_uptr tidptr)
{
    t->clear_child_tid = tidptr;
    return t->tid;
}

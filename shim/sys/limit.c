/* SPDX-License-Identifier: MIT */
/*
 * Limits and priorities: getrlimit(2), setrlimit(2), prlimit64(2), getpriority(2),
 * setpriority(2), ioprio_get(2), ioprio_set(2).
 *
 * The host schedules; priorities are checked and stored where programs can see them.
 */

#include "shim/limit.h"

#include "lx/errno.h"
#include "lx/resource.h"
#include "shim/cred.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define NICE_BASE 20 /* getpriority(2) returns 20 - nice, so that it is never negative */

/* ---- Limits ---- */

/* check_prlimit_permission() in Linux: all the other's ids are the caller's real ones. */
static int may_limit(const struct shim_process *p, const struct shim_process *other)
{
    const struct shim_cred *a = &p->cred, *b = &other->cred;
    return p == other || shim_process_capable(p, LX_CAP_SYS_RESOURCE) ||
           (a->uid == b->uid && a->uid == b->euid && a->uid == b->suid && a->gid == b->gid &&
            a->gid == b->egid && a->gid == b->sgid);
}

/* Read a limit and set it, if `limit` is not NULL. */
static int change_limit(struct shim_task *t, struct shim_process *p, uint32_t resource,
                        const struct lx_rlimit64 *limit, struct lx_rlimit64 *old)
{
    if (resource >= SHIM_RLIMIT_COUNT || (limit && limit->rlim_cur > limit->rlim_max))
        return -LX_EINVAL;
    if (limit && resource == LX_RLIMIT_NOFILE && limit->rlim_max > SHIM_FILES_MAX)
        return -LX_EPERM;
    int err = 0;
    core_lock_acquire(&p->lock);
    *old = p->limits[resource];
    if (limit && limit->rlim_max > old->rlim_max && !shim_capable(t, LX_CAP_SYS_RESOURCE))
        err = -LX_EPERM;
    else if (limit)
        p->limits[resource] = *limit;
    core_lock_release(&p->lock);
    return err;
}

/* A limit of the caller's own that somebody has to watch. */
static int begin_limit(struct shim_task *t, uint32_t resource, const struct lx_rlimit64 *limit)
{
    if (resource != LX_RLIMIT_CPU || limit->rlim_cur == LX_RLIM64_INFINITY)
        return 0;
    return shim_timers_limit(t->process);
}

int64_t sys_prlimit64(struct shim_task *t, int32_t pid, uint32_t resource, lx_uptr new_limit,
                      lx_uptr old_limit)
{
    struct shim_container *c = shim_container();
    struct lx_rlimit64 limit, old;
    int err = new_limit ? shim_copy_in(&limit, new_limit, sizeof limit) : 0;
    if (err < 0)
        return err;
    core_lock_acquire(&c->lock);
    const struct shim_task *other = pid ? shim_task_find_locked(pid) : t;
    if (!other)
        err = -LX_ESRCH;
    else if (!may_limit(t->process, other->process))
        err = -LX_EPERM;
    else
        err = change_limit(t, other->process, resource, new_limit ? &limit : NULL, &old);
    int is_own = other && other->process == t->process;
    shim_container_release(c);
    if (err == 0 && new_limit && is_own)
        err = begin_limit(t, resource, &limit);
    return err == 0 && old_limit ? shim_copy_out(old_limit, &old, sizeof old) : err;
}

int64_t sys_getrlimit(struct shim_task *t, uint32_t resource, lx_uptr limit)
{
    struct lx_rlimit64 old;
    int err = change_limit(t, t->process, resource, NULL, &old);
    return err < 0 ? err : shim_copy_out(limit, &old, sizeof old);
}

int64_t sys_setrlimit(struct shim_task *t, uint32_t resource, lx_uptr limit)
{
    struct lx_rlimit64 value, old;
    int err = shim_copy_in(&value, limit, sizeof value);
    if (err == 0)
        err = change_limit(t, t->process, resource, &value, &old);
    return err < 0 ? err : begin_limit(t, resource, &value);
}

/* ---- Priorities ---- */

/* Whom a call is for: PRIO_* and an id, 0 meaning the caller's. */
struct whom {
    int32_t which;
    uint32_t who;
};

static struct whom whom_of(const struct shim_task *t, int32_t which, int32_t who)
{
    const struct shim_process *p = t->process;
    int32_t own = which == LX_PRIO_PROCESS ? t->tid
                  : which == LX_PRIO_PGRP  ? p->pgid
                                           : (int32_t)p->cred.uid;
    return (struct whom){which, (uint32_t)(who ? who : own)};
}

static int is_meant(const struct whom *w, const struct shim_task *t)
{
    switch (w->which) {
    case LX_PRIO_PROCESS:
        return (uint32_t)t->tid == w->who;
    case LX_PRIO_PGRP:
        return (uint32_t)t->process->pgid == w->who;
    default:
        return t->process->cred.uid == w->who;
    }
}

#define FOR_EACH_TASK(node) CORE_LIST_FOR_EACH(node, &shim_container()->tasks)
#define TASK_OF(node) CORE_LIST_ENTRY(node, struct shim_task, in_table)

/* The most favourable one. */
int64_t sys_getpriority(struct shim_task *t, int32_t which, int32_t who)
{
    if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
        return -LX_EINVAL;
    struct whom whom = whom_of(t, which, who);
    int64_t result = -LX_ESRCH;
    core_lock_acquire(&shim_container()->lock);
    FOR_EACH_TASK(node)
    {
        const struct shim_task *other = TASK_OF(node);
        if (is_meant(&whom, other) && NICE_BASE - other->nice > result)
            result = NICE_BASE - other->nice;
    }
    shim_container_release(shim_container());
    return result;
}

/* set_one_prio() in Linux; `err` is what came before. */
static int set_nice(const struct shim_process *p, struct shim_task *other, int32_t nice, int err)
{
    const struct shim_cred *a = &p->cred, *b = &other->process->cred;
    int privileged = shim_process_capable(p, LX_CAP_SYS_NICE);
    if (a->euid != b->uid && a->euid != b->euid && !privileged)
        return -LX_EPERM;
    if (nice < other->nice && !privileged &&
        (uint64_t)(NICE_BASE - nice) > other->process->limits[LX_RLIMIT_NICE].rlim_cur)
        return -LX_EACCES;
    if (b->permitted & ~a->permitted && !privileged) /* cap_safe_nice() */
        return -LX_EPERM;
    other->nice = nice;
    return err == -LX_ESRCH ? 0 : err;
}

int64_t sys_setpriority(struct shim_task *t, int32_t which, int32_t who, int32_t nice)
{
    if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
        return -LX_EINVAL;
    nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
    struct whom whom = whom_of(t, which, who);
    int err = -LX_ESRCH;
    core_lock_acquire(&shim_container()->lock);
    FOR_EACH_TASK(node)
    {
        if (is_meant(&whom, TASK_OF(node)))
            err = set_nice(t->process, TASK_OF(node), nice, err);
    }
    shim_container_release(shim_container());
    return err;
}

/* ---- Input and output ---- */

static int is_io_whom(int32_t which)
{
    return which >= LX_IOPRIO_WHO_PROCESS && which <= LX_IOPRIO_WHO_USER;
}

/* As above, but that user 0 is root: ioprio_set() in Linux looks at the number as it is. */
static struct whom io_whom_of(const struct shim_task *t, int32_t which, int32_t who)
{
    if (which == LX_IOPRIO_WHO_USER)
        return (struct whom){LX_PRIO_USER, (uint32_t)who};
    return whom_of(t, which - LX_IOPRIO_WHO_PROCESS, who);
}

/* ioprio_check_cap() in Linux */
static int check_ioprio(const struct shim_task *t, uint32_t ioprio)
{
    switch (LX_IOPRIO_CLASS(ioprio)) {
    case LX_IOPRIO_CLASS_RT:
        return shim_capable(t, LX_CAP_SYS_ADMIN) || shim_capable(t, LX_CAP_SYS_NICE) ? 0
                                                                                     : -LX_EPERM;
    case LX_IOPRIO_CLASS_BE:
    case LX_IOPRIO_CLASS_IDLE:
        return 0;
    case LX_IOPRIO_CLASS_NONE:
        return LX_IOPRIO_LEVEL(ioprio) ? -LX_EINVAL : 0;
    default:
        return -LX_EINVAL;
    }
}

int64_t sys_ioprio_set(struct shim_task *t, int32_t which, int32_t who, int32_t ioprio)
{
    const struct shim_cred *cred = &t->process->cred;
    int err = check_ioprio(t, (uint32_t)ioprio);
    if (err < 0)
        return err;
    if (!is_io_whom(which))
        return -LX_EINVAL;
    struct whom whom = io_whom_of(t, which, who);
    err = -LX_ESRCH;
    core_lock_acquire(&shim_container()->lock);
    FOR_EACH_TASK(node)
    {
        struct shim_task *other = TASK_OF(node);
        uint32_t uid = other->process->cred.uid;
        if (!is_meant(&whom, other))
            continue;
        err = uid == cred->uid || uid == cred->euid || shim_capable(t, LX_CAP_SYS_NICE) ? 0
                                                                                        : -LX_EPERM;
        if (err < 0)
            break;
        other->ioprio = (uint32_t)ioprio & 0xffff;
    }
    shim_container_release(shim_container());
    return err;
}

/* What counts for a thread that set none follows from its nice value: ioprio_get(2). */
static uint32_t effective_ioprio(const struct shim_task *t)
{
    return t->ioprio ? t->ioprio : LX_IOPRIO_CLASS_BE << 13 | (uint32_t)(NICE_BASE + t->nice) / 5;
}

/* Of one thread what it set, of several the best that counts. */
int64_t sys_ioprio_get(struct shim_task *t, int32_t which, int32_t who)
{
    if (!is_io_whom(which))
        return -LX_EINVAL;
    struct whom whom = io_whom_of(t, which, who);
    int64_t result = -LX_ESRCH;
    core_lock_acquire(&shim_container()->lock);
    FOR_EACH_TASK(node)
    {
        const struct shim_task *other = TASK_OF(node);
        if (!is_meant(&whom, other))
            continue;
        int64_t one = which == LX_IOPRIO_WHO_PROCESS ? other->ioprio : effective_ioprio(other);
        if (result < 0 || one < result)
            result = one;
    }
    shim_container_release(shim_container());
    return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * Scheduling: sched_yield(2), sched_getaffinity(2), sched_setaffinity(2),
 * sched_getscheduler(2), sched_setscheduler(2), sched_getparam(2), sched_setparam(2),
 * sched_get_priority_max(2), sched_get_priority_min(2), sched_rr_get_interval(2).
 *
 * The host schedules; what programs set is checked and stored where they can see it.
 */

#include "lx/sched.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define CPU_SET_WORDS 16 /* 1024 processors */

int64_t sys_sched_yield(struct shim_task *t)
{
    (void)t;
    plat_thread_yield(0);
    return 0;
}

static int exists(struct shim_task *t, int32_t tid)
{
    if (tid == 0 || tid == t->tid)
        return 1;
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    int found = shim_task_find_locked(tid) != NULL;
    core_lock_release(&c->lock);
    return found;
}

static uint64_t online_size(void)
{
    uint64_t words = (plat_cpu_count() + 63) / 64;
    return (words < CPU_SET_WORDS ? words : CPU_SET_WORDS) * 8;
}

static void online(uint64_t set[CPU_SET_WORDS])
{
    uint32_t count = plat_cpu_count();
    memset(set, 0, CPU_SET_WORDS * 8);
    for (uint32_t i = 0; i < count && i < CPU_SET_WORDS * 64; i++)
        set[i / 64] |= 1ull << (i % 64);
}

int64_t sys_sched_getaffinity(struct shim_task *t, int32_t pid, uint64_t size, lx_uptr mask)
{
    uint64_t set[CPU_SET_WORDS], need = online_size();
    if (size < need || size % 8)
        return -LX_EINVAL;
    if (pid < 0 || !exists(t, pid))
        return pid < 0 ? -LX_EINVAL : -LX_ESRCH;
    online(set);
    int err = shim_copy_out(mask, set, need);
    return err < 0 ? err : (int64_t)need;
}

/* Checked, and then left to the host. */
int64_t sys_sched_setaffinity(struct shim_task *t, int32_t pid, uint64_t size, lx_uptr mask)
{
    uint64_t set[CPU_SET_WORDS], have[CPU_SET_WORDS], any = 0;
    memset(set, 0, sizeof set);
    int err = shim_copy_in(set, mask, size < sizeof set ? size : sizeof set);
    if (err < 0)
        return err;
    if (pid < 0 || !exists(t, pid))
        return -LX_ESRCH;
    online(have);
    for (uint32_t i = 0; i < CPU_SET_WORDS; i++)
        any |= set[i] & have[i];
    return any ? 0 : -LX_EINVAL;
}

int64_t sys_sched_getscheduler(struct shim_task *t, int32_t pid)
{
    return pid < 0 ? -LX_EINVAL : exists(t, pid) ? LX_SCHED_NORMAL : -LX_ESRCH;
}

static int is_realtime(int32_t policy)
{
    return policy == LX_SCHED_FIFO || policy == LX_SCHED_RR;
}

int64_t sys_sched_setscheduler(struct shim_task *t, int32_t pid, int32_t policy, lx_uptr param)
{
    int32_t priority;
    if (pid < 0 || !param)
        return -LX_EINVAL;
    int err = shim_copy_in(&priority, param, sizeof priority);
    if (err < 0)
        return err;
    if (!exists(t, pid))
        return -LX_ESRCH;
    policy &= ~LX_SCHED_RESET_ON_FORK;
    if (is_realtime(policy))
        return priority < 1 || priority > 99 ? -LX_EINVAL : -LX_EPERM;
    if (policy != LX_SCHED_NORMAL && policy != LX_SCHED_BATCH && policy != LX_SCHED_IDLE)
        return -LX_EINVAL;
    return priority ? -LX_EINVAL : 0;
}

int64_t sys_sched_getparam(struct shim_task *t, int32_t pid, lx_uptr param)
{
    int32_t priority = 0;
    if (pid < 0 || !param)
        return -LX_EINVAL;
    return exists(t, pid) ? shim_copy_out(param, &priority, sizeof priority) : -LX_ESRCH;
}

int64_t sys_sched_setparam(struct shim_task *t, int32_t pid, lx_uptr param)
{
    return sys_sched_setscheduler(t, pid, LX_SCHED_NORMAL, param);
}

static int64_t priority_limit(int32_t policy, int64_t realtime)
{
    switch (policy) {
    case LX_SCHED_FIFO:
    case LX_SCHED_RR:
        return realtime;
    case LX_SCHED_NORMAL:
    case LX_SCHED_BATCH:
    case LX_SCHED_IDLE:
    case LX_SCHED_DEADLINE:
        return 0;
    default:
        return -LX_EINVAL;
    }
}

int64_t sys_sched_get_priority_max(struct shim_task *t, int32_t policy)
{
    (void)t;
    return priority_limit(policy, 99);
}

int64_t sys_sched_get_priority_min(struct shim_task *t, int32_t policy)
{
    (void)t;
    return priority_limit(policy, 1);
}

int64_t sys_sched_rr_get_interval(struct shim_task *t, int32_t pid, lx_uptr tp)
{
    struct lx_timespec slice = {0, 4000000};
    if (pid < 0)
        return -LX_EINVAL;
    return exists(t, pid) ? shim_copy_out(tp, &slice, sizeof slice) : -LX_ESRCH;
}

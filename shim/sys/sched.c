/* SPDX-License-Identifier: MIT */
/*
 * Scheduling: sched_yield(2), sched_getaffinity(2), sched_setaffinity(2),
 * sched_getscheduler(2), sched_setscheduler(2), sched_getparam(2), sched_setparam(2),
 * sched_setattr(2), sched_getattr(2), sched_get_priority_max(2), sched_get_priority_min(2),
 * sched_rr_get_interval(2).
 *
 * The host schedules; what programs set is checked and stored where they can see it.
 */

#include "lx/sched.h"

#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

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
    shim_container_release(c);
    return found;
}

/* What a task asked for; -LX_EINVAL, -LX_ESRCH. */
static int get_sched(struct shim_task *t, int32_t tid, struct shim_sched *out)
{
    struct shim_container *c = shim_container();
    if (tid < 0)
        return -LX_EINVAL;
    core_lock_acquire(&c->lock);
    const struct shim_task *other = tid ? shim_task_find_locked(tid) : t;
    if (other)
        *out = other->sched;
    shim_container_release(c);
    return other ? 0 : -LX_ESRCH;
}

static int set_sched(struct shim_task *t, int32_t tid, const struct shim_sched *sched)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_task *other = tid ? shim_task_find_locked(tid) : t;
    if (other)
        other->sched = *sched;
    shim_container_release(c);
    return other ? 0 : -LX_ESRCH;
}

static uint64_t online_size(void)
{
    uint64_t words = (plat_cpu_count() + 63) / 64;
    return (words < SHIM_CPU_WORDS ? words : SHIM_CPU_WORDS) * 8;
}

static void online(uint64_t set[SHIM_CPU_WORDS])
{
    uint32_t count = plat_cpu_count();
    memset(set, 0, SHIM_CPU_WORDS * 8);
    for (uint32_t i = 0; i < count && i < SHIM_CPU_WORDS * 64; i++)
        set[i / 64] |= 1ull << (i % 64);
}

int64_t sys_sched_getaffinity(struct shim_task *t, int32_t pid, uint64_t size, lx_uptr mask)
{
    uint64_t set[SHIM_CPU_WORDS], need = online_size(), any = 0;
    struct shim_sched sched;
    if (size < need || size % 8)
        return -LX_EINVAL;
    int err = pid < 0 ? -LX_ESRCH : get_sched(t, pid, &sched);
    if (err < 0)
        return err;
    online(set);
    for (uint32_t i = 0; i < SHIM_CPU_WORDS; i++)
        any |= sched.cpus[i];
    err = shim_copy_out(mask, any ? sched.cpus : set, need);
    return err < 0 ? err : (int64_t)need;
}

/*
 * Differs from Linux: the host is told for the calling thread only.  Another one's set is what
 * programs read back.
 */
int64_t sys_sched_setaffinity(struct shim_task *t, int32_t pid, uint64_t size, lx_uptr mask)
{
    uint64_t set[SHIM_CPU_WORDS], have[SHIM_CPU_WORDS], any = 0;
    struct shim_sched sched;
    memset(set, 0, sizeof set);
    int err = shim_copy_in(set, mask, size < sizeof set ? size : sizeof set);
    if (err < 0)
        return err;
    err = pid < 0 ? -LX_ESRCH : get_sched(t, pid, &sched);
    if (err < 0)
        return err;
    online(have);
    for (uint32_t i = 0; i < SHIM_CPU_WORDS; i++)
        any |= sched.cpus[i] = set[i] & have[i];
    if (!any)
        return -LX_EINVAL;
    if (pid == 0 || pid == t->tid)
        plat_cpu_bind(sched.cpus, SHIM_CPU_WORDS);
    return set_sched(t, pid, &sched);
}

static int is_realtime(int32_t policy)
{
    return policy == LX_SCHED_FIFO || policy == LX_SCHED_RR;
}

/* As a user without CAP_SYS_NICE, which containers do not have. */
static int check_policy(int32_t policy, int32_t priority)
{
    if (is_realtime(policy))
        return priority < 1 || priority > 99 ? -LX_EINVAL : -LX_EPERM;
    if (policy == LX_SCHED_DEADLINE)
        return -LX_EPERM;
    if (policy != LX_SCHED_NORMAL && policy != LX_SCHED_BATCH && policy != LX_SCHED_IDLE)
        return -LX_EINVAL;
    return priority ? -LX_EINVAL : 0;
}

int64_t sys_sched_getscheduler(struct shim_task *t, int32_t pid)
{
    struct shim_sched sched;
    int err = get_sched(t, pid, &sched);
    if (err < 0)
        return err;
    return sched.policy | (sched.reset_on_fork ? LX_SCHED_RESET_ON_FORK : 0);
}

int64_t sys_sched_setscheduler(struct shim_task *t, int32_t pid, int32_t policy, lx_uptr param)
{
    struct shim_sched sched;
    int32_t priority;
    if (pid < 0 || !param || policy < 0)
        return -LX_EINVAL;
    int err = shim_copy_in(&priority, param, sizeof priority);
    if (err == 0)
        err = get_sched(t, pid, &sched);
    if (err == 0)
        err = check_policy(policy & ~LX_SCHED_RESET_ON_FORK, priority);
    if (err < 0)
        return err;
    sched.policy = (uint32_t)(policy & ~LX_SCHED_RESET_ON_FORK);
    sched.reset_on_fork = (policy & LX_SCHED_RESET_ON_FORK) != 0;
    return set_sched(t, pid, &sched);
}

int64_t sys_sched_getparam(struct shim_task *t, int32_t pid, lx_uptr param)
{
    int32_t priority = 0;
    if (pid < 0 || !param)
        return -LX_EINVAL;
    return exists(t, pid) ? shim_copy_out(param, &priority, sizeof priority) : -LX_ESRCH;
}

/* The policy stays; none of those that we have takes a priority. */
int64_t sys_sched_setparam(struct shim_task *t, int32_t pid, lx_uptr param)
{
    int32_t priority;
    if (pid < 0 || !param)
        return -LX_EINVAL;
    int err = shim_copy_in(&priority, param, sizeof priority);
    if (err < 0)
        return err;
    return !exists(t, pid) ? -LX_ESRCH : priority ? -LX_EINVAL : 0;
}

/* A structure that grows: a longer one than ours must be zero behind it, or says E2BIG. */
static int copy_attr(struct lx_sched_attr *a, lx_uptr from)
{
    uint32_t size;
    const uint32_t ours = sizeof *a;
    memset(a, 0, sizeof *a);
    int err = shim_copy_in(&size, from, sizeof size);
    if (err < 0)
        return err;
    if (!size)
        size = LX_SCHED_ATTR_SIZE_VER0;
    err = size < LX_SCHED_ATTR_SIZE_VER0 || size > CORE_PAGE_SIZE ? -LX_E2BIG : 0;
    for (uint32_t at = ours; err == 0 && at < size; at++) {
        char byte;
        err = shim_copy_in(&byte, from + at, 1);
        if (err == 0 && byte)
            err = -LX_E2BIG;
    }
    if (err == 0)
        return shim_copy_in(a, from, size < ours ? size : ours);
    if (err == -LX_E2BIG && shim_copy_out(from, &ours, sizeof ours) < 0)
        return -LX_EFAULT;
    return err;
}

#define CLAMPS (LX_SCHED_FLAG_UTIL_CLAMP_MIN | LX_SCHED_FLAG_UTIL_CLAMP_MAX)
#define ATTR_FLAGS                                                                    \
    (LX_SCHED_FLAG_RESET_ON_FORK | LX_SCHED_FLAG_RECLAIM | LX_SCHED_FLAG_DL_OVERRUN | \
     LX_SCHED_FLAG_KEEP_POLICY | LX_SCHED_FLAG_KEEP_PARAMS | CLAMPS)

/* Utilisation clamps are refused, as by a kernel that is built without them. */
int64_t sys_sched_setattr(struct shim_task *t, int32_t pid, lx_uptr attr, uint32_t flags)
{
    struct lx_sched_attr a;
    struct shim_sched sched;
    if (!attr || pid < 0 || flags)
        return -LX_EINVAL;
    int err = copy_attr(&a, attr);
    if (err == 0 && (int32_t)a.sched_policy < 0)
        err = -LX_EINVAL;
    if (err == 0)
        err = get_sched(t, pid, &sched);
    if (err < 0)
        return err;
    if (a.sched_flags & ~(uint64_t)ATTR_FLAGS)
        return -LX_EINVAL;
    if (a.sched_flags & CLAMPS)
        return -LX_EOPNOTSUPP;
    if (!(a.sched_flags & LX_SCHED_FLAG_KEEP_POLICY))
        sched.policy = a.sched_policy;
    int keep = (a.sched_flags & LX_SCHED_FLAG_KEEP_PARAMS) != 0;
    err = check_policy((int32_t)sched.policy, keep ? 0 : (int32_t)a.sched_priority);
    if (err < 0)
        return err;
    int32_t nice = a.sched_nice < -20 ? -20 : a.sched_nice > 19 ? 19 : a.sched_nice;
    if (!keep && (pid == 0 || pid == t->tid)) {
        if (nice < t->nice && t->process->cred.euid)
            return -LX_EPERM;
        t->nice = nice;
    }
    sched.reset_on_fork = (a.sched_flags & LX_SCHED_FLAG_RESET_ON_FORK) != 0;
    return set_sched(t, pid, &sched);
}

int64_t sys_sched_getattr(struct shim_task *t, int32_t pid, lx_uptr attr, uint32_t size,
                          uint32_t flags)
{
    struct shim_sched sched;
    if (!attr || pid < 0 || size > CORE_PAGE_SIZE || size < LX_SCHED_ATTR_SIZE_VER0 || flags)
        return -LX_EINVAL;
    int err = get_sched(t, pid, &sched);
    if (err < 0)
        return err;
    struct lx_sched_attr a;
    memset(&a, 0, sizeof a);
    a.size = size < sizeof a ? size : (uint32_t)sizeof a;
    a.sched_policy = sched.policy;
    a.sched_flags = sched.reset_on_fork ? LX_SCHED_FLAG_RESET_ON_FORK : 0;
    a.sched_nice = t->nice;
    return shim_copy_out(attr, &a, a.size);
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

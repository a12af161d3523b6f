/* SPDX-License-Identifier: MIT */
/* Resource limits. */

#include "shim/limit.h"

#include "core/layout.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "shim/memory.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "vfs/file.h"

#define INFINITE LX_RLIM64_INFINITY

void shim_limits_init(struct lx_rlimit64 *limits)
{
    for (uint32_t i = 0; i < SHIM_RLIMIT_COUNT; i++)
        limits[i] = (struct lx_rlimit64){INFINITE, INFINITE};
    limits[LX_RLIMIT_STACK].rlim_cur = 8u << 20;
    limits[LX_RLIMIT_CORE].rlim_cur = 0;
    limits[LX_RLIMIT_NOFILE] = (struct lx_rlimit64){SHIM_FILES_MAX, SHIM_FILES_MAX};
    limits[LX_RLIMIT_MEMLOCK] = (struct lx_rlimit64){8u << 20, 8u << 20};
    limits[LX_RLIMIT_SIGPENDING] = (struct lx_rlimit64){SHIM_SLOT_COUNT, SHIM_SLOT_COUNT};
    limits[LX_RLIMIT_MSGQUEUE] = (struct lx_rlimit64){819200, 819200};
    limits[LX_RLIMIT_NICE] = (struct lx_rlimit64){0, 0};
    limits[LX_RLIMIT_RTPRIO] = (struct lx_rlimit64){0, 0};
}

/* Counted anew each time: hardly anyone sets this limit, and all would pay for a counter. */
int shim_limit_nproc(const struct shim_process *p)
{
    struct shim_container *c = shim_container();
    uint64_t limit = p->limits[LX_RLIMIT_NPROC].rlim_cur, count = 0;
    uint32_t uid = p->cred.uid;
    if (limit == INFINITE || !uid || shim_process_capable(p, LX_CAP_SYS_RESOURCE) ||
        shim_process_capable(p, LX_CAP_SYS_ADMIN))
        return 0;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_process *other = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (other->cred.uid == uid) /* a zombie counts as one */
            count += other->task_count ? other->task_count : 1;
    }
    shim_container_release(c);
    return count < limit ? 0 : -LX_EAGAIN;
}

/* __sigqueue_alloc() in Linux.  Counted only when so many are queued that it may matter. */
int shim_limit_sigpending_locked(const struct shim_process *to, const struct lx_siginfo *info)
{
    const struct shim_container *c = shim_container();
    uint64_t limit = to->limits[LX_RLIMIT_SIGPENDING].rlim_cur, count = 0;
    if (info->si_signo < LX_SIGRTMIN && info->si_code >= 0)
        return 0;
    if (c->queued < limit)
        return 0;
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->cred.uid == to->cred.uid)
            count += p->queued;
    }
    return count < limit ? 0 : -LX_EAGAIN;
}

static int too_large(struct shim_task *t)
{
    shim_signal_raise(t, LX_SIGXFSZ);
    return -LX_EFBIG;
}

int shim_limit_write(struct shim_task *t, struct vfs_file *file, int64_t offset, uint64_t *size)
{
    uint64_t limit = t->process->limits[LX_RLIMIT_FSIZE].rlim_cur;
    if (limit == INFINITE || file->kind != VFS_FILE_REGULAR || !*size)
        return 0;
    uint64_t at = file->flags & LX_O_APPEND ? vfs_file_size(file)
                  : offset < 0              ? file->position
                                            : (uint64_t)offset;
    if (at >= limit)
        return too_large(t);
    if (*size > limit - at)
        *size = limit - at;
    return 0;
}

int shim_limit_file_size(struct shim_task *t, uint64_t old_size, uint64_t size)
{
    uint64_t limit = t->process->limits[LX_RLIMIT_FSIZE].rlim_cur;
    return size > old_size && size > limit ? too_large(t) : 0;
}

int shim_limit_memory(struct shim_task *t, uint64_t size, int is_data)
{
    uint64_t all_limit = t->process->limits[LX_RLIMIT_AS].rlim_cur;
    uint64_t data_limit = t->process->limits[LX_RLIMIT_DATA].rlim_cur;
    uint64_t all, data;
    if ((all_limit == INFINITE && data_limit == INFINITE) || !size)
        return 0;
    size += -size & (CORE_PAGE_SIZE - 1);
    shim_mm_sizes(t->process->mm, &all, &data);
    if (size > all_limit || all > all_limit - size)
        return -LX_ENOMEM;
    return is_data && (size > data_limit || data > data_limit - size) ? -LX_ENOMEM : 0;
}

void shim_limit_inherit(struct shim_task *child, const struct shim_task *parent)
{
    child->nice = parent->nice;
    child->sched = parent->sched;
    child->ioprio = parent->ioprio;
    child->timer_slack_ns = parent->timer_slack_ns;
}

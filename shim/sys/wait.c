/* SPDX-License-Identifier: MIT */
/* wait4(2), waitid(2). */

#include "lx/wait.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/pidfd.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"
#include "sys/pidfd.h"

#define NS_PER_S 1000000000ull
#define STOPPED_STATUS 0x7fu
#define CONTINUED_STATUS 0xffffu

/* Which children, and what of them. */
struct wanted {
    int32_t type, id; /* LX_P_* */
    uint32_t options;
    int32_t only_of;               /* __WNOTHREAD: of this thread; 0: of any */
    const struct vfs_pidfd *pidfd; /* of LX_P_PIDFD */
};

/* What was found. */
struct news {
    int32_t pid;
    uint32_t uid, status; /* as wait4(2) has it */
    int32_t code;         /* LX_CLD_* */
    struct shim_usage usage;
};

/* Children that end without SIGCHLD are another kind: clone(2). */
static int is_wanted(const struct wanted *w, const struct shim_process *p)
{
    if (w->only_of && p->parent_tid != w->only_of)
        return 0;
    if (w->type == LX_P_PID && p->pid != w->id)
        return 0;
    if (w->type == LX_P_PGID && p->pgid != w->id)
        return 0;
    if (w->type == LX_P_PIDFD && p->pidfd != w->pidfd)
        return 0;
    if (w->options & LX___WALL)
        return 1;
    return (p->exit_signal != LX_SIGCHLD) == ((w->options & LX___WCLONE) != 0);
}

/* getrusage(2), RUSAGE_CHILDREN: of the child and of those that it has waited for. */
static void add_usage(struct shim_process *self, const struct shim_process *p)
{
    int64_t peak = (int64_t)(p->usage.peak_size / 1024);
    if (peak < p->children_maxrss)
        peak = p->children_maxrss;
    self->children_user_ns += p->usage.user_ns + p->children_user_ns;
    self->children_system_ns += p->usage.system_ns + p->children_system_ns;
    if (self->children_maxrss < peak)
        self->children_maxrss = peak;
}

/* Has this child something to tell?  Then it is told, and as a rule forgotten. */
static int look_at_locked(struct shim_process *self, struct shim_process *p, const struct wanted *w,
                          struct news *out)
{
    int keep = (w->options & LX_WNOWAIT) != 0;
    *out = (struct news){.pid = p->pid, .uid = p->cred.uid, .usage = p->usage};
    out->usage.user_ns += p->children_user_ns; /* of those it has waited for */
    out->usage.system_ns += p->children_system_ns;
    if (p->is_zombie) {
        if (!(w->options & LX_WEXITED))
            return 0;
        out->status = p->exit_code;
        out->code = !(p->exit_code & 0x7f)        ? LX_CLD_EXITED
                    : p->exit_code & LX_WCOREFLAG ? LX_CLD_DUMPED
                                                  : LX_CLD_KILLED;
        if (!keep) {
            add_usage(self, p);
            shim_process_reap_locked(p);
        }
        return 1;
    }
    if (shim_signal_is_ending(p))
        return 0; /* soon there is other news */
    if (p->news & SHIM_NEWS_STOPPED && w->options & LX_WSTOPPED && p->stop_signal) {
        out->status = p->stop_signal << 8 | STOPPED_STATUS;
        out->code = LX_CLD_STOPPED;
    } else if (p->news & SHIM_NEWS_CONTINUED && w->options & LX_WCONTINUED) {
        out->status = CONTINUED_STATUS;
        out->code = LX_CLD_CONTINUED;
    } else {
        return 0;
    }
    if (!keep)
        p->news = 0;
    return 1;
}

/* One look at all children: 1 news, 0 none yet, -LX_ECHILD. */
static int look(struct shim_process *self, const struct wanted *w, struct news *out)
{
    struct shim_container *c = shim_container();
    int result = -LX_ECHILD;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH_SAFE(node, &self->children)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, sibling);
        if (!is_wanted(w, p))
            continue;
        result = look_at_locked(self, p, w, out);
        if (result)
            break;
    }
    shim_container_release(c);
    return result;
}

static int64_t wait_for(struct shim_task *t, const struct wanted *w, struct news *out)
{
    struct shim_process *p = t->process;
    int result = look(p, w, out);
    if (result || w->options & LX_WNOHANG)
        return result;
    struct core_waiter *waiter = &t->sleeper.waiter;
    core_waitq_add(&p->child_wait, waiter, &t->sleeper, ~0u);
    while (!(result = look(p, w, out))) {
        if (core_sleep(&t->sleeper, 0, PLAT_FOREVER) == -LX_EINTR) {
            result = look(p, w, out);
            if (!result)
                result = -SHIM_ERESTARTSYS;
            break;
        }
    }
    core_waitq_remove(waiter);
    return result;
}

static int put_usage(lx_uptr to, const struct shim_usage *usage)
{
    struct lx_rusage r;
    memset(&r, 0, sizeof r);
    r.ru_utime.tv_sec = (int64_t)(usage->user_ns / NS_PER_S);
    r.ru_utime.tv_usec = (int64_t)(usage->user_ns % NS_PER_S / 1000);
    r.ru_stime.tv_sec = (int64_t)(usage->system_ns / NS_PER_S);
    r.ru_stime.tv_usec = (int64_t)(usage->system_ns % NS_PER_S / 1000);
    r.ru_maxrss = (int64_t)(usage->peak_size / 1024);
    return to ? shim_copy_out(to, &r, sizeof r) : 0;
}

int64_t sys_wait4(struct shim_task *t, int32_t pid, lx_uptr status, int32_t options, lx_uptr usage)
{
    uint32_t known =
        LX_WNOHANG | LX_WUNTRACED | LX_WCONTINUED | LX___WNOTHREAD | LX___WALL | LX___WCLONE;
    struct news news;
    if ((uint32_t)options & ~known)
        return -LX_EINVAL;
    if (pid == INT32_MIN)
        return -LX_ESRCH;
    struct wanted w = {.type = LX_P_ALL,
                       .options = (uint32_t)options | LX_WEXITED,
                       .only_of = options & (int32_t)LX___WNOTHREAD ? t->tid : 0};
    if (pid > 0) {
        w.type = LX_P_PID;
        w.id = pid;
    } else if (pid != -1) {
        w.type = LX_P_PGID;
        w.id = pid ? -pid : t->process->pgid;
    }
    int64_t found = wait_for(t, &w, &news);
    if (found <= 0)
        return found;
    int err = status ? shim_copy_out(status, &news.status, sizeof news.status) : 0;
    if (err == 0)
        err = put_usage(usage, &news.usage);
    return err < 0 ? err : news.pid;
}

static int put_info(lx_uptr to, const struct news *news)
{
    struct lx_siginfo info;
    memset(&info, 0, sizeof info);
    if (news) {
        uint32_t sig = news->status & 0x7f;
        info.si_signo = LX_SIGCHLD;
        info.si_code = news->code;
        info.si_pid = news->pid;
        info.si_uid = news->uid;
        info.si_status = news->code == LX_CLD_CONTINUED ? LX_SIGCONT
                         : news->code == LX_CLD_STOPPED ? (int32_t)(news->status >> 8)
                         : news->code == LX_CLD_EXITED  ? (int32_t)(news->status >> 8 & 0xff)
                                                        : (int32_t)sig;
    }
    /* As Linux: only the members that mean something are written. */
    int err = shim_copy_out(to, &info, offsetof(struct lx_siginfo, pad));
    return err < 0 ? err
                   : shim_copy_out(to + offsetof(struct lx_siginfo, si_pid), &info.si_pid,
                                   offsetof(struct lx_siginfo, pad2) -
                                       offsetof(struct lx_siginfo, si_pid));
}

/* A pidfd that does not block is one more way to say LX_WNOHANG: then EAGAIN is the answer. */
static int64_t wait_for_pidfd(struct shim_task *t, struct wanted *w, struct news *out)
{
    struct vfs_file *file;
    int64_t found = sys_pidfd_get(t, w->id, &file);
    if (found < 0)
        return found;
    int never = (file->flags & LX_PIDFD_NONBLOCK) && !(w->options & LX_WNOHANG);
    if (never)
        w->options |= LX_WNOHANG;
    w->pidfd = file->pidfd;
    found = wait_for(t, w, out);
    vfs_file_put(file);
    return !found && never ? -LX_EAGAIN : found;
}

int64_t sys_waitid(struct shim_task *t, int32_t type, int32_t id, lx_uptr info, int32_t options,
                   lx_uptr usage)
{
    uint32_t events = LX_WEXITED | LX_WSTOPPED | LX_WCONTINUED;
    uint32_t known = events | LX_WNOHANG | LX_WNOWAIT | LX___WNOTHREAD | LX___WALL | LX___WCLONE;
    struct news news;
    if ((uint32_t)options & ~known || !((uint32_t)options & events))
        return -LX_EINVAL;
    if (type < LX_P_ALL || type > LX_P_PIDFD || (type == LX_P_PID && id <= 0) ||
        (type != LX_P_ALL && type != LX_P_PID && id < 0))
        return -LX_EINVAL;
    if (type == LX_P_PGID && id == 0)
        id = t->process->pgid;
    struct wanted w = {.type = type,
                       .id = id,
                       .options = (uint32_t)options,
                       .only_of = options & (int32_t)LX___WNOTHREAD ? t->tid : 0};
    int64_t found = type == LX_P_PIDFD ? wait_for_pidfd(t, &w, &news) : wait_for(t, &w, &news);
    if (found < 0)
        return found;
    int err = found ? put_usage(usage, &news.usage) : 0;
    if (err == 0 && info)
        err = put_info(info, found ? &news : NULL);
    return err;
}

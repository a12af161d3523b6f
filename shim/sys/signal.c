/* SPDX-License-Identifier: MIT */
/*
 * rt_sigaction(2), rt_sigprocmask(2), rt_sigpending(2), rt_sigsuspend(2),
 * rt_sigtimedwait(2), rt_sigreturn(2), sigaltstack(2), pause(2), kill(2), tkill(2),
 * tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2), pidfd_send_signal(2).
 */

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/pidfd.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/dispatch.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"
#include "signal/frame.h"
#include "sys/pidfd.h"

#define SIGSET_SIZE 8

static int is_valid(int32_t sig)
{
    return sig >= 1 && sig <= SHIM_SIGNAL_COUNT;
}

int64_t sys_rt_sigaction(struct shim_task *t, int32_t sig, lx_uptr act, lx_uptr oldact,
                         uint64_t size)
{
    struct shim_process *p = t->process;
    struct lx_sigaction action, old;
    if (size != SIGSET_SIZE || !is_valid(sig))
        return -LX_EINVAL;
    if (act) {
        int err = shim_copy_in(&action, act, sizeof action);
        if (err < 0)
            return err;
        if (sig == LX_SIGKILL || sig == LX_SIGSTOP)
            return -LX_EINVAL;
        action.sa_mask &= ~SHIM_SIGNAL_UNBLOCKABLE;
    }
    if (act) {
        shim_signal_set_action(p, (uint32_t)sig, &action, &old);
    } else {
        core_lock_acquire(&p->signal_lock);
        old = p->actions[sig - 1];
        core_lock_release(&p->signal_lock);
    }
    return oldact ? shim_copy_out(oldact, &old, sizeof old) : 0;
}

int64_t sys_rt_sigprocmask(struct shim_task *t, int32_t how, lx_uptr set, lx_uptr oldset,
                           uint64_t size)
{
    uint64_t mask = t->sigmask, old = mask, change;
    if (size != SIGSET_SIZE)
        return -LX_EINVAL;
    if (set) {
        int err = shim_copy_in(&change, set, sizeof change);
        if (err < 0)
            return err;
        switch (how) {
        case LX_SIG_BLOCK:
            mask |= change;
            break;
        case LX_SIG_UNBLOCK:
            mask &= ~change;
            break;
        case LX_SIG_SETMASK:
            mask = change;
            break;
        default:
            return -LX_EINVAL;
        }
        shim_signal_set_mask(t, mask);
    }
    return oldset ? shim_copy_out(oldset, &old, sizeof old) : 0;
}

int64_t sys_rt_sigpending(struct shim_task *t, lx_uptr set, uint64_t size)
{
    if (size > SIGSET_SIZE)
        return -LX_EINVAL;
    uint64_t pending = (t->pending.set | t->process->pending.set) & t->sigmask;
    return shim_copy_out(set, &pending, size);
}

/* Sleep until a signal comes; the deadline is PLAT_FOREVER or monotonic. */
static int64_t sleep_for_signal(struct shim_task *t, int64_t deadline_ns)
{
    int err = 0;
    while (err == 0 && !shim_signal_pending(t))
        err = core_sleep(&t->sleeper, 0, deadline_ns);
    atomic_store(&t->attention, 1); /* a sender may be between queueing and telling */
    return err == -LX_ETIMEDOUT ? err : -LX_EINTR;
}

int64_t sys_pause(struct shim_task *t)
{
    sleep_for_signal(t, PLAT_FOREVER);
    return -SHIM_ERESTARTNOHAND;
}

int64_t sys_rt_sigsuspend(struct shim_task *t, lx_uptr set, uint64_t size)
{
    uint64_t mask;
    if (size != SIGSET_SIZE)
        return -LX_EINVAL;
    int err = shim_copy_in(&mask, set, sizeof mask);
    if (err < 0)
        return err;
    t->saved_sigmask = t->sigmask;
    t->restore_sigmask = 1;
    shim_signal_set_mask(t, mask);
    sleep_for_signal(t, PLAT_FOREVER);
    return -SHIM_ERESTARTNOHAND;
}

int64_t sys_rt_sigtimedwait(struct shim_task *t, lx_uptr set, lx_uptr info, lx_uptr timeout,
                            uint64_t size)
{
    uint64_t wanted;
    int64_t deadline_ns = PLAT_FOREVER;
    if (size != SIGSET_SIZE)
        return -LX_EINVAL;
    int err = shim_copy_in(&wanted, set, sizeof wanted);
    if (err == 0 && timeout)
        err = shim_time_deadline(timeout, LX_CLOCK_MONOTONIC, 0, &deadline_ns);
    if (err < 0)
        return err;

    /* The wanted signals must wake the thread, although they are blocked. */
    uint64_t mask = t->sigmask;
    struct lx_siginfo got;
    wanted &= ~SHIM_SIGNAL_UNBLOCKABLE;
    uint32_t sig = shim_signal_take(t, wanted, &got);
    if (!sig) {
        t->waits_for = wanted & mask;
        t->sigmask = mask & ~wanted;
        int64_t end = sleep_for_signal(t, deadline_ns);
        sig = shim_signal_take(t, wanted, &got);
        shim_signal_set_mask(t, mask);
        t->waits_for = 0;
        if (!sig)
            return end == -LX_ETIMEDOUT ? -LX_EAGAIN : -LX_EINTR;
    }
    if (info) {
        err = shim_copy_out(info, &got, sizeof got);
        if (err < 0)
            return err;
    }
    return sig;
}

int64_t sys_rt_sigreturn(struct shim_task *t)
{
    uint64_t mask, restart;
    if (frame_pop(t, &mask, &restart) < 0) {
        shim_signal_force_segv(t);
        return 0;
    }
    shim_signal_set_mask(t, mask);
    t->syscall = restart;
    if (restart != SHIM_NO_SYSCALL) {
        atomic_store(&t->attention, 1); /* signals that the mask lets through come first */
        return -SHIM_ERESTARTNOINTR;
    }
    /* The dispatcher stores this in rax, which is the interrupted code's: no result. */
    return (int64_t)t->plat->regs.rax;
}

int64_t sys_sigaltstack(struct shim_task *t, lx_uptr ss, lx_uptr old_ss)
{
    struct lx_stack stack, old = t->altstack;
    int on = frame_on_altstack(t, t->plat->regs.rsp) && !(old.ss_flags & LX_SS_DISABLE);
    if (on)
        old.ss_flags |= LX_SS_ONSTACK;
    if (ss) {
        int err = shim_copy_in(&stack, ss, sizeof stack);
        if (err < 0)
            return err;
        if (on)
            return -LX_EPERM;
        uint32_t mode = stack.ss_flags & ~LX_SS_AUTODISARM;
        if (mode != LX_SS_DISABLE && mode != LX_SS_ONSTACK && mode != 0)
            return -LX_EINVAL;
        if (mode == LX_SS_DISABLE) {
            stack.ss_sp = 0;
            stack.ss_size = 0;
        } else if (stack.ss_size < LX_MINSIGSTKSZ) {
            return -LX_ENOMEM;
        }
        stack.ss_flags &= LX_SS_AUTODISARM | LX_SS_DISABLE;
        t->altstack = stack;
    }
    return old_ss ? shim_copy_out(old_ss, &old, sizeof old) : 0;
}

static void fill_info(const struct shim_task *t, int32_t sig, int32_t code, struct lx_siginfo *info)
{
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = code;
    info->si_pid = t->process->pid;
    info->si_uid = t->process->cred.uid;
}

/* check_kill_permission() in Linux: the receiver is found before the number is looked at. */
static int check(const struct shim_task *t, const struct shim_process *to, int32_t sig)
{
    return sig && !is_valid(sig) ? -LX_EINVAL : shim_cred_may_signal(t->process, to, sig);
}

/* Send to a process; signal 0 only looks. */
static int64_t send_to_process_locked(struct shim_task *t, struct shim_process *to,
                                      const struct lx_siginfo *info, int32_t sig)
{
    int err = check(t, to, sig);
    return err < 0 || !sig ? err : shim_signal_send_process_locked(to, info);
}

static int64_t send_to_task_locked(struct shim_task *t, struct shim_task *to,
                                   const struct lx_siginfo *info, int32_t sig)
{
    int err = check(t, to->process, sig);
    return err < 0 || !sig ? err : shim_signal_send_task_locked(to, info);
}

/* The process with this id, or that has a thread with it. */
static struct shim_process *process_of_locked(int32_t pid)
{
    struct shim_process *p = shim_process_find_locked(pid);
    struct shim_task *t = p ? NULL : shim_task_find_locked(pid);
    return t ? t->process : p;
}

static int64_t send_to_pid(struct shim_task *t, int32_t pid, const struct lx_siginfo *info,
                           int32_t sig)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_process *to = process_of_locked(pid);
    int64_t result = to ? send_to_process_locked(t, to, info, sig) : -LX_ESRCH;
    shim_container_release(c);
    return result;
}

/* Every process of a group: one that could be told is enough. */
static int64_t send_to_group(struct shim_task *t, int32_t pgid, const struct lx_siginfo *info,
                             int32_t sig)
{
    struct shim_container *c = shim_container();
    int64_t result = -LX_ESRCH;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid != pgid)
            continue;
        int64_t err = send_to_process_locked(t, p, info, sig);
        if (sig && err == 0)
            shim_signal_note_group_locked(p, (uint32_t)sig);
        if (result)
            result = err;
    }
    shim_container_release(c);
    return result;
}

/* Every process but the first and the caller's; that some, or all, may not be told is no error. */
static int64_t send_to_all(struct shim_task *t, const struct lx_siginfo *info, int32_t sig)
{
    struct shim_container *c = shim_container();
    int64_t result = -LX_ESRCH, last = 0;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p == t->process || p->pid == 1)
            continue;
        int64_t err = send_to_process_locked(t, p, info, sig);
        if (err != -LX_EPERM)
            last = err;
        result = last;
    }
    shim_container_release(c);
    return result;
}

int64_t sys_kill(struct shim_task *t, int32_t pid, int32_t sig)
{
    struct lx_siginfo info;
    fill_info(t, sig, LX_SI_USER, &info);
    if (pid > 0)
        return send_to_pid(t, pid, &info, sig);
    if (pid == INT32_MIN)
        return -LX_ESRCH;
    if (pid == -1)
        return send_to_all(t, &info, sig);
    return send_to_group(t, pid ? -pid : t->process->pgid, &info, sig);
}

/* tgid: of the thread's process, or -1: any. */
static int64_t send_to_task(struct shim_task *t, int32_t tgid, int32_t tid,
                            const struct lx_siginfo *info, int32_t sig)
{
    struct shim_container *c = shim_container();
    int64_t result = -LX_ESRCH;
    core_lock_acquire(&c->lock);
    struct shim_task *to = shim_task_find_locked(tid);
    const struct shim_process *ended = to ? NULL : shim_process_find_locked(tid);
    if (to && (tgid < 0 || to->process->pid == tgid))
        result = send_to_task_locked(t, to, info, sig);
    else if (ended && (tgid < 0 || ended->pid == tgid))
        result =
            check(t, ended, sig); /* the first thread, which is found until it was waited for */
    shim_container_release(c);
    return result;
}

int64_t sys_tkill(struct shim_task *t, int32_t tid, int32_t sig)
{
    if (tid <= 0)
        return -LX_EINVAL;
    struct lx_siginfo info;
    fill_info(t, sig, LX_SI_TKILL, &info);
    return send_to_task(t, -1, tid, &info, sig);
}

int64_t sys_tgkill(struct shim_task *t, int32_t tgid, int32_t tid, int32_t sig)
{
    if (tgid <= 0 || tid <= 0)
        return -LX_EINVAL;
    struct lx_siginfo info;
    fill_info(t, sig, LX_SI_TKILL, &info);
    return send_to_task(t, tgid, tid, &info, sig);
}

/* To others only what cannot be taken for the kernel's or kill(2)'s. */
static int is_forged(const struct lx_siginfo *info)
{
    return info->si_code >= 0 || info->si_code == LX_SI_TKILL;
}

int64_t sys_rt_sigqueueinfo(struct shim_task *t, int32_t pid, int32_t sig, lx_uptr from)
{
    struct lx_siginfo info;
    int err = shim_copy_in(&info, from, sizeof info);
    if (err < 0)
        return err;
    info.si_signo = sig;
    return is_forged(&info) && pid != t->tid ? -LX_EPERM : send_to_pid(t, pid, &info, sig);
}

int64_t sys_rt_tgsigqueueinfo(struct shim_task *t, int32_t tgid, int32_t tid, int32_t sig,
                              lx_uptr from)
{
    struct lx_siginfo info;
    int err = shim_copy_in(&info, from, sizeof info);
    if (err < 0)
        return err;
    info.si_signo = sig;
    if (tgid <= 0 || tid <= 0)
        return -LX_EINVAL;
    return is_forged(&info) && tid != t->tid ? -LX_EPERM : send_to_task(t, tgid, tid, &info, sig);
}

/* ---- pidfd_send_signal(2) ---- */

static int64_t send_to_pidfd(struct shim_task *t, const struct vfs_pidfd *to, int is_thread,
                             const struct lx_siginfo *info, int32_t sig)
{
    struct shim_container *c = shim_container();
    int64_t result = -LX_ESRCH;
    core_lock_acquire(&c->lock);
    struct sys_pidfd_target found = sys_pidfd_find_locked(to);
    if (is_thread && found.task)
        result = send_to_task_locked(t, found.task, info, sig);
    else if (is_thread && found.process)
        result = check(t, found.process, sig); /* the first thread has ended before the others */
    else if (found.process)
        result = send_to_process_locked(t, found.process, info, sig);
    shim_container_release(c);
    return result;
}

int64_t sys_pidfd_send_signal(struct shim_task *t, int32_t pidfd, int32_t sig, lx_uptr from,
                              uint32_t flags)
{
    struct vfs_file *file;
    struct lx_siginfo info;
    if (flags & (flags - 1) || flags > LX_PIDFD_SIGNAL_PROCESS_GROUP)
        return -LX_EINVAL;
    int64_t result = sys_pidfd_get_any(t, pidfd, &file);
    if (result < 0)
        return result;
    const struct vfs_pidfd *to = file->pidfd;
    int is_group = flags == LX_PIDFD_SIGNAL_PROCESS_GROUP;
    int is_thread = flags == LX_PIDFD_SIGNAL_THREAD || (!flags && file->flags & LX_PIDFD_THREAD);
    if (!from)
        fill_info(t, sig, is_thread ? LX_SI_TKILL : LX_SI_USER, &info);
    else
        result = shim_copy_in(&info, from, sizeof info);
    if (result == 0 && from && info.si_signo != sig)
        result = -LX_EINVAL;
    else if (result == 0 && from && is_forged(&info) && (is_group || to->id != t->tid))
        result = -LX_EPERM;
    if (result == 0)
        result = is_group ? send_to_group(t, to->id, &info, sig)
                          : send_to_pidfd(t, to, is_thread, &info, sig);
    vfs_file_put(file);
    return result;
}

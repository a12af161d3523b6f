/* SPDX-License-Identifier: MIT */
/* Queueing signals, choosing the next one, and acting on it. */

#include "shim/signal.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/poll.h"
#include "lx/wait.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/dispatch.h"
#include "shim/limit.h"
#include "shim/process.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "signal/frame.h"

#define BIT(sig) SHIM_SIGNAL_BIT(sig)
#define UNBLOCKABLE SHIM_SIGNAL_UNBLOCKABLE
#define SYNCHRONOUS                                                                         \
    (BIT(LX_SIGSEGV) | BIT(LX_SIGBUS) | BIT(LX_SIGILL) | BIT(LX_SIGTRAP) | BIT(LX_SIGFPE) | \
     BIT(LX_SIGSYS))
#define IGNORED (BIT(LX_SIGCHLD) | BIT(LX_SIGCONT) | BIT(LX_SIGURG) | BIT(LX_SIGWINCH))
#define STOPS (BIT(LX_SIGSTOP) | BIT(LX_SIGTSTP) | BIT(LX_SIGTTIN) | BIT(LX_SIGTTOU))

#define FIRST_REALTIME 32

struct core_waitq *shim_signal_waitq(const struct shim_process *p)
{
    return &shim_container()->signal_waitqs[(uint32_t)p->pid % SHIM_SIGNAL_WAITQS];
}

/* For those who read signals from files. */
static void wake_readers(const struct shim_process *p, struct core_wakes *wakes)
{
    core_waitq_wake_later(shim_signal_waitq(p), LX_POLLIN, UINT32_MAX, wakes);
}

/* Nobody handles it and its default is to do nothing. */
static int is_ignored_locked(const struct shim_process *p, uint32_t sig)
{
    uint64_t handler = p->actions[sig - 1].sa_handler;
    return handler == LX_SIG_IGN || (handler == LX_SIG_DFL && BIT(sig) & IGNORED);
}

/*
 * A standard signal is queued once; a real-time one as often as it is sent.
 *   limited  nonzero: the limit is reached, and it is not queued.
 */
static int enqueue_locked(struct shim_process *p, struct shim_pending *pending,
                          const struct lx_siginfo *info, int limited)
{
    uint32_t sig = (uint32_t)info->si_signo;
    if (sig < FIRST_REALTIME && pending->set & BIT(sig))
        return 0;
    struct shim_sigqueue *q = limited ? NULL : core_arena_alloc(sizeof *q);
    if (q) {
        q->info = *info;
        core_list_add(&pending->queue, &q->node);
        atomic_fetch_add(&p->queued, 1);
        atomic_fetch_add(&shim_container()->queued, 1);
    } else if (sig >= FIRST_REALTIME && info->si_code != LX_SI_USER) {
        return -LX_EAGAIN;
    } /* else it is delivered without its info, as Linux does */
    atomic_fetch_or(&pending->set, BIT(sig));
    return 0;
}

static void dequeue_locked(struct shim_process *p, struct shim_pending *pending, uint32_t sig,
                           struct lx_siginfo *info);

static void forget_locked(struct shim_process *p, struct shim_pending *pending, uint64_t set)
{
    struct lx_siginfo info;
    while (pending->set & set)
        dequeue_locked(p, pending, (uint32_t)__builtin_ctzll(pending->set & set) + 1, &info);
}

/* Both locks of the process are held. */
static void forget_everywhere_locked(struct shim_process *p, uint64_t set)
{
    forget_locked(p, &p->pending, set);
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        forget_locked(p, &CORE_LIST_ENTRY(node, struct shim_task, in_process)->pending, set);
    }
}

int shim_signal_is_ending(const struct shim_process *p)
{
    return p->exiting || p->pending.set & BIT(LX_SIGKILL);
}

/* A thread that has taken a stop signal, and not acted on it yet, is not to. */
static void cancel_stops_locked(struct shim_process *p)
{
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        CORE_LIST_ENTRY(node, struct shim_task, in_process)->took_stop = 0;
    }
}

/*
 * SIGCONT lets a stopped process go on.
 *   returns  what its parent is to be told, LX_CLD_*, or 0; and its threads are to be notified.
 */
static int32_t continue_locked(struct shim_process *p)
{
    forget_everywhere_locked(p, STOPS);
    cancel_stops_locked(p);
    if (!p->stop_signal)
        return 0;
    /* As Linux: of a stop that was still under way, SIGCHLD tells, and wait(2) of its end. */
    int32_t code = p->running_count ? LX_CLD_STOPPED : LX_CLD_CONTINUED;
    p->stop_signal = 0;
    p->running_count = 0;
    return shim_signal_is_ending(p) ? 0 : code;
}

/*
 * What a signal does when it is sent, whether or not it is blocked or ignored: stop signals and
 * SIGCONT cancel each other, and after SIGKILL nothing stops any more.  A process that has stopped
 * is left so by SIGKILL, lest it run before it ends.  The container's lock and both of the
 * process's are held, until the signal is queued: who goes on finds it.
 *   returns  as continue_locked().
 */
static int32_t prepare_locked(struct shim_process *p, uint32_t sig)
{
    if (sig == LX_SIGCONT)
        return continue_locked(p);
    if (sig == LX_SIGKILL)
        cancel_stops_locked(p);
    else if (BIT(sig) & STOPS)
        forget_everywhere_locked(p, BIT(LX_SIGCONT));
    return 0;
}

/* The container's lock is held. */
static void go_on_locked(struct shim_process *p, int32_t code)
{
    if (!code)
        return;
    shim_process_notify(p, NULL);
    p->news = SHIM_NEWS_CONTINUED;
    shim_process_tell_parent_locked(p, code, code == LX_CLD_CONTINUED ? LX_SIGCONT : 0);
}

int shim_signal_send_task_locked(struct shim_task *t, const struct lx_siginfo *info)
{
    struct shim_process *p = t->process;
    uint32_t sig = (uint32_t)info->si_signo;
    int limited = shim_limit_sigpending_locked(p, info);
    core_lock_acquire(&p->lock);
    core_lock_acquire(&p->signal_lock);
    int32_t code = prepare_locked(p, sig);
    int drop = is_ignored_locked(p, sig) && !((t->sigmask | t->waits_for) & BIT(sig)), err = 0;
    if (!drop)
        err = enqueue_locked(p, &t->pending, info, limited);
    core_lock_release(&p->signal_lock);
    core_lock_release(&p->lock);
    /* Only now: the mask changes without the lock, and whoever unblocks looks at the queue after. */
    if (err == 0 && !drop && (!(t->sigmask & BIT(sig)) || BIT(sig) & UNBLOCKABLE))
        shim_task_notify(t, &shim_container()->wakes);
    go_on_locked(p, code);
    if (!drop)
        wake_readers(p, &shim_container()->wakes);
    return err;
}

int shim_signal_send_task(struct shim_task *t, const struct lx_siginfo *info)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    int err = shim_signal_send_task_locked(t, info);
    shim_container_release(c);
    return err;
}

void shim_signal_of_kernel(struct lx_siginfo *info, int32_t sig)
{
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = LX_SI_KERNEL;
}

void shim_signal_raise(struct shim_task *t, int32_t sig)
{
    struct lx_siginfo info;
    memset(&info, 0, sizeof info);
    info.si_signo = sig;
    info.si_pid = t->process->pid;
    info.si_uid = t->process->cred.uid;
    int err = shim_signal_send_task(t, &info);
    (void)err; /* standard signals are never refused */
}

/* A thread that takes the signal: the first one, else any that does not block it. */
static struct shim_task *choose_task_locked(struct shim_process *p, uint64_t bit)
{
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_process);
        if (!(t->sigmask & bit) || bit & UNBLOCKABLE)
            return t;
    }
    return NULL;
}

int shim_signal_send_process_locked(struct shim_process *p, const struct lx_siginfo *info)
{
    uint32_t sig = (uint32_t)info->si_signo;
    if (p->is_zombie)
        return 0;
    int limited = shim_limit_sigpending_locked(p, info);
    core_lock_acquire(&p->lock);
    core_lock_acquire(&p->signal_lock);
    int32_t code = prepare_locked(p, sig);
    struct shim_task *t = choose_task_locked(p, BIT(sig));
    int drop = t && !(t->waits_for & BIT(sig)) && is_ignored_locked(p, sig), err = 0;
    if (!drop) {
        err = enqueue_locked(p, &p->pending, info, limited);
        t = choose_task_locked(p, BIT(sig)); /* again: see above */
    }
    core_lock_release(&p->signal_lock);
    if (err == 0 && !drop && t)
        shim_task_notify(t, &shim_container()->wakes);
    core_lock_release(&p->lock);
    go_on_locked(p, code);
    if (!drop)
        wake_readers(p, &shim_container()->wakes);
    return err;
}

void shim_signal_note_group_locked(struct shim_process *p, uint32_t sig)
{
    uint64_t undone = sig == LX_SIGCONT ? STOPS : BIT(sig) & STOPS ? BIT(LX_SIGCONT) : 0;
    core_lock_acquire(&p->lock);
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_process);
        atomic_fetch_and(&t->group_signals, ~undone);
        atomic_fetch_or(&t->group_signals, BIT(sig));
    }
    core_lock_release(&p->lock);
}

int shim_signal_send_process(struct shim_process *p, const struct lx_siginfo *info)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    int err = shim_signal_send_process_locked(p, info);
    shim_container_release(c);
    return err;
}

/* As above; an entry of its own is queued also if the signal is pending already. */
int shim_signal_queue_timer_locked(struct shim_process *p, struct shim_task *t,
                                   struct shim_sigqueue *entry, struct shim_pending **in)
{
    struct core_wakes wakes = {.count = 0};
    uint64_t bit = BIT(entry->info.si_signo);
    struct shim_task *to = t ? t : choose_task_locked(p, bit);
    if (to && is_ignored_locked(p, (uint32_t)entry->info.si_signo) &&
        !((to->sigmask | to->waits_for) & bit))
        return 0;
    *in = t ? &t->pending : &p->pending;
    core_list_add(&(*in)->queue, &entry->node);
    atomic_fetch_or(&(*in)->set, bit);
    to = t ? t : choose_task_locked(p, bit); /* again: the mask changes without the lock */
    if (to && !(to->sigmask & bit))
        shim_task_notify(to, &wakes);
    wake_readers(p, &wakes);
    core_wakes_send(&wakes);
    return 1;
}

void shim_signal_unqueue_locked(struct shim_pending *in, struct shim_sigqueue *entry)
{
    if (core_list_is_empty(&entry->node))
        return;
    core_list_remove(&entry->node);
    CORE_LIST_FOR_EACH(node, &in->queue)
    {
        struct shim_sigqueue *q = CORE_LIST_ENTRY(node, struct shim_sigqueue, node);
        if (q->info.si_signo == entry->info.si_signo)
            return;
    }
    atomic_fetch_and(&in->set, ~BIT(entry->info.si_signo));
}

/*
 * A signal that cannot wait: with its handler blocked or ignored the default
 * action is taken, so that the thread does not fault for ever.
 */
void shim_signal_force(struct shim_task *t, const struct lx_siginfo *info)
{
    struct shim_process *p = t->process;
    uint32_t sig = (uint32_t)info->si_signo;
    core_lock_acquire(&p->signal_lock);
    if (t->sigmask & BIT(sig) || p->actions[sig - 1].sa_handler == LX_SIG_IGN) {
        p->actions[sig - 1].sa_handler = LX_SIG_DFL;
        t->sigmask &= ~BIT(sig);
    }
    /* Without memory for its info the signal still comes: see enqueue_locked(). */
    int err = enqueue_locked(p, &t->pending, info, 0);
    core_lock_release(&p->signal_lock);
    (void)err;
    atomic_store(&t->attention, 1);
}

void shim_signal_force_segv(struct shim_task *t)
{
    struct lx_siginfo info;
    shim_signal_of_kernel(&info, LX_SIGSEGV);
    shim_signal_force(t, &info);
}

int shim_signal_pending(struct shim_task *t)
{
    uint64_t set = t->pending.set | t->process->pending.set;
    return (set & (~t->sigmask | UNBLOCKABLE)) != 0;
}

void shim_signal_pass_on_locked(const struct shim_task *t, uint64_t set)
{
    const struct shim_process *p = t->process;
    struct core_wakes wakes = {.count = 0};
    set &= p->pending.set;
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        struct shim_task *other = CORE_LIST_ENTRY(node, struct shim_task, in_process);
        if (other == t || !(set & ~other->sigmask))
            continue;
        shim_task_notify(other, &wakes);
        set &= other->sigmask;
    }
    core_wakes_send(&wakes);
}

void shim_signal_set_mask(struct shim_task *t, uint64_t mask)
{
    struct shim_process *p = t->process;
    uint64_t before = t->sigmask;
    t->sigmask = mask & ~UNBLOCKABLE;
    if (shim_signal_pending(t))
        atomic_store(&t->attention, 1);
    uint64_t left = p->pending.set & mask & ~before;
    if (left) {
        core_lock_acquire(&p->lock);
        shim_signal_pass_on_locked(t, left);
        core_lock_release(&p->lock);
    }
}

/* Take signal `sig` off a queue. */
static void dequeue_locked(struct shim_process *p, struct shim_pending *pending, uint32_t sig,
                           struct lx_siginfo *info)
{
    int found = 0, more = 0;
    memset(info, 0, sizeof *info);
    info->si_signo = (int32_t)sig;
    CORE_LIST_FOR_EACH_SAFE(node, &pending->queue)
    {
        struct shim_sigqueue *q = CORE_LIST_ENTRY(node, struct shim_sigqueue, node);
        if (q->info.si_signo != (int32_t)sig)
            continue;
        if (found) {
            more = 1;
            break;
        }
        *info = q->info;
        core_list_remove(&q->node);
        if (q->of_timer) {
            shim_timer_taken_locked(p, q, info);
        } else {
            core_arena_free(q, sizeof *q);
            atomic_fetch_sub(&p->queued, 1);
            atomic_fetch_sub(&shim_container()->queued, 1);
        }
        found = 1;
    }
    if (!more)
        atomic_fetch_and(&pending->set, ~BIT(sig));
}

static void set_action(struct shim_process *p, uint32_t sig, const struct lx_sigaction *action,
                       struct lx_sigaction *old)
{
    core_lock_acquire(&p->lock);
    core_lock_acquire(&p->signal_lock);
    *old = p->actions[sig - 1];
    p->actions[sig - 1] = *action;
    if (is_ignored_locked(p, sig))
        forget_everywhere_locked(p, BIT(sig));
    core_lock_release(&p->signal_lock);
    core_lock_release(&p->lock);
}

/* Others that share the actions of `p` follow it. */
static void share_action(struct shim_process *p, uint32_t sig)
{
    struct shim_container *c = shim_container();
    struct lx_sigaction action, old;
    if (!p->shares_actions)
        return;
    core_lock_acquire(&c->lock);
    core_lock_acquire(&p->signal_lock);
    action = p->actions[sig - 1];
    core_lock_release(&p->signal_lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *other = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (other != p && other->shares_actions == p->shares_actions)
            set_action(other, sig, &action, &old);
    }
    shim_container_release(c);
}

void shim_signal_set_action(struct shim_process *p, uint32_t sig, const struct lx_sigaction *action,
                            struct lx_sigaction *old)
{
    set_action(p, sig, action, old);
    share_action(p, sig);
}

/* Linux' order: what the thread caused itself, then the lowest number. */
static uint32_t lowest(uint64_t set)
{
    if (set & SYNCHRONOUS)
        set &= SYNCHRONOUS;
    return set ? (uint32_t)__builtin_ctzll(set) + 1 : 0;
}

uint32_t shim_signal_take(struct shim_task *t, uint64_t set, struct lx_siginfo *info)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    struct shim_pending *from = &t->pending;
    uint32_t sig = lowest(from->set & set);
    if (!sig) {
        from = &p->pending;
        sig = lowest(from->set & set);
    }
    if (sig)
        dequeue_locked(p, from, sig, info);
    if (sig && BIT(sig) & STOPS)
        t->took_stop = 1;
    core_lock_release(&p->signal_lock);
    return sig;
}

/* One thread fewer has yet to stop; 1 if it was the last one. */
static int count_as_stopped_locked(struct shim_task *t)
{
    struct shim_process *p = t->process;
    int last = p->stop_signal && !t->has_stopped && p->running_count && --p->running_count == 0;
    t->has_stopped = 1;
    return last;
}

/* The container's lock is held. */
static void tell_of_stop_locked(struct shim_process *p, uint32_t sig)
{
    if (shim_signal_is_ending(p) || p->execing)
        return;
    p->news = SHIM_NEWS_STOPPED;
    shim_process_tell_parent_locked(p, LX_CLD_STOPPED, (int32_t)sig);
}

void shim_signal_leave_locked(struct shim_task *t)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    forget_locked(p, &t->pending, ~0ull);
    int last = p->task_count > 1 && count_as_stopped_locked(t); /* those that are left have */
    uint32_t sig = p->stop_signal;
    core_lock_release(&p->signal_lock);
    if (last)
        tell_of_stop_locked(p, sig);
}

void shim_signal_join_locked(struct shim_task *t)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    if (p->stop_signal)
        p->running_count++;
    /* Those who were there before have been told. */
    if (p->stop_signal || shim_signal_is_ending(p) || p->execing)
        atomic_store(&t->attention, 1);
    core_lock_release(&p->signal_lock);
}

void shim_signal_flush_process(struct shim_process *p)
{
    forget_locked(p, &p->pending, ~0ull);
}

void shim_signal_reset_handlers(struct shim_process *p)
{
    core_lock_acquire(&p->signal_lock);
    p->shares_actions = 0;
    for (uint32_t i = 0; i < SHIM_SIGNAL_COUNT; i++) {
        uint64_t ignored = p->actions[i].sa_handler == LX_SIG_IGN ? LX_SIG_IGN : LX_SIG_DFL;
        memset(&p->actions[i], 0, sizeof p->actions[i]);
        p->actions[i].sa_handler = ignored;
    }
    core_lock_release(&p->signal_lock);
}

/* ---- Stopping ---- */

int shim_signal_is_killed(const struct shim_task *t)
{
    const struct shim_process *p = t->process;
    return shim_signal_is_ending(p) || (p->execing && p->execing != t) ||
           t->pending.set & BIT(LX_SIGKILL);
}

/* A stop signal was taken off the queue: all threads are to stop, unless SIGCONT came since. */
static void begin_stop(struct shim_task *t, uint32_t sig)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = t->process;
    core_lock_acquire(&c->lock);
    int stops = sig == LX_SIGSTOP || !shim_process_is_orphaned_locked(p);
    core_lock_acquire(&p->lock);
    core_lock_acquire(&p->signal_lock);
    stops = stops && t->took_stop && !p->stop_signal && !shim_signal_is_killed(t) && !p->execing;
    t->took_stop = 0;
    if (stops) {
        p->stop_signal = sig;
        p->running_count = p->task_count;
        CORE_LIST_FOR_EACH(node, &p->tasks)
        {
            CORE_LIST_ENTRY(node, struct shim_task, in_process)->has_stopped = 0;
        }
    }
    core_lock_release(&p->signal_lock);
    core_lock_release(&p->lock);
    shim_container_release(c);
    if (stops)
        shim_process_notify(p, t);
}

/* The task is about to wait; the last one tells the parent. */
static void note_stop(struct shim_task *t)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = t->process;
    core_lock_acquire(&c->lock);
    core_lock_acquire(&p->signal_lock);
    uint32_t sig = p->stop_signal;
    int last = count_as_stopped_locked(t);
    core_lock_release(&p->signal_lock);
    if (last)
        tell_of_stop_locked(p, sig);
    shim_container_release(c);
}

void shim_signal_stop(struct shim_task *t)
{
    const struct shim_process *p = t->process;
    while (p->stop_signal && !shim_signal_is_killed(t)) {
        if (!t->has_stopped)
            note_stop(t);
        atomic_store(&t->sleeper.interrupt, 0);
        if (!p->stop_signal || shim_signal_is_killed(t))
            break;
        int err = core_sleep(&t->sleeper, 0, PLAT_FOREVER);
        (void)err; /* whatever woke it, it looks again */
    }
}

/* The system call to start again after a handler, or without one; adjusts rax otherwise. */
static uint64_t restart_after(struct shim_task *t, const struct lx_sigaction *action)
{
    struct plat_regs *regs = &t->plat->regs;
    switch (-(int64_t)regs->rax) {
    case SHIM_ERESTARTNOINTR:
        return t->syscall;
    case SHIM_ERESTARTSYS:
        if (!action || action->sa_flags & LX_SA_RESTART)
            return t->syscall;
        break;
    case SHIM_ERESTARTNOHAND:
    case SHIM_ERESTART_RESTARTBLOCK:
        if (!action)
            return t->syscall;
        break;
    default:
        return SHIM_NO_SYSCALL;
    }
    t->restart_ns = 0; /* whatever was kept for the call is not asked for */
    regs->rax = (uint64_t)-LX_EINTR;
    return SHIM_NO_SYSCALL;
}

/* There is no room for a signal's frame: SIGSEGV comes instead, but not for itself. */
static void no_stack(struct shim_task *t, uint32_t sig)
{
    if (sig == LX_SIGSEGV)
        shim_process_exit(t, LX_SIGSEGV);
    shim_signal_force_segv(t);
}

/*
 * Run the handler of a signal: its frame, its mask.
 *   returns  -LX_EFAULT: there is no stack to stand on.
 */
static int handle(struct shim_task *t, const struct lx_sigaction *action,
                  const struct lx_siginfo *info, uint64_t restart)
{
    uint64_t old = t->restore_sigmask ? t->saved_sigmask : t->sigmask;
    int err = frame_push(t, action, info, old, restart);
    if (err < 0) {
        no_stack(t, (uint32_t)info->si_signo);
        return err;
    }
    t->restore_sigmask = 0;
    uint64_t mask = t->sigmask | action->sa_mask;
    if (!(action->sa_flags & LX_SA_NODEFER))
        mask |= BIT(info->si_signo);
    shim_signal_set_mask(t, mask);
    return 0;
}

int shim_signal_deliver(struct shim_task *t, int call)
{
    struct shim_process *p = t->process;
    for (;;) {
        struct lx_siginfo info;
        uint32_t sig = shim_signal_take(t, ~t->sigmask | UNBLOCKABLE, &info);
        if (!sig)
            break;
        core_lock_acquire(&p->signal_lock);
        struct lx_sigaction action = p->actions[sig - 1];
        int ignored = is_ignored_locked(p, sig);
        int reset =
            !ignored && action.sa_handler != LX_SIG_DFL && action.sa_flags & LX_SA_RESETHAND;
        if (reset)
            p->actions[sig - 1].sa_handler = LX_SIG_DFL;
        core_lock_release(&p->signal_lock);
        if (reset)
            share_action(p, sig);
        if (ignored)
            continue;
        if (action.sa_handler == LX_SIG_DFL && BIT(sig) & STOPS) {
            begin_stop(t, sig);
            shim_signal_stop(t);
            shim_task_end_if_told(t);
            continue;
        }
        if (action.sa_handler == LX_SIG_DFL)
            shim_process_exit(t, sig); /* no core is written, so wait(2) is told of none: core(5) */
        uint64_t restart = call ? restart_after(t, &action) : SHIM_NO_SYSCALL;
        if (handle(t, &action, &info, restart) == 0)
            call = 0; /* further handlers nest in this one */
    }
    if (t->restore_sigmask) {
        t->restore_sigmask = 0;
        shim_signal_set_mask(t, t->saved_sigmask);
    }
    if (call) {
        uint64_t restart = restart_after(t, NULL);
        if (restart != SHIM_NO_SYSCALL) {
            t->plat->regs.rax = restart;
            return 1;
        }
    }
    return 0;
}

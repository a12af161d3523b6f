/* SPDX-License-Identifier: MIT */
#ifndef SHIM_TIMER_H
#define SHIM_TIMER_H

/*
 * A process's timers that send signals: the three interval timers, those of timer_create(2),
 * and its limit of processor time.  A thread of the guest host sleeps until the first of them
 * expires; it is started when the first is armed.
 *
 * Source  setrlimit(2) (RLIMIT_CPU), setitimer(2), timer_create(2), timer_settime(2),
 *         timer_getoverrun(2); kernel/time/posix-timers.c and itimer.c of Linux.
 * Threads any; process->signal_lock guards all of it.
 * Errors  -LX_EAGAIN: no memory, or the thread cannot be started; -LX_EINVAL: no such timer.
 *
 * Life    shim_timers_init() at a process's birth, a fork's child included: it inherits no timers,
 *         but the limit, for which shim_timers_resume() is called.
 *         execve(2) calls shim_timers_exec(), and if the process moves to another guest
 *         host shim_timers_stop() in the old one and shim_timers_resume() in the new one.
 *         shim_timers_fini() at its end.
 */

#include <stdint.h>

#include "core/list.h"
#include "lx/compiler.h"
#include "lx/types.h"

struct lx_siginfo;
struct lx_sigevent;
struct shim_process;
struct shim_sigqueue;
struct shim_task;
struct timer_thread;

#define SHIM_ITIMER_COUNT 3

struct shim_timers {
    struct core_list list; /* of those of timer_create(2) */
    int32_t next_id;
    struct { /* by LX_ITIMER_*; deadlines on PLAT_CLOCK_MONOTONIC, or of processor time */
        uint64_t next_ns, interval_ns; /* 0: not armed; once */
    } intervals[SHIM_ITIMER_COUNT];
    uint32_t is_sending; /* 1: intervals have expired, and their signals are about to be sent */
    struct timer_thread *thread; /* NULL: none runs */
};

void shim_timers_init(struct shim_process *p);

/*
 * End the thread: when this returns it does not touch the process any more.  Timers stay as
 * they are, and expire when they are resumed.  In the guest host that carries the process.
 */
void shim_timers_stop(struct shim_process *p);

/* Start the thread, or start it again, if there is something for it to do. */
MUST_USE int shim_timers_resume(struct shim_process *p);

/* RLIMIT_CPU of the calling task's process has changed, and is not infinite. */
MUST_USE int shim_timers_limit(struct shim_process *p);

/* Delete the timers of timer_create(2); the interval timers go on: execve(2). */
void shim_timers_exec(struct shim_process *p);

/* Stop and delete all. */
void shim_timers_fini(struct shim_process *p);

/*
 * Set an interval timer: first expiry in `value_ns`, 0 to stop it; then every
 * `interval_ns`.  What was left and the old interval come back.
 */
MUST_USE int shim_itimer_set(struct shim_task *t, uint32_t which, uint64_t value_ns,
                             uint64_t interval_ns, uint64_t *old_value_ns,
                             uint64_t *old_interval_ns);
void shim_itimer_get(struct shim_task *t, uint32_t which, uint64_t *value_ns,
                     uint64_t *interval_ns);

/*
 * A new timer, which is not armed.
 *   event    NULL: SIGALRM with the timer's id as value.
 *   id       where its id goes to in the guest: -LX_EFAULT.
 *   returns  -LX_EOPNOTSUPP, -LX_EPERM: not on that clock.
 */
MUST_USE int shim_timer_new(struct shim_task *t, int32_t clock, const struct lx_sigevent *event,
                            lx_uptr id);
MUST_USE int shim_timer_delete(struct shim_task *t, int32_t id);

/* Times are valid ones; `old` may be NULL. */
MUST_USE int shim_timer_set(struct shim_task *t, int32_t id, int absolute,
                            const struct lx_itimerspec *setting, struct lx_itimerspec *old);
MUST_USE int shim_timer_get(struct shim_task *t, int32_t id, struct lx_itimerspec *setting);

/* returns how often it had expired more when its last signal was taken. */
MUST_USE int64_t shim_timer_overrun(struct shim_task *t, int32_t id);

/*
 * A timer's signal was taken off its queue, or forgotten: the timer goes on, and the signal
 * says how often it has expired meanwhile.  signal_lock is held.
 */
void shim_timer_taken_locked(struct shim_process *p, struct shim_sigqueue *entry,
                             struct lx_siginfo *info);

static inline struct lx_timespec shim_timespec_of(uint64_t ns)
{
    return (struct lx_timespec){(int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000)};
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * clock_gettime(2), clock_getres(2), clock_settime(2), clock_nanosleep(2), nanosleep(2),
 * gettimeofday(2), time(2), times(2), getrusage(2), alarm(2), getitimer(2), setitimer(2),
 * restart_syscall(2).
 */

#include "lx/time.h"

#include <stdatomic.h>

#include "core/mem.h"
#include "exec/vdso.h"
#include "lx/errno.h"
#include "lx/resource.h"
#include "plat/plat.h"
#include "shim/alarm.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"

#define NS_PER_S 1000000000ull
#define NS_PER_US 1000ull
#define NS_PER_TICK 10000000ull /* times(2): 100 ticks a second */

static struct lx_timeval timeval_of(uint64_t ns)
{
    return (struct lx_timeval){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / NS_PER_US)};
}

/*
 * The time, for a program that had to ask us, perhaps because its vDSO did not know the
 * clock yet.
 */
static int tell(struct shim_task *t, int32_t clock, uint64_t *ns)
{
    struct shim_process *p = t->process;
    int err = shim_time_now(clock, ns);
    if (shim_container()->clock.data.usable && !p->vdso_has_clock &&
        !atomic_exchange(&p->vdso_has_clock, 1))
        vdso_update(p->mm);
    return err;
}

int64_t sys_clock_gettime(struct shim_task *t, int32_t clock, lx_uptr tp)
{
    uint64_t ns;
    int err = tell(t, clock, &ns);
    if (err < 0)
        return err;
    struct lx_timespec ts = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};
    return shim_copy_out(tp, &ts, sizeof ts);
}

int64_t sys_clock_getres(struct shim_task *t, int32_t clock, lx_uptr res)
{
    (void)t;
    uint64_t ns;
    int err = shim_time_now(clock, &ns);
    if (err < 0 || !res)
        return err;
    struct lx_timespec ts = {0, 1};
    return shim_copy_out(res, &ts, sizeof ts);
}

int64_t sys_gettimeofday(struct shim_task *t, lx_uptr tv, lx_uptr tz)
{
    uint64_t ns;
    int err = tell(t, LX_CLOCK_REALTIME, &ns);
    if (err == 0 && tv) {
        struct lx_timeval value = timeval_of(ns);
        err = shim_copy_out(tv, &value, sizeof value);
    }
    if (err == 0 && tz)
        err = shim_zero_out(tz, 8); /* UTC; struct timezone is two ints */
    return err;
}

int64_t sys_time(struct shim_task *t, lx_uptr tloc)
{
    uint64_t ns;
    int err = tell(t, LX_CLOCK_REALTIME, &ns);
    if (err < 0)
        return err;
    int64_t seconds = (int64_t)(ns / NS_PER_S);
    err = tloc ? shim_copy_out(tloc, &seconds, sizeof seconds) : 0;
    return err < 0 ? err : seconds;
}

int64_t sys_times(struct shim_task *t, lx_uptr buf)
{
    (void)t;
    uint64_t user, system, now;
    plat_process_times(&user, &system);
    int err = shim_time_now(LX_CLOCK_MONOTONIC, &now);
    if (err == 0 && buf) {
        struct lx_tms tms = {
            .tms_utime = (int64_t)(user / NS_PER_TICK),
            .tms_stime = (int64_t)(system / NS_PER_TICK),
        };
        err = shim_copy_out(buf, &tms, sizeof tms);
    }
    return err < 0 ? err : (int64_t)(now / NS_PER_TICK);
}

int64_t sys_getrusage(struct shim_task *t, int32_t who, lx_uptr usage)
{
    (void)t;
    struct lx_rusage r;
    memset(&r, 0, sizeof r);
    if (who != LX_RUSAGE_SELF && who != LX_RUSAGE_CHILDREN && who != LX_RUSAGE_THREAD)
        return -LX_EINVAL;
    if (who != LX_RUSAGE_CHILDREN) {
        uint64_t user, system;
        plat_process_times(&user, &system);
        if (who == LX_RUSAGE_THREAD) {
            user = plat_clock_now(PLAT_CLOCK_CPU_THREAD);
            system = 0;
        }
        r.ru_utime = timeval_of(user);
        r.ru_stime = timeval_of(system);
        r.ru_maxrss = (int64_t)(plat_process_peak() / 1024);
    }
    return shim_copy_out(usage, &r, sizeof r);
}

/* What is left of a sleep goes to the guest when a signal cuts it short. */
static int64_t sleep_until(struct shim_task *t, int64_t deadline_ns, lx_uptr remaining)
{
    int err = 0;
    while (err == 0)
        err = core_sleep(&t->sleeper, 0, deadline_ns);
    if (err == -LX_ETIMEDOUT)
        return 0;
    if (remaining) {
        uint64_t now = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        uint64_t left = deadline_ns > (int64_t)now ? (uint64_t)deadline_ns - now : 0;
        struct lx_timespec ts = {(int64_t)(left / NS_PER_S), (int64_t)(left % NS_PER_S)};
        int copied = shim_copy_out(remaining, &ts, sizeof ts);
        if (copied < 0)
            return copied;
    }
    return err;
}

int64_t sys_nanosleep(struct shim_task *t, lx_uptr req, lx_uptr rem)
{
    return sys_clock_nanosleep(t, LX_CLOCK_MONOTONIC, 0, req, rem);
}

/*
 * A relative sleep that no handler interrupts goes on to its old deadline: it is
 * kept in the task for the call that is started again.
 */
int64_t sys_clock_nanosleep(struct shim_task *t, int32_t clock, int32_t flags, lx_uptr req,
                            lx_uptr rem)
{
    int64_t deadline_ns;
    int absolute = (flags & LX_TIMER_ABSTIME) != 0;
    if (clock == LX_CLOCK_THREAD_CPUTIME_ID || clock == LX_CLOCK_MONOTONIC_RAW)
        return clock == LX_CLOCK_THREAD_CPUTIME_ID ? -LX_EINVAL : -LX_EOPNOTSUPP;
    uint64_t now;
    int err = shim_time_now(clock, &now);
    if (err == 0)
        err = shim_time_deadline(req, clock, absolute, &deadline_ns);
    if (err < 0)
        return err;
    if (!absolute && t->restart_ns)
        deadline_ns = (int64_t)t->restart_ns;
    int64_t result = sleep_until(t, deadline_ns, absolute ? 0 : rem);
    t->restart_ns = 0;
    if (result == -LX_EINTR) {
        if (!absolute)
            t->restart_ns = (uint64_t)deadline_ns;
        return -SHIM_ERESTARTNOHAND;
    }
    return result;
}

int64_t sys_restart_syscall(struct shim_task *t)
{
    (void)t;
    return -LX_EINTR; /* calls are started again under their own number */
}

int64_t sys_alarm(struct shim_task *t, uint32_t seconds)
{
    uint64_t left, interval;
    int err = shim_alarm_set(t, seconds * NS_PER_S, 0, &left, &interval);
    if (err < 0)
        return 0; /* alarm(2) knows no error */
    uint64_t s = left / NS_PER_S;
    return (int64_t)(left && (s == 0 || left % NS_PER_S >= NS_PER_S / 2) ? s + 1 : s);
}

static int ns_of(const struct lx_timeval *tv, uint64_t *ns)
{
    *ns = 0;
    if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
        return -LX_EINVAL;
    *ns = (uint64_t)tv->tv_sec > INT64_MAX / NS_PER_S
              ? INT64_MAX
              : (uint64_t)tv->tv_sec * NS_PER_S + (uint64_t)tv->tv_usec * NS_PER_US;
    return 0;
}

static int put_timer(lx_uptr to, uint64_t value_ns, uint64_t interval_ns)
{
    struct lx_itimerval it = {timeval_of(interval_ns), timeval_of(value_ns)};
    return shim_copy_out(to, &it, sizeof it);
}

/* Only the real-time timer: the others count processor time, see docs/syscalls.md. */
int64_t sys_getitimer(struct shim_task *t, int32_t which, lx_uptr curr)
{
    uint64_t value = 0, interval = 0;
    if (which < LX_ITIMER_REAL || which > LX_ITIMER_PROF)
        return -LX_EINVAL;
    if (which == LX_ITIMER_REAL)
        shim_alarm_get(t, &value, &interval);
    return put_timer(curr, value, interval);
}

int64_t sys_setitimer(struct shim_task *t, int32_t which, lx_uptr new_value, lx_uptr old_value)
{
    struct lx_itimerval it;
    uint64_t value = 0, interval = 0, old = 0, old_interval = 0;
    memset(&it, 0, sizeof it);
    if (which < LX_ITIMER_REAL || which > LX_ITIMER_PROF)
        return -LX_EINVAL;
    int err = new_value ? shim_copy_in(&it, new_value, sizeof it) : 0;
    if (err == 0)
        err = ns_of(&it.it_value, &value);
    if (err == 0)
        err = ns_of(&it.it_interval, &interval);
    if (err < 0)
        return err;
    if (which != LX_ITIMER_REAL)
        return value ? -LX_EOPNOTSUPP : old_value ? put_timer(old_value, 0, 0) : 0;
    err = shim_alarm_set(t, value, interval, &old, &old_interval);
    return err < 0 ? err : old_value ? put_timer(old_value, old, old_interval) : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * clock_gettime(2), clock_getres(2), clock_settime(2), clock_nanosleep(2), nanosleep(2),
 * gettimeofday(2), time(2), times(2), getrusage(2), adjtimex(2), clock_adjtime(2),
 * restart_syscall(2).
 */

#include "lx/time.h"

#include <stdatomic.h>

#include "core/mem.h"
#include "exec/vdso.h"
#include "lx/errno.h"
#include "lx/resource.h"
#include "plat/plat.h"
#include "shim/cpu_clock.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"

#define NS_PER_S 1000000000ull
#define NS_PER_US 1000ull
#define NS_PER_TICK 10000000ull /* times(2): 100 ticks a second */
#define TICK_NS 4000000

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
    struct shim_cpu_clock cpu;
    if (shim_cpu_clock_is(clock)) {
        int cpu_err = shim_cpu_clock_find(t, clock, &cpu);
        if (cpu_err == 0 && shim_cpu_clock_now(&cpu, ns) < 0)
            cpu_err = -LX_EINVAL; /* as Linux, which does not find it any more */
        return cpu_err;
    }
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

/* Linux' clocks that tick: 250 times a second on most systems. */
static int64_t resolution_of(int32_t clock)
{
    int ticks = clock < 0 ? LX_CPUCLOCK_WHICH(clock) != LX_CPUCLOCK_SCHED
                          : clock == LX_CLOCK_REALTIME_COARSE || clock == LX_CLOCK_MONOTONIC_COARSE;
    return ticks ? TICK_NS : 1;
}

int64_t sys_clock_getres(struct shim_task *t, int32_t clock, lx_uptr res)
{
    uint64_t ns;
    struct shim_cpu_clock cpu;
    int err =
        shim_cpu_clock_is(clock) ? shim_cpu_clock_find(t, clock, &cpu) : shim_time_now(clock, &ns);
    if (err < 0 || !res)
        return err;
    struct lx_timespec ts = {0, resolution_of(clock)};
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
    const struct shim_process *p = t->process;
    uint64_t user, system, now;
    shim_cpu_times(p, &user, &system);
    int err = shim_time_now(LX_CLOCK_MONOTONIC, &now);
    if (err == 0 && buf) {
        struct lx_tms tms = {
            .tms_utime = (int64_t)(user / NS_PER_TICK),
            .tms_stime = (int64_t)(system / NS_PER_TICK),
            .tms_cutime = (int64_t)(p->children_user_ns / NS_PER_TICK),
            .tms_cstime = (int64_t)(p->children_system_ns / NS_PER_TICK),
        };
        err = shim_copy_out(buf, &tms, sizeof tms);
    }
    return err < 0 ? err : (int64_t)(now / NS_PER_TICK);
}

int64_t sys_getrusage(struct shim_task *t, int32_t who, lx_uptr usage)
{
    const struct shim_process *p = t->process;
    struct lx_rusage r;
    uint64_t user, system;
    memset(&r, 0, sizeof r);
    switch (who) {
    case LX_RUSAGE_SELF:
        shim_cpu_times(p, &user, &system);
        break;
    case LX_RUSAGE_THREAD:
        shim_cpu_times_of_task(t, &user, &system);
        break;
    case LX_RUSAGE_CHILDREN:
        user = p->children_user_ns;
        system = p->children_system_ns;
        break;
    default:
        return -LX_EINVAL;
    }
    r.ru_utime = timeval_of(user);
    r.ru_stime = timeval_of(system);
    r.ru_maxrss =
        who == LX_RUSAGE_CHILDREN ? p->children_maxrss : (int64_t)(plat_process_peak() / 1024);
    return shim_copy_out(usage, &r, sizeof r);
}

/* The clocks that can be slept on; of the others Linux says -LX_EOPNOTSUPP, or knows them not. */
static int check_clock(struct shim_task *t, int32_t clock, struct shim_cpu_clock *cpu)
{
    switch (clock) {
    case LX_CLOCK_REALTIME:
    case LX_CLOCK_MONOTONIC:
    case LX_CLOCK_BOOTTIME:
    case LX_CLOCK_TAI:
        return 0;
    case LX_CLOCK_PROCESS_CPUTIME_ID:
        return shim_cpu_clock_find(t, clock, cpu);
    case LX_CLOCK_REALTIME_ALARM:
    case LX_CLOCK_BOOTTIME_ALARM:
        return -LX_EPERM; /* CAP_WAKE_ALARM, which a container does not have */
    case LX_CLOCK_THREAD_CPUTIME_ID:
    case LX_CLOCK_MONOTONIC_RAW:
    case LX_CLOCK_REALTIME_COARSE:
    case LX_CLOCK_MONOTONIC_COARSE:
        return -LX_EOPNOTSUPP;
    default:
        break;
    }
    if (clock >= 0)
        return -LX_EINVAL;
    if (LX_CLOCK_IS_FD(clock))
        return -LX_EOPNOTSUPP;
    int err = shim_cpu_clock_find(t, clock, cpu);
    return err == 0 && cpu->tid == t->tid ? -LX_EINVAL : err; /* it would not come forward */
}

/* Sleep until a clock of processor time says `until`; `left` is what then is missing. */
static int sleep_on_cpu(struct shim_task *t, const struct shim_cpu_clock *cpu, uint64_t until,
                        uint64_t *left)
{
    struct shim_cpu_pace pace;
    uint32_t threads = cpu->tid ? 1 : plat_cpu_count();
    int err = 0;
    memset(&pace, 0, sizeof pace);
    *left = 0;
    while (err == 0 || err == -LX_ETIMEDOUT) {
        uint64_t now, host = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        err = shim_cpu_clock_now(cpu, &now);
        if (err < 0 || now >= until)
            return err;
        *left = until - now;
        shim_cpu_pace(&pace, host);
        uint64_t wait = shim_cpu_wait(&pace, *left, threads);
        err = core_sleep(&t->sleeper, 0,
                         wait < INT64_MAX - host ? (int64_t)(host + wait) : PLAT_FOREVER);
    }
    return err;
}

/*
 * Sleep until a deadline that stands for the time `until` of a clock (NULL: for none): the two
 * clocks drift apart a little, and the guest goes by its own.
 */
static int sleep_until(struct shim_task *t, int64_t deadline_ns, int32_t clock,
                       const struct lx_timespec *until, uint64_t *left)
{
    int err = 0;
    *left = 0;
    do {
        while (err == 0)
            err = core_sleep(&t->sleeper, 0, deadline_ns);
        uint64_t now = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        if (err == -LX_EINTR) {
            *left = deadline_ns > (int64_t)now ? (uint64_t)deadline_ns - now : 0;
            return err;
        }
        err = until ? shim_time_deadline_of(until, clock, 1, &deadline_ns) : 0;
        if (err < 0 || !until || deadline_ns <= (int64_t)now)
            return err;
    } while (1);
}

int64_t sys_nanosleep(struct shim_task *t, lx_uptr req, lx_uptr rem)
{
    return sys_clock_nanosleep(t, LX_CLOCK_MONOTONIC, 0, req, rem);
}

/*
 * A relative sleep that no handler interrupts goes on to its old deadline: it is
 * kept in the task for the call that is started again.  What is left of one that a signal cuts
 * short goes to the guest.
 */
int64_t sys_clock_nanosleep(struct shim_task *t, int32_t clock, int32_t flags, lx_uptr req,
                            lx_uptr rem)
{
    struct shim_cpu_clock cpu;
    struct lx_timespec ts;
    int64_t deadline_ns;
    uint64_t left = 0;
    int absolute = (flags & LX_TIMER_ABSTIME) != 0;
    int err = check_clock(t, clock, &cpu);
    if (err == 0)
        err = shim_copy_in(&ts, req, sizeof ts);
    if (err == 0) /* of a CPU clock, for the checks and the range */
        err =
            shim_time_deadline_of(&ts, clock, absolute && !shim_cpu_clock_is(clock), &deadline_ns);
    uint64_t kept = absolute ? 0 : t->restart_ns;
    t->restart_ns = 0;
    if (err == 0 && shim_cpu_clock_is(clock)) {
        uint64_t now = 0, ns = deadline_ns == PLAT_FOREVER
                                   ? INT64_MAX
                                   : (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
        if (!kept && !absolute)
            err = shim_cpu_clock_now(&cpu, &now);
        deadline_ns = (int64_t)(kept ? kept : ns < INT64_MAX - now ? now + ns : INT64_MAX);
        if (err == 0)
            err = sleep_on_cpu(t, &cpu, (uint64_t)deadline_ns, &left);
    } else if (err == 0) {
        deadline_ns = kept ? (int64_t)kept : deadline_ns;
        err = sleep_until(t, deadline_ns, clock, absolute ? &ts : NULL, &left);
    }
    if (err != -LX_EINTR)
        return err;
    if (absolute)
        return -SHIM_ERESTARTNOHAND;
    if (rem) {
        ts = shim_timespec_of(left);
        err = shim_copy_out(rem, &ts, sizeof ts);
        if (err < 0)
            return err;
    }
    t->restart_ns = (uint64_t)deadline_ns;
    return -SHIM_ERESTART_RESTARTBLOCK;
}

/* ---- adjtimex(2): a container may look, and not touch ---- */

/* What Linux says when nothing disciplines its clock; of ours nothing is known. */
static int64_t look_at_clock(lx_uptr buf, struct lx_timex *tx)
{
    uint64_t ns;
    if (tx->modes & LX_ADJ_ADJTIME) {
        if ((tx->modes & LX_ADJ_OFFSET_SINGLESHOT) != LX_ADJ_OFFSET_SINGLESHOT)
            return -LX_EINVAL;
        if (!(tx->modes & LX_ADJ_OFFSET_READONLY))
            return -LX_EPERM;
    } else if (tx->modes) {
        return -LX_EPERM;
    }
    int err = shim_time_now(LX_CLOCK_REALTIME, &ns);
    uint32_t modes = tx->modes;
    memset(tx, 0, sizeof *tx);
    tx->modes = modes;
    tx->status = LX_STA_UNSYNC;
    tx->maxerror = tx->esterror = 16000000;
    tx->constant = 2;
    tx->precision = 1;
    tx->tolerance = 32768000;
    tx->tick = 10000;
    tx->time_sec = (int64_t)(ns / NS_PER_S);
    tx->time_usec = (int64_t)(ns % NS_PER_S / NS_PER_US);
    if (err == 0)
        err = shim_copy_out(buf, tx, sizeof *tx);
    return err < 0 ? err : LX_TIME_ERROR;
}

int64_t sys_adjtimex(struct shim_task *t, lx_uptr buf)
{
    struct lx_timex tx;
    (void)t;
    int err = shim_copy_in(&tx, buf, sizeof tx);
    return err < 0 ? err : look_at_clock(buf, &tx);
}

int64_t sys_clock_adjtime(struct shim_task *t, int32_t clock, lx_uptr buf)
{
    struct lx_timex tx;
    uint64_t ns;
    (void)t;
    int err = shim_copy_in(&tx, buf, sizeof tx);
    if (err == 0 && clock != LX_CLOCK_REALTIME)
        err = shim_cpu_clock_is(clock) || shim_time_now(clock, &ns) == 0 ? -LX_EOPNOTSUPP
                                                                         : -LX_EINVAL;
    return err < 0 ? err : look_at_clock(buf, &tx);
}

int64_t sys_restart_syscall(struct shim_task *t)
{
    (void)t;
    return -LX_EINTR; /* calls are started again under their own number */
}

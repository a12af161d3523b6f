/* SPDX-License-Identifier: MIT */
/*
 * alarm(2), getitimer(2), setitimer(2), timer_create(2), timer_settime(2), timer_gettime(2),
 * timer_getoverrun(2), timer_delete(2), timerfd_create(2), timerfd_settime(2),
 * timerfd_gettime(2).
 */

#include "shim/timer.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/syscall.h"
#include "shim/time.h"
#include "sys/file.h"
#include "vfs/timerfd.h"

#define NS_PER_S 1000000000ull
#define NS_PER_US 1000ull

/* ---- Interval timers ---- */

int64_t sys_alarm(struct shim_task *t, uint32_t seconds)
{
    uint64_t left, interval;
    int err = shim_itimer_set(t, LX_ITIMER_REAL, seconds * NS_PER_S, 0, &left, &interval);
    if (err < 0)
        return 0; /* alarm(2) knows no error */
    uint64_t s = left / NS_PER_S;
    return (int64_t)(left && (s == 0 || left % NS_PER_S >= NS_PER_S / 2) ? s + 1 : s);
}

static int ns_of_timeval(const struct lx_timeval *tv, uint64_t *ns)
{
    *ns = 0;
    if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
        return -LX_EINVAL;
    *ns = (uint64_t)tv->tv_sec >= INT64_MAX / NS_PER_S
              ? INT64_MAX
              : (uint64_t)tv->tv_sec * NS_PER_S + (uint64_t)tv->tv_usec * NS_PER_US;
    return 0;
}

static struct lx_timeval timeval_of(uint64_t ns)
{
    return (struct lx_timeval){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / NS_PER_US)};
}

static int put_itimer(lx_uptr to, uint64_t value_ns, uint64_t interval_ns)
{
    struct lx_itimerval it = {timeval_of(interval_ns), timeval_of(value_ns)};
    return shim_copy_out(to, &it, sizeof it);
}

int64_t sys_getitimer(struct shim_task *t, int32_t which, lx_uptr curr)
{
    uint64_t value, interval;
    if (which < LX_ITIMER_REAL || which > LX_ITIMER_PROF)
        return -LX_EINVAL;
    shim_itimer_get(t, (uint32_t)which, &value, &interval);
    return put_itimer(curr, value, interval);
}

int64_t sys_setitimer(struct shim_task *t, int32_t which, lx_uptr new_value, lx_uptr old_value)
{
    struct lx_itimerval it;
    uint64_t value = 0, interval = 0, old, old_interval;
    memset(&it, 0, sizeof it);
    int err = new_value ? shim_copy_in(&it, new_value, sizeof it) : 0;
    if (err == 0)
        err = ns_of_timeval(&it.it_value, &value);
    if (err == 0)
        err = ns_of_timeval(&it.it_interval, &interval);
    if (err < 0)
        return err;
    if (which < LX_ITIMER_REAL || which > LX_ITIMER_PROF)
        return -LX_EINVAL;
    err = shim_itimer_set(t, (uint32_t)which, value, interval, &old, &old_interval);
    return err < 0 ? err : old_value ? put_itimer(old_value, old, old_interval) : 0;
}

/* ---- Timers of a process ---- */

static int is_valid(const struct lx_timespec *ts)
{
    return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && ts->tv_nsec < (int64_t)NS_PER_S;
}

static int are_valid(const struct lx_itimerspec *it)
{
    return is_valid(&it->it_value) && is_valid(&it->it_interval);
}

int64_t sys_timer_create(struct shim_task *t, int32_t clock, lx_uptr event, lx_uptr id)
{
    struct lx_sigevent e;
    int err = event ? shim_copy_in(&e, event, sizeof e) : 0;
    return err < 0 ? err : shim_timer_new(t, clock, event ? &e : NULL, id);
}

int64_t sys_timer_settime(struct shim_task *t, int32_t id, int32_t flags, lx_uptr setting,
                          lx_uptr old_setting)
{
    struct lx_itimerspec it, old;
    if (!setting)
        return -LX_EINVAL;
    int err = shim_copy_in(&it, setting, sizeof it);
    if (err == 0 && !are_valid(&it))
        err = -LX_EINVAL;
    if (err == 0)
        err =
            shim_timer_set(t, id, (flags & LX_TIMER_ABSTIME) != 0, &it, old_setting ? &old : NULL);
    return err < 0 || !old_setting ? err : shim_copy_out(old_setting, &old, sizeof old);
}

int64_t sys_timer_gettime(struct shim_task *t, int32_t id, lx_uptr setting)
{
    struct lx_itimerspec it;
    int err = shim_timer_get(t, id, &it);
    return err < 0 ? err : shim_copy_out(setting, &it, sizeof it);
}

int64_t sys_timer_getoverrun(struct shim_task *t, int32_t id)
{
    return shim_timer_overrun(t, id);
}

int64_t sys_timer_delete(struct shim_task *t, int32_t id)
{
    return shim_timer_delete(t, id);
}

/* ---- Timers that are files ---- */

int64_t sys_timerfd_create(struct shim_task *t, int32_t clock, uint32_t flags)
{
    struct vfs_file *file;
    if (flags & ~(uint32_t)(LX_TFD_CLOEXEC | LX_TFD_NONBLOCK))
        return -LX_EINVAL;
    switch (clock) {
    case LX_CLOCK_REALTIME:
    case LX_CLOCK_MONOTONIC:
    case LX_CLOCK_BOOTTIME:
        break;
    case LX_CLOCK_REALTIME_ALARM:
    case LX_CLOCK_BOOTTIME_ALARM:
        return -LX_EPERM; /* CAP_WAKE_ALARM, which a container does not have */
    default:
        return -LX_EINVAL;
    }
    int err = vfs_timerfd_new(clock, flags, &file);
    return err < 0 ? err : sys_install(t, file, flags & LX_TFD_CLOEXEC ? VFS_FD_CLOEXEC : 0);
}

/* A timer's file, a reference; -LX_EINVAL: it is another's. */
static int get_timerfd(struct shim_task *t, int32_t fd, struct vfs_file **out)
{
    int err = vfs_fdtable_get(t->process->fds, fd, out);
    if (err < 0)
        return err;
    if ((*out)->kind == VFS_FILE_TIMERFD)
        return 0;
    err = (*out)->kind == VFS_FILE_PATH ? -LX_EBADF : -LX_EINVAL;
    vfs_file_put(*out);
    *out = NULL;
    return err;
}

static int put_setting(lx_uptr to, const struct vfs_timerfd_setting *s)
{
    struct lx_itimerspec it = {shim_timespec_of(s->interval_ns), shim_timespec_of(s->left_ns)};
    return shim_copy_out(to, &it, sizeof it);
}

/*
 * Differs from Linux: no clock is ever set in a container, so nothing cancels a timer, and a
 * time of the real-time clock is one of the monotonic clock from here on.
 */
int64_t sys_timerfd_settime(struct shim_task *t, int32_t fd, int32_t flags, lx_uptr setting,
                            lx_uptr old_setting)
{
    struct lx_itimerspec it;
    struct vfs_timerfd_setting old;
    struct vfs_file *file;
    int err = shim_copy_in(&it, setting, sizeof it);
    if (err < 0)
        return err;
    if (flags & ~(LX_TFD_TIMER_ABSTIME | LX_TFD_TIMER_CANCEL_ON_SET) || !are_valid(&it))
        return -LX_EINVAL;
    err = get_timerfd(t, fd, &file);
    if (err < 0)
        return err;
    int64_t deadline_ns = 0;
    if (it.it_value.tv_sec || it.it_value.tv_nsec)
        err = shim_time_deadline_of(&it.it_value, vfs_timerfd_clock(file),
                                    flags & LX_TFD_TIMER_ABSTIME, &deadline_ns);
    if (err == 0) {
        uint64_t s = (uint64_t)it.it_interval.tv_sec;
        uint64_t interval_ns =
            s < INT64_MAX / NS_PER_S ? s * NS_PER_S + (uint64_t)it.it_interval.tv_nsec : INT64_MAX;
        vfs_timerfd_set(file, deadline_ns, interval_ns, &old);
    }
    vfs_file_put(file);
    return err < 0 || !old_setting ? err : put_setting(old_setting, &old);
}

int64_t sys_timerfd_gettime(struct shim_task *t, int32_t fd, lx_uptr setting)
{
    struct vfs_timerfd_setting s;
    struct vfs_file *file;
    int err = get_timerfd(t, fd, &file);
    if (err < 0)
        return err;
    vfs_timerfd_get(file, &s);
    vfs_file_put(file);
    return put_setting(setting, &s);
}

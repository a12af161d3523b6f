/* SPDX-License-Identifier: MIT */
/* Clocks from the time-stamp counter, and the guest's timeouts. */

#include "shim/time.h"

#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/task.h"
#include "shim/user.h"

#define NS_PER_S 1000000000ull

void shim_time_init(struct shim_clock_data *out)
{
    struct plat_tsc tsc;
    memset(out, 0, sizeof *out);
    if (plat_tsc_calibrate(&tsc) < 0)
        return;
    out->base_tsc = tsc.base_tsc;
    out->monotonic_ns = tsc.monotonic_ns;
    out->realtime_ns = tsc.realtime_ns;
    out->mult = tsc.mult;
    out->shift = tsc.shift;
    out->usable = 1;
}

static uint64_t elapsed_ns(const struct shim_clock_data *d)
{
    uint64_t ticks = __builtin_ia32_rdtsc() - d->base_tsc;
    return (uint64_t)((unsigned __int128)ticks * d->mult >> d->shift);
}

int shim_time_now(int32_t clock, uint64_t *ns)
{
    const struct shim_clock_data *d = &shim_container()->clock;
    *ns = 0;
    switch (clock) {
    case LX_CLOCK_REALTIME:
    case LX_CLOCK_REALTIME_COARSE:
    case LX_CLOCK_REALTIME_ALARM:
        *ns = d->usable ? d->realtime_ns + elapsed_ns(d) : plat_clock_now(PLAT_CLOCK_REALTIME);
        return 0;
    case LX_CLOCK_TAI:
        return shim_time_now(LX_CLOCK_REALTIME, ns); /* no leap-second offset is known */
    case LX_CLOCK_MONOTONIC:
    case LX_CLOCK_MONOTONIC_RAW:
    case LX_CLOCK_MONOTONIC_COARSE:
    case LX_CLOCK_BOOTTIME:
    case LX_CLOCK_BOOTTIME_ALARM:
        *ns = d->usable ? d->monotonic_ns + elapsed_ns(d) : plat_clock_now(PLAT_CLOCK_MONOTONIC);
        return 0;
    case LX_CLOCK_PROCESS_CPUTIME_ID:
        *ns = plat_clock_now(PLAT_CLOCK_CPU_PROCESS);
        return 0;
    case LX_CLOCK_THREAD_CPUTIME_ID:
        *ns = plat_clock_now(PLAT_CLOCK_CPU_THREAD);
        return 0;
    default:
        return -LX_EINVAL;
    }
}

int shim_time_deadline_of(const struct lx_timespec *ts, int32_t clock, int absolute,
                          int64_t *deadline_ns)
{
    *deadline_ns = PLAT_FOREVER;
    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (int64_t)NS_PER_S)
        return -LX_EINVAL;
    uint64_t host = plat_clock_now(PLAT_CLOCK_MONOTONIC), now = 0;
    int err = absolute ? shim_time_now(clock, &now) : 0;
    if (err < 0)
        return err;
    if ((uint64_t)ts->tv_sec > INT64_MAX / NS_PER_S - 1)
        return 0;
    uint64_t ns = (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec;
    uint64_t wait = ns > now ? ns - now : 0;
    if (wait < (uint64_t)INT64_MAX - host)
        *deadline_ns = (int64_t)(host + wait);
    return 0;
}

int shim_time_deadline(lx_uptr timespec, int32_t clock, int absolute, int64_t *deadline_ns)
{
    struct lx_timespec ts;
    *deadline_ns = PLAT_FOREVER;
    int err = shim_copy_in(&ts, timespec, sizeof ts);
    return err < 0 ? err : shim_time_deadline_of(&ts, clock, absolute, deadline_ns);
}

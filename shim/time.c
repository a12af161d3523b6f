/* SPDX-License-Identifier: MIT */
/* Clocks from the time-stamp counter, and the guest's timeouts. */

#include "shim/time.h"

#include <stdatomic.h>

#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/task.h"
#include "shim/user.h"

#define NS_PER_S 1000000000ull

enum { NOT_YET, IN_THE_MAKING, FINAL };

/* Calibrate, unless another thread is about to, or it was found impossible. */
static void calibrate(struct shim_clock *c)
{
    struct plat_tsc tsc;
    uint32_t state = NOT_YET;
    if (c->state != NOT_YET || !atomic_compare_exchange_strong(&c->state, &state, IN_THE_MAKING))
        return;
    int err = plat_tsc_calibrate(&tsc);
    if (err == 0) {
        c->data.base_tsc = tsc.base_tsc;
        c->data.monotonic_ns = tsc.monotonic_ns;
        c->data.realtime_ns = tsc.realtime_ns;
        c->data.mult = tsc.mult;
        c->data.shift = tsc.shift;
        c->data.usable = 1;
    }
    c->state = err == -LX_EAGAIN ? NOT_YET : FINAL;
}

/* What the counter means; its `usable` says whether it is known. */
static const struct shim_clock_data *clock_data(void)
{
    struct shim_clock *c = &shim_container()->clock;
    if (!c->data.usable)
        calibrate(c);
    return &c->data;
}

static uint64_t elapsed_ns(const struct shim_clock_data *d)
{
    uint64_t ticks = __builtin_ia32_rdtsc() - d->base_tsc;
    return (uint64_t)((unsigned __int128)ticks * d->mult >> d->shift);
}

uint64_t shim_time_realtime(void)
{
    const struct shim_clock_data *d = clock_data();
    return d->usable ? d->realtime_ns + elapsed_ns(d) : plat_clock_now(PLAT_CLOCK_REALTIME);
}

int shim_time_now(int32_t clock, uint64_t *ns)
{
    const struct shim_clock_data *d = clock_data();
    *ns = 0;
    switch (clock) {
    case LX_CLOCK_REALTIME:
    case LX_CLOCK_REALTIME_COARSE:
    case LX_CLOCK_REALTIME_ALARM:
    case LX_CLOCK_TAI: /* no leap-second offset is known */
        *ns = shim_time_realtime();
        return 0;
    case LX_CLOCK_MONOTONIC:
    case LX_CLOCK_MONOTONIC_RAW:
    case LX_CLOCK_MONOTONIC_COARSE:
    case LX_CLOCK_BOOTTIME:
    case LX_CLOCK_BOOTTIME_ALARM:
        *ns = d->usable ? d->monotonic_ns + elapsed_ns(d) : plat_clock_now(PLAT_CLOCK_MONOTONIC);
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
    if (ns < now)
        *deadline_ns = now - ns < host ? (int64_t)(host - (now - ns)) : 1;
    else if (ns - now < (uint64_t)INT64_MAX - host)
        *deadline_ns = (int64_t)(host + (ns - now));
    return 0;
}

int shim_time_deadline(lx_uptr timespec, int32_t clock, int absolute, int64_t *deadline_ns)
{
    struct lx_timespec ts;
    *deadline_ns = PLAT_FOREVER;
    int err = shim_copy_in(&ts, timespec, sizeof ts);
    return err < 0 ? err : shim_time_deadline_of(&ts, clock, absolute, deadline_ns);
}

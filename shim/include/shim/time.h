/* SPDX-License-Identifier: MIT */
#ifndef SHIM_TIME_H
#define SHIM_TIME_H

/*
 * Linux' clocks over the host's, and timeouts given by the guest.
 *
 * The time-stamp counter, calibrated once for the container when somebody asks for the
 * time, serves both the vDSO and clock_gettime(2), so that they agree.  In the first
 * milliseconds, too short a time to calibrate it, both ask the host.
 *
 * Source  clock_gettime(2), vdso(7).
 * Threads any.
 * Errors  -LX_EINVAL: no such clock, or a bad timespec; -LX_EFAULT.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

/* What the vDSO reads; at CORE_VDSO_DATA in every guest host, and in the arena. */
struct shim_clock_data {
    uint64_t base_tsc;
    uint64_t monotonic_ns, realtime_ns; /* at base_tsc */
    uint32_t mult, shift;               /* ns = ticks * mult >> shift */
    _Atomic uint32_t usable;            /* 0: ask the host; set last */
};

/* The clock that all processes share. */
struct shim_clock {
    struct shim_clock_data data;
    _Atomic uint32_t state; /* of its making: see shim/time.c */
};

/* CLOCK_REALTIME, in ns. */
uint64_t shim_time_realtime(void);

/* A clock's time in ns; clocks of processor time are in shim/cpu_clock.h. */
MUST_USE int shim_time_now(int32_t clock, uint64_t *ns);

/*
 * Read a timespec from the guest and make it a deadline, which is on the host's monotonic clock,
 * PLAT_CLOCK_MONOTONIC: the guest's, counted from the time-stamp counter, drifts away from it by
 * some millionths.
 *   absolute     1: a time of `clock`; 0: from now on.
 *   deadline_ns  PLAT_FOREVER if it is beyond the clock's range, 1 if it is before its beginning;
 *                never 0.
 */
MUST_USE int shim_time_deadline(lx_uptr timespec, int32_t clock, int absolute,
                                int64_t *deadline_ns);

/* The same for a timespec that was copied in already. */
MUST_USE int shim_time_deadline_of(const struct lx_timespec *ts, int32_t clock, int absolute,
                                   int64_t *deadline_ns);

#endif

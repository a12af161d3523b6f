/* SPDX-License-Identifier: MIT */
#ifndef LX_TIME_H
#define LX_TIME_H

/*
 * Clocks and timers.
 *
 * Source  clock_gettime(2), setitimer(2), clock_getcpuclockid(3), timerfd_create(2), adjtimex(2);
 *         linux/posix-timers.h, linux/timex.h.
 */

#include <stdint.h>

#define LX_CLOCK_REALTIME 0
#define LX_ITIMER_REAL 0
#define LX_CLOCK_MONOTONIC 1
#define LX_ITIMER_VIRTUAL 1
#define LX_TIMER_ABSTIME 1
#define LX_CLOCK_PROCESS_CPUTIME_ID 2
#define LX_ITIMER_PROF 2
#define LX_CLOCK_THREAD_CPUTIME_ID 3
#define LX_CLOCK_MONOTONIC_RAW 4
#define LX_CLOCK_REALTIME_COARSE 5
#define LX_CLOCK_MONOTONIC_COARSE 6
#define LX_CLOCK_BOOTTIME 7
#define LX_CLOCK_REALTIME_ALARM 8
#define LX_CLOCK_BOOTTIME_ALARM 9
#define LX_CLOCK_SGI_CYCLE 10
#define LX_CLOCK_TAI 11

/* A negative clock id: the complement of a pid or tid, shifted, over these. */
#define LX_CPUCLOCK_PROF 0 /* user and system */
#define LX_CPUCLOCK_VIRT 1 /* user */
#define LX_CPUCLOCK_SCHED 2
#define LX_CPUCLOCK_MAX 3
#define LX_CPUCLOCK_PERTHREAD 4
#define LX_CPUCLOCK_PID(clock) (~((clock) >> 3))
#define LX_CPUCLOCK_WHICH(clock) ((clock)&3)
#define LX_CLOCK_IS_FD(clock) (((clock)&7) == 3) /* a descriptor's, of a clock device */

#define LX_TFD_TIMER_ABSTIME 1
#define LX_TFD_TIMER_CANCEL_ON_SET 2
#define LX_TFD_NONBLOCK 04000
#define LX_TFD_CLOEXEC 02000000

struct lx_timex {
    uint32_t modes, pad;
    int64_t offset, freq, maxerror, esterror;
    int32_t status, pad2;
    int64_t constant, precision, tolerance;
    int64_t time_sec, time_usec;
    int64_t tick, ppsfreq, jitter;
    int32_t shift, pad3;
    int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
    int32_t tai, fill[11];
};
_Static_assert(sizeof(struct lx_timex) == 208, "ABI");

#define LX_ADJ_OFFSET_READONLY 0x2000
#define LX_ADJ_OFFSET_SINGLESHOT 0x8001
#define LX_ADJ_ADJTIME 0x8000
#define LX_STA_UNSYNC 0x40
#define LX_TIME_ERROR 5

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LX_TIME_H
#define LX_TIME_H

/*
 * Clocks and timers.
 *
 * Source  clock_gettime(2), setitimer(2).
 */

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

#endif

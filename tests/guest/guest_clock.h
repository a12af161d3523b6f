/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_CLOCK_H
#define TESTS_GUEST_CLOCK_H

/* For guest tests of clocks and timers: times are nanoseconds. */

#include <time.h>

#include "guest.h"

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)

static inline int64_t now(clockid_t clock)
{
    struct timespec t = {-1, -1};
    CHECK(clock_gettime(clock, &t) == 0);
    CHECK(t.tv_nsec >= 0 && t.tv_nsec < SECOND);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* To the end, whatever signals come. */
static inline void nap(int64_t ns)
{
    struct timespec t = {ns / SECOND, ns % SECOND};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

static inline struct itimerspec setting(int64_t value, int64_t interval)
{
    return (struct itimerspec){.it_value = {value / SECOND, value % SECOND},
                               .it_interval = {interval / SECOND, interval % SECOND}};
}

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_FUTEXES_H
#define TESTS_GUEST_FUTEXES_H

/* For the tests of futexes: calls, clocks, and threads whose state can be waited for. */

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

static inline long futex(void *at, int op, uint32_t value, const void *timeout, void *at2,
                         uint32_t value3)
{
    return syscall(SYS_futex, at, op, value, timeout, at2, value3);
}

static inline void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* An absolute time, some ms from now. */
static inline struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    int64_t ns = t.tv_sec * INT64_C(1000000000) + t.tv_nsec + ms * 1000000;
    return (struct timespec){ns / 1000000000, ns % 1000000000};
}

/* Wait until something is true, for ten seconds at most. */
#define UNTIL(condition)                                   \
    do {                                                   \
        for (int i_ = 0; i_ < 10000 && !(condition); i_++) \
            sleep_ms(1);                                   \
        CHECK(condition);                                  \
    } while (0)

#define JOIN(thread) CHECK(pthread_join((thread), NULL) == 0)

static inline uint32_t tid(void)
{
    return (uint32_t)gettid();
}

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

/*
 * For guest tests: Linux programs that run natively first, then under Tarbox,
 * with the same output and exit code.  A check that fails says so and counts;
 * main() ends with `return guest_result();`.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int guest_failures;

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            guest_failures++;                                                        \
            printf("%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
        }                                                                            \
    } while (0)

/*
 * The condition comes true within 5 s.  For what a thread leaves behind: pthread_join(3) returns when
 * its memory is free, and the kernel counts it for some moments more.
 */
#define SOON(condition)                                                      \
    do {                                                                     \
        int guest_came = 0;                                                  \
        for (int guest_i = 0; guest_i < 5000 && !guest_came; guest_i++)      \
            if (!(guest_came = (condition)))                                 \
                usleep(1000);                                                \
        if (!guest_came) {                                                   \
            guest_failures++;                                                \
            printf("%s:%d: not soon: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                    \
    } while (0)

/* The call fails with this error. */
#define CHECK_ERROR(call, error) \
    do {                         \
        errno = 0;               \
        CHECK((call) == -1);     \
        CHECK(errno == (error)); \
    } while (0)

/* How often to repeat what takes long: `full` in the long tier. */
static inline long guest_count(long fast, long full)
{
    return getenv("TARBOX_LONG") ? full : fast;
}

/* 1 under Tarbox on Wine: for the few things that Wine tells wrong, and Windows does not. */
static inline int guest_on_wine(void)
{
    return getenv("TARBOX_ON_WINE") != NULL;
}

static inline int guest_result(void)
{
    printf("%d failures\n", guest_failures);
    return guest_failures ? 1 : 0;
}

#endif

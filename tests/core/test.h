/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CORE_TEST_H
#define TESTS_CORE_TEST_H

/* What cmocka's header needs before it, and the start of every test program here. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define THREADS 4

static inline void start_or_exit(int *argc, char ***argv)
{
    if (plat_start(argc, argv) < 0 || core_arena_create() < 0) {
        fprintf(stderr, "no platform, or no arena\n");
        exit(2);
    }
}

/* For threads other than the test's own, from which cmocka's assertions cannot jump back. */
#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

/* How often to repeat what takes long: `full` in the long tier. */
static inline long test_count(long fast, long full)
{
    return getenv("TARBOX_LONG") ? full : fast;
}

/* Run `work` in THREADS threads, with its number as argument. */
static inline void run_threads(void (*work)(void *arg))
{
    struct plat_worker *workers[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(plat_worker_start(work, (void *)i, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        plat_worker_join(workers[i]);
}

#endif

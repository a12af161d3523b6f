/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLATFORM_TEST_H
#define TESTS_PLATFORM_TEST_H

/* What cmocka's header needs before it, and the start of every test program here. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plat/plat.h"

static inline void start_or_exit(int *argc, char ***argv)
{
    if (plat_start(argc, argv) < 0) {
        fprintf(stderr, "plat_start: %s\n", plat_start_error());
        exit(2);
    }
}

/*
 * Bytes in memory of just that size, for the sanitizer: free() them.  One in four may be anything,
 * the others are small, as sizes and offsets are.
 */
static inline uint8_t *random_bytes(uint32_t size, uint64_t *seed)
{
    uint8_t *bytes = malloc(size ? size : 1);
    for (uint32_t k = 0; bytes && k < size; k++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        bytes[k] = (uint8_t)(*seed >> 33 & (k % 4 ? 0x0f : 0xff));
    }
    return bytes;
}

#define MILLISECOND_NS INT64_C(1000000)
#define SECOND_NS INT64_C(1000000000)
#define PAGE UINT64_C(4096)
#define GRANULE ((uint64_t)PLAT_GRANULE)

/* So many nanoseconds from now. */
static inline int64_t deadline_in(int64_t ns)
{
    return (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) + ns;
}

#endif

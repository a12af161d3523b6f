/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLATFORM_ARENA_H
#define TESTS_PLATFORM_ARENA_H

/* The arena for tests that need a page of it. */

#include "core/layout.h"
#include "test.h"

/* Make the arena, with its first page. */
static inline int make_arena(void)
{
    int err = plat_arena_create(CORE_ARENA_BASE, CORE_ARENA_SIZE);
    return err < 0 ? err : plat_arena_commit(CORE_ARENA_BASE, PAGE);
}

#endif

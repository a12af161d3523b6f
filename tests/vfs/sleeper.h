/* SPDX-License-Identifier: MIT */
#ifndef TESTS_VFS_SLEEPER_H
#define TESTS_VFS_SLEEPER_H

/*
 * For tests of what waits: sleepers, workers, and a check that nothing stays
 * allocated.
 */

#include "core/wait.h"
#include "plat/plat.h"
#include "test.h"

#define MILLISECOND_NS 1000000ull

/* The sleepers of a test program's threads: number 0 is the main thread's. */
#define SLEEPERS 8

static inline struct core_sleeper *sleeper(uint32_t n)
{
    static struct core_sleeper *all;
    if (!all) {
        all = core_arena_alloc(SLEEPERS * sizeof *all);
        assert_non_null(all);
        for (uint32_t i = 0; i < SLEEPERS; i++)
            core_sleeper_init(&all[i], 100 + i, 1);
    }
    assert_true(n < SLEEPERS);
    return &all[n];
}

static inline struct plat_worker *start(void (*work)(void *), void *arg)
{
    struct plat_worker *w;
    assert_int_equal(plat_worker_start(work, arg, &w), 0);
    return w;
}

static inline int64_t deadline_in(uint64_t ns)
{
    return (int64_t)(plat_clock_now(PLAT_CLOCK_MONOTONIC) + ns);
}

/* Setup and teardown of a test that must give back all of the arena that it takes. */
static uint64_t used_before;

static inline int note_used(void **state)
{
    (void)state;
    sleeper(0);
    used_before = core_arena_used();
    return 0;
}

static inline int check_used(void **state)
{
    (void)state;
    return core_arena_used() == used_before ? 0 : -1;
}

/* Group setup: an empty file system, and an inode to use again: those that end are kept for that. */
static inline int mount_empty(void **state)
{
    static const struct mkimage_row rows[] = {{.path = "/dir", .mode = DIR | 0755}};
    (void)state;
    struct vfs_inode *inode;
    mount_rows(rows, COUNT(rows));
    assert_int_equal(vfs_inode_new(vfs_root()->super, REG | 0600, 0, 0, 0, NULL, &inode), 0);
    vfs_inode_put(inode);
    return 0;
}

#define tidy_test(f) cmocka_unit_test_setup_teardown(f, note_used, check_used)

#endif

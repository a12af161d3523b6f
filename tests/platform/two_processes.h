/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLATFORM_TWO_PROCESSES_H
#define TESTS_PLATFORM_TWO_PROCESSES_H

/*
 * For tests of what a launcher and a guest host share.  The guest host does what its role says:
 * use() what the launcher has made, or make() something itself; it says by its exit code what it
 * finds wrong.
 */

#include "arena.h"

#define ROLE_USE "--use"
#define ROLE_MAKE "--make"
#define FINE 7

static int use(void);
static int make(void);

/* In the arena: what launcher and guest host tell each other. */
struct told {
    uint64_t key;
    uint32_t keeper;
};

static struct told *told(void)
{
    return (struct told *)CORE_ARENA_BASE;
}

static void guest_host(const char *role)
{
    if (plat_arena_attach(CORE_ARENA_BASE, CORE_ARENA_SIZE) < 0)
        plat_exit(10);
    plat_exit(strcmp(role, ROLE_USE) == 0 ? use() : make());
}

static void run_guest_host(const char *role)
{
    struct plat_process *p;
    int32_t code;
    assert_int_equal(plat_process_spawn(guest_host, role, NULL, 0, &p), 0);
    assert_int_equal(plat_process_wait(p, deadline_in(60 * SECOND_NS), &code), 0);
    assert_int_equal(code, FINE);
    plat_process_free(p);
}

static int make_told(void)
{
    if (make_arena() < 0)
        return -1;
    told()->keeper = plat_process_id();
    return 0;
}

#endif

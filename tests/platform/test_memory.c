/* SPDX-License-Identifier: MIT */
/* Reservations and private pages. */

#include "core/layout.h"
#include "lx/errno.h"
#include "test.h"

#define BASE CORE_MMAP_BASE

static char *at(uint64_t addr)
{
    return (char *)(uintptr_t)addr;
}

static int reserve(void **state)
{
    (void)state;
    return plat_mem_reserve(BASE, 4 * GRANULE);
}

static int release(void **state)
{
    (void)state;
    plat_mem_release(BASE, 4 * GRANULE);
    return 0;
}

static void reservations_do_not_overlap(void **state)
{
    (void)state;
    assert_int_equal(plat_mem_reserve(BASE, GRANULE), -LX_EEXIST);
    assert_int_equal(plat_mem_reserve(BASE + 3 * GRANULE, 2 * GRANULE), -LX_EEXIST);
    assert_int_equal(plat_mem_reserve(BASE + 4 * GRANULE, GRANULE), 0);
    plat_mem_release(BASE + 4 * GRANULE, GRANULE);
}

static void committed_pages_are_zero_and_keep_their_contents(void **state)
{
    (void)state;
    uint64_t page = BASE + 3 * PAGE;
    assert_int_equal(plat_mem_commit(page, PAGE, PLAT_READ | PLAT_WRITE), 0);
    assert_int_equal(at(page)[0], 0);
    at(page)[0] = 'x';
    assert_int_equal(plat_mem_commit(BASE, 8 * PAGE, PLAT_READ | PLAT_WRITE), 0);
    assert_int_equal(at(page)[0], 'x');
    assert_int_equal(at(BASE)[0], 0);
    assert_int_equal(plat_mem_commit(page, PAGE, PLAT_READ), 0);
    assert_int_equal(at(page)[0], 'x');
}

static void decommitted_pages_come_back_as_zeros(void **state)
{
    (void)state;
    assert_int_equal(plat_mem_commit(BASE, 3 * PAGE, PLAT_READ | PLAT_WRITE), 0);
    memset(at(BASE), 'x', 3 * PAGE);
    plat_mem_decommit(BASE + PAGE, PAGE);
    assert_int_equal(plat_mem_reserve(BASE, GRANULE), -LX_EEXIST); /* still reserved */
    assert_int_equal(plat_mem_commit(BASE + PAGE, PAGE, PLAT_READ | PLAT_WRITE), 0);
    assert_int_equal(at(BASE + PAGE)[0], 0);
    assert_int_equal(at(BASE)[PAGE - 1], 'x');
    assert_int_equal(at(BASE + 2 * PAGE)[0], 'x');
}

static void code_runs_where_it_is_executable(void **state)
{
    (void)state;
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42,%eax; ret */
    assert_int_equal(plat_mem_commit(BASE, PAGE, PLAT_READ | PLAT_WRITE), 0);
    memcpy(at(BASE), code, sizeof code);
    assert_int_equal(plat_mem_protect(BASE, PAGE, PLAT_READ | PLAT_EXEC), 0);
    plat_mem_flush_code(BASE, sizeof code);
    int (*function)(void);
    uint64_t addr = BASE;
    memcpy(&function, &addr, sizeof function);
    assert_int_equal(function(), 42);
}

static void private_pages_lie_outside_the_windows(void **state)
{
    (void)state;
    void *pages;
    assert_int_equal(plat_pages_new(3 * PAGE, &pages), 0);
    assert_int_equal(((char *)pages)[2 * PAGE], 0);
    memset(pages, 'x', 3 * PAGE);
    uint64_t addr = (uintptr_t)pages;
    assert_true(addr < CORE_PIE_BASE || addr >= CORE_STACK_END);
    assert_true(addr >= CORE_LOW_END);
    plat_pages_free(pages, 3 * PAGE);
    plat_pages_free(NULL, PAGE);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reservations_do_not_overlap, reserve, release),
        cmocka_unit_test_setup_teardown(committed_pages_are_zero_and_keep_their_contents, reserve,
                                        release),
        cmocka_unit_test_setup_teardown(decommitted_pages_come_back_as_zeros, reserve, release),
        cmocka_unit_test_setup_teardown(code_runs_where_it_is_executable, reserve, release),
        cmocka_unit_test(private_pages_lie_outside_the_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Clocks, the time-stamp counter, random numbers, the machine. */

#include <time.h>

#include "lx/errno.h"
#include "test.h"

static uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void clocks_run_forwards(void **state)
{
    (void)state;
    for (int clock = PLAT_CLOCK_MONOTONIC; clock <= PLAT_CLOCK_CPU_THREAD; clock++) {
        uint64_t last = plat_clock_now((enum plat_clock)clock);
        for (int i = 0; i < 1000; i++) {
            uint64_t now = plat_clock_now((enum plat_clock)clock);
            assert_true(now >= last);
            last = now;
        }
    }
}

static void real_time_is_the_c_librarys(void **state)
{
    (void)state;
    uint64_t s = plat_clock_now(PLAT_CLOCK_REALTIME) / SECOND_NS;
    uint64_t expected = (uint64_t)time(NULL);
    assert_in_range(s, expected - 2, expected + 2);
}

static void naps_last_as_long_as_asked(void **state)
{
    (void)state;
    uint64_t start = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    plat_thread_yield(20 * MILLISECOND_NS);
    uint64_t took = plat_clock_now(PLAT_CLOCK_MONOTONIC) - start;
    assert_in_range(took, 19 * MILLISECOND_NS, 5 * SECOND_NS);
    plat_thread_yield(0);
}

/* At most 100 us off after 100 ms. */
static void the_counter_tells_the_time(void **state)
{
    (void)state;
    struct plat_tsc t;
    int err;
    while ((err = plat_tsc_calibrate(&t)) == -LX_EAGAIN)
        plat_thread_yield(MILLISECOND_NS);
    if (err == -LX_EOPNOTSUPP)
        skip();
    assert_int_equal(err, 0);
    plat_thread_yield(100 * MILLISECOND_NS);
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 10; i++) {
        uint64_t ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        unsigned __int128 counts = read_tsc() - t.base_tsc;
        uint64_t computed = t.monotonic_ns + (uint64_t)(counts * t.mult >> t.shift);
        uint64_t off = computed > ns ? computed - ns : ns - computed;
        best = off < best ? off : best;
    }
    assert_true(best < 100000);
    uint64_t real = plat_clock_now(PLAT_CLOCK_REALTIME);
    uint64_t then = real - (plat_clock_now(PLAT_CLOCK_MONOTONIC) - t.monotonic_ns);
    assert_in_range(t.realtime_ns, then - MILLISECOND_NS, then + MILLISECOND_NS);
}

static void random_numbers_differ(void **state)
{
    (void)state;
    unsigned char a[300] = {0}, b[300] = {0}, zero[16] = {0};
    plat_random(a, sizeof a);
    plat_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + sizeof a - 16, zero, 16);
}

static void the_machine_has_a_size(void **state)
{
    (void)state;
    uint64_t total, available;
    plat_memory_info(&total, NULL);
    assert_true(total > 64u << 20);
    plat_memory_info(&total, &available);
    assert_true(total > 64u << 20);
    assert_in_range(available, 1, total);
    uint64_t up = plat_uptime_s();
    assert_in_range(up, 1, 1ull << 33);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_run_forwards),        cmocka_unit_test(real_time_is_the_c_librarys),
        cmocka_unit_test(naps_last_as_long_as_asked), cmocka_unit_test(the_counter_tells_the_time),
        cmocka_unit_test(random_numbers_differ),      cmocka_unit_test(the_machine_has_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

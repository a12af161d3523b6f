/* SPDX-License-Identifier: MIT */
/* Sleeping, waking, workers and semaphores. */

#include <stdatomic.h>

#include "arena.h"
#include "lx/errno.h"

#define SLOT 9
#define LIMIT_NS (20 * SECOND_NS)

static _Atomic uint32_t *word(void)
{
    return (_Atomic uint32_t *)CORE_ARENA_BASE;
}

static int set_up(void **state)
{
    (void)state;
    return make_arena();
}

static void wake(void)
{
    if (atomic_exchange(word(), PLAT_PARK_TOKEN) == PLAT_PARK_SLEEPING)
        plat_thread_wake(SLOT, word());
}

static void wake_later(void *arg)
{
    (void)arg;
    plat_thread_yield(20 * MILLISECOND_NS);
    wake();
}

/* As core does it: what counts is the word. */
static int sleep_until_woken(uint32_t streams, int64_t deadline_ns)
{
    int err = 0;
    while (!err && atomic_load(word()) == PLAT_PARK_SLEEPING)
        err = plat_thread_sleep(SLOT, word(), streams, deadline_ns);
    return err;
}

static void a_wake_ends_a_sleep(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        atomic_store(word(), PLAT_PARK_SLEEPING);
        struct plat_worker *w;
        assert_int_equal(plat_worker_start(wake_later, NULL, &w), 0);
        assert_int_equal(sleep_until_woken(0, deadline_in(LIMIT_NS)), 0);
        assert_int_equal(atomic_load(word()), PLAT_PARK_TOKEN);
        plat_worker_join(w);
    }
}

static void a_wake_before_the_sleep_is_not_lost(void **state)
{
    (void)state;
    atomic_store(word(), PLAT_PARK_SLEEPING);
    wake();
    assert_int_equal(sleep_until_woken(0, deadline_in(LIMIT_NS)), 0);
    assert_int_equal(plat_thread_sleep(SLOT, word(), 0, PLAT_FOREVER), 0);
}

static void sleeps_end_at_their_deadline(void **state)
{
    (void)state;
    int64_t deadline = deadline_in(30 * MILLISECOND_NS);
    atomic_store(word(), PLAT_PARK_SLEEPING);
    assert_int_equal(sleep_until_woken(0, deadline), -LX_ETIMEDOUT);
    assert_true((int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) >= deadline);
    assert_int_equal(sleep_until_woken(0, deadline), -LX_ETIMEDOUT); /* which is past */
    assert_int_equal(sleep_until_woken(0, 0), -LX_ETIMEDOUT);
}

struct game {
    struct plat_semaphore *ping, *pong;
    int rounds;
};

static void answer(void *arg)
{
    struct game *g = arg;
    for (int i = 0; i < 1000; i++) {
        plat_semaphore_wait(g->ping);
        g->rounds++;
        plat_semaphore_post(g->pong);
    }
}

static void semaphores_order_two_threads(void **state)
{
    (void)state;
    struct game g = {0};
    struct plat_worker *w;
    assert_int_equal(plat_semaphore_new(1, &g.ping), 0);
    assert_int_equal(plat_semaphore_new(0, &g.pong), 0);
    assert_int_equal(plat_worker_start(answer, &g, &w), 0);
    for (int i = 0; i < 1000; i++) {
        plat_semaphore_wait(g.pong);
        assert_int_equal(g.rounds, i + 1);
        if (i < 999)
            plat_semaphore_post(g.ping);
    }
    plat_worker_join(w);
    plat_semaphore_free(g.ping);
    plat_semaphore_free(g.pong);
}

static void processors_are_counted_from_zero(void **state)
{
    (void)state;
    assert_true(plat_cpu_count() >= 1);
    assert_true(plat_cpu_current() < plat_cpu_count());
    uint32_t count = plat_cpu_count();
    uint64_t last = 1ull << ((count < 64 ? count : 64) - 1);
    plat_cpu_bind(&last, 1);
    assert_int_equal(plat_cpu_count(), count); /* the process still has them all */
    if (count <= 64)
        assert_int_equal(plat_cpu_current(), count - 1);
    plat_cpu_bind(NULL, 0);
    assert_int_equal(plat_barrier(0), 0);
    assert_int_equal(plat_barrier(1), 0);
}

#if defined(__linux__)
#include <unistd.h>

static int g_pipe; /* the end that writes to our standard input */

static int pipe_as_input(void **state)
{
    (void)state;
    int ends[2];
    if (pipe(ends) < 0 || dup2(ends[0], 0) < 0)
        return -1;
    close(ends[0]);
    g_pipe = ends[1];
    return 0;
}

static void write_later(void *arg)
{
    (void)arg;
    plat_thread_yield(20 * MILLISECOND_NS);
    if (write(g_pipe, "x", 1) != 1)
        abort();
}

static void a_wake_ends_a_sleep_on_streams(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        atomic_store(word(), PLAT_PARK_SLEEPING);
        struct plat_worker *w;
        assert_int_equal(plat_worker_start(wake_later, NULL, &w), 0);
        assert_int_equal(sleep_until_woken(1, deadline_in(LIMIT_NS)), 0);
        assert_int_equal(plat_stream_ready(1), 0);
        plat_worker_join(w);
    }
}

static void sleeps_on_streams_end_at_their_deadline(void **state)
{
    (void)state;
    atomic_store(word(), PLAT_PARK_SLEEPING);
    assert_int_equal(sleep_until_woken(1, deadline_in(20 * MILLISECOND_NS)), -LX_ETIMEDOUT);
}

static void input_ends_a_sleep(void **state)
{
    (void)state;
    char byte;
    struct plat_worker *w;
    atomic_store(word(), PLAT_PARK_SLEEPING);
    assert_int_equal(plat_worker_start(write_later, NULL, &w), 0);
    int err = 0;
    while (!err && !plat_stream_ready(1))
        err = plat_thread_sleep(SLOT, word(), 1, deadline_in(LIMIT_NS));
    assert_int_equal(err, 0);
    assert_int_equal(plat_stream_read(0, &byte, 1), 1);
    assert_int_equal(plat_stream_ready(1), 0);
    plat_worker_join(w);
}
#endif

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_ends_a_sleep),
        cmocka_unit_test(a_wake_before_the_sleep_is_not_lost),
        cmocka_unit_test(sleeps_end_at_their_deadline),
        cmocka_unit_test(semaphores_order_two_threads),
        cmocka_unit_test(processors_are_counted_from_zero),
#if defined(__linux__)
        cmocka_unit_test_setup(a_wake_ends_a_sleep_on_streams, pipe_as_input),
        cmocka_unit_test_setup(sleeps_on_streams_end_at_their_deadline, pipe_as_input),
        cmocka_unit_test_setup(input_ends_a_sleep, pipe_as_input),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

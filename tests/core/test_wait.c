/* SPDX-License-Identifier: MIT */
/* Sleepers and wait queues. */

#include "test.h"

#include <stdatomic.h>

#include "core/wait.h"
#include "lx/poll.h"

#define MILLISECOND_NS INT64_C(1000000)
#define LIMIT_NS (INT64_C(20000) * MILLISECOND_NS)

struct shared {
    struct core_waitq queue, outer;
    struct core_sleeper sleepers[THREADS + 1]; /* the last one is the main thread's */
    struct core_waiter forward;
    _Atomic uint32_t value, taken;
};

static struct shared *shared;
static struct core_sleeper *self;

static int64_t deadline_in(int64_t ns)
{
    return (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) + ns;
}

static int make_shared(void **state)
{
    (void)state;
    shared = core_arena_alloc(sizeof *shared);
    if (!shared)
        return -1;
    core_waitq_init(&shared->queue);
    core_waitq_init(&shared->outer);
    for (uint32_t i = 0; i <= THREADS; i++)
        core_sleeper_init(&shared->sleepers[i], i, 1);
    self = &shared->sleepers[THREADS];
    return 0;
}

static int free_shared(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= THREADS; i++)
        core_sleeper_fini(&shared->sleepers[i]);
    if (core_sleepers_running() != 0)
        return -1;
    core_arena_free(shared, sizeof *shared);
    return 0;
}

static void a_deadline_ends_a_sleep(void **state)
{
    (void)state;
    int64_t until = deadline_in(20 * MILLISECOND_NS);
    int err = 0;
    while (err == 0)
        err = core_sleep(self, 0, until);
    assert_int_equal(err, -LX_ETIMEDOUT);
    assert_true(deadline_in(0) >= until);
    do
        err = core_sleep(self, 0, 1); /* long past */
    while (err == 0);
    assert_int_equal(err, -LX_ETIMEDOUT);
}

static void a_wake_before_the_sleep_counts(void **state)
{
    (void)state;
    core_sleeper_wake(self);
    core_sleeper_wake(self); /* no more than once */
    assert_int_equal(core_sleep(self, 0, deadline_in(LIMIT_NS)), 0);
    int err = 0;
    int64_t until = deadline_in(5 * MILLISECOND_NS);
    while (err == 0)
        err = core_sleep(self, 0, until);
    assert_int_equal(err, -LX_ETIMEDOUT);
}

static void interrupt_later(void *arg)
{
    (void)arg;
    plat_thread_yield(10 * MILLISECOND_NS);
    struct core_wakes wakes = {.count = 0};
    core_sleeper_interrupt_later(self, &wakes);
    core_wakes_send(&wakes);
}

static void an_interrupt_ends_sleeps_until_it_is_taken(void **state)
{
    struct plat_worker *w;
    int err = 0;
    (void)state;
    assert_int_equal(plat_worker_start(interrupt_later, NULL, &w), 0);
    while (err == 0)
        err = core_sleep(self, 0, deadline_in(LIMIT_NS));
    assert_int_equal(err, -LX_EINTR);
    assert_int_equal(core_sleep(self, 0, deadline_in(LIMIT_NS)), -LX_EINTR);
    plat_worker_join(w);
    self->interrupt = 0;
    int64_t until = deadline_in(5 * MILLISECOND_NS);
    err = 0;
    while (err == 0)
        err = core_sleep(self, 0, until);
    assert_int_equal(err, -LX_ETIMEDOUT);
}

static void a_queue_wakes_those_who_want_the_event(void **state)
{
    struct core_waiter *w = &self->waiter, *other = &shared->sleepers[0].waiter;
    (void)state;
    core_waitq_add(&shared->queue, w, self, LX_POLLIN);
    core_waitq_add(&shared->queue, other, &shared->sleepers[0], LX_POLLIN | LX_POLLOUT);
    assert_int_equal(core_waitq_wake(&shared->queue, LX_POLLERR, UINT32_MAX), 0);
    assert_int_equal(core_waitq_wake(&shared->queue, LX_POLLOUT, UINT32_MAX), 1);
    assert_int_equal(w->woken, 0);
    assert_int_equal(other->woken, LX_POLLOUT);
    assert_int_equal(core_waitq_wake(&shared->queue, LX_POLLIN, 1), 1);
    assert_int_equal(w->woken, LX_POLLIN); /* the first in the queue */
    assert_int_equal(other->woken, LX_POLLOUT);
    assert_int_equal(core_waitq_wake(&shared->queue, LX_POLLIN, UINT32_MAX), 2);
    assert_int_equal(other->woken, LX_POLLIN | LX_POLLOUT);
    core_waitq_remove(w);
    core_waitq_remove(w);
    core_waitq_remove(other);
    assert_int_equal(core_waitq_wake(&shared->queue, LX_POLLIN, UINT32_MAX), 0);
    assert_int_equal(core_sleep(self, 0, deadline_in(LIMIT_NS)), 0);
}

static void a_wake_is_passed_on(void **state)
{
    (void)state;
    core_waitq_forward(&shared->queue, &shared->forward, &shared->outer);
    core_waitq_add(&shared->outer, &self->waiter, self, LX_POLLIN);
    core_waitq_wake(&shared->queue, LX_POLLIN, UINT32_MAX);
    assert_true(self->waiter.woken & LX_POLLIN);
    assert_true(shared->forward.woken & LX_POLLIN);
    core_waitq_remove(&shared->forward);
    core_waitq_remove(&self->waiter);
    assert_int_equal(core_sleep(self, 0, deadline_in(LIMIT_NS)), 0);
    core_waitq_wake(&shared->queue, LX_POLLIN, UINT32_MAX);
    core_waitq_wake(&shared->outer, LX_POLLIN, UINT32_MAX);
    assert_int_equal(self->waiter.woken, LX_POLLIN); /* in no queue any more */
}

/* Take numbers out of `value` as they come; each is taken once. */
static void take(void *arg)
{
    struct core_sleeper *me = &shared->sleepers[(uintptr_t)arg];
    uint32_t rounds = (uint32_t)test_count(2000, 100000);
    for (;;) {
        core_waitq_add(&shared->queue, &me->waiter, me, LX_POLLIN);
        uint32_t value;
        while (!(value = atomic_exchange(&shared->value, 0)) && shared->taken < rounds)
            REQUIRE(core_sleep(me, 0, deadline_in(LIMIT_NS)) == 0);
        core_waitq_remove(&me->waiter);
        if (!value)
            return;
        shared->taken++;
        core_waitq_wake(&shared->outer, LX_POLLOUT, 1);
    }
}

static void no_wake_is_lost(void **state)
{
    struct plat_worker *workers[THREADS];
    uint32_t rounds = (uint32_t)test_count(2000, 100000);
    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(plat_worker_start(take, (void *)i, &workers[i]), 0);
    for (uint32_t i = 1; i <= rounds; i++) {
        core_waitq_add(&shared->outer, &self->waiter, self, LX_POLLOUT);
        atomic_store(&shared->value, i);
        core_waitq_wake(&shared->queue, LX_POLLIN, 1);
        while (shared->taken < i)
            assert_int_equal(core_sleep(self, 0, deadline_in(LIMIT_NS)), 0);
        core_waitq_remove(&self->waiter);
    }
    core_waitq_wake(&shared->queue, LX_POLLIN, UINT32_MAX);
    for (int i = 0; i < THREADS; i++)
        plat_worker_join(workers[i]);
    assert_int_equal(shared->taken, rounds);
}

/* Of those that take from one thing only so many are woken, and none twice before it looked. */
static void exclusive_waiters_are_woken_one_by_one(void **state)
{
    (void)state;
    struct core_waiter *w = core_arena_alloc(4 * sizeof *w);
    assert_non_null(w);
    core_waitq_add_exclusive(&shared->queue, &w[0], &shared->sleepers[0], LX_POLLIN);
    core_waitq_add(&shared->queue, &w[1], &shared->sleepers[1], LX_POLLIN);
    core_waitq_add_exclusive(&shared->queue, &w[2], &shared->sleepers[2], LX_POLLIN);
    core_waitq_add_exclusive(&shared->queue, &w[3], &shared->sleepers[0], LX_POLLOUT);
    core_waitq_wake_some(&shared->queue, LX_POLLIN, 0);
    assert_true(!w[0].woken && w[1].woken && !w[2].woken && !w[3].woken);
    core_waitq_wake_some(&shared->queue, LX_POLLIN, 1);
    assert_true(w[0].woken && !w[2].woken);
    core_waitq_wake_some(&shared->queue, LX_POLLIN, 1);
    assert_true(w[2].woken && !w[3].woken);
    core_waiter_look(&w[0]);
    assert_int_equal(w[0].woken, 0);
    core_waitq_wake_some(&shared->queue, LX_POLLIN, 1);
    assert_true(w[0].woken);
    core_waiter_look(&w[0]);
    core_waitq_wake(&shared->queue, ~0u, UINT32_MAX); /* that one wakes all */
    assert_true(w[0].woken && w[3].woken);
    for (uint32_t i = 0; i < 4; i++)
        core_waitq_remove(&w[i]);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(core_sleep(&shared->sleepers[i], 0, PLAT_FOREVER), 0);
    core_arena_free(w, 4 * sizeof *w);
}

static void sleep_once(void *arg)
{
    (void)arg;
    int err = 0;
    while (err == 0 && shared->value == 0)
        err = core_sleep(&shared->sleepers[0], 0, PLAT_FOREVER);
    assert_int_equal(err, 0);
}

static void who_sleeps_does_not_count_as_running(void **state)
{
    struct plat_worker *w;
    (void)state;
    assert_int_equal(core_sleepers_running(), THREADS + 1);
    assert_int_equal(plat_worker_start(sleep_once, NULL, &w), 0);
    while (core_sleepers_running() != THREADS)
        plat_thread_yield(MILLISECOND_NS);
    shared->value = 1;
    core_sleeper_wake(&shared->sleepers[0]);
    assert_int_equal(core_sleepers_running(), THREADS + 1); /* from now on, not once it runs */
    plat_worker_join(w);
    assert_int_equal(core_sleepers_running(), THREADS + 1);
    core_sleeper_fini(&shared->sleepers[1]);
    core_sleeper_fini(&shared->sleepers[1]);
    assert_int_equal(core_sleepers_running(), THREADS);
}

/* Its waker was killed when it had left the token, and had yet to tell the host. */
static void who_was_half_woken_can_be_roused(void **state)
{
    struct plat_worker *w;
    struct core_sleeper *s = &shared->sleepers[0];
    (void)state;
    shared->value = 0;
    assert_int_equal(plat_worker_start(sleep_once, NULL, &w), 0);
    while (!core_sleeper_is_asleep(s))
        plat_thread_yield(MILLISECOND_NS);
    plat_thread_yield(10 * MILLISECOND_NS); /* it is with the host by now */
    shared->value = 1;
    atomic_store(&s->word, PLAT_PARK_TOKEN);
    assert_int_equal(core_sleeper_wake(s), 0); /* that is done already */
    core_sleeper_rouse(s);
    plat_worker_join(w);
}

static void answer(void *arg)
{
    (void)arg;
    for (uint32_t i = 1; i <= 2000; i++) {
        while (shared->value != i)
            assert_int_equal(core_sleep(&shared->sleepers[0], 0, PLAT_FOREVER), 0);
        shared->taken = i;
        core_sleeper_wake(self);
    }
}

/* Two threads take turns, first alone, when they may look for each other, then in a crowd. */
static void turns_are_taken_with_and_without_looking(void **state)
{
    (void)state;
    for (int crowded = 0; crowded < 2; crowded++) {
        struct plat_worker *w;
        for (uint32_t i = 1; i < THREADS && !crowded; i++)
            core_sleeper_fini(&shared->sleepers[i]);
        for (uint32_t i = 1; i < THREADS && crowded; i++)
            core_sleeper_init(&shared->sleepers[i], i, 1);
        shared->value = shared->taken = 0;
        assert_int_equal(plat_worker_start(answer, NULL, &w), 0);
        for (uint32_t i = 1; i <= 2000; i++) {
            shared->value = i;
            core_sleeper_wake(&shared->sleepers[0]);
            while (shared->taken != i)
                assert_int_equal(core_sleep(self, 0, PLAT_FOREVER), 0);
        }
        plat_worker_join(w);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, make_shared, free_shared)
        T(a_deadline_ends_a_sleep),
        T(a_wake_before_the_sleep_counts),
        T(an_interrupt_ends_sleeps_until_it_is_taken),
        T(a_queue_wakes_those_who_want_the_event),
        T(a_wake_is_passed_on),
        T(no_wake_is_lost),
        T(exclusive_waiters_are_woken_one_by_one),
        T(who_sleeps_does_not_count_as_running),
        T(who_was_half_woken_can_be_roused),
        T(turns_are_taken_with_and_without_looking),
#undef T
    };
    start_or_exit(&argc, &argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

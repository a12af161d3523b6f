/* SPDX-License-Identifier: MIT */
/* Locks in the arena: mutual exclusion, and the order of ranks. */

#include "test.h"

#include "core/lock.h"

struct shared {
    struct core_lock outer, inner;
    uint64_t counters[4]; /* guarded by outer */
    uint64_t nested;      /* guarded by inner */
};

static struct shared *shared;

static void count(void *arg)
{
    (void)arg;
    for (long i = test_count(50000, 2000000); i > 0; i--) {
        core_lock_acquire(&shared->outer);
        for (int c = 0; c < 4; c++)
            shared->counters[c]++;
        if (i % 8 == 0) {
            core_lock_acquire(&shared->inner);
            shared->nested++;
            core_lock_release(&shared->inner);
        }
        core_lock_release(&shared->outer);
    }
}

static void one_thread_at_a_time(void **state)
{
    (void)state;
    uint64_t rounds = (uint64_t)test_count(50000, 2000000) * THREADS;
    shared = core_arena_alloc(sizeof *shared);
    assert_non_null(shared);
    core_lock_init(&shared->outer, CORE_LOCK_TREE);
    core_lock_init(&shared->inner, CORE_LOCK_INODE);
    run_threads(count);
    for (int c = 0; c < 4; c++)
        assert_int_equal(shared->counters[c], rounds);
    assert_int_equal(shared->nested, rounds / 8);
}

static void hold_for_long(void *arg)
{
    if ((uintptr_t)arg) {
        core_lock_acquire(&shared->outer);
        shared->counters[0]++;
        core_lock_release(&shared->outer);
    } else {
        core_lock_acquire(&shared->outer);
        plat_thread_yield(20000000);
        shared->counters[0]++;
        core_lock_release(&shared->outer);
    }
}

/* Longer than the spin: the others sleep, and come in all the same. */
static void a_slow_holder_is_waited_for(void **state)
{
    (void)state;
    uint64_t before = shared->counters[0];
    run_threads(hold_for_long);
    assert_int_equal(shared->counters[0], before + THREADS);
}

static void one_that_is_held_is_not_tried_for_long(void **state)
{
    struct core_lock *l = core_arena_alloc(sizeof *l);
    (void)state;
    assert_non_null(l);
    core_lock_init(l, CORE_LOCK_TREE);
    assert_int_equal(core_lock_try(l), 1);
    assert_int_equal(core_lock_try(l), 0);
    core_lock_release(l);
    assert_int_equal(core_lock_try(l), 1);
    core_lock_release(l);
    core_arena_free(l, sizeof *l);
}

static void each_rank_after_those_before_it(void **state)
{
    static const enum core_lock_rank ranks[] = {
#define X(rank, guards) CORE_LOCK_##rank,
#include "core/lock_ranks.def"
#undef X
    };
    enum { COUNT = sizeof ranks / sizeof *ranks };
    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(ranks[i], i);

    /* A few at a time: sanitizer builds check the order, and stop at a wrong one. */
    struct core_lock *locks = core_arena_alloc(COUNT * sizeof *locks);
    assert_non_null(locks);
    for (uint32_t first = 0; first < COUNT; first++) {
        uint32_t end = first + 8 < COUNT ? first + 8 : COUNT;
        for (uint32_t i = first; i < end; i++) {
            core_lock_init(&locks[i], ranks[i]);
            core_lock_acquire(&locks[i]);
            assert_int_equal(locks[i].word, 1);
        }
        for (uint32_t i = first; i < end; i++) { /* released in any order */
            core_lock_release(&locks[i]);
            assert_int_equal(locks[i].word, 0);
        }
    }
    core_arena_free(locks, COUNT * sizeof *locks);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_at_a_time),
        cmocka_unit_test(a_slow_holder_is_waited_for),
        cmocka_unit_test(one_that_is_held_is_not_tried_for_long),
        cmocka_unit_test(each_rank_after_those_before_it),
    };
    start_or_exit(&argc, &argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

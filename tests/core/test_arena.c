/* SPDX-License-Identifier: MIT */
/* The arena's allocator. */

#include "test.h"

#include "core/layout.h"

static int is_zero(const unsigned char *p, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (p[i])
            return 0;
    }
    return 1;
}

static void blocks_are_aligned_and_zeroed(void **state)
{
    static const uint64_t sizes[] = {
        0,    1,    15,   16,   17,   63,   64,   65,    127,   128,    129,     160,          161,
        1000, 4095, 4096, 4097, 5000, 8192, 8193, 40000, 65536, 100000, 1 << 20, (3 << 20) + 1};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t size = sizes[i], align = size >= 4096 ? 4096 : size >= 64 ? 64 : 16;
        unsigned char *block = core_arena_alloc(size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % align, 0);
        assert_true((uintptr_t)block >= CORE_ARENA_BASE);
        assert_true((uintptr_t)block + size <= CORE_ARENA_BASE + CORE_ARENA_SIZE);
        assert_true(is_zero(block, size));

        /* Dirty, freed and allocated again: zeroed again. */
        memset(block, 0xaa, size);
        core_arena_free(block, size);
        unsigned char *again = core_arena_alloc(size);
        assert_ptr_equal(again, block);
        assert_true(is_zero(again, size));
        core_arena_free(again, size);
    }
    core_arena_free(NULL, 100);
}

static void blocks_do_not_overlap(void **state)
{
    enum { COUNT = 3000 };
    static unsigned char *blocks[COUNT];
    static uint64_t sizes[COUNT];
    uint32_t random = 1;
    (void)state;
    uint64_t used = core_arena_used();
    for (int i = 0; i < COUNT; i++) {
        random = random * 1664525 + 1013904223;
        sizes[i] = (random >> 8) % (i % 10 ? 600 : 20000);
        blocks[i] = core_arena_alloc(sizes[i]);
        assert_non_null(blocks[i]);
        memset(blocks[i], i, sizes[i]);
    }
    assert_true(core_arena_used() > used);
    for (int i = 0; i < COUNT; i++) {
        for (uint64_t b = 0; b < sizes[i]; b++)
            assert_int_equal(blocks[i][b], (unsigned char)i);
        core_arena_free(blocks[i], sizes[i]);
    }
    assert_int_equal(core_arena_used(), used);
}

static void what_is_freed_is_used_again(void **state)
{
    (void)state;
    core_arena_free(core_arena_alloc(3000), 3000);
    uint64_t committed = core_arena_committed();
    for (int i = 0; i < 10000; i++) {
        void *block = core_arena_alloc(3000);
        assert_non_null(block);
        core_arena_free(block, 3000);
    }
    assert_int_equal(core_arena_committed(), committed);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    uint64_t used = core_arena_used();
    assert_null(core_arena_alloc(CORE_ARENA_SIZE));
    assert_null(core_arena_alloc(CORE_ARENA_SIZE + 1));
    assert_null(core_arena_alloc(UINT64_MAX));
    assert_int_equal(core_arena_used(), used);
    void *block = core_arena_alloc(100); /* still works */
    assert_non_null(block);
    core_arena_free(block, 100);
}

static void roots_are_kept(void **state)
{
    int object;
    (void)state;
    assert_null(core_arena_root(CORE_ROOT_SHIM));
    core_arena_set_root(CORE_ROOT_SHIM, &object);
    assert_ptr_equal(core_arena_root(CORE_ROOT_SHIM), &object);
    assert_null(core_arena_root(CORE_ROOT_RUNNER));
    core_arena_set_root(CORE_ROOT_SHIM, NULL);
}

#define KEPT 64

/* Each thread keeps some blocks filled with its number; nobody else writes there. */
static void churn(void *arg)
{
    uint64_t *kept[KEPT] = {0}, sizes[KEPT] = {0};
    uint64_t me = (uintptr_t)arg + 1, random = me;
    for (long i = test_count(30000, 1000000); i > 0; i--) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t slot = (uint32_t)(random >> 33) % KEPT;
        if (kept[slot]) {
            REQUIRE(kept[slot][0] == me && kept[slot][sizes[slot] / 8 - 1] == me);
            core_arena_free(kept[slot], sizes[slot]);
        }
        sizes[slot] = 8 + (random >> 40) % 200 * 8;
        kept[slot] = core_arena_alloc(sizes[slot]);
        REQUIRE(kept[slot]);
        kept[slot][0] = kept[slot][sizes[slot] / 8 - 1] = me;
    }
    for (int i = 0; i < KEPT; i++)
        core_arena_free(kept[i], sizes[i]);
}

static void threads_share_it(void **state)
{
    (void)state;
    uint64_t used = core_arena_used();
    run_threads(churn);
    assert_int_equal(core_arena_used(), used);
}

static uint64_t numbers[THREADS][1000];

static void take_numbers(void *arg)
{
    uint64_t *mine = numbers[(uintptr_t)arg];
    for (int i = 0; i < 1000; i++)
        mine[i] = core_arena_unique();
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void numbers_are_unique(void **state)
{
    (void)state;
    run_threads(take_numbers);
    uint64_t *all = &numbers[0][0];
    qsort(all, THREADS * 1000, sizeof *all, by_number);
    assert_true(all[0] != 0);
    for (int i = 1; i < THREADS * 1000; i++)
        assert_true(all[i] != all[i - 1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_zeroed),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(what_is_freed_is_used_again),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(roots_are_kept),
        cmocka_unit_test(threads_share_it),
        cmocka_unit_test(numbers_are_unique),
    };
    start_or_exit(&argc, &argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

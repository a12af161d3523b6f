/* SPDX-License-Identifier: MIT */
/* The arena and segments in one process; test_process.c has two. */

#include "core/layout.h"
#include "lx/errno.h"
#include "test.h"

static void the_arena_is_where_it_was_asked_for(void **state)
{
    (void)state;
    assert_int_equal(plat_mem_reserve(CORE_ARENA_BASE, GRANULE), 0);
    assert_int_equal(plat_arena_create(CORE_ARENA_BASE, CORE_ARENA_SIZE), -LX_EEXIST);
    plat_mem_release(CORE_ARENA_BASE, GRANULE);

    assert_int_equal(plat_arena_create(CORE_ARENA_BASE, CORE_ARENA_SIZE), 0);
    assert_int_equal(plat_arena_commit(CORE_ARENA_BASE, 2 * GRANULE), 0);
    char *arena = (char *)CORE_ARENA_BASE;
    assert_int_equal(arena[2 * GRANULE - 1], 0);
    memset(arena, 'a', 2 * GRANULE);
    assert_int_equal(plat_arena_commit(CORE_ARENA_BASE + GRANULE, 2 * GRANULE), 0);
    assert_int_equal(arena[2 * GRANULE - 1], 'a');
    assert_int_equal(arena[3 * GRANULE - 1], 0);
}

static void views_of_a_segment_are_the_same_memory(void **state)
{
    (void)state;
    void *one, *two;
    assert_int_equal(plat_segment_map(5, plat_process_id(), &one), 0);
    assert_int_equal(plat_segment_map(5, plat_process_id(), &two), 0);
    assert_int_equal(plat_segment_commit(5, one, 4 * PAGE), 0);
    assert_ptr_not_equal(one, two);
    ((char *)one)[3 * PAGE] = 's';
    assert_int_equal(((char *)two)[3 * PAGE], 's');
    plat_segment_unmap(5, one);
    assert_int_equal(((char *)two)[3 * PAGE], 's');
    plat_segment_unmap(5, two);
}

static void segments_are_separate_and_start_as_zeros(void **state)
{
    (void)state;
    void *views[3];
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(plat_segment_map(10 + i, plat_process_id(), &views[i]), 0);
        assert_int_equal(plat_segment_commit(10 + i, views[i], PLAT_SEGMENT_SIZE), 0);
    }
    memset((char *)views[1] + PLAT_SEGMENT_SIZE - PAGE, 's', PAGE);
    memset(views[1], 's', PAGE);
    assert_int_equal(((char *)views[0])[PLAT_SEGMENT_SIZE - 1], 0);
    assert_int_equal(((char *)views[2])[0], 0);
    for (uint32_t i = 0; i < 3; i++)
        plat_segment_unmap(10 + i, views[i]);
}

static void a_discard_leaves_the_pages_around_it(void **state)
{
    (void)state;
    void *view;
    assert_int_equal(plat_segment_map(20, plat_process_id(), &view), 0);
    assert_int_equal(plat_segment_commit(20, view, 64 * PAGE), 0);
    char *bytes = view;
    memset(bytes, 's', 64 * PAGE);
    plat_segment_discard(20, view, 16 * PAGE, 32 * PAGE);
    assert_int_equal(bytes[16 * PAGE - 1], 's');
    assert_int_equal(bytes[48 * PAGE], 's');
    memset(bytes + 16 * PAGE, 't', 32 * PAGE); /* still usable, whatever it holds now */
    assert_int_equal(bytes[48 * PAGE - 1], 't');
    plat_segment_unmap(20, view);
}

static void there_are_so_many_segments(void **state)
{
    (void)state;
    void *view;
    assert_int_equal(plat_segment_map(PLAT_SEGMENT_MAX, plat_process_id(), &view), -LX_ENOMEM);
    assert_null(view);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_arena_is_where_it_was_asked_for),
        cmocka_unit_test(views_of_a_segment_are_the_same_memory),
        cmocka_unit_test(segments_are_separate_and_start_as_zeros),
        cmocka_unit_test(a_discard_leaves_the_pages_around_it),
        cmocka_unit_test(there_are_so_many_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

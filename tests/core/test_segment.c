/* SPDX-License-Identifier: MIT */
/* Pages in segments. */

#include "test.h"

#include "core/layout.h"
#include "core/segment.h"

static void pages_are_zeroed_and_apart(void **state)
{
    enum { COUNT = 3000 };
    static core_page_t pages[COUNT];
    (void)state;
    assert_int_equal(core_page_used(), 0);
    for (int i = 0; i < COUNT; i++) {
        pages[i] = core_page_new();
        assert_true(pages[i] != 0);
        unsigned char *p = core_page(pages[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % CORE_PAGE_SIZE, 0);
        assert_true(p[0] == 0 && memcmp(p, p + 1, CORE_PAGE_SIZE - 1) == 0);
        memset(p, i % 251 + 1, CORE_PAGE_SIZE);
    }
    assert_int_equal(core_page_used(), COUNT);
    for (int i = 0; i < COUNT; i++) {
        unsigned char *p = core_page(pages[i]);
        assert_true(p[0] == i % 251 + 1 && memcmp(p, p + 1, CORE_PAGE_SIZE - 1) == 0);
        core_page_free(pages[i]);
    }
    assert_int_equal(core_page_used(), 0);
    core_page_free(0); /* is no page */
    assert_int_equal(core_page_used(), 0);

    /* Used again, and zeroed again. */
    core_page_t page = core_page_new();
    assert_true(page != 0);
    unsigned char *p = core_page(page);
    assert_true(p[0] == 0 && memcmp(p, p + 1, CORE_PAGE_SIZE - 1) == 0);
    core_page_free(page);
}

static void the_limit_holds(void **state)
{
    core_page_t pages[10];
    (void)state;
    uint64_t limit = core_page_limit();
    assert_true(limit > 1000);
    core_segment_set_limit(10 * CORE_PAGE_SIZE);
    assert_int_equal(core_page_limit(), 10);
    for (int i = 0; i < 10; i++) {
        pages[i] = core_page_new();
        assert_true(pages[i] != 0);
    }
    assert_int_equal(core_page_new(), 0);
    core_page_free(pages[3]);
    pages[3] = core_page_new();
    assert_true(pages[3] != 0);
    assert_int_equal(core_page_new(), 0);
    for (int i = 0; i < 10; i++)
        core_page_free(pages[i]);
    core_segment_set_limit(limit * CORE_PAGE_SIZE);
}

static void churn(void *arg)
{
    enum { KEPT = 100 };
    core_page_t kept[KEPT] = {0};
    unsigned char me = (unsigned char)((uintptr_t)arg + 1);
    uint32_t random = me;
    for (long i = test_count(5000, 200000); i > 0; i--) {
        random = random * 1664525 + 1013904223;
        core_page_t *slot = &kept[(random >> 8) % KEPT];
        if (*slot) {
            unsigned char *p = core_page(*slot);
            REQUIRE(p[0] == me && p[CORE_PAGE_SIZE - 1] == me);
            core_page_free(*slot);
            *slot = 0;
            continue;
        }
        *slot = core_page_new();
        REQUIRE(*slot != 0);
        unsigned char *p = core_page(*slot);
        REQUIRE(p[0] == 0 && p[CORE_PAGE_SIZE - 1] == 0);
        p[0] = p[CORE_PAGE_SIZE - 1] = me;
    }
    for (int i = 0; i < KEPT; i++)
        core_page_free(kept[i]);
}

static void threads_share_them(void **state)
{
    (void)state;
    run_threads(churn);
    assert_int_equal(core_page_used(), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_zeroed_and_apart),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(threads_share_them),
    };
    start_or_exit(&argc, &argv);
    if (core_segment_init() < 0)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

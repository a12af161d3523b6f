/* SPDX-License-Identifier: MIT */
/*
 * Files that processes share: a guest host, which says by its exit code what it finds wrong,
 * uses what the launcher opened, and leaves something behind itself.
 */

#include "lx/errno.h"
#include "two_processes.h"

#define MANY 200

static int has(struct plat_file *f, const char *text)
{
    char buf[64];
    int64_t size = (int64_t)strlen(text);
    return plat_file_pread(f, buf, sizeof buf, 0) == size && !memcmp(buf, text, (size_t)size);
}

static int use(void)
{
    struct plat_file *f;
    uint64_t end;
    if (plat_file_fetch(told()->keeper, told()->key, &f) < 0)
        return 11;
    if (!has(f, "launcher"))
        return 12;
    if (plat_file_append(f, "+guest", 6, &end) != 6 || end != 14)
        return 13;
    plat_file_close(f);
    return FINE;
}

/* It ends with a file open that nobody else has. */
static int make(void)
{
    struct plat_file *f;
    if (plat_file_temporary(&f) < 0 || plat_file_pwrite(f, "left behind", 11, 0) != 11)
        return 21;
    return plat_file_keep(told()->keeper, f, &told()->key) < 0 ? 22 : FINE;
}

static int set_up(void **state)
{
    (void)state;
    return make_told() < 0 ? -1 : plat_keeper_start();
}

static void a_file_without_a_name_is_shared(void **state)
{
    struct plat_file *f, *again;
    (void)state;
    assert_int_equal(plat_file_temporary(&f), 0);
    assert_int_equal(plat_file_pwrite(f, "launcher", 8, 0), 8);
    assert_int_equal(plat_file_keep(told()->keeper, f, &told()->key), 0);
    assert_true(told()->key != 0);
    plat_file_close(f);
    run_guest_host(ROLE_USE);
    assert_int_equal(plat_file_fetch(told()->keeper, told()->key, &again), 0);
    assert_true(has(again, "launcher+guest"));
    plat_file_forget(told()->keeper, told()->key);
    assert_true(has(again, "launcher+guest")); /* what was fetched stays */
    plat_file_close(again);
    assert_true(plat_file_fetch(told()->keeper, told()->key, &again) < 0);
    assert_null(again);
}

static void a_file_outlives_its_opener(void **state)
{
    struct plat_file *f;
    (void)state;
    run_guest_host(ROLE_MAKE);
    assert_int_equal(plat_file_fetch(told()->keeper, told()->key, &f), 0);
    assert_true(has(f, "left behind"));
    plat_file_close(f);
    plat_file_forget(told()->keeper, told()->key);
}

static void many_are_kept_apart(void **state)
{
    static uint64_t keys[MANY];
    struct plat_file *f;
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            assert_int_equal(plat_file_temporary(&f), 0);
            assert_int_equal(plat_file_pwrite(f, &i, sizeof i, 0), sizeof i);
            assert_int_equal(plat_file_keep(told()->keeper, f, &keys[i]), 0);
            plat_file_close(f);
        }
        for (uint32_t i = 0, read; i < MANY; i++) {
            assert_int_equal(plat_file_fetch(told()->keeper, keys[i], &f), 0);
            assert_int_equal(plat_file_pread(f, &read, sizeof read, 0), sizeof read);
            assert_int_equal(read, i);
            plat_file_close(f);
            plat_file_forget(told()->keeper, keys[i]);
        }
    }
}

int main(int argc, char **argv)
{
    static const char *const roles[] = {ROLE_USE, ROLE_MAKE};
    if (plat_start(&argc, &argv) < 0)
        return 2;
    for (size_t i = 0; argc == 2 && i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(argv[1], roles[i]) == 0)
            guest_host(roles[i]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_a_name_is_shared),
        cmocka_unit_test(a_file_outlives_its_opener),
        cmocka_unit_test(many_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Shared memory, in this process and in a guest host, which says by its exit code what it
 * finds wrong.
 */

#include <stdatomic.h>

#include "lx/errno.h"
#include "two_processes.h"

#define SIZE (8 * GRANULE)
#define PLACE (CORE_MMAP_BASE + 64 * GRANULE)

static uint64_t next_place(void)
{
    static uint64_t next;
    next += SIZE;
    return next - SIZE;
}

static int use(void)
{
    void *view, *part;
    if (plat_shared_map(told()->keeper, told()->key, 0, PLACE, SIZE, PLAT_READ | PLAT_WRITE,
                        &view) < 0)
        return 11;
    char *bytes = view;
    if ((uint64_t)(uintptr_t)view != PLACE || strcmp(bytes + PAGE, "from the launcher") != 0)
        return 12;
    if (plat_shared_map(told()->keeper, told()->key, GRANULE, 0, GRANULE, PLAT_READ, &part) < 0)
        return 13;
    strcpy(bytes + GRANULE, "from the guest host");
    return strcmp(part, "from the guest host") == 0 ? FINE : 14;
}

/* It ends with no view left, before anybody else has one. */
static int make(void)
{
    void *view;
    if (plat_shared_new(told()->keeper, next_place() + 64 * SIZE, SIZE, &told()->key) < 0)
        return 21;
    if (plat_shared_map(told()->keeper, told()->key, 0, PLACE, SIZE, PLAT_READ | PLAT_WRITE,
                        &view) < 0)
        return 22;
    strcpy(view, "left behind");
    plat_shared_unmap(view, SIZE);
    return FINE;
}

static int set_up(void **state)
{
    (void)state;
    return make_told();
}

static uint64_t new_memory(void)
{
    uint64_t key;
    assert_int_equal(plat_shared_new(told()->keeper, next_place(), SIZE, &key), 0);
    assert_true(key != 0);
    return key;
}

static char *map(uint64_t key, uint64_t offset, uint64_t addr, uint64_t size)
{
    void *view;
    assert_int_equal(
        plat_shared_map(told()->keeper, key, offset, addr, size, PLAT_READ | PLAT_WRITE, &view), 0);
    assert_non_null(view);
    if (addr)
        assert_int_equal((uint64_t)(uintptr_t)view, addr);
    return view;
}

static void views_show_the_same_bytes(void **state)
{
    (void)state;
    uint64_t key = new_memory(), other_key = new_memory();
    char *whole = map(key, 0, PLACE, SIZE), *part = map(key, 2 * GRANULE, 0, GRANULE);
    char *other = map(other_key, 0, PLACE + SIZE, SIZE);
    assert_true(whole[0] == 0 && memcmp(whole, whole + 1, SIZE - 1) == 0);
    memset(whole, 'x', SIZE);
    assert_true(part[0] == 'x' && part[GRANULE - 1] == 'x');
    assert_true(other[0] == 0 && memcmp(other, other + 1, SIZE - 1) == 0);
    part[5] = 'y';
    assert_int_equal(whole[2 * GRANULE + 5], 'y');

    /* Taken addresses are refused, free ones are free again. */
    void *view;
    assert_int_equal(
        plat_shared_map(told()->keeper, key, 0, PLACE + GRANULE, GRANULE, PLAT_READ, &view),
        -LX_EEXIST);
    assert_null(view);
    assert_int_equal(plat_mem_reserve(PLACE, GRANULE), -LX_EEXIST);
    plat_shared_unmap(whole, SIZE);
    assert_int_equal(plat_mem_reserve(PLACE, GRANULE), 0);
    assert_int_equal(plat_shared_map(told()->keeper, key, 0, PLACE, SIZE, PLAT_READ, &view),
                     -LX_EEXIST);
    plat_mem_release(PLACE, GRANULE);

    /* What was written stays while nobody maps it. */
    plat_shared_unmap(part, GRANULE);
    whole = map(key, 0, PLACE, SIZE);
    assert_true(whole[0] == 'x' && whole[2 * GRANULE + 5] == 'y');
    plat_shared_unmap(whole, SIZE);
    plat_shared_unmap(other, SIZE);
    plat_shared_free(told()->keeper, key, SIZE);
    plat_shared_free(told()->keeper, other_key, SIZE);
}

/* By pages, as private memory, and code too. */
static void protections_are_the_views_own(void **state)
{
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    (void)state;
    uint64_t key = new_memory();
    char *a = map(key, 0, PLACE, SIZE), *b = map(key, 0, PLACE + SIZE, SIZE);
    memcpy(a + PAGE, code, sizeof code);
    assert_int_equal(plat_mem_protect(PLACE + SIZE + PAGE, PAGE, PLAT_READ | PLAT_EXEC), 0);
    assert_int_equal(plat_mem_protect(PLACE + 2 * PAGE, PAGE, 0), 0);
    assert_int_equal(((int (*)(void))(uintptr_t)(b + PAGE))(), 42);
    b[2 * PAGE] = 'b';
    assert_int_equal(plat_mem_protect(PLACE + 2 * PAGE, PAGE, PLAT_READ), 0);
    assert_int_equal(a[2 * PAGE], 'b');
    plat_shared_unmap(a, SIZE);
    plat_shared_unmap(b, SIZE);
    plat_shared_free(told()->keeper, key, SIZE);
}

/* A file's views show the file, and no more of it than there is. */
static void files_have_views(void **state)
{
    static char bytes[GRANULE + 3 * PAGE + 5];
    struct plat_file *f;
    uint64_t there, part = 3 * PAGE + 5;
    char byte;
    (void)state;
    memset(bytes, 'f', sizeof bytes);
    assert_int_equal(plat_file_temporary(&f), 0);
    assert_int_equal(plat_file_pwrite(f, bytes, sizeof bytes, 0), sizeof bytes);

    /* The last bytes, with room behind them. */
    char *view = (char *)PLACE;
    assert_int_equal(plat_file_view(f, GRANULE, PLACE, 2 * GRANULE, 1, &there), 0);
    assert_true(there == 4 * PAGE || there == 2 * GRANULE);
    assert_int_equal(plat_mem_protect(PLACE, 4 * PAGE, PLAT_READ | PLAT_WRITE), 0);
    assert_true(view[0] == 'f' && view[part - 1] == 'f' && view[part] == 0);
    view[7] = 'v';
    assert_int_equal(plat_file_view_flush(PLACE, 4 * PAGE), 0);
    assert_true(plat_file_pread(f, &byte, 1, GRANULE + 7) == 1 && byte == 'v');
    assert_true(plat_file_pwrite(f, "w", 1, GRANULE + 8) == 1 && view[8] == 'w');
    uint64_t other;
    assert_int_equal(plat_file_view(f, 0, PLACE, GRANULE, 1, &other), -LX_EEXIST);
    int err = plat_file_truncate(f, GRANULE);
    assert_true(err == 0 || err == -LX_ETXTBSY);
    plat_shared_unmap(view, there);
    assert_int_equal(plat_file_truncate(f, sizeof bytes), 0);

    /* Whole granules, as far as they go; read-only; behind the end there is nothing, or a fault. */
    assert_int_equal(plat_file_view(f, 0, PLACE, 4 * GRANULE, 0, &there), 0);
    assert_true(there == GRANULE || there == 4 * GRANULE);
    assert_int_equal(plat_mem_protect(PLACE, GRANULE, PLAT_READ), 0);
    assert_true(view[0] == 'f' && view[GRANULE - 1] == 'f');
    plat_shared_unmap(view, there);
    assert_int_equal(plat_file_view(f, 4 * GRANULE, PLACE, GRANULE, 1, &there), 0);
    assert_true(there == 0 || there == GRANULE);
    if (there)
        plat_shared_unmap(view, there);
    plat_file_close(f);
}

static void memory_outlives_its_views(void **state)
{
    (void)state;
    uint64_t key = new_memory();
    char *view = map(key, 0, PLACE, GRANULE);
    view[9] = 'z';
    plat_shared_free(told()->keeper, key, SIZE);
    plat_shared_unmap(view, GRANULE);
}

static void a_guest_host_sees_it(void **state)
{
    (void)state;
    told()->key = new_memory();
    char *view = map(told()->key, 0, PLACE + 4 * SIZE, SIZE);
    strcpy(view + PAGE, "from the launcher");
    run_guest_host(ROLE_USE);
    assert_string_equal(view + GRANULE, "from the guest host");
    plat_shared_unmap(view, SIZE);
    plat_shared_free(told()->keeper, told()->key, SIZE);
}

static void what_a_guest_host_made_outlives_it(void **state)
{
    (void)state;
    run_guest_host(ROLE_MAKE);
    char *view = map(told()->key, 0, 0, SIZE);
    assert_string_equal(view, "left behind");
    plat_shared_unmap(view, SIZE);
    plat_shared_free(told()->keeper, told()->key, SIZE);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    if (argc == 2 && strncmp(argv[1], "--", 2) == 0)
        guest_host(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_show_the_same_bytes),
        cmocka_unit_test(protections_are_the_views_own),
        cmocka_unit_test(files_have_views),
        cmocka_unit_test(memory_outlives_its_views),
        cmocka_unit_test(a_guest_host_sees_it),
        cmocka_unit_test(what_a_guest_host_made_outlives_it),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

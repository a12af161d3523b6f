/* SPDX-License-Identifier: MIT */
/* vfs/cache.c: a name in a path has the same key as the name alone, wherever it lies. */

#include "test.h"

#include "core/layout.h"
#include "internal.h"

#define NAME_MAX_HERE (NAME_CACHED + 8)

static _Alignas(CORE_PAGE_SIZE) unsigned char pages[2 * CORE_PAGE_SIZE];

/* A name of `size` bytes, then `end`, then anything. */
static void write_path(unsigned char *at, uint32_t size, unsigned char end, uint32_t seed)
{
    for (uint32_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(seed + i * 37);
        at[i] = byte && byte != '/' ? byte : 1;
    }
    at[size] = end;
}

static void check(const unsigned char *at, uint32_t size)
{
    const char *path = (const char *)at;
    struct name_key cut, alone;
    assert_ptr_equal(name_key_cut(&cut, 77, path), path + size);
    assert_int_equal(cut.size, size);
    name_key_init(&alone, 77, path, size);
    if (size > NAME_CACHED)
        return; /* it is looked up by other means */
    assert_int_equal(cut.hash, alone.hash);
    assert_memory_equal(cut.words, alone.words, sizeof cut.words);
}

static void key_of_a_component(void **state)
{
    static const unsigned char ends[] = {0, '/'}, behind[] = {0, 1, '/', 0x80, 0xff};
    (void)state;
    for (uint32_t size = 0; size < NAME_MAX_HERE; size++) {
        for (uint32_t place = 0; place < NAME_MAX_HERE + 8; place++) {
            for (uint32_t i = 0; i < COUNT(ends) * COUNT(behind); i++) {
                memset(pages, behind[i / COUNT(ends)], sizeof pages);
                unsigned char *at = pages + CORE_PAGE_SIZE - place;
                write_path(at, size, ends[i % COUNT(ends)], place);
                check(at, size);
            }
        }
    }
}

static void names_differ(void **state)
{
    static const char *const names[] = {"a",        "b",         "aa",       "a\1",
                                        "aaaaaaaa", "aaaaaaaaa", "aaaaaaa\1"};
    struct name_key keys[COUNT(names)], elsewhere;
    (void)state;
    for (uint32_t i = 0; i < COUNT(names); i++) {
        name_key_init(&keys[i], 77, names[i], (uint32_t)strlen(names[i]));
        name_key_init(&elsewhere, 78, names[i], (uint32_t)strlen(names[i]));
        assert_int_not_equal(keys[i].hash, elsewhere.hash);
        for (uint32_t k = 0; k < i; k++)
            assert_memory_not_equal(keys[i].words, keys[k].words, sizeof keys[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_of_a_component),
        cmocka_unit_test(names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* String functions for freestanding code, and numbers as text. */

#include "test.h"

#include <inttypes.h>

#include "core/mem.h"

static void lengths_and_equality(void **state)
{
    (void)state;
    assert_int_equal(core_str_length(""), 0);
    assert_int_equal(core_str_length("12345"), 5);
    assert_true(core_str_equal("", ""));
    assert_true(core_str_equal("abc", "abc"));
    assert_false(core_str_equal("abc", "abd"));
    assert_false(core_str_equal("abc", "ab"));
    assert_false(core_str_equal("", "a"));
    assert_false(core_str_equal("\x80", "\x7f"));
}

static void a_copy_is_cut_and_terminated(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *copy;
    } cases[] = {
        {"hello", 6, "hello"}, {"hello", 5, "hell"},  {"hello", 1, ""},
        {"", 1, ""},           {"hello", 9, "hello"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[10];
        memset(to, '#', sizeof to);
        assert_int_equal(core_str_copy(to, cases[i].size, cases[i].text), strlen(cases[i].text));
        assert_string_equal(to, cases[i].copy);
        assert_int_equal(to[cases[i].size], '#');
    }
    char untouched = '#';
    assert_int_equal(core_str_copy(&untouched, 0, "hello"), 5);
    assert_int_equal(untouched, '#');
}

static void numbers(void **state)
{
    static const uint64_t values[] = {0,   1,       9,          10,        15,        16,
                                      255, 1000000, UINT32_MAX, INT64_MAX, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char expected[32], text[32];
        snprintf(expected, sizeof expected, "%" PRIu64, values[i]);
        assert_int_equal(core_str_u64(text, values[i]), strlen(expected));
        assert_string_equal(text, expected);
        snprintf(expected, sizeof expected, "%" PRIx64, values[i]);
        assert_int_equal(core_str_hex(text, values[i]), strlen(expected));
        assert_string_equal(text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_and_equality),
        cmocka_unit_test(a_copy_is_cut_and_terminated),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

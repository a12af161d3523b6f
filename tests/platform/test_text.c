/* SPDX-License-Identifier: MIT */
/* UTF-16 to UTF-8 and back, on Windows: every name has one form and comes back as it was. */

#include "test.h"
#include "windows/internal.h"

static void text_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const wchar_t *wide;
        const char *utf8;
    } rows[] = {
        {L"", ""},
        {L"a\x7f", "a\x7f"},
        {L"\x80\x7ff", "\xc2\x80\xdf\xbf"},
        {L"\x800\xd7ff\xe000\xffff", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
        {L"\xd800\xdc00\xdbff\xdfff", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {L"\xd800", "\xed\xa0\x80"}, /* half a pair */
        {L"\xdfff"
         L"a",
         "\xed\xbf\xbf"
         "a"},                                         /* the other half */
        {L"\xdc00\xd800", "\xed\xb0\x80\xed\xa0\x80"}, /* in the wrong order */
        {L"\xd800\xd800\xdc00", "\xed\xa0\x80\xf0\x90\x80\x80"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *utf8 = windows_utf8(rows[i].wide);
        wchar_t *wide = windows_wide(rows[i].utf8);
        assert_string_equal(utf8, rows[i].utf8);
        assert_non_null(wide);
        assert_int_equal(wcscmp(wide, rows[i].wide), 0);
        free(utf8);
        free(wide);
    }
}

static void what_is_no_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\x80", /* a continuation first */
        "\xc2",
        "a\xe2\x82",
        "\xf0\x9f\x98", /* too short */
        "\xc2"
        "a",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", /* longer than needed */
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xff",                     /* beyond Unicode */
        "\xed\xa0\x80\xed\xb0\x80", /* a pair as two halves */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_null(windows_wide(rows[i]));
        assert_int_equal(GetLastError(), ERROR_NO_UNICODE_TRANSLATION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_both_ways),
        cmocka_unit_test(what_is_no_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Variables from the command line and from environment files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "envfile.h"
#include "lx/errno.h"
#include "plat/plat.h"

/* What a file gives, its variables each followed by a line feed. */
static const char *parse(const char *text, size_t size, int *err, struct core_diag *diag)
{
    static char all[4096];
    struct cmd_strings env = {0};
    memset(diag, 0, sizeof *diag);
    *err = cmd_envfile_parse(text, size, "some.env", &env, diag);
    all[0] = 0;
    for (size_t i = 0; i < env.count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s\n", env.items[i]);
    cmd_strings_free(&env);
    return all;
}

static void lines_of_a_file(void **state)
{
    static const struct {
        const char *text, *variables;
    } cases[] = {
        {"", ""},
        {"\n\n", ""},
        {"A=1", "A=1\n"},
        {"A=1\nB=2\n", "A=1\nB=2\n"},
        {"A=1\r\nB=2\r\n", "A=1\nB=2\n"},
        {"A=", "A=\n"},
        {"A=b=c", "A=b=c\n"},
        {"A=\"quoted\" 'too'", "A=\"quoted\" 'too'\n"},
        {"  \tA=1", "A=1\n"},
        {"A= 1 ", "A= 1 \n"},
        {"# a comment\nA=1 # none\n  # one more", "A=1 # none\n"},
        {"\xef\xbb\xbf"
         "A=1",
         "A=1\n"},
        {"A=\xc3\xa4\xe2\x82\xac", "A=\xc3\xa4\xe2\x82\xac\n"},
        {"A=1\nA=2", "A=1\nA=2\n"}, /* which one counts is decided later */
        {"TARBOX_TEST_NOT_SET", ""},
        {"TARBOX_TEST_NOT_SET\nA=1", "A=1\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct core_diag diag;
        int err;
        assert_string_equal(parse(cases[i].text, strlen(cases[i].text), &err, &diag),
                            cases[i].variables);
        assert_int_equal(err, 0);
    }
}

static void a_wrong_line_is_named(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *line;
    } cases[] = {
        {"=1", 2, "line 1"},
        {"A=1\n\n  =x", 9, "line 3"},
        {"A=1\nB=\0x", 8, "line 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct core_diag diag;
        int err;
        parse(cases[i].text, cases[i].size, &err, &diag);
        assert_int_equal(err, -LX_EINVAL);
        assert_non_null(strstr(diag.text, "some.env"));
        assert_non_null(strstr(diag.text, cases[i].line));
    }
}

/* A name alone takes the value it has here; one of our own environment is taken for it. */
static void a_bare_name_takes_its_value(void **state)
{
    struct cmd_strings env = {0};
    char name[256];
    const char *first = plat_environment()[0];
    (void)state;
    if (!first || first[0] == '=')
        skip(); /* nothing is set, or it is one of Windows' hidden ones */
    size_t size = strcspn(first, "=");
    assert_true(size > 0 && size < sizeof name);
    memcpy(name, first, size);
    name[size] = 0;
    assert_int_equal(cmd_env_add(&env, name), 0);
    assert_int_equal(cmd_env_add(&env, "K=V"), 0);
    assert_int_equal(cmd_env_add(&env, "TARBOX_TEST_NOT_SET"), 0);
    assert_int_equal(env.count, 2);
    assert_string_equal(env.items[0], first);
    assert_string_equal(env.items[1], "K=V");
    assert_null(env.items[2]);
    cmd_strings_free(&env);
}

static void a_file_that_is_not_there(void **state)
{
    struct cmd_strings env = {0};
    struct core_diag diag = {""};
    (void)state;
    assert_int_equal(cmd_envfile_read("there/is/no/such.env", &env, &diag), -LX_ENOENT);
    assert_non_null(strstr(diag.text, "there/is/no/such.env"));
    assert_int_equal(env.count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_file),
        cmocka_unit_test(a_wrong_line_is_named),
        cmocka_unit_test(a_bare_name_takes_its_value),
        cmocka_unit_test(a_file_that_is_not_there),
    };
    if (plat_start(&argc, &argv) < 0)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

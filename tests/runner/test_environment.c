/* SPDX-License-Identifier: MIT */
/* The program's environment: defaults, the user's variables, the home directory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "environment.h"

#define MANY 500

static void defaults_come_first_and_the_last_counts(void **state)
{
    static const char *const given[] = {"A=1", "PATH=/bin", "AB=2", "A=3", "EMPTY=", "A=4=5", NULL};
    static const char *const expected[] = {"PATH=/bin", "HOSTNAME=box", "HOME=/root",
                                           "A=4=5",     "AB=2",         "EMPTY="};
    char **env;
    (void)state;
    assert_int_equal(environment_make(given, "/root", "box", &env), 0);
    size_t count = 0;
    for (; env[count]; count++) {
        assert_true(count < sizeof expected / sizeof *expected);
        assert_string_equal(env[count], expected[count]);
    }
    assert_int_equal(count, sizeof expected / sizeof *expected);
    assert_string_equal(environment_get(env, "A"), "4=5");
    assert_string_equal(environment_get(env, "EMPTY"), "");
    assert_null(environment_get(env, "E"));
    assert_null(environment_get(env, "EMPTY="));
    assert_null(environment_get(env, "NONE"));
    environment_free(env);
    environment_free(NULL);
}

static void without_variables(void **state)
{
    static const char *const given[] = {NULL};
    char **env;
    (void)state;
    assert_int_equal(environment_make(given, "/", "host", &env), 0);
    assert_string_equal(environment_get(env, "PATH"), ENVIRONMENT_DEFAULT_PATH);
    assert_string_equal(environment_get(env, "HOSTNAME"), "host");
    assert_string_equal(environment_get(env, "HOME"), "/");
    assert_null(env[3]);
    environment_free(env);
}

static void many_variables(void **state)
{
    static char text[MANY][16];
    static const char *given[MANY + 1];
    char **env;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "V%d=%d", i % 400, i);
        given[i] = text[i];
    }
    assert_int_equal(environment_make(given, "/", "host", &env), 0);
    assert_string_equal(environment_get(env, "V0"), "400");
    assert_string_equal(environment_get(env, "V99"), "499");
    assert_string_equal(environment_get(env, "V100"), "100");
    environment_free(env);
}

static void home_directories(void **state)
{
    static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
                                 "short:x:5\n"
                                 "\n"
                                 "# comment\n"
                                 "nohome:x:7:7:::/bin/sh\n"
                                 "last:x:1000:1000:a b,,,:/home/last:/bin/sh\n"
                                 "again:x:1000:1000::/home/again:/bin/sh\n"
                                 "noshell:x:1001:1001::/home/noshell\n"
                                 "nouid:x::0::/home/nouid:\n"
                                 "end:x:1002:1::/home/end";
    static const struct {
        unsigned uid;
        const char *home;
    } cases[] = {
        {0, "/root"},        {5, "/"},  {7, "/"}, {1000, "/home/last"}, {1001, "/home/noshell"},
        {1002, "/home/end"}, {77, "/"},
    };
    char buf[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(environment_home(passwd, cases[i].uid, buf, sizeof buf), cases[i].home);
    assert_string_equal(environment_home("", 0, buf, sizeof buf), "/");
    /* One that does not fit, with its end, gives "/" rather than a part of it. */
    assert_string_equal(environment_home(passwd, 1000, buf, 11), "/home/last");
    assert_string_equal(environment_home(passwd, 1002, buf, 9), "/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_first_and_the_last_counts),
        cmocka_unit_test(without_variables),
        cmocka_unit_test(many_variables),
        cmocka_unit_test(home_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

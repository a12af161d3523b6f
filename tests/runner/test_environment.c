/* SPDX-License-Identifier: MIT */
/* The program's environment: defaults and the user's variables. */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_first_and_the_last_counts),
        cmocka_unit_test(without_variables),
        cmocka_unit_test(many_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

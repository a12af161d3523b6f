/* SPDX-License-Identifier: MIT */
/* cmd/ulimit.c: limits as docker's options give them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "lx/resource.h"
#include "ulimit.h"

#define NONE LX_RLIM64_INFINITY

static void limits_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct runner_ulimit want;
    } rows[] = {
        {"nofile=1024", {LX_RLIMIT_NOFILE, 1024, 1024}},
        {"nofile=1024:4096", {LX_RLIMIT_NOFILE, 1024, 4096}},
        {"nofile=1048576", {LX_RLIMIT_NOFILE, 1048576, 1048576}},
        {"cpu=0", {LX_RLIMIT_CPU, 0, 0}},
        {"core=-1", {LX_RLIMIT_CORE, NONE, NONE}},
        {"core=unlimited", {LX_RLIMIT_CORE, NONE, NONE}},
        {"stack=8388608:-1", {LX_RLIMIT_STACK, 8388608, NONE}},
        {"as=9223372036854775807", {LX_RLIMIT_AS, INT64_MAX, INT64_MAX}},
        {"rttime=1:unlimited", {LX_RLIMIT_RTTIME, 1, NONE}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct runner_ulimit got;
        struct core_diag diag;
        if (cmd_ulimit_read(rows[i].text, &got, &diag) < 0)
            fail_msg("%s: %s", rows[i].text, diag.text);
        assert_int_equal(got.resource, rows[i].want.resource);
        assert_int_equal(got.soft, rows[i].want.soft);
        assert_int_equal(got.hard, rows[i].want.hard);
    }
}

static void what_is_no_limit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "give NAME=SOFT[:HARD]"},
        {"nofile", "give NAME=SOFT[:HARD]"},
        {"files=3", "no limit 'files'"},
        {"NOFILE=3", "no limit 'NOFILE'"},
        {"=3", "no limit ''"},
        {"nofile=", "give numbers"},
        {"nofile=3:", "give numbers"},
        {"nofile=:3", "give numbers"},
        {"nofile=3x", "give numbers"},
        {"nofile=-2", "give numbers"},
        {"nofile=1:2:3", "give numbers"},
        {"as=9223372036854775808", "give numbers"},
        {"as=99999999999999999999999", "give numbers"},
        {"nproc=5:4", "above the hard one"},
        {"nproc=-1:4", "above the hard one"},
        {"nofile=1048577", "at most 1048576"},
        {"nofile=unlimited", "at most 1048576"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct runner_ulimit got;
        struct core_diag diag = {.text = ""};
        assert_int_equal(cmd_ulimit_read(rows[i].text, &got, &diag), -LX_EINVAL);
        if (!strstr(diag.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, diag.text);
    }
}

static void numbers_of_processes(void **state)
{
    (void)state;
    uint32_t n = 7;
    assert_int_equal(cmd_pids_limit_read("-1", &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(cmd_pids_limit_read("100", &n), 0);
    assert_int_equal(n, 100);
    assert_int_equal(cmd_pids_limit_read("0", &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(cmd_pids_limit_read("", &n), -LX_EINVAL);
    assert_int_equal(cmd_pids_limit_read("-2", &n), -LX_EINVAL);
    assert_int_equal(cmd_pids_limit_read("many", &n), -LX_EINVAL);
    assert_int_equal(cmd_pids_limit_read("2147483648", &n), -LX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_read),
        cmocka_unit_test(what_is_no_limit_is_refused),
        cmocka_unit_test(numbers_of_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

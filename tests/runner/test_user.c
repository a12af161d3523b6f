/* SPDX-License-Identifier: MIT */
/* runner/user.c: users as images name them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "broken line\n"
                             "nohome:x:7:8:\n"
                             "bad:x:seven:8:::\n"
                             "web:x:33:34:web:/var/www:/bin/false\n"
                             "1000:x:2000:2001::/home/digits:\n"
                             "last:x:99:99::/home/last:/bin/sh";
static const char group[] = "root:x:0:\nadm:x:4:web,last\nstaff:x:50:last,web,other\n"
                            "www:x:34:\n77:x:78:\nnot:x:web:web\nwebby:x:51:webb";

static void users_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t uid, gid;
        const char *home;
        uint32_t group_count, groups[2];
    } rows[] = {
        {NULL, 0, 0, "/root", 0, {0}},
        {"", 0, 0, "/root", 0, {0}},
        {"root", 0, 0, "/root", 0, {0}},
        {"web", 33, 34, "/var/www", 2, {4, 50}},
        {"33", 33, 34, "/var/www", 2, {4, 50}},
        {"web:staff", 33, 50, "/var/www", 0, {0}},
        {"web:50", 33, 50, "/var/www", 0, {0}},
        {"web:77", 33, 78, "/var/www", 0, {0}}, /* the name comes before the number */
        {"33:12345", 33, 12345, "/var/www", 0, {0}},
        {"1000", 2000, 2001, "/home/digits", 0, {0}},
        {"4294967294", 4294967294u, 0, "/", 0, {0}},
        {"555:www", 555, 34, "/", 0, {0}},
        {"nohome", 7, 8, "/", 0, {0}},
        {"last", 99, 99, "/home/last", 2, {4, 50}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct user u;
        char error[256] = "";
        assert_int_equal(user_find(rows[i].text, passwd, group, &u, error, sizeof error), 0);
        assert_int_equal(u.uid, rows[i].uid);
        assert_int_equal(u.gid, rows[i].gid);
        assert_string_equal(u.home, rows[i].home);
        assert_int_equal(u.group_count, rows[i].group_count);
        for (uint32_t g = 0; g < u.group_count; g++)
            assert_int_equal(u.groups[g], rows[i].groups[g]);
    }
}

static void strangers_are_refused(void **state)
{
    (void)state;
    static const char *const users[] = {
        "nobody", "bad",      "broken line", "4294967295", "99999999999",
        "-1",     "web:none", "web:",        "33:-1",      ":4"};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        struct user u;
        char error[256] = "";
        assert_int_equal(user_find(users[i], passwd, group, &u, error, sizeof error), -LX_EINVAL);
        assert_non_null(strstr(error, "the image's /etc/"));
    }
}

static void groups_are_added(void **state)
{
    (void)state;
    static struct user u;
    char error[256] = "";
    assert_int_equal(user_find("web", passwd, group, &u, error, sizeof error), 0);
    assert_int_equal(user_add_group("www", group, &u, error, sizeof error), 0);
    assert_int_equal(user_add_group("77", group, &u, error, sizeof error), 0); /* a name */
    assert_int_equal(user_add_group("1234", group, &u, error, sizeof error), 0);
    assert_int_equal(user_add_group("34", group, &u, error, sizeof error), 0); /* is there */
    assert_int_equal(u.group_count, 5);
    assert_int_equal(u.groups[2], 34);
    assert_int_equal(u.groups[3], 78);
    assert_int_equal(u.groups[4], 1234);
    assert_int_equal(user_add_group("none", group, &u, error, sizeof error), -LX_EINVAL);
    assert_string_equal(error, "the image's /etc/group has no group 'none'");
    assert_int_equal(user_add_group("", group, &u, error, sizeof error), -LX_EINVAL);
    for (uint32_t i = u.group_count; i < USER_GROUPS_MAX; i++)
        u.groups[u.group_count++] = i + 5000;
    assert_int_equal(user_add_group("1", group, &u, error, sizeof error), -LX_EINVAL);
}

static void files_may_be_missing(void **state)
{
    (void)state;
    struct user u;
    char error[256];
    assert_int_equal(user_find("5:6", "", "", &u, error, sizeof error), 0);
    assert_int_equal(u.uid, 5);
    assert_int_equal(u.gid, 6);
    assert_int_equal(user_find(NULL, "", "", &u, error, sizeof error), 0);
    assert_int_equal(u.uid, 0);
    assert_string_equal(u.home, "/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_found),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(groups_are_added),
        cmocka_unit_test(files_may_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

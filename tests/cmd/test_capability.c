/* SPDX-License-Identifier: MIT */
/* cmd/capability.c: capabilities as docker's options name them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capability.h"
#include "lx/capability.h"
#include "lx/errno.h"

static void names_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t want;
    } rows[] = {
        {"CHOWN", LX_CAP_BIT(LX_CAP_CHOWN)},
        {"CAP_SYS_ADMIN", LX_CAP_BIT(LX_CAP_SYS_ADMIN)},
        {"sys_admin", LX_CAP_BIT(LX_CAP_SYS_ADMIN)},
        {"cap_Mknod", LX_CAP_BIT(LX_CAP_MKNOD)},
        {"CHECKPOINT_RESTORE", LX_CAP_BIT(LX_CAP_LAST)},
        {"all", LX_CAP_ALL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct core_diag diag;
        uint64_t got;
        assert_int_equal(cmd_capability_read(rows[i].text, &got, &diag), 0);
        assert_int_equal(got, rows[i].want);
    }
}

static void others_are_refused(void **state)
{
    static const char *const texts[] = {"",        "CAP_",          "SYS_ADMI", "SYS_ADMINS",
                                        "CAP_ALL", "CAP_CAP_CHOWN", " CHOWN",   "21"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct core_diag diag = {.text = ""};
        uint64_t got;
        assert_int_equal(cmd_capability_read(texts[i], &got, &diag), -LX_EINVAL);
        assert_non_null(strstr(diag.text, "there is no capability"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

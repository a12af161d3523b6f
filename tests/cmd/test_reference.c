/* SPDX-License-Identifier: MIT */
/* IMAGE:PATH, told from paths of the host. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

static void images_and_paths_are_told_apart(void **state)
{
    static const struct {
        const char *argument;
        size_t size, explicit; /* of IMAGE, by docker's rule and with `explicit` */
    } cases[] = {
        {"debian:/etc", 6, 6},
        {"debian:etc/passwd", 6, 6},
        {"debian:12:/etc", 9, 9},
        {"debian:12:etc", 9, 9},
        {"localhost:5000/team/web:1.0:/var/www/.", 27, 27},
        {"web:/a:b:/c", 3, 3},
        {"rootfs.tar.gz:/bin", 13, 13},
        {"debian:", 6, 6},
        {"a:b", 1, 1},
        {"file", 0, 0},
        {"-", 0, 0},
        {"", 0, 0},
        {":/etc", 0, 0},
        {"./a:b", 0, 3},
        {"./rootfs.tar:/etc", 0, 12},
        {"/tmp/a.tar:/etc", 0, 10},
        {"../x:/y", 0, 4},
        {".hidden:x", 0, 7},
        {"C:\\dir\\file", 0, 0},
        {"C:/dir/file", 0, 0},
        {"c:/", 0, 0},
        {"c:", 0, 0},
        {"C:\\a.tar:/etc", 0, 8},
        {"C:/a.tar:/etc", 0, 8},
        {"C:/a.tar:etc", 0, 8},
        {"\\\\server\\share\\a", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(cmd_reference_size(cases[i].argument, 0), cases[i].size);
        assert_int_equal(cmd_reference_size(cases[i].argument, 1), cases[i].explicit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images_and_paths_are_told_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

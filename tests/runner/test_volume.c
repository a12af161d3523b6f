/* SPDX-License-Identifier: MIT */
/* What -v HOST:GUEST[:OPTIONS] means. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "volume.h"

static struct volume g_volume;

static int parse(const char *spec, char host[64])
{
    struct core_diag diag;
    return volume_parse(spec, host, 64, &g_volume, &diag);
}

static void assert_volume(const char *spec, const char *host, const char *at, uint32_t flags)
{
    char got[64];
    assert_int_equal(parse(spec, got), 0);
    assert_string_equal(got, host);
    assert_string_equal(g_volume.at, at);
    assert_int_equal(g_volume.flags, flags);
}

static void paths_and_options_are_told_apart(void **state)
{
    (void)state;
    assert_volume("/a:/b", "/a", "/b", 0);
    assert_volume("./a:/b/c:ro", "./a", "/b/c", VFS_MOUNT_READ_ONLY);
    assert_volume("/a:/b:rw,z", "/a", "/b", 0);
    assert_volume("/a:/b:z,ro", "/a", "/b", VFS_MOUNT_READ_ONLY);
    assert_volume(".:/b", ".", "/b", 0);
}

static void drives_are_no_volumes(void **state)
{
    (void)state;
    assert_volume("C:\\data:/data", "C:\\data", "/data", 0);
    assert_volume("c:/data:/data:ro", "c:/data", "/data", VFS_MOUNT_READ_ONLY);
    assert_volume("\\\\?\\C:\\x:/y", "\\\\?\\C:\\x", "/y", 0);
    assert_volume("\\\\server\\share:/y", "\\\\server\\share", "/y", 0);
    assert_volume("C:\\:/c", "C:\\", "/c", 0);
}

static void guest_paths_are_cleaned(void **state)
{
    (void)state;
    assert_volume("/a://b///c/./d/", "/a", "/b/c/d", 0);
    assert_volume("/a:/b/../c/d/..", "/a", "/c", 0);
    assert_volume("/a:/../../b", "/a", "/b", 0);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "/a",     ":/b",     "/a:b",   "/a:",   "a:/b", "/a:/",
        "/a:/..", "/a::ro", "/a:/b:x", "/a:/b:", "C:\\a", "C:/a", "/a:/b:ro:rw"};
    char host[64];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i], host) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
    assert_int_equal(
        parse("/0123456789012345678901234567890123456789012345678901234567890123:/b", host),
        -LX_ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_options_are_told_apart),
        cmocka_unit_test(drives_are_no_volumes),
        cmocka_unit_test(guest_paths_are_cleaned),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

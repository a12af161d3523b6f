/* SPDX-License-Identifier: MIT */
/* What -v, --tmpfs and --mount mean. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "mount_spec.h"
#include "vfs/mount.h"

static struct mount_spec g_spec;
static struct core_diag g_diag;

static void assert_volume(const char *text, const char *host, const char *at, uint32_t flags)
{
    assert_int_equal(mount_spec_volume(text, &g_spec, &g_diag), 0);
    assert_int_equal(g_spec.kind, MOUNT_FOLDER);
    assert_string_equal(g_spec.host, host);
    assert_string_equal(g_spec.at, at);
    assert_int_equal(g_spec.flags, flags);
    assert_int_equal(g_spec.must_exist, 0);
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
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mount_spec_volume(bad[i], &g_spec, &g_diag) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
    static char path[5000];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    memcpy(path + sizeof path - 4, ":/b", 4);
    assert_int_equal(mount_spec_volume(path, &g_spec, &g_diag), -LX_ENAMETOOLONG);
}

#define TMPFS_FLAGS (VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV | VFS_MOUNT_NOEXEC)

static void assert_tmpfs(const char *text, const char *at, uint32_t flags, uint64_t size,
                         uint32_t mode)
{
    assert_int_equal(mount_spec_tmpfs(text, &g_spec, &g_diag), 0);
    assert_int_equal(g_spec.kind, MOUNT_TMPFS);
    assert_string_equal(g_spec.at, at);
    assert_int_equal(g_spec.flags, flags);
    assert_true(g_spec.size == size);
    assert_int_equal(g_spec.mode, mode);
}

static void a_tmpfs_has_options(void **state)
{
    (void)state;
    assert_tmpfs("/run", "/run", TMPFS_FLAGS, UINT64_MAX, 01777);
    assert_tmpfs("/run/../tmp/:rw,size=64m", "/tmp", TMPFS_FLAGS, 64ull << 20, 01777);
    assert_tmpfs("/a:exec,dev,suid,mode=755,size=0", "/a", 0, UINT64_MAX, 0755);
    assert_tmpfs("/a:ro,size=4096,exec", "/a",
                 VFS_MOUNT_READ_ONLY | VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV, 4096, 01777);
    assert_tmpfs("/a:uid=3,gid=4,nr_inodes=10k", "/a", TMPFS_FLAGS, UINT64_MAX, 01777);
    assert_int_equal(g_spec.uid, 3);
    assert_int_equal(g_spec.gid, 4);
    assert_int_equal(g_spec.inodes, 10240);
    static const char *const bad[] = {"",          "run",       "/",         "/a:size",
                                      "/a:size=x", "/a:mode=8", "/a:uid=-1", "/a:mode=77777",
                                      "/a:what",   "/a:",       "/a:ro,"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mount_spec_tmpfs(bad[i], &g_spec, &g_diag) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void a_mount_says_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(
        mount_spec_mount("type=bind,source=C:\\a b,target=/x/,readonly", &g_spec, &g_diag), 0);
    assert_int_equal(g_spec.kind, MOUNT_FOLDER);
    assert_string_equal(g_spec.host, "C:\\a b");
    assert_string_equal(g_spec.at, "/x");
    assert_int_equal(g_spec.flags, VFS_MOUNT_READ_ONLY);
    assert_int_equal(g_spec.must_exist, 1);
    assert_int_equal(mount_spec_mount("dst=/x,src=/y,ro=false,type=bind", &g_spec, &g_diag), 0);
    assert_int_equal(g_spec.flags, 0);
    assert_int_equal(mount_spec_mount("type=tmpfs,destination=/t,tmpfs-size=1g,tmpfs-mode=700",
                                      &g_spec, &g_diag),
                     0);
    assert_int_equal(g_spec.kind, MOUNT_TMPFS);
    assert_true(g_spec.size == 1ull << 30);
    assert_int_equal(g_spec.mode, 0700);
    static const char *const bad[] = {"",
                                      "target=/x",
                                      "type=volume,source=a,target=/x",
                                      "type=bind,target=/x",
                                      "type=bind,source=/a",
                                      "type=bind,source=/a,target=x",
                                      "type=bind,source=/a,target=/",
                                      "type=bind,source=/a,target=/x,tmpfs-size=1",
                                      "type=tmpfs,source=/a,target=/x",
                                      "type=bind,source=/a,target=/x,ro=perhaps"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mount_spec_mount(bad[i], &g_spec, &g_diag) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_options_are_told_apart),
        cmocka_unit_test(drives_are_no_volumes),
        cmocka_unit_test(guest_paths_are_cleaned),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_tmpfs_has_options),
        cmocka_unit_test(a_mount_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

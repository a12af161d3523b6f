/* SPDX-License-Identifier: MIT */
/* /sys over a provider that says what it was asked: names with numbers, mounts in it, read-only. */

#include "test.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/super.h"
#include "vfs/sys.h"
#include "vfs/text.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_FILE("/file", 0644, "text")},
};

static int render(enum vfs_sys_what what, uint32_t cpu, struct vfs_text *t)
{
    if (what == VFS_SYS_LO_SPEED)
        return -LX_EINVAL;
    vfs_text_f(t, "%u of %u", (uint32_t)what, cpu);
    return 0;
}

static int set_up(void **state)
{
    struct vfs_fs *fs = mount_rows(rows, COUNT(rows));
    *state = fs;
    vfs_sys_set_provider(render);
    return vfs_sys_mount(fs);
}

static int tear_down(void **state)
{
    vfs_fs_put(*state);
    return 0;
}

static void assert_text(struct vfs_fs *fs, const char *path, uint32_t what, uint32_t cpu)
{
    char buf[64], expected[64];
    struct vfs_inode *inode;
    int size = snprintf(expected, sizeof expected, "%u of %u", what, cpu);
    assert_int_equal(vfs_walk(fs, NULL, path, 0, &inode), 0);
    assert_int_equal(vfs_inode_read(inode, buf, sizeof buf, 0), size);
    assert_memory_equal(buf, expected, (size_t)size);
    vfs_inode_put(inode);
}

static void names(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    char path[128];
    uint32_t count = plat_cpu_count(), last = count - 1;
    assert_text(fs, "/sys/devices/system/cpu/cpu0/topology/core_id", VFS_SYS_CORE_ID, 0);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/core_id", last);
    assert_text(fs, path, VFS_SYS_CORE_ID, last);
    snprintf(path, sizeof path, "/sys/devices/system/node/node0/cpu%u/topology/core_id", last);
    assert_text(fs, path, VFS_SYS_CORE_ID, last);
    assert_text(fs, "/sys/class/net/lo/mtu", VFS_SYS_LO_MTU, 0);
    assert_text(fs, "/sys/fs/cgroup/cpu.max", VFS_SYS_CPU_MAX, 0);
    assert_int_equal(stat_path(fs, "/sys/class/net/lo/mtu", &st), 0);
    assert_int_equal(st.st_size, 4096);
    assert_int_equal(stat_path(fs, "/sys/fs/cgroup/cpu.max", &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(nlink_of(fs, "/sys/devices/system/cpu"), 3 + count); /* smt, and cpuN */
    assert_int_equal(stat_path(fs, "/sys/devices/system/cpu/cpu0/online", &st), -LX_ENOENT);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u", count);
    assert_int_equal(stat_path(fs, path, &st), -LX_ENOENT);
    assert_int_equal(stat_path(fs, "/sys/devices/system/cpu/cpu", &st), -LX_ENOENT);
    assert_int_equal(stat_path(fs, "/sys/devices/system/cpu/cpu00", &st), -LX_ENOENT);
    assert_int_equal(stat_path(fs, "/sys/devices/system/cpu/0", &st), -LX_ENOENT);
    assert_int_equal(stat_path(fs, "/sys/devices/system/cpu/cpu0x", &st), -LX_ENOENT);
}

/* The place of a mount is found again by each lookup, and leads back. */
static void a_mount_in_it(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat sys, group, up;
    struct vfs_path first, second;
    char cwd[64];
    assert_int_equal(vfs_walk_path(fs, NULL, "/sys/fs/cgroup", 0, &first), 0);
    assert_int_equal(vfs_walk_path(fs, NULL, "/sys/fs/../fs/cgroup", 0, &second), 0);
    assert_ptr_equal(first.inode, second.inode);
    assert_ptr_equal(first.mount, second.mount);
    vfs_fs_set_cwd(fs, &first);
    assert_true(vfs_fs_getcwd(fs, cwd, sizeof cwd) > 0);
    assert_string_equal(cwd, "/sys/fs/cgroup");
    assert_int_equal(stat_path(fs, "/sys", &sys), 0);
    assert_int_equal(stat_path(fs, "/sys/fs/cgroup", &group), 0);
    assert_int_equal(stat_path(fs, "..", &up), 0);
    assert_int_not_equal(sys.st_dev, group.st_dev);
    assert_int_equal(sys.st_dev, up.st_dev);
    assert_int_equal(ino_of(fs, "/sys/fs"), up.st_ino);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/sys/fs/cgroup/cpu.max", NULL, "/sys/fs/x", 0),
                     -LX_EXDEV);
    vfs_path_put(&first);
    vfs_path_put(&second);

    struct vfs_text t = {.data = NULL};
    static const char want[] =
        "tarbox / tarbox rw,relatime 0 0\n"
        "sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0\n"
        "cgroup /sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec,relatime 0 0\n";
    assert_int_equal(vfs_mounts_show(fs, VFS_MOUNTS, &t), 0);
    assert_int_equal(t.size, sizeof want - 1);
    assert_memory_equal(t.data, want, sizeof want - 1);
    vfs_text_free(&t);
}

static void nothing_can_be_changed(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *inode;
    const char *file = "/sys/class/net/lo/mtu";
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/sys/x", 0777), -LX_EROFS);
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/sys/fs", 0777), -LX_EEXIST);
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/sys/fs/cgroup/x", 0777), -LX_EROFS);
    assert_int_equal(vfs_tree_symlink(fs, NULL, "/sys/x", "x"), -LX_EROFS);
    assert_int_equal(make_file(fs, "/sys/x"), -LX_EROFS);
    assert_int_equal(vfs_tree_unlink(fs, NULL, file), -LX_EROFS);
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/sys/power"), -LX_EROFS);
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/sys"), -LX_EBUSY);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/sys/power", NULL, "/sys/x", 0), -LX_EROFS);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/file", NULL, "/sys/x", 0), -LX_EXDEV);
    assert_int_equal(open_path(fs, file, LX_O_WRONLY, &inode), -LX_EROFS);
    assert_int_equal(open_path(fs, file, LX_O_RDONLY | LX_O_TRUNC, &inode), -LX_EROFS);
    assert_int_equal(open_path(fs, file, LX_O_RDONLY | LX_O_CREAT, &inode), 0);
    assert_int_equal(vfs_may(&fs->cred, inode, LX_W_OK), -LX_EROFS);
    assert_int_equal(vfs_inode_write(inode, "x", 1, 0), -LX_EROFS);
    vfs_inode_put(inode);
}

/* Inodes and texts go with their last use; the provider's errors come through. */
static void nothing_is_left(void **state)
{
    char buf[64];
    struct vfs_fs *fs = *state;
    struct vfs_inode *inode;
    uint64_t before = 0;
    for (int i = 0; i < 3; i++) { /* the first round fills caches */
        if (i == 1)
            before = core_arena_used();
        assert_text(fs, "/sys/devices/system/cpu/cpu0/node0/meminfo", VFS_SYS_NODE_MEMINFO, 0);
        assert_text(fs, "/sys/fs/cgroup/memory.max", VFS_SYS_MEMORY_MAX, 0);
        assert_int_equal(vfs_walk(fs, NULL, "/sys/class/net/lo/speed", 0, &inode), 0);
        assert_int_equal(vfs_inode_read(inode, buf, sizeof buf, 0), -LX_EINVAL);
        vfs_inode_put(inode);
    }
    assert_int_equal(core_arena_used(), before);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mount_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_can_be_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("vfs.sys", tests, NULL, NULL);
}

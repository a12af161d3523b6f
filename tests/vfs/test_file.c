/* SPDX-License-Identifier: MIT */
/* Open files over the tree, and devices. */

#include "vfs/file.h"

#include "lx/poll.h"
#include "sleeper.h"

static const struct mkimage_row rows[] = {
    {.path = "/file", .mode = REG | 0644, .text = "from the image"},
    {.path = "/program", .mode = REG | 0755, .text = "#!"},
    {.path = "/dir", .mode = DIR | 0755},
    {.path = "/null", .mode = LX_S_IFCHR | 0666, .rdev = LX_MAKEDEV(1, 3)},
    {.path = "/zero", .mode = LX_S_IFCHR | 0666, .rdev = LX_MAKEDEV(1, 5)},
    {.path = "/full", .mode = LX_S_IFCHR | 0666, .rdev = LX_MAKEDEV(1, 7)},
    {.path = "/random", .mode = LX_S_IFCHR | 0666, .rdev = LX_MAKEDEV(1, 8)},
    {.path = "/mem", .mode = LX_S_IFCHR | 0666, .rdev = LX_MAKEDEV(1, 1)},
    {.path = "/disk", .mode = LX_S_IFBLK | 0666, .rdev = LX_MAKEDEV(1, 3)},
    {.path = "/socket", .mode = LX_S_IFSOCK | 0666},
};

static struct vfs_fs *fs;

static int try_open(const char *path, uint32_t flags, struct vfs_file **out)
{
    struct vfs_inode *inode;
    *out = NULL;
    int err = open_path(fs, path, flags, &inode);
    if (err == 0)
        err = vfs_file_open(inode, flags, sleeper(0), out);
    vfs_inode_put(inode);
    return err;
}

static struct vfs_file *open_file(const char *path, uint32_t flags)
{
    struct vfs_file *f;
    assert_int_equal(try_open(path, flags, &f), 0);
    return f;
}

static void positions_move(void **state)
{
    (void)state;
    struct vfs_file *f = open_file("/file", LX_O_RDWR);
    char buf[32];
    assert_int_equal(vfs_file_read(f, buf, 5, sleeper(0)), 5);
    assert_int_equal(vfs_file_read(f, buf + 5, 20, sleeper(0)), 9);
    assert_memory_equal(buf, "from the image", 14);
    assert_int_equal(vfs_file_read(f, buf, 5, sleeper(0)), 0);
    assert_int_equal(vfs_file_available(f), 0);
    static const struct {
        int64_t offset;
        int32_t whence;
        int64_t want;
    } seeks[] = {
        {5, LX_SEEK_SET, 5},
        {2, LX_SEEK_CUR, 7},
        {-7, LX_SEEK_CUR, 0},
        {-1, LX_SEEK_CUR, -LX_EINVAL},
        {-1, LX_SEEK_SET, -LX_EINVAL},
        {-4, LX_SEEK_END, 10},
        {100, LX_SEEK_END, 114},
        {INT64_MAX, LX_SEEK_CUR, -LX_EINVAL},
        {3, LX_SEEK_DATA, 3},
        {14, LX_SEEK_DATA, -LX_ENXIO},
        {-1, LX_SEEK_HOLE, -LX_ENXIO},
        {5, LX_SEEK_HOLE, 14},
        {0, 5, -LX_EINVAL},
        {0, -1, -LX_EINVAL},
    };
    assert_int_equal(vfs_file_seek(f, 0, LX_SEEK_SET), 0);
    for (size_t i = 0; i < COUNT(seeks); i++)
        assert_int_equal(vfs_file_seek(f, seeks[i].offset, seeks[i].whence), seeks[i].want);
    assert_int_equal(vfs_file_pread(f, buf, 32, 5), 9);
    assert_int_equal(vfs_file_seek(f, 0, LX_SEEK_CUR), 14);
    vfs_file_put(f);
}

static void appends_go_to_the_end(void **state)
{
    (void)state;
    struct vfs_file *f = open_file("/new", LX_O_CREAT | LX_O_RDWR | LX_O_APPEND);
    char buf[16];
    assert_int_equal(vfs_file_write(f, "one", 3, sleeper(0)), 3);
    assert_int_equal(vfs_file_seek(f, 0, LX_SEEK_SET), 0);
    assert_int_equal(vfs_file_write(f, "two", 3, sleeper(0)), 3);
    assert_int_equal(vfs_file_pwrite(f, "three", 5, 0), 5);
    assert_int_equal(vfs_file_seek(f, 0, LX_SEEK_CUR), 6);
    assert_int_equal(vfs_file_pread(f, buf, sizeof buf, 0), 11);
    assert_memory_equal(buf, "onetwothree", 11);
    assert_int_equal(vfs_file_truncate(f, 3), 0);
    assert_int_equal(vfs_file_size(f), 3);
    vfs_file_put(f);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/new"), 0);
}

static void access_modes_hold(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint32_t flags;
        int64_t read, write, truncate;
    } table[] = {
        {"/file", LX_O_RDONLY, 1, -LX_EBADF, -LX_EINVAL},
        {"/file", LX_O_PATH, -LX_EBADF, -LX_EBADF, -LX_EBADF},
        {"/dir", LX_O_RDONLY, -LX_EISDIR, -LX_EBADF, -LX_EINVAL},
        {"/null", LX_O_RDWR, 0, 1, -LX_EINVAL},
        {"/zero", LX_O_RDWR, 1, 1, -LX_EINVAL},
        {"/zero", LX_O_WRONLY, -LX_EBADF, 1, -LX_EINVAL},
        {"/full", LX_O_RDWR, 1, -LX_ENOSPC, -LX_EINVAL},
        {"/random", LX_O_RDONLY, 1, -LX_EBADF, -LX_EINVAL},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct vfs_file *f = open_file(table[i].path, table[i].flags);
        char c = 'c';
        assert_int_equal(vfs_file_read(f, &c, 1, sleeper(0)), table[i].read);
        assert_int_equal(vfs_file_pread(f, &c, 1, 0), table[i].read);
        assert_int_equal(vfs_file_write(f, &c, 1, sleeper(0)), table[i].write);
        assert_int_equal(vfs_file_pwrite(f, &c, 1, 0), table[i].write);
        assert_int_equal(vfs_file_truncate(f, 14), table[i].truncate);
        uint32_t events = LX_POLLIN | LX_POLLOUT;
        assert_int_equal(vfs_file_poll(f, events),
                         table[i].flags & LX_O_PATH ? LX_POLLNVAL : events);
        vfs_file_put(f);
    }
}

static void what_is_no_file_does_not_open(void **state)
{
    (void)state;
    struct vfs_file *f;
    static const char *const paths[] = {"/mem", "/disk", "/socket"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        assert_int_equal(try_open(paths[i], LX_O_RDWR, &f), -LX_ENXIO);
        assert_null(f);
        vfs_file_put(open_file(paths[i], LX_O_PATH));
    }
    assert_int_equal(vfs_file_open_exec(fs, "/program", &f), 0);
    vfs_file_put(f);
    assert_int_equal(vfs_file_open_exec(fs, "/file", &f), -LX_EACCES);
    assert_int_equal(vfs_file_open_exec(fs, "/dir", &f), -LX_EACCES);
    assert_int_equal(vfs_file_open_exec(fs, "/none", &f), -LX_ENOENT);
    assert_null(f);
}

static void devices_fill_buffers(void **state)
{
    (void)state;
    static uint8_t a[10000], b[10000];
    struct vfs_file *zero = open_file("/zero", LX_O_RDONLY),
                    *random = open_file("/random", LX_O_RDONLY);
    memset(a, 1, sizeof a);
    assert_int_equal(vfs_file_read(zero, a, sizeof a, sleeper(0)), sizeof a);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(vfs_file_read(random, a, sizeof a, sleeper(0)), sizeof a);
    assert_int_equal(vfs_file_read(random, b, sizeof b, sleeper(0)), sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(vfs_file_seek(zero, 100, LX_SEEK_SET), 0);
    vfs_file_put(zero);
    vfs_file_put(random);
}

static int mount_image(void **state)
{
    (void)state;
    fs = mount_rows(rows, COUNT(rows));
    return 0;
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_move),       cmocka_unit_test(appends_go_to_the_end),
        cmocka_unit_test(access_modes_hold),    cmocka_unit_test(what_is_no_file_does_not_open),
        cmocka_unit_test(devices_fill_buffers),
    };
    return cmocka_run_group_tests(tests, mount_image, NULL);
}

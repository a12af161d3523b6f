/* SPDX-License-Identifier: MIT */
/* vfs/rename.c: what is refused how, and what is where afterwards. */

#include "test.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/a", 0755)},
    {MKIMAGE_FILE("/a/file", 0644, "file")},
    {MKIMAGE_FILE("/a/other", 0644, "other")},
    {.path = "/a/same", .same = "/a/file"},
    {MKIMAGE_DIR("/a/empty", 0755)},
    {MKIMAGE_DIR("/a/full", 0755)},
    {MKIMAGE_FILE("/a/full/deep", 0644, "deep")},
    {MKIMAGE_DIR("/a/full/below", 0755)},
    {MKIMAGE_LINK("/a/link", "full")},
    {MKIMAGE_DIR("/b", 0755)},
    {MKIMAGE_FILE("/b/file", 0644, "b")},
    {MKIMAGE_DIR("/tmp", 01777)},
    {MKIMAGE_FILE("/tmp/theirs", 0666, "t"), .uid = 8},
    {MKIMAGE_DIR("/mine", 0755), .uid = 5},
    {MKIMAGE_FILE("/mine/file", 0644, "m"), .uid = 5},
    {MKIMAGE_DIR("/mine/locked", 0555), .uid = 5},
    {MKIMAGE_DIR("/mine/to", 0755), .uid = 5},
};

static int setup(void **state)
{
    *state = mount_rows(rows, COUNT(rows));
    return 0;
}

static int teardown(void **state)
{
    vfs_fs_put(*state);
    return 0;
}

static int move(struct vfs_fs *fs, const char *from, const char *to, uint32_t flags)
{
    return vfs_tree_rename(fs, NULL, from, NULL, to, flags);
}

static void errors_are_linux_errors(void **state)
{
    enum { NO = LX_RENAME_NOREPLACE, EX = LX_RENAME_EXCHANGE };
    static const struct {
        const char *from, *to;
        uint32_t flags, uid;
        int want;
    } cases[] = {
        {"/a/file", "/b/new", NO | EX, 0, -LX_EINVAL},
        {"/a/file", "/b/new", 8, 0, -LX_EINVAL},
        {"/a/none", "/b/new", 0, 0, -LX_ENOENT},
        {"/a/none", "/b/new", 0, 5, -LX_ENOENT},
        {"/a/file", "/none/new", 0, 0, -LX_ENOENT},
        {"/a/file", "/b/file/new", 0, 0, -LX_ENOTDIR},
        {"/a/.", "/b/new", 0, 0, -LX_EBUSY},
        {"/a/..", "/b/new", NO, 0, -LX_EBUSY},
        {"/", "/b/new", 0, 0, -LX_EBUSY},
        {"/a/file", "/b/.", 0, 0, -LX_EBUSY},
        {"/a/file", "/b/.", NO, 0, -LX_EEXIST},
        {"/a/file", "/b/file", NO, 0, -LX_EEXIST},
        {"/a/file", "/b/new", EX, 0, -LX_ENOENT},
        {"/a/file", "/b/new/", 0, 0, -LX_ENOTDIR},
        {"/a/file/", "/b/new", 0, 0, -LX_ENOTDIR},
        {"/a/empty", "/b/file/", EX, 0, -LX_ENOTDIR},
        {"/a/full", "/a/full/below/new", 0, 0, -LX_EINVAL},
        {"/a/full", "/a/full/new", 0, 0, -LX_EINVAL},
        {"/a/full/deep", "/a/full", 0, 0, -LX_ENOTEMPTY},
        {"/a/full/below", "/a/full", EX, 0, -LX_EINVAL},
        {"/a/full", "/a/full", 0, 5, 0}, /* nothing to do, so nothing to check */
        {"/a/file", "/a/same", 0, 5, 0},
        {"/a/file", "/b/new", 0, 5, -LX_EACCES},
        {"/mine/file", "/a/new", 0, 5, -LX_EACCES},
        {"/tmp/theirs", "/mine/new", 0, 5, -LX_EPERM},
        {"/mine/file", "/tmp/theirs", 0, 5, -LX_EPERM},
        {"/mine/locked", "/mine/to/locked", 0, 5, -LX_EACCES}, /* its ".." would change */
        {"/mine/locked", "/mine/here", 0, 5, 0},
        {"/a/empty", "/b/file", 0, 0, -LX_ENOTDIR},
        {"/a/file", "/a/empty", 0, 0, -LX_EISDIR},
        {"/a/empty", "/a/full", 0, 0, -LX_ENOTEMPTY},
        {"/a/full/deep", "/a/full/below/deep", 0, 0, 0},
        {"/a/full", "/a/empty", 0, 0, 0},
    };
    struct vfs_fs *fs = *state;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        uint32_t id = cases[i].uid;
        vfs_fs_set_cred(fs, id, id, id ? 0 : VFS_CAPABILITIES, NULL);
        int err = move(fs, cases[i].from, cases[i].to, cases[i].flags);
        if (err != cases[i].want)
            fail_msg("%s to %s: %d, want %d", cases[i].from, cases[i].to, err, cases[i].want);
    }
}

static void a_file_replaces_a_file(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    uint64_t ino = ino_of(fs, "/a/other");
    assert_int_equal(stat_path(fs, "/b/file", &st), 0);
    assert_int_equal(move(fs, "/a/other", "/b/file", 0), 0);
    assert_int_equal(ino_of(fs, "/b/file"), ino);
    assert_int_equal(stat_path(fs, "/a/other", &st), -LX_ENOENT);
    assert_int_equal(move(fs, "/a/file", "/b/file", 0), 0);
    assert_int_equal(nlink_of(fs, "/b/file"), 2);
    assert_int_equal(move(fs, "/b/file", "/a/file", LX_RENAME_NOREPLACE), 0);
}

static void a_directory_of_the_image_moves_with_all_in_it(void **state)
{
    struct vfs_fs *fs = *state;
    uint64_t deep = ino_of(fs, "/a/full/deep");
    uint64_t used = core_arena_used();
    assert_int_equal(move(fs, "/a/full", "/b/moved/", 0), 0);
    assert_true(core_arena_used() - used < 4096); /* two entries, not a tree */
    assert_int_equal(ino_of(fs, "/b/moved/deep"), deep);
    assert_int_equal(ino_of(fs, "/b/moved/.."), ino_of(fs, "/b"));
    assert_int_equal(nlink_of(fs, "/a"), 3);
    assert_int_equal(nlink_of(fs, "/b"), 3);
    assert_int_equal(move(fs, "/b", "/b/moved/b", 0), -LX_EINVAL);
    assert_int_equal(move(fs, "/a/empty", "/b/moved/below", 0), 0);
    assert_int_equal(nlink_of(fs, "/a"), 2);
    assert_int_equal(nlink_of(fs, "/b/moved"), 3);
}

static void two_names_exchange(void **state)
{
    struct vfs_fs *fs = *state;
    uint64_t file = ino_of(fs, "/b/file"), full = ino_of(fs, "/a/full");
    assert_int_equal(move(fs, "/a/full", "/b/file", LX_RENAME_EXCHANGE), 0);
    assert_int_equal(ino_of(fs, "/b/file"), full);
    assert_int_equal(ino_of(fs, "/a/full"), file);
    assert_int_equal(ino_of(fs, "/b/file/.."), ino_of(fs, "/b"));
    assert_int_equal(nlink_of(fs, "/a"), 3);
    assert_int_equal(nlink_of(fs, "/b"), 3);
    assert_int_equal(move(fs, "/b/file", "/a/empty", LX_RENAME_EXCHANGE), 0);
    assert_int_equal(ino_of(fs, "/a/empty/.."), ino_of(fs, "/a"));
    assert_int_equal(nlink_of(fs, "/a"), 3);
    assert_int_equal(nlink_of(fs, "/b"), 3);
}

static void a_link_is_renamed_itself(void **state)
{
    struct vfs_fs *fs = *state;
    uint64_t link = ino_of(fs, "/a/link");
    assert_int_equal(move(fs, "/a/link", "/b/link", 0), 0);
    assert_int_equal(ino_of(fs, "/b/link"), link);
    assert_int_equal(move(fs, "/b/link/", "/b/other", 0), -LX_ENOTDIR);
}

static void a_removed_directory_takes_no_name(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_path dir;
    assert_int_equal(vfs_walk_path(fs, NULL, "/a/empty", 0, &dir), 0);
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/a/empty"), 0);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/a/file", &dir, "file", 0), -LX_ENOENT);
    vfs_path_put(&dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        TEST(errors_are_linux_errors),
        TEST(a_file_replaces_a_file),
        TEST(a_directory_of_the_image_moves_with_all_in_it),
        TEST(two_names_exchange),
        TEST(a_link_is_renamed_itself),
        TEST(a_removed_directory_takes_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

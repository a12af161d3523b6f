/* SPDX-License-Identifier: MIT */
/* vfs/tree.c, vfs/open.c: making, opening, linking and removing, and what is refused how. */

#include "test.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/dir", 0755)},
    {MKIMAGE_DIR("/dir/sub", 0755)},
    {MKIMAGE_FILE("/dir/file", 0644, "text")},
    {.path = "/dir/same", .same = "/dir/file"},
    {MKIMAGE_FILE("/dir/setid", 06755, "x"), .uid = 3, .gid = 3},
    {MKIMAGE_LINK("/dir/link", "file")},
    {MKIMAGE_LINK("/dir/nowhere", "made")},
    {MKIMAGE_LINK("/dir/nowhere-twice", "nowhere")},
    {MKIMAGE_LINK("/dir/to-slash", "made/")},
    {MKIMAGE_LINK("/dir/to-dir", "sub")},
    {MKIMAGE_DIR("/tmp", 01777)},
    {MKIMAGE_FILE("/tmp/theirs", 0666, "t"), .uid = 8},
    {MKIMAGE_DIR("/group", 02775), .gid = 33},
    {MKIMAGE_DIR("/empty", 0755)},
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

static uint32_t mode_of(struct vfs_fs *fs, const char *path)
{
    struct lx_stat st;
    assert_int_equal(stat_path(fs, path, &st), 0);
    return st.st_mode;
}

enum call { MKDIR, MKNOD, SYMLINK, LINK, UNLINK, RMDIR };

/* All are in the image's mount. */
static int link_inode(struct vfs_fs *fs, struct vfs_inode *inode, const char *path)
{
    const struct vfs_path what = {fs->root.mount, inode};
    return vfs_tree_link(fs, &what, NULL, path);
}

static int call(struct vfs_fs *fs, enum call what, const char *path)
{
    struct vfs_inode *inode;
    int err;
    switch (what) {
    case MKDIR:
        return vfs_tree_mkdir(fs, NULL, path, 0777);
    case MKNOD:
        return vfs_tree_mknod(fs, NULL, path, LX_S_IFIFO | 0666, 0);
    case SYMLINK:
        return vfs_tree_symlink(fs, NULL, path, "target");
    case LINK:
        assert_int_equal(vfs_walk(fs, NULL, "/dir/file", 0, &inode), 0);
        err = link_inode(fs, inode, path);
        vfs_inode_put(inode);
        return err;
    case UNLINK:
        return vfs_tree_unlink(fs, NULL, path);
    default:
        return vfs_tree_rmdir(fs, NULL, path);
    }
}

static void errors_are_linux_errors(void **state)
{
    static const struct {
        enum call what;
        const char *path;
        uint32_t uid;
        int want;
    } cases[] = {
        {MKDIR, "/dir", 0, -LX_EEXIST},
        {MKDIR, "/", 0, -LX_EEXIST},
        {MKDIR, "/dir/.", 0, -LX_EEXIST},
        {MKDIR, "/dir/..", 0, -LX_EEXIST},
        {MKDIR, "/dir/file", 5, -LX_EEXIST}, /* before permission */
        {MKDIR, "/dir/new", 5, -LX_EACCES},
        {MKDIR, "/none/new", 0, -LX_ENOENT},
        {MKDIR, "/dir/file/new", 0, -LX_ENOTDIR},
        {MKDIR, "", 0, -LX_ENOENT},
        {MKDIR, "/dir/nowhere", 0, -LX_EEXIST}, /* a link that leads nowhere is there */
        {MKNOD, "/dir/new/", 0, -LX_ENOENT},
        {MKNOD, "/dir/file/", 0, -LX_EEXIST},
        {MKNOD, "/dir/new", 5, -LX_EACCES},
        {SYMLINK, "/dir/file", 0, -LX_EEXIST},
        {SYMLINK, "/dir/new/", 0, -LX_ENOENT},
        {LINK, "/dir/file", 0, -LX_EEXIST},
        {LINK, "/dir/new", 5, -LX_EACCES},
        {LINK, "/dir/new/", 0, -LX_ENOENT},
        {UNLINK, "/dir/none", 5, -LX_ENOENT}, /* before permission */
        {UNLINK, "/dir/file", 5, -LX_EACCES},
        {UNLINK, "/dir/file/", 5, -LX_ENOTDIR}, /* before permission */
        {UNLINK, "/dir/sub/", 5, -LX_EISDIR},
        {UNLINK, "/dir/sub", 0, -LX_EISDIR},
        {UNLINK, "/dir/link/", 0, -LX_ENOTDIR},
        {UNLINK, "/", 0, -LX_EISDIR},
        {UNLINK, "/dir/.", 0, -LX_EISDIR},
        {UNLINK, "/dir/..", 0, -LX_EISDIR},
        {UNLINK, "/tmp/theirs", 5, -LX_EPERM},
        {RMDIR, "/dir/file", 0, -LX_ENOTDIR},
        {RMDIR, "/dir/file", 5, -LX_EACCES},
        {RMDIR, "/dir", 0, -LX_ENOTEMPTY},
        {RMDIR, "/dir", 5, -LX_EACCES},
        {RMDIR, "/", 0, -LX_EBUSY},
        {RMDIR, "/empty/.", 0, -LX_EINVAL},
        {RMDIR, "/empty/..", 0, -LX_ENOTEMPTY},
        {RMDIR, "/dir/to-dir", 0, -LX_ENOTDIR},
        {RMDIR, "/none", 0, -LX_ENOENT},
        {MKDIR, "/tmp/mine", 5, 0},
        {RMDIR, "/tmp/mine", 6, -LX_EPERM},
        {RMDIR, "/tmp/mine/", 5, 0},
        {MKDIR, "/dir/new/", 0, 0},
        {UNLINK, "/tmp/theirs", 8, 0},
        {RMDIR, "/empty", 0, 0},
    };
    struct vfs_fs *fs = *state;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        act_as(fs, cases[i].uid);
        int err = call(fs, cases[i].what, cases[i].path);
        if (err != cases[i].want)
            fail_msg("case %u, %s: %d, want %d", i, cases[i].path, err, cases[i].want);
    }
}

static void special_nodes(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    act_as(fs, 5);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/null", LX_S_IFCHR | 0666, 0x103), -LX_EPERM);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/dir/null", LX_S_IFCHR | 0666, 0x103), -LX_EACCES);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/theirs", LX_S_IFCHR, 0x103), -LX_EEXIST);
    act_as(fs, 0);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/null", LX_S_IFCHR | 0666, 0x103), 0);
    assert_int_equal(stat_path(fs, "/tmp/null", &st), 0);
    assert_int_equal(st.st_mode, LX_S_IFCHR | 0644);
    assert_int_equal(st.st_rdev, 0x103);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/plain", 0600, 0), 0);
    assert_int_equal(mode_of(fs, "/tmp/plain"), LX_S_IFREG | 0600);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/d", LX_S_IFDIR, 0), -LX_EPERM);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/l", LX_S_IFLNK, 0), -LX_EINVAL);
    assert_int_equal(vfs_tree_symlink(fs, NULL, "/tmp/l", ""), -LX_ENOENT);
}

static void owners_and_modes_of_new_files(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    fs->umask = 027;
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/group/dir", 0777), 0);
    assert_int_equal(make_file(fs, "/group/file"), 0);
    assert_int_equal(stat_path(fs, "/group/dir", &st), 0);
    assert_int_equal(st.st_mode, LX_S_IFDIR | 02750);
    assert_int_equal(st.st_gid, 33);
    assert_int_equal(stat_path(fs, "/group/file", &st), 0);
    assert_int_equal(st.st_mode, LX_S_IFREG | 0640);
    assert_int_equal(st.st_gid, 33);
    assert_int_equal(nlink_of(fs, "/group"), 3);

    act_as(fs, 5); /* not in the group: may not make a program that is */
    fs->umask = 0;
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/tmp/g", 0777), 0);
    struct vfs_inode *dir;
    assert_int_equal(vfs_walk(fs, NULL, "/tmp/g", 0, &dir), 0);
    assert_int_equal(vfs_inode_chmod(dir, 02777), 0);
    assert_int_equal(vfs_inode_chown(dir, VFS_KEEP, 34), 0);
    vfs_inode_put(dir);
    assert_int_equal(vfs_tree_mknod(fs, NULL, "/tmp/g/f", LX_S_IFREG | 02771, 0), 0);
    assert_int_equal(stat_path(fs, "/tmp/g/f", &st), 0);
    assert_int_equal(st.st_gid, 34);
    assert_int_equal(st.st_mode, LX_S_IFREG | 0771);
}

static void links_count_and_share(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *file, *dir;
    assert_int_equal(ino_of(fs, "/dir/file"), ino_of(fs, "/dir/same"));
    assert_int_equal(nlink_of(fs, "/dir/file"), 2);
    assert_int_equal(call(fs, LINK, "/tmp/third"), 0);
    assert_int_equal(nlink_of(fs, "/dir/same"), 3);
    assert_int_equal(call(fs, UNLINK, "/dir/file"), 0);
    assert_int_equal(call(fs, UNLINK, "/dir/same"), 0);
    assert_int_equal(nlink_of(fs, "/tmp/third"), 1);
    assert_int_equal(vfs_walk(fs, NULL, "/tmp/third", 0, &file), 0);
    assert_int_equal(call(fs, UNLINK, "/tmp/third"), 0);
    assert_int_equal(link_inode(fs, file, "/tmp/again"), -LX_ENOENT);
    vfs_inode_put(file);
    assert_int_equal(vfs_walk(fs, NULL, "/dir", 0, &dir), 0);
    assert_int_equal(link_inode(fs, dir, "/tmp/dir"), -LX_EPERM);
    vfs_inode_put(dir);
}

static void directories_count_their_children(void **state)
{
    struct vfs_fs *fs = *state;
    assert_int_equal(nlink_of(fs, "/dir"), 3);
    assert_int_equal(call(fs, MKDIR, "/dir/new"), 0);
    assert_int_equal(nlink_of(fs, "/dir"), 4);
    assert_int_equal(nlink_of(fs, "/dir/new"), 2);
    assert_int_equal(make_file(fs, "/dir/new/file"), 0);
    assert_int_equal(nlink_of(fs, "/dir/new"), 2);
    assert_int_equal(call(fs, RMDIR, "/dir/new"), -LX_ENOTEMPTY);
    assert_int_equal(call(fs, UNLINK, "/dir/new/file"), 0);
    assert_int_equal(call(fs, RMDIR, "/dir/new"), 0);
    assert_int_equal(call(fs, RMDIR, "/dir/sub"), 0);
    assert_int_equal(nlink_of(fs, "/dir"), 2);
}

/* What a name means is looked up first, so that the change has to reach the cache. */
static void changes_reach_the_cache(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    assert_int_equal(stat_path(fs, "/dir/new", &st), -LX_ENOENT);
    assert_int_equal(make_file(fs, "/dir/new"), 0);
    assert_int_equal(stat_path(fs, "/dir/new", &st), 0);
    uint64_t first = st.st_ino;
    assert_int_equal(call(fs, UNLINK, "/dir/new"), 0);
    assert_int_equal(stat_path(fs, "/dir/new", &st), -LX_ENOENT);
    assert_int_equal(make_file(fs, "/dir/new"), 0);
    assert_int_not_equal(ino_of(fs, "/dir/new"), first);
    assert_int_equal(stat_path(fs, "/dir/file", &st), 0);
    assert_int_equal(call(fs, UNLINK, "/dir/file"), 0);
    assert_int_equal(stat_path(fs, "/dir/file", &st), -LX_ENOENT);
    assert_int_equal(make_file(fs, "/dir/file"), 0);
    assert_int_equal(stat_path(fs, "/dir/file", &st), 0);
    assert_int_equal(st.st_size, 0);
}

static void what_open_refuses(void **state)
{
    static const struct {
        const char *path;
        uint32_t flags, uid;
        int want;
    } cases[] = {
        {"/dir/file", LX_O_RDWR, 0, 0},
        {"/dir/file", LX_O_WRONLY, 5, -LX_EACCES},
        {"/dir/file", LX_O_RDONLY | LX_O_TRUNC, 5, -LX_EACCES},
        {"/dir/file", LX_O_DIRECTORY, 0, -LX_ENOTDIR},
        {"/dir/file/", LX_O_RDONLY, 0, -LX_ENOTDIR},
        {"/dir/file/", LX_O_CREAT, 0, -LX_EISDIR},
        {"/dir/new/", LX_O_CREAT, 0, -LX_EISDIR},
        {"/dir/sub", LX_O_RDONLY, 0, 0},
        {"/dir/sub", LX_O_WRONLY, 0, -LX_EISDIR},
        {"/dir/sub", LX_O_CREAT, 0, -LX_EISDIR},
        {"/dir/sub/", LX_O_CREAT, 0, -LX_EISDIR},
        {"/dir/sub", LX_O_CREAT | LX_O_EXCL, 0, -LX_EEXIST},
        {"/", LX_O_CREAT, 0, -LX_EISDIR},
        {"/dir/.", LX_O_CREAT | LX_O_EXCL, 0, -LX_EEXIST},
        {"/dir/link", LX_O_RDONLY, 0, 0},
        {"/dir/link", LX_O_NOFOLLOW, 0, -LX_ELOOP},
        {"/dir/link", LX_O_NOFOLLOW | LX_O_CREAT, 0, -LX_ELOOP},
        {"/dir/to-dir", LX_O_NOFOLLOW | LX_O_DIRECTORY, 0, -LX_ENOTDIR},
        {"/dir/to-dir/", LX_O_NOFOLLOW | LX_O_DIRECTORY, 0, 0},
        {"/dir/link", LX_O_NOFOLLOW | LX_O_PATH, 0, 0},
        {"/dir/link", LX_O_CREAT | LX_O_EXCL, 0, -LX_EEXIST},
        {"/dir/nowhere", LX_O_RDONLY, 0, -LX_ENOENT},
        {"/dir/nowhere", LX_O_CREAT | LX_O_EXCL, 0, -LX_EEXIST},
        {"/dir/to-slash", LX_O_CREAT, 0, -LX_EISDIR},
        {"/dir/new", LX_O_CREAT, 5, -LX_EACCES},
        {"/dir/file", LX_O_NOATIME, 5, -LX_EPERM},
        {"/none/new", LX_O_CREAT, 0, -LX_ENOENT},
        {"/dir/file/new", LX_O_CREAT, 0, -LX_ENOTDIR},
        {"/dir/nowhere-twice", LX_O_CREAT | LX_O_WRONLY, 0, 0},
        {"/dir/made", LX_O_RDONLY, 0, 0},
    };
    struct vfs_fs *fs = *state;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        struct vfs_inode *inode;
        act_as(fs, cases[i].uid);
        int err = open_path(fs, cases[i].path, cases[i].flags, &inode);
        if (err != cases[i].want)
            fail_msg("%s, %#o: %d, want %d", cases[i].path, cases[i].flags, err, cases[i].want);
        assert_int_equal(inode != NULL, err == 0);
        vfs_inode_put(inode);
    }
}

static void open_truncates_only_what_may_be_written(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *inode;
    struct lx_stat st;
    act_as(fs, 5);
    assert_int_equal(open_path(fs, "/dir/file", LX_O_WRONLY | LX_O_TRUNC, &inode), -LX_EACCES);
    act_as(fs, 0);
    assert_int_equal(stat_path(fs, "/dir/file", &st), 0);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(open_path(fs, "/dir/file", LX_O_WRONLY | LX_O_TRUNC, &inode), 0);
    vfs_inode_put(inode);
    assert_int_equal(stat_path(fs, "/dir/file", &st), 0);
    assert_int_equal(st.st_size, 0);
}

static void a_nameless_file_may_get_one_name(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *file;
    assert_int_equal(open_path(fs, "/tmp", LX_O_TMPFILE | LX_O_RDWR, &file), 0);
    assert_int_equal(file->nlink, 0);
    assert_int_equal(link_inode(fs, file, "/tmp/named"), 0);
    assert_int_equal(nlink_of(fs, "/tmp/named"), 1);
    vfs_inode_put(file);
    assert_int_equal(open_path(fs, "/tmp", LX_O_TMPFILE | LX_O_RDWR | LX_O_EXCL, &file), 0);
    assert_int_equal(link_inode(fs, file, "/tmp/other"), -LX_ENOENT);
    vfs_inode_put(file);
}

static void owners_change_and_set_id_bits_go(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *file;
    assert_int_equal(vfs_walk(fs, NULL, "/dir/setid", 0, &file), 0);
    assert_int_equal(vfs_inode_chown(file, 4, VFS_KEEP), 0);
    assert_int_equal(file->mode, LX_S_IFREG | 0755);
    assert_int_equal(file->uid, 4);
    assert_int_equal(file->gid, 3);
    assert_int_equal(vfs_inode_chmod(file, 02644), 0);
    assert_int_equal(vfs_inode_chown(file, VFS_KEEP, 9), 0);
    assert_int_equal(file->mode, LX_S_IFREG | 02644); /* mandatory locking's mark, not a program */
    assert_int_equal(vfs_inode_utimes(file, -1500000000, VFS_TIME_KEEP), 0);
    struct lx_stat st;
    vfs_inode_stat(file, &st);
    assert_int_equal(st.st_atim.tv_sec, -2);
    assert_int_equal(st.st_atim.tv_nsec, 500000000);
    assert_int_equal(st.st_mtim.tv_sec, 1700000000);
    vfs_inode_put(file);
}

/* All that a directory and its files took comes back, of the image's or new. */
static void memory_comes_back(void **state)
{
    struct vfs_fs *fs = *state;
    uint64_t before = 0, pages = core_page_used();
    for (int round = 0; round < 20; round++) {
        struct vfs_inode *file;
        char path[64];
        assert_int_equal(call(fs, MKDIR, "/tmp/work"), 0);
        for (int i = 0; i < 50; i++) {
            snprintf(path, sizeof path, "/tmp/work/a-file-with-a-name-%d", i);
            assert_int_equal(open_path(fs, path, LX_O_CREAT | LX_O_RDWR, &file), 0);
            assert_int_equal(vfs_inode_write(file, "x", 1, 4096 * 600), 1);
            vfs_inode_put(file);
        }
        for (int i = 0; i < 50; i++) {
            snprintf(path, sizeof path, "/tmp/work/a-file-with-a-name-%d", i);
            assert_int_equal(call(fs, UNLINK, path), 0);
        }
        assert_int_equal(call(fs, RMDIR, "/tmp/work"), 0);
        assert_int_equal(core_page_used(), pages);
        if (round == 1)
            before = core_arena_used();
    }
    assert_int_equal(core_arena_used(), before);
}

static void an_unlinked_file_stays_until_it_is_let_go(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *file;
    char text[8];
    uint64_t pages = core_page_used();
    assert_int_equal(open_path(fs, "/dir/setid", LX_O_RDWR, &file), 0); /* one of the image's */
    assert_int_equal(vfs_inode_write(file, "y", 1, 5000), 1);
    assert_int_equal(call(fs, UNLINK, "/dir/setid"), 0);
    assert_int_equal(vfs_inode_read(file, text, 1, 0), 1);
    assert_int_equal(text[0], 'x');
    assert_int_equal(vfs_inode_read(file, text, 1, 5000), 1);
    assert_int_equal(text[0], 'y');
    assert_int_equal(core_page_used(), pages + 1);
    vfs_inode_put(file);
    assert_int_equal(core_page_used(), pages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        TEST(errors_are_linux_errors),
        TEST(special_nodes),
        TEST(owners_and_modes_of_new_files),
        TEST(links_count_and_share),
        TEST(directories_count_their_children),
        TEST(changes_reach_the_cache),
        TEST(what_open_refuses),
        TEST(open_truncates_only_what_may_be_written),
        TEST(a_nameless_file_may_get_one_name),
        TEST(owners_change_and_set_id_bits_go),
        TEST(memory_comes_back),
        TEST(an_unlinked_file_stays_until_it_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

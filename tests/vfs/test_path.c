/* SPDX-License-Identifier: MIT */
/* vfs/path.c: what paths lead to, what forbids it, and the working directory's path. */

#include "test.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/dir", 0755)},
    {MKIMAGE_DIR("/dir/sub", 0755)},
    {MKIMAGE_FILE("/dir/sub/file", 0644, "text")},
    {MKIMAGE_LINK("/dir/link", "sub/file")},
    {MKIMAGE_LINK("/dir/up", "../other")},
    {MKIMAGE_LINK("/dir/absolute", "/dir/sub")},
    {MKIMAGE_LINK("/dir/slashed", "sub/")},
    {MKIMAGE_LINK("/dir/twice", "absolute/file")},
    {MKIMAGE_LINK("/dir/nowhere", "not-there")},
    {MKIMAGE_FILE("/other", 0644, "o")},
    {MKIMAGE_LINK("/loop", "loop")},
    {MKIMAGE_DIR("/private", 0700), .uid = 7},
    {MKIMAGE_FILE("/private/file", 0644, "p")},
    {MKIMAGE_FILE("/chain-0", 0644, "end")},
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

/* Walk twice: by the directories, then by the cache. */
static int walk(struct vfs_fs *fs, const char *path, uint32_t flags, uint64_t *ino)
{
    struct vfs_inode *inode;
    int first = vfs_walk(fs, NULL, path, flags, &inode);
    *ino = first == 0 ? inode->ino : 0;
    vfs_inode_put(inode);
    int second = vfs_walk(fs, NULL, path, flags, &inode);
    assert_int_equal(second, first);
    assert_int_equal(second == 0 ? inode->ino : 0, *ino);
    vfs_inode_put(inode);
    return first;
}

static void paths_lead_where_they_should(void **state)
{
    static const struct {
        const char *path;
        uint32_t flags;
        int want;
        const char *same; /* path of what it leads to */
    } cases[] = {
        {"/", 0, 0, "/"},
        {"//", 0, 0, "/"},
        {"/.", 0, 0, "/"},
        {"/..", 0, 0, "/"},
        {"/../../dir", 0, 0, "/dir"},
        {"dir", 0, 0, "/dir"},
        {".", 0, 0, "/"},
        {"", 0, -LX_ENOENT, NULL},
        {"/dir/sub/file", 0, 0, "/dir/sub/file"},
        {"//dir///sub//file", 0, 0, "/dir/sub/file"},
        {"/dir/./sub/../sub/file", 0, 0, "/dir/sub/file"},
        {"/dir/sub/", 0, 0, "/dir/sub"},
        {"/dir/sub/.", 0, 0, "/dir/sub"},
        {"/dir/sub/..", 0, 0, "/dir"},
        {"/dir/sub/file/", 0, -LX_ENOTDIR, NULL},
        {"/dir/sub/file/.", 0, -LX_ENOTDIR, NULL},
        {"/dir/sub/file/x", 0, -LX_ENOTDIR, NULL},
        {"/dir/sub/file", VFS_WALK_DIRECTORY, -LX_ENOTDIR, NULL},
        {"/dir/none", 0, -LX_ENOENT, NULL},
        {"/dir/none/", 0, -LX_ENOENT, NULL},
        {"/dir/none/x", 0, -LX_ENOENT, NULL},
        {"/dir/none/..", 0, -LX_ENOENT, NULL},
        {"/dir/link", 0, 0, "/dir/sub/file"},
        {"/dir/link/", 0, -LX_ENOTDIR, NULL},
        {"/dir/up", 0, 0, "/other"},
        {"/dir/absolute", 0, 0, "/dir/sub"},
        {"/dir/absolute/file", 0, 0, "/dir/sub/file"},
        {"/dir/absolute/..", 0, 0, "/dir"},
        {"/dir/absolute/", VFS_WALK_NOFOLLOW, 0, "/dir/sub"},
        {"/dir/slashed", 0, 0, "/dir/sub"},
        {"/dir/slashed/file", 0, 0, "/dir/sub/file"},
        {"/dir/twice", 0, 0, "/dir/sub/file"},
        {"/dir/nowhere", 0, -LX_ENOENT, NULL},
        {"/dir/nowhere", VFS_WALK_DIRECTORY, -LX_ENOENT, NULL},
        {"/loop", 0, -LX_ELOOP, NULL},
        {"/loop/x", 0, -LX_ELOOP, NULL},
        {"/private/file", 0, 0, "/private/file"},
    };
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        uint64_t ino, want = 0;
        int err = walk(*state, cases[i].path, cases[i].flags, &ino);
        if (err != cases[i].want)
            fail_msg("%s: %d, want %d", cases[i].path, err, cases[i].want);
        if (err == 0)
            assert_int_equal(walk(*state, cases[i].same, VFS_WALK_NOFOLLOW, &want), 0);
        if (ino != want)
            fail_msg("%s: not %s", cases[i].path, cases[i].same);
    }
}

static void nofollow_gives_the_link(void **state)
{
    struct vfs_inode *inode;
    char target[16];
    assert_int_equal(vfs_walk(*state, NULL, "/dir/link", VFS_WALK_NOFOLLOW, &inode), 0);
    assert_true(VFS_IS_LNK(inode));
    assert_int_equal(vfs_inode_readlink(inode, target, sizeof target), 8);
    assert_memory_equal(target, "sub/file", 8);
    assert_int_equal(vfs_inode_readlink(inode, target, 3), 3);
    vfs_inode_put(inode);
}

static void forty_links_are_followed(void **state)
{
    char path[24], target[24];
    uint64_t ino;
    for (int i = 1; i <= 41; i++) {
        snprintf(path, sizeof path, "/chain-%d", i);
        snprintf(target, sizeof target, "chain-%d", i - 1);
        assert_int_equal(vfs_tree_symlink(*state, NULL, path, target), 0);
    }
    assert_int_equal(walk(*state, "/chain-40", 0, &ino), 0);
    assert_int_equal(ino, ino_of(*state, "/chain-0"));
    assert_int_equal(walk(*state, "/chain-41", 0, &ino), -LX_ELOOP);
}

static void long_names_end_at_name_max(void **state)
{
    char path[300] = "/";
    uint64_t ino;
    memset(path + 1, 'n', 255);
    assert_int_equal(walk(*state, path, 0, &ino), -LX_ENOENT);
    assert_int_equal(make_file(*state, path), 0);
    assert_int_equal(walk(*state, path, 0, &ino), 0);
    path[256] = 'n';
    assert_int_equal(walk(*state, path, 0, &ino), -LX_ENAMETOOLONG);
    assert_int_equal(make_file(*state, path), -LX_ENAMETOOLONG);
    memcpy(path + 257, "/x", 3);
    assert_int_equal(walk(*state, path, 0, &ino), -LX_ENAMETOOLONG);
}

static void search_takes_permission(void **state)
{
    struct vfs_fs *fs = *state;
    uint64_t ino;
    assert_int_equal(walk(fs, "/private/file", 0, &ino), 0); /* and now it is cached */
    vfs_fs_set_cred(fs, 5, 5, 0, NULL);
    assert_int_equal(walk(fs, "/private", 0, &ino), 0);
    assert_int_equal(walk(fs, "/private/file", 0, &ino), -LX_EACCES);
    assert_int_equal(walk(fs, "/private/none", 0, &ino), -LX_EACCES);
    assert_int_equal(walk(fs, "/private/", 0, &ino), 0);
    assert_int_equal(walk(fs, "/private/.", 0, &ino), -LX_EACCES);
    assert_int_equal(walk(fs, "/private/..", 0, &ino), -LX_EACCES);
    vfs_fs_set_cred(fs, 7, 5, 0, NULL);
    assert_int_equal(walk(fs, "/private/file", 0, &ino), 0);
}

static void permission_bits_count_by_class(void **state)
{
    struct vfs_fs *fs = *state;
    static const struct {
        uint32_t mode, uid, gid, want;
        int result;
    } cases[] = {
        {0400, 5, 9, LX_R_OK, 0},           {0077, 5, 9, LX_R_OK, -LX_EACCES},
        {0040, 6, 5, LX_R_OK, 0},           {0704, 6, 5, LX_R_OK, -LX_EACCES},
        {0020, 6, 55, LX_W_OK, 0}, /* by a supplementary group */
        {0001, 6, 6, LX_X_OK, 0},           {0006, 6, 6, LX_X_OK, -LX_EACCES},
        {0006, 6, 6, LX_R_OK | LX_W_OK, 0}, {0004, 6, 6, LX_R_OK | LX_W_OK, -LX_EACCES},
    };
    static const uint32_t ids[] = {99, 55, 70, 1};
    struct vfs_groups *groups;
    assert_int_equal(vfs_groups_new(ids, COUNT(ids), &groups), 0);
    vfs_fs_set_cred(fs, 5, 5, 0, groups);
    vfs_groups_put(groups); /* they are the process's */
    struct vfs_inode *inode;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(vfs_inode_new(vfs_root()->super, REG | cases[i].mode, cases[i].uid,
                                       cases[i].gid, 0, NULL, &inode),
                         0);
        assert_int_equal(vfs_may(&fs->cred, inode, cases[i].want), cases[i].result);
        vfs_inode_put(inode);
    }
    struct vfs_cred root = {.capabilities = VFS_CAPABILITIES};
    assert_int_equal(vfs_inode_new(vfs_root()->super, REG | 0, 1, 1, 0, NULL, &inode), 0);
    assert_int_equal(vfs_may(&root, inode, LX_R_OK | LX_W_OK), 0);
    assert_int_equal(vfs_may(&root, inode, LX_X_OK), -LX_EACCES);
    vfs_inode_put(inode);
}

static void a_changed_root_is_not_left(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_path dir;
    uint64_t ino, want = ino_of(fs, "/dir/sub");
    assert_int_equal(vfs_walk_path(fs, NULL, "/dir", 0, &dir), 0);
    vfs_fs_set_root(fs, &dir);
    vfs_fs_set_cwd(fs, &dir);
    vfs_path_put(&dir);
    assert_int_equal(walk(fs, "/../../sub", 0, &ino), 0);
    assert_int_equal(ino, want);
    assert_int_equal(walk(fs, "../sub", 0, &ino), 0);
    assert_int_equal(walk(fs, "/absolute", 0, &ino), -LX_ENOENT); /* leads to /dir/sub in here */
    assert_int_equal(walk(fs, "/up", 0, &ino), -LX_ENOENT);
}

static int resolve(struct vfs_fs *fs, const char *from, const char *path, uint32_t how)
{
    struct vfs_path dir;
    struct vfs_inode *inode;
    assert_int_equal(vfs_walk_path(fs, NULL, from, 0, &dir), 0);
    int err = vfs_walk(fs, &dir, path, how << VFS_WALK_RESOLVE_SHIFT, &inode);
    vfs_inode_put(inode);
    vfs_path_put(&dir);
    return err;
}

static void resolve_flags_hold_a_path_back(void **state)
{
    static const struct {
        const char *path;
        uint32_t how;
        int want;
    } cases[] = {
        {"sub/file", LX_RESOLVE_BENEATH, 0},
        {"sub/../sub", LX_RESOLVE_BENEATH, 0},
        {"..", LX_RESOLVE_BENEATH, -LX_EXDEV},
        {"sub/../../dir", LX_RESOLVE_BENEATH, -LX_EXDEV},
        {"/dir", LX_RESOLVE_BENEATH, -LX_EXDEV},
        {"up", LX_RESOLVE_BENEATH, -LX_EXDEV},
        {"absolute", LX_RESOLVE_BENEATH, -LX_EXDEV},
        {"link", LX_RESOLVE_BENEATH, 0},
        {"/sub", LX_RESOLVE_IN_ROOT, 0},
        {"../../sub", LX_RESOLVE_IN_ROOT, 0},
        {"up", LX_RESOLVE_IN_ROOT, -LX_ENOENT},
        {"link", LX_RESOLVE_NO_SYMLINKS, -LX_ELOOP},
        {"absolute/file", LX_RESOLVE_NO_SYMLINKS, -LX_ELOOP},
        {"sub/file", LX_RESOLVE_NO_SYMLINKS, 0},
    };
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        int err = resolve(*state, "/dir", cases[i].path, cases[i].how);
        if (err != cases[i].want)
            fail_msg("%s: %d, want %d", cases[i].path, err, cases[i].want);
    }
    assert_int_equal(resolve(*state, "/other", "x", 0), -LX_ENOTDIR);
    assert_int_equal(resolve(*state, "/other", "/dir", 0), 0);
}

static void the_parent_of_a_new_name_is_found(void **state)
{
    static const struct {
        const char *path, *dir, *name;
        uint32_t slashes;
    } cases[] = {
        {"/new", "/", "new", 0},
        {"new", "/", "new", 0},
        {"/dir/new//", "/dir", "new", 1},
        {"/dir/absolute/new", "/dir/sub", "new", 0},
        {"/dir/slashed/new/", "/dir/sub", "new", 1},
        {"/dir/link", "/dir", "link", 0},
        {"/dir/..", "/dir", "..", 0},
        {"/", "/", "", 0},
    };
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        struct vfs_path dir;
        struct vfs_last last;
        assert_int_equal(vfs_walk_parent(*state, NULL, cases[i].path, 0, &dir, &last), 0);
        assert_int_equal(dir.inode->ino, ino_of(*state, cases[i].dir));
        assert_int_equal(last.size, strlen(cases[i].name));
        assert_memory_equal(last.name, cases[i].name, last.size);
        assert_int_equal(last.slashes, cases[i].slashes);
        vfs_path_put(&dir);
    }
}

static void change_directory(struct vfs_fs *fs, const char *path)
{
    struct vfs_path dir;
    assert_int_equal(vfs_walk_path(fs, NULL, path, VFS_WALK_DIRECTORY, &dir), 0);
    vfs_fs_set_cwd(fs, &dir);
    vfs_path_put(&dir);
}

static void expect_cwd(struct vfs_fs *fs, const char *want)
{
    char path[256];
    assert_int_equal(vfs_fs_getcwd(fs, path, sizeof path), strlen(want));
    assert_string_equal(path, want);
}

static void the_working_directory_has_a_path(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_path root, dir;
    char path[256];
    vfs_fs_current(fs, &fs->root, &root);
    expect_cwd(fs, "/");
    change_directory(fs, "/dir/absolute");
    expect_cwd(fs, "/dir/sub");
    assert_int_equal(vfs_fs_getcwd(fs, path, 9), 8);
    assert_int_equal(vfs_fs_getcwd(fs, path, 8), -LX_ERANGE);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/dir", NULL, "/moved", 0), 0);
    expect_cwd(fs, "/moved/sub");
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "new", 0755), 0);
    change_directory(fs, "new");
    expect_cwd(fs, "/moved/sub/new");
    assert_int_equal(vfs_walk_path(fs, NULL, "/moved/sub/new", 0, &dir), 0);
    vfs_fs_set_root(fs, &dir);
    vfs_path_put(&dir);
    expect_cwd(fs, "/");
    change_directory(fs, "..");
    expect_cwd(fs, "/"); /* the root is not left */
    vfs_fs_set_root(fs, &root);
    vfs_path_put(&root);
    change_directory(fs, "/moved/sub/new");
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/moved/sub/new"), 0);
    assert_int_equal(vfs_fs_getcwd(fs, path, sizeof path), -LX_ENOENT);
    assert_int_equal(make_file(fs, "file"), -LX_ENOENT);
}

static void a_directory_out_of_the_root_is_unreachable(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_path dir;
    change_directory(fs, "/dir");
    assert_int_equal(vfs_walk_path(fs, NULL, "/dir/sub", 0, &dir), 0);
    vfs_fs_set_root(fs, &dir);
    vfs_path_put(&dir);
    expect_cwd(fs, "(unreachable)/dir");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        TEST(paths_lead_where_they_should),
        TEST(nofollow_gives_the_link),
        TEST(forty_links_are_followed),
        TEST(long_names_end_at_name_max),
        TEST(search_takes_permission),
        TEST(permission_bits_count_by_class),
        TEST(a_changed_root_is_not_left),
        TEST(resolve_flags_hold_a_path_back),
        TEST(the_parent_of_a_new_name_is_found),
        TEST(the_working_directory_has_a_path),
        TEST(a_directory_out_of_the_root_is_unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * vfs/acl.c: access control lists of an image, and what the quick walk makes of them.  What Linux
 * says of lists, tests/guest/fs/acl.txt and tests/guest/acl_random.c have.
 */

#include "test.h"

#include "lx/acl.h"
#include "vfs/acl.h"
#include "vfs/cred.h"

#define ANY "\377\377\377\377"
#define VERSION "\2\0\0\0"
#define OWNER(p) "\1\0" p "\0" ANY
#define USER_5(p) "\2\0" p "\0\5\0\0\0"
#define GROUP(p) "\4\0" p "\0" ANY
#define MASK(p) "\20\0" p "\0" ANY
#define OTHER(p) "\40\0" p "\0" ANY
#define LIST VERSION OWNER("\7") USER_5("\7") GROUP("\0") MASK("\7") OTHER("\0")
#define NO_LIST VERSION OWNER("\7") USER_5("\7") GROUP("\0") OTHER("\0")

#define ACCESS(list) \
    .xattr = LX_XATTR_NAME_POSIX_ACL_ACCESS "=" list, .value_size = sizeof(list) - 1
#define DEFAULT(list) \
    .xattr = LX_XATTR_NAME_POSIX_ACL_DEFAULT "=" list, .value_size = sizeof(list) - 1

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/dir", 0710), ACCESS(LIST)},
    {MKIMAGE_DIR("/dir/sub", 0755)},
    {MKIMAGE_FILE("/dir/sub/file", 0640, "x"), ACCESS(LIST)},
    {MKIMAGE_FILE("/malformed", 0644, "x"), ACCESS(NO_LIST)},
    {MKIMAGE_FILE("/cut", 0644, "x"), .xattr = LX_XATTR_NAME_POSIX_ACL_ACCESS "=\2"},
    {MKIMAGE_FILE("/no-directory", 0644, "x"), DEFAULT(LIST)},
    {MKIMAGE_DIR("/new", 0777), DEFAULT(LIST)},
    {MKIMAGE_DIR("/plain", 0755)},
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

static struct vfs_inode *inode_of(struct vfs_fs *fs, const char *path)
{
    struct vfs_inode *inode;
    assert_int_equal(vfs_walk(fs, NULL, path, 0, &inode), 0);
    return inode;
}

/* vfs_may() of what is at a path. */
static int may(struct vfs_fs *fs, const char *path, uint32_t want)
{
    struct vfs_inode *inode;
    int err = vfs_walk(fs, NULL, path, 0, &inode);
    if (err == 0)
        err = vfs_may(&fs->cred, inode, want);
    vfs_inode_put(inode);
    return err;
}

static int64_t get(struct vfs_fs *fs, const char *path, const char *name, void *buf, uint64_t size)
{
    struct vfs_inode *inode = inode_of(fs, path);
    int64_t n = vfs_inode_getxattr(inode, name, buf, size);
    vfs_inode_put(inode);
    return n;
}

static int set(struct vfs_fs *fs, const char *path, uint32_t which, const void *value,
               uint64_t size)
{
    struct vfs_inode *inode = inode_of(fs, path);
    int err = vfs_acl_set(&fs->cred, inode, which, value, size);
    vfs_inode_put(inode);
    return err;
}

/* The mode of the image counts, whatever its list has in its place. */
static void lists_of_an_image_count(void **state)
{
    struct vfs_fs *fs = *state;
    static const char want[] = VERSION OWNER("\6") USER_5("\7") GROUP("\0") MASK("\4") OTHER("\0");
    char value[100];
    assert_int_equal(get(fs, "/dir/sub/file", LX_XATTR_NAME_POSIX_ACL_ACCESS, value, 100),
                     sizeof want - 1);
    assert_memory_equal(value, want, sizeof want - 1);
    act_as(fs, 5);
    assert_int_equal(may(fs, "/dir/sub/file", LX_R_OK), 0);
    assert_int_equal(may(fs, "/dir/sub/file", LX_W_OK), -LX_EACCES);
    assert_int_equal(may(fs, "/dir", LX_X_OK), 0);
    assert_int_equal(may(fs, "/dir", LX_R_OK), -LX_EACCES);
    act_as(fs, 6);
    assert_int_equal(may(fs, "/dir", LX_X_OK), -LX_EACCES);
    assert_int_equal(may(fs, "/dir/sub", LX_X_OK), -LX_EACCES);
}

/* What the cache knows of a directory with a list is not for all. */
static void the_quick_walk_asks_the_list(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    for (int i = 0; i < 3; i++) {
        act_as(fs, 0);
        assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub", 0, &st, NULL), 0);
        act_as(fs, 5);
        assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub", 0, &st, NULL), 0);
        assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub/file", 0, &st, NULL), 0);
        act_as(fs, 6);
        assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub", 0, &st, NULL), -LX_EACCES);
        assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub/file", 0, &st, NULL), -LX_EACCES);
    }
    act_as(fs, 0);
    assert_int_equal(set(fs, "/dir", VFS_ACL_ACCESS, NULL, 0), 0);
    act_as(fs, 5);
    assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub", 0, &st, NULL), -LX_EACCES);
    act_as(fs, 0);
    assert_int_equal(set(fs, "/dir", VFS_ACL_ACCESS, LIST, sizeof LIST - 1), 0);
    act_as(fs, 5);
    assert_int_equal(vfs_walk_stat(fs, NULL, "/dir/sub", 0, &st, NULL), 0);
}

static void what_is_no_list_does_not_show(void **state)
{
    struct vfs_fs *fs = *state;
    static const struct {
        const char *path, *name;
    } none[] = {
        {"/malformed", LX_XATTR_NAME_POSIX_ACL_ACCESS},
        {"/cut", LX_XATTR_NAME_POSIX_ACL_ACCESS},
        {"/no-directory", LX_XATTR_NAME_POSIX_ACL_DEFAULT},
    };
    for (uint32_t i = 0; i < COUNT(none); i++) {
        struct vfs_inode *inode = inode_of(fs, none[i].path);
        assert_int_equal(vfs_inode_getxattr(inode, none[i].name, NULL, 0), -LX_ENODATA);
        assert_int_equal(vfs_inode_listxattr(inode, NULL, 0), 0);
        assert_int_equal(vfs_inode_setxattr(inode, "user.a", "x", 1, 0), 0);
        assert_int_equal(vfs_inode_listxattr(inode, NULL, 0), sizeof "user.a");
        vfs_inode_put(inode);
    }
    act_as(fs, 5);
    assert_int_equal(may(fs, "/malformed", LX_R_OK), 0);
    assert_int_equal(may(fs, "/malformed", LX_W_OK), -LX_EACCES);
    act_as(fs, 0);
    assert_int_equal(set(fs, "/malformed", VFS_ACL_ACCESS, LIST, sizeof LIST - 1), 0);
    assert_int_equal(get(fs, "/malformed", LX_XATTR_NAME_POSIX_ACL_ACCESS, NULL, 0),
                     sizeof LIST - 1);
}

/* An inode that was another has none of its lists. */
static void a_list_ends_with_its_file(void **state)
{
    struct vfs_fs *fs = *state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(make_file(fs, "/new/file"), 0);
        assert_int_equal(get(fs, "/new/file", LX_XATTR_NAME_POSIX_ACL_ACCESS, NULL, 0),
                         sizeof LIST - 1);
        assert_int_equal(vfs_tree_unlink(fs, NULL, "/new/file"), 0);
        assert_int_equal(make_file(fs, "/plain/file"), 0);
        assert_int_equal(get(fs, "/plain/file", LX_XATTR_NAME_POSIX_ACL_ACCESS, NULL, 0),
                         -LX_ENODATA);
        assert_int_equal(vfs_tree_unlink(fs, NULL, "/plain/file"), 0);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_of_an_image_count, setup, teardown),
        cmocka_unit_test_setup_teardown(the_quick_walk_asks_the_list, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_list_does_not_show, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_ends_with_its_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Host folders in the tree: mounts, which inode is which file, and many threads in one folder. */

#include <stdatomic.h>

#include "test.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/super.h"
#include "vfs/sys.h"

#define FOLDER "mount-test"
#define OWN 1000u

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/mnt", 0755)},
    {MKIMAGE_FILE("/mnt/hidden", 0644, "hidden")},
    {MKIMAGE_FILE("/file", 0644, "the image's")},
};

static struct plat_file *g_folder;
static const struct vfs_folder_options g_own = {.uid = OWN, .gid = OWN};

/* An empty folder, mounted as number 0. */
static int set_up(void **state)
{
    int err = plat_path_make_directory(FOLDER);
    if ((err < 0 && err != -LX_EEXIST) || plat_folder_open(FOLDER, &g_folder) < 0)
        return -1;
    struct vfs_fs *fs = mount_rows(rows, COUNT(rows));
    vfs_mount_attach(0, g_folder);
    *state = fs;
    return vfs_mount_folder(fs, 0, "", "/mnt", &g_own);
}

static int tear_down(void **state)
{
    vfs_fs_put(*state);
    plat_file_close(g_folder);
    return plat_path_remove(FOLDER);
}

/* A file of the host's, made behind the container's back. */
static void make_on_host(const char *name, const char *text)
{
    struct plat_file *f;
    assert_int_equal(plat_at_open(g_folder, name,
                                  PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_TRUNCATE, 0644,
                                  &f),
                     0);
    assert_int_equal(plat_file_pwrite(f, text, strlen(text), 0), (int64_t)strlen(text));
    plat_file_close(f);
}

static void assert_text(struct vfs_fs *fs, const char *path, const char *text)
{
    char buf[64];
    struct vfs_inode *inode;
    assert_int_equal(vfs_walk(fs, NULL, path, 0, &inode), 0);
    assert_int_equal(vfs_inode_read(inode, buf, sizeof buf, 0), (int64_t)strlen(text));
    assert_memory_equal(buf, text, strlen(text));
    vfs_inode_put(inode);
}

static void the_hosts_files_are_seen_and_the_images_covered(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st, other;
    struct vfs_inode *again, *same;
    make_on_host("a", "one");
    assert_text(fs, "/mnt/a", "one");
    make_on_host("a", "two, longer");
    assert_text(fs, "/mnt/a", "two, longer");
    assert_int_equal(stat_path(fs, "/mnt/a", &st), 0);
    assert_int_equal(st.st_size, 11);
    assert_int_equal(stat_path(fs, "/mnt/hidden", &st), -LX_ENOENT);
    assert_int_equal(stat_path(fs, "/mnt/../file", &other), 0);
    assert_int_equal(stat_path(fs, "/mnt/a", &st), 0);
    assert_int_not_equal(st.st_dev, other.st_dev);
    /* One file is one inode, by whatever name. */
    assert_int_equal(plat_at_link(g_folder, "a", 0, 0, "b"), 0);
    assert_int_equal(vfs_walk(fs, NULL, "/mnt/a", 0, &again), 0);
    assert_int_equal(vfs_walk(fs, NULL, "/mnt/b", 0, &same), 0);
    assert_ptr_equal(again, same);
    vfs_inode_put(again);
    vfs_inode_put(same);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/a"), 0);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/b"), 0);
    assert_int_equal(plat_at_stat(g_folder, "a", &(struct plat_stat){0}), -LX_ENOENT);
}

static void what_a_mount_is_on_stays(void **state)
{
    struct vfs_fs *fs = *state;
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/mnt"), -LX_EBUSY);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/mnt", NULL, "/else", 0), -LX_EBUSY);
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/dir", 0755), 0);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/dir", NULL, "/mnt", 0), -LX_EBUSY);
    assert_int_equal(make_file(fs, "/mnt/x"), 0);
    assert_int_equal(vfs_tree_rename(fs, NULL, "/mnt/x", NULL, "/x", 0), -LX_EXDEV);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/x"), 0);
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/", &g_own), -LX_EBUSY);
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/file", &g_own), -LX_ENOTDIR);
}

/* In a file system that makes its inodes at each lookup, too. */
static void a_mount_in_sys_is_seen(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    make_on_host("a", "text");
    assert_int_equal(vfs_sys_mount(fs), 0);
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/sys/power", &g_own), 0);
    assert_text(fs, "/sys/power/a", "text");
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/sys/power", &g_own), 0);
    assert_text(fs, "/sys/module/../power/a", "text");
    assert_int_equal(stat_path(fs, "/sys/power/../module", &st), 0);
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/sys/x", &g_own), -LX_EROFS);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/sys/power/a"), 0);
}

static void a_read_only_mount_is_not_changed(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_inode *inode;
    const struct vfs_folder_options read_only = {.flags = VFS_MOUNT_READ_ONLY};
    make_on_host("a", "text");
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/ro/deep", &read_only), 0);
    assert_text(fs, "/ro/deep/a", "text");
    assert_int_equal(make_file(fs, "/ro/deep/new"), -LX_EROFS);
    assert_int_equal(open_path(fs, "/ro/deep/a", LX_O_WRONLY, &inode), -LX_EROFS);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/ro/deep/a"), -LX_EROFS);
    assert_int_equal(vfs_walk(fs, NULL, "/ro/deep/a", 0, &inode), 0);
    assert_int_equal(vfs_may(&fs->cred, inode, LX_W_OK), -LX_EROFS);
    vfs_inode_put(inode);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/a"), 0);
}

/* Attributes that the host cannot keep are kept as long as the file has a name. */
static void owners_are_remembered(void **state)
{
    struct vfs_fs *fs = *state;
    struct lx_stat st;
    struct vfs_inode *inode;
    assert_int_equal(make_file(fs, "/mnt/f"), 0);
    assert_int_equal(vfs_walk(fs, NULL, "/mnt/f", 0, &inode), 0);
    assert_int_equal(vfs_inode_chown(inode, 4321, 1234), 0);
    assert_int_equal(vfs_inode_chmod(inode, 0640), 0);
    vfs_inode_put(inode);
    assert_int_equal(stat_path(fs, "/mnt/f", &st), 0);
    assert_int_equal(st.st_uid, 4321);
    assert_int_equal(st.st_gid, 1234);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/f"), 0);
    assert_int_equal(stat_path(fs, "/mnt/f", &st), -LX_ENOENT);
}

/* ---- Many threads ---- */

struct crowd {
    struct vfs_fs *fs;
    _Atomic uint32_t number;
};

static int skip_entry(void *arg, const char *name, uint32_t size, uint64_t ino, uint32_t type,
                      uint64_t next)
{
    (void)name;
    (void)size;
    (void)ino;
    (void)type;
    (void)next;
    ++*(uint32_t *)arg;
    return 1;
}

static void list(struct vfs_fs *fs)
{
    struct vfs_inode *dir;
    struct vfs_file *file;
    uint32_t count = 0;
    if (vfs_walk(fs, NULL, "/mnt", 0, &dir) < 0)
        return;
    if (vfs_file_new(VFS_FILE_DIRECTORY, LX_O_RDONLY, dir, &file) == 0) {
        int err = vfs_file_list(file, 0, skip_entry, &count);
        (void)err;
        vfs_file_put(file);
    }
    vfs_inode_put(dir);
}

/* As a program makes a file: opened, and closed again. */
static void make_and_close(struct vfs_fs *fs, const char *path)
{
    struct vfs_inode *inode;
    struct vfs_file *file;
    if (open_path(fs, path, LX_O_CREAT | LX_O_EXCL | LX_O_WRONLY, &inode) < 0)
        return;
    if (vfs_file_open(inode, LX_O_WRONLY, NULL, &file) == 0)
        vfs_file_put(file);
    vfs_inode_put(inode);
}

/* Each does all to names that it shares with the others: whatever fails, nothing breaks. */
static void run(void *arg)
{
    struct crowd *c = arg;
    uint32_t x = atomic_fetch_add(&c->number, 1) + 1;
    for (long i = 0; i < test_count(300, 5000); i++) {
        char a[32], b[32], buf[16];
        struct vfs_inode *inode = NULL;
        struct vfs_file *file;
        x = x * 1664525 + 1013904223;
        snprintf(a, sizeof a, "/mnt/%u", x >> 8 & 7);
        snprintf(b, sizeof b, "/mnt/%u", x >> 11 & 7);
        switch (x >> 28 & 7) {
        case 0:
        case 1:
            make_and_close(c->fs, a);
            break;
        case 2:
            (void)!vfs_tree_unlink(c->fs, NULL, a);
            break;
        case 3:
            (void)!vfs_tree_rename(c->fs, NULL, a, NULL, b, 0);
            break;
        case 4:
            list(c->fs);
            break;
        case 5:
            (void)!vfs_tree_mkdir(c->fs, NULL, a, 0700);
            (void)!vfs_tree_rmdir(c->fs, NULL, a);
            break;
        default:
            if (open_path(c->fs, a, LX_O_RDWR, &inode) == 0 &&
                vfs_file_open(inode, LX_O_RDWR, NULL, &file) == 0) {
                (void)!vfs_file_pwrite(file, "text", 4, 0);
                (void)!vfs_file_pread(file, buf, sizeof buf, 0);
                vfs_file_put(file);
            }
            vfs_inode_put(inode);
            break;
        }
    }
}

static void a_crowd_breaks_nothing(void **state)
{
    struct crowd c = {.fs = *state};
    struct plat_worker *workers[4];
    for (size_t i = 0; i < COUNT(workers); i++)
        assert_int_equal(plat_worker_start(run, &c, &workers[i]), 0);
    for (size_t i = 0; i < COUNT(workers); i++)
        plat_worker_join(workers[i]);
    for (int i = 0; i < 8; i++) {
        char path[32];
        snprintf(path, sizeof path, "/mnt/%d", i);
        int err = vfs_tree_unlink(c.fs, NULL, path);
        if (err == -LX_EISDIR) /* renamed before it could be removed */
            err = vfs_tree_rmdir(c.fs, NULL, path);
        assert_true(err == 0 || err == -LX_ENOENT);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    if (plat_keeper_start() < 0)
        return 2;
#define MOUNT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        MOUNT_TEST(the_hosts_files_are_seen_and_the_images_covered),
        MOUNT_TEST(what_a_mount_is_on_stays),
        MOUNT_TEST(a_mount_in_sys_is_seen),
        MOUNT_TEST(a_read_only_mount_is_not_changed),
        MOUNT_TEST(owners_are_remembered),
        MOUNT_TEST(a_crowd_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

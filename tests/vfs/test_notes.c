/* SPDX-License-Identifier: MIT */
/* What the container keeps of a host folder on Windows, from one run to the next. */

#include "test.h"

#include "platform/ea_volume.h"
#include "vfs/file.h"
#include "vfs/mount.h"

#define FOLDER "notes-test"
#define OWN 1000u

static const struct mkimage_row rows[] = {{MKIMAGE_DIR("/mnt", 0755)}};
static const struct vfs_folder_options g_own = {.uid = OWN, .gid = OWN};
static struct plat_file *g_folder;

/* Begin a run: a new container of the user OWN. */
static struct vfs_fs *begin(void)
{
    assert_int_equal(plat_folder_open(FOLDER, &g_folder), 0);
    struct vfs_fs *fs = mount_rows(rows, COUNT(rows));
    vfs_mount_attach(0, g_folder);
    assert_int_equal(vfs_mount_folder(fs, 0, "", "/mnt", &g_own), 0);
    return fs;
}

static void end(struct vfs_fs *fs)
{
    vfs_fs_put(fs);
    plat_file_close(g_folder);
}

static void assert_shows(struct vfs_fs *fs, const char *path, uint32_t mode, uint32_t uid,
                         uint32_t gid)
{
    struct lx_stat st;
    assert_int_equal(stat_path(fs, path, &st), 0);
    assert_int_equal(st.st_mode, mode);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
}

static uint64_t id_at(const char *path)
{
    struct plat_stat st;
    assert_int_equal(plat_at_stat(g_folder, path, &st), 0);
    return st.id;
}

static struct vfs_inode *inode_at(struct vfs_fs *fs, const char *path)
{
    struct vfs_inode *inode;
    assert_int_equal(vfs_walk(fs, NULL, path, 0, &inode), 0);
    return inode;
}

/* By root, who is not the container's user; as a program makes a file, which closes it again. */
static void new_file(struct vfs_fs *fs, const char *path)
{
    struct vfs_file *file;
    assert_int_equal(make_file(fs, path), 0);
    struct vfs_inode *inode = inode_at(fs, path);
    assert_int_equal(vfs_file_open(inode, LX_O_RDONLY, NULL, &file), 0);
    vfs_file_put(file);
    vfs_inode_put(inode);
}

static void modes_and_owners_last(void **state)
{
    (void)state;
    struct vfs_fs *fs = begin();
    new_file(fs, "/mnt/f");
    struct vfs_inode *inode = inode_at(fs, "/mnt/f");
    assert_int_equal(vfs_inode_chmod(inode, 04711), 0);
    assert_shows(fs, "/mnt/f", REG | 04711, 0, 0);
    assert_int_equal(vfs_inode_chown(inode, 4321, OWN), 0); /* which takes the bit away */
    assert_shows(fs, "/mnt/f", REG | 0711, 4321, OWN);
    assert_ea(id_at("f"), "$LXUID", 4321);
    assert_ea(id_at("f"), "$LXMOD", 0100711);
    assert_int_equal(count_eas(id_at("f")), 2); /* the group is what it shows without */
    vfs_inode_put(inode);
    end(fs);
    fs = begin();
    assert_shows(fs, "/mnt/f", REG | 0711, 4321, OWN);
    inode = inode_at(fs, "/mnt/f");
    assert_int_equal(vfs_inode_chown(inode, OWN, VFS_KEEP), 0);
    assert_int_equal(vfs_inode_chmod(inode, 0755), 0);
    assert_int_equal(count_eas(id_at("f")), 0);
    vfs_inode_put(inode);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/f"), 0);
    end(fs);
}

static void directories_hand_on_their_group(void **state)
{
    (void)state;
    struct vfs_fs *fs = begin();
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/mnt/d", 0775), 0);
    struct vfs_inode *inode = inode_at(fs, "/mnt/d");
    assert_int_equal(vfs_inode_chown(inode, OWN, 50), 0);
    assert_int_equal(vfs_inode_chmod(inode, 02775), 0);
    vfs_inode_put(inode);
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/mnt/d/e", 0755), 0);
    new_file(fs, "/mnt/d/f");
    end(fs);
    fs = begin();
    struct lx_stat st;
    assert_shows(fs, "/mnt/d", DIR | 02775, OWN, 50);
    assert_shows(fs, "/mnt/d/e", DIR | 02755, 0, 50);
    assert_int_equal(stat_path(fs, "/mnt/d/f", &st), 0);
    assert_int_equal(st.st_gid, 50);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/d/f"), 0);
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/mnt/d/e"), 0);
    assert_int_equal(vfs_tree_rmdir(fs, NULL, "/mnt/d"), 0);
    end(fs);
}

static void extended_attributes_last(void **state)
{
    (void)state;
    char buf[32];
    struct vfs_fs *fs = begin();
    new_file(fs, "/mnt/f");
    struct vfs_inode *inode = inode_at(fs, "/mnt/f");
    assert_int_equal(vfs_inode_setxattr(inode, "user.Name", "value", 5, 0), 0);
    assert_int_equal(vfs_inode_setxattr(inode, "trusted.t", "value", 5, 0), -LX_EOPNOTSUPP);
    vfs_inode_put(inode);
    end(fs);
    fs = begin();
    inode = inode_at(fs, "/mnt/f");
    assert_int_equal(vfs_inode_getxattr(inode, "user.Name", buf, sizeof buf), 5);
    assert_memory_equal(buf, "value", 5);
    assert_int_equal(vfs_inode_listxattr(inode, buf, sizeof buf), sizeof "user.Name");
    assert_string_equal(buf, "user.Name");
    assert_int_equal(vfs_inode_removexattr(inode, "user.Name"), 0);
    assert_int_equal(vfs_inode_listxattr(inode, buf, sizeof buf), 0);
    vfs_inode_put(inode);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/f"), 0);
    end(fs);
}

/* Where there is no place for them they last as long as the run. */
static void without_attributes_the_run_keeps_them(void **state)
{
    (void)state;
    g_volume.no_ea = STATUS_EAS_NOT_SUPPORTED;
    g_volume.no_stat_lx = STATUS_INVALID_PARAMETER;
    struct vfs_fs *fs = begin();
    new_file(fs, "/mnt/f");
    struct vfs_inode *inode = inode_at(fs, "/mnt/f");
    assert_int_equal(vfs_inode_chmod(inode, 0640), 0);
    assert_int_equal(vfs_inode_chown(inode, 1, 2), 0);
    vfs_inode_put(inode);
    assert_shows(fs, "/mnt/f", REG | 0640, 1, 2);
    end(fs);
    fs = begin();
    assert_shows(fs, "/mnt/f", REG | 0755, OWN, OWN);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/mnt/f"), 0);
    end(fs);
}

static int set_up(void **state)
{
    (void)state;
    memset(&g_volume, 0, sizeof g_volume);
    int err = plat_path_make_directory(FOLDER);
    return err == -LX_EEXIST ? 0 : err;
}

static int tear_down(void **state)
{
    (void)state;
    return g_volume.denials ? -1 : plat_path_remove(FOLDER);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    if (plat_keeper_start() < 0)
        return 2;
    ea_volume_install();
#define NOTES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        NOTES_TEST(modes_and_owners_last),
        NOTES_TEST(directories_hand_on_their_group),
        NOTES_TEST(extended_attributes_last),
        NOTES_TEST(without_attributes_the_run_keeps_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

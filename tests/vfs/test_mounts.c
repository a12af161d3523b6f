/* SPDX-License-Identifier: MIT */
/* The tree of mounts: what is given back, and threads that change it under each other's feet. */

#include <stdatomic.h>

#include "lx/mount.h"
#include "mounts.h"
#include "test.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/text.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/a", 0755)}, {MKIMAGE_DIR("/a/sub", 0755)}, {MKIMAGE_FILE("/a/file", 0644, "a")},
    {MKIMAGE_DIR("/b", 0755)}, {MKIMAGE_DIR("/b/sub", 0755)}, {MKIMAGE_FILE("/b/file", 0644, "b")},
};

static int set_up(void **state)
{
    *state = mount_rows(rows, COUNT(rows));
    return 0;
}

static int tear_down(void **state)
{
    vfs_fs_put(*state);
    return 0;
}

static int mount_as(struct vfs_fs *fs, const char *source, const char *at, const char *type,
                    uint32_t flags)
{
    const struct vfs_mount_request r = {
        .source = source, .type = type, .flags = flags, .is_privileged = 1};
    return vfs_mount(fs, at, &r);
}

static int bind(struct vfs_fs *fs, const char *source, const char *at)
{
    return mount_as(fs, source, at, NULL, LX_MS_BIND);
}

static int tmpfs(struct vfs_fs *fs, const char *at)
{
    return mount_as(fs, "memory", at, "tmpfs", 0);
}

/* Nothing is mounted but the image, and nobody has a reference to more than that. */
static void assert_bare(void)
{
    const struct vfs_state *s = vfs_state();
    assert_int_equal(s->mount_count, 1);
    assert_ptr_equal(s->mounts.next, &s->image_mount->in_list);
    assert_ptr_equal(s->mounts.prev, &s->image_mount->in_list);
    assert_int_equal(s->root_super.mount_count, 1);
    assert_int_equal(s->root_super.covered_count, 0);
}

static void a_tmpfs_gives_back_what_it_took(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_file *file;
    const struct vfs_open how = {.flags = LX_O_RDWR | LX_O_CREAT, .mode = 0644};
    uint64_t used = core_page_used();
    assert_int_equal(tmpfs(fs, "/a"), 0);
    char path[1200] = "/a";
    for (uint32_t depth = 0; depth < 500; depth++) {
        strcat(path, "/d");
        assert_int_equal(vfs_tree_mkdir(fs, NULL, path, 0755), 0);
    }
    strcat(path, "/file");
    assert_int_equal(vfs_file_open_path(fs, NULL, path, &how, NULL, &file), 0);
    assert_int_equal(vfs_file_pwrite(file, "text", 4, 5 * 4096), 4);
    assert_int_equal(vfs_umount(fs, "/a", 0, 1), -LX_EBUSY);
    assert_int_equal(vfs_umount(fs, "/a", LX_MNT_DETACH, 1), 0);
    assert_true(core_page_used() > used); /* the file is open */
    vfs_file_put(file);
    assert_int_equal(core_page_used(), used);
    assert_bare();
}

static void what_is_used_stays(void **state)
{
    struct vfs_fs *fs = *state, *child;
    struct vfs_path dir;
    assert_int_equal(vfs_umount(fs, "/", LX_MNT_FORCE, 0), -LX_EPERM);
    assert_int_equal(tmpfs(fs, "/a"), 0);
    assert_int_equal(vfs_walk_path(fs, NULL, "/a", 0, &dir), 0);
    vfs_fs_set_cwd(fs, &dir);
    vfs_path_put(&dir);
    assert_int_equal(vfs_fs_clone(fs, &child), 0);
    assert_int_equal(vfs_walk_path(fs, NULL, "/", 0, &dir), 0);
    vfs_fs_set_cwd(fs, &dir);
    vfs_path_put(&dir);
    assert_int_equal(vfs_umount(fs, "/a", 0, 1), -LX_EBUSY); /* the child's working directory */
    vfs_fs_put(child);
    assert_int_equal(tmpfs(fs, "/a"), 0);
    assert_int_equal(vfs_umount(fs, "/a", 0, 1), 0);
    assert_int_equal(vfs_umount(fs, "/a", 0, 1), 0);
    assert_int_equal(vfs_umount(fs, "/a", 0, 1), -LX_EINVAL);
    assert_bare();
}

static void one_directory_is_at_two_places(void **state)
{
    struct vfs_fs *fs = *state;
    struct vfs_text t = {.data = NULL};
    char cwd[64];
    struct vfs_path dir;
    assert_int_equal(bind(fs, "/a", "/b"), 0);
    assert_int_equal(ino_of(fs, "/a/sub"), ino_of(fs, "/b/sub"));
    assert_int_equal(vfs_walk_path(fs, NULL, "/b/sub", 0, &dir), 0);
    vfs_fs_set_cwd(fs, &dir);
    assert_int_equal(vfs_fs_getcwd(fs, cwd, sizeof cwd), 6);
    assert_string_equal(cwd, "/b/sub");
    assert_int_equal(ino_of(fs, "../.."), ino_of(fs, "/"));
    assert_int_equal(vfs_tree_rename(fs, NULL, "/a/file", NULL, "/b/file2", 0), -LX_EXDEV);
    assert_int_equal(vfs_mounts_show(fs, VFS_MOUNTINFO, &t), 0);
    vfs_text_add(&t, "", 1);
    assert_non_null(strstr(t.data, " /a /b rw,relatime - tarbox tarbox rw\n"));
    vfs_text_free(&t);
    assert_int_equal(vfs_umount(fs, "/b", 0, 1), -LX_EBUSY);
    assert_int_equal(vfs_umount(fs, "/b", LX_MNT_DETACH, 1), 0);
    assert_int_equal(vfs_fs_getcwd(fs, cwd, sizeof cwd), 17);
    assert_string_equal(cwd, "(unreachable)/sub");
    vfs_path_put(&dir);
}

static void the_root_is_changed_for_all(void **state)
{
    struct vfs_fs *fs = *state, *child;
    uint64_t root = ino_of(fs, "/");
    assert_int_equal(vfs_fs_clone(fs, &child), 0);
    assert_int_equal(vfs_pivot_root(fs, "/a", "/a/sub"), -LX_EBUSY);
    assert_int_equal(tmpfs(fs, "/a"), 0);
    assert_int_equal(vfs_tree_mkdir(fs, NULL, "/a/old", 0755), 0);
    assert_int_equal(vfs_pivot_root(fs, "/a", "/b"), -LX_EBUSY);
    assert_int_equal(vfs_pivot_root(fs, "/a", "/a/old"), 0);
    assert_int_equal(ino_of(child, "/old"), root);
    assert_int_equal(ino_of(child, "/old/.."), ino_of(fs, "/"));
    assert_int_equal(vfs_umount(fs, "/old", 0, 1), -LX_EBUSY);
    assert_int_equal(vfs_pivot_root(fs, "/old", "/old/a"), 0); /* and back */
    assert_int_equal(ino_of(child, "/"), root);
    assert_int_equal(vfs_umount(child, "/a", 0, 1), 0);
    assert_bare();
    vfs_fs_put(child);
}

/* ---- Many threads ---- */

struct crowd {
    struct vfs_fs *fs;
    _Atomic uint32_t number;
};

static const char *const places[] = {"/a",      "/b",      "/a/sub", "/b/sub",
                                     "/a/file", "/b/file", ".",      ".."};
#define NAMED 6 /* the others may be the root, which umount2(2) takes for another call */

static void enter(struct vfs_fs *fs, const char *path)
{
    struct vfs_path dir;
    if (vfs_walk_path(fs, NULL, path, VFS_WALK_DIRECTORY, &dir) == 0)
        vfs_fs_set_cwd(fs, &dir);
    vfs_path_put(&dir);
}

static void use(struct vfs_fs *fs, const char *path)
{
    const struct vfs_open how = {.flags = LX_O_RDONLY};
    struct vfs_file *file;
    char text[256];
    if (vfs_file_open_path(fs, NULL, path, &how, NULL, &file) < 0)
        return;
    (void)!vfs_file_path(file, fs, text, sizeof text);
    vfs_file_put(file);
    (void)!vfs_fs_getcwd(fs, text, sizeof text);
}

static void run(void *arg)
{
    struct crowd *c = arg;
    struct vfs_fs *fs;
    uint32_t x = atomic_fetch_add(&c->number, 1) + 1;
    assert_int_equal(vfs_fs_clone(c->fs, &fs), 0);
    for (long i = 0; i < test_count(1500, 50000); i++) {
        x = x * 1664525 + 1013904223;
        const char *one = places[x >> 8 & 7], *other = places[x >> 11 & 7];
        struct vfs_text t = {.data = NULL};
        struct lx_stat st;
        uint32_t id;
        switch (x >> 27) {
        case 0:
        case 1:
            (void)!tmpfs(fs, one);
            (void)!vfs_tree_mkdir(fs, NULL, "/a/sub", 0755);
            (void)!vfs_tree_mkdir(fs, NULL, "/b/sub", 0755);
            break;
        case 2:
        case 3:
            (void)!mount_as(fs, one, other, NULL, LX_MS_BIND | (x >> 20 & 1 ? LX_MS_REC : 0));
            break;
        case 4:
            (void)!mount_as(fs, one, other, NULL, LX_MS_MOVE);
            break;
        case 5:
        case 6:
        case 7:
        case 8:
        case 9:
        case 10:
            (void)!vfs_umount(fs, places[(x >> 8) % NAMED], x >> 20 & 1 ? LX_MNT_DETACH : 0, 1);
            break;
        case 11:
            (void)!mount_as(fs, NULL, one, NULL, LX_MS_REMOUNT | LX_MS_BIND | (x >> 20 & 1));
            break;
        case 12:
            (void)!vfs_mounts_show(fs, VFS_MOUNTINFO, &t);
            vfs_text_free(&t);
            break;
        case 13:
            (void)!vfs_tree_rename(fs, NULL, "/a/sub", NULL, "/b/moved", 0);
            (void)!vfs_tree_rename(fs, NULL, "/b/moved", NULL, "/a/sub", 0);
            break;
        case 14:
            (void)!vfs_tree_rmdir(fs, NULL, "/b/sub");
            (void)!vfs_tree_mkdir(fs, NULL, "/b/sub", 0755);
            break;
        case 15:
        case 16:
            enter(fs, one);
            break;
        case 17:
        case 18:
            (void)!vfs_walk_stat(fs, NULL, one, 0, &st, x >> 20 & 1 ? &id : NULL);
            break;
        default:
            use(fs, one);
            break;
        }
    }
    vfs_fs_put(fs);
}

static void a_crowd_breaks_nothing(void **state)
{
    struct vfs_fs *fs = *state;
    struct crowd c = {.fs = fs};
    struct plat_worker *workers[4];
    for (size_t i = 0; i < COUNT(workers); i++)
        assert_int_equal(plat_worker_start(run, &c, &workers[i]), 0);
    for (size_t i = 0; i < COUNT(workers); i++)
        plat_worker_join(workers[i]);
    int left = 1;
    while (left) { /* nobody uses any: each can be taken away */
        left = 0;
        for (size_t i = 0; i < NAMED; i++)
            left |= vfs_umount(fs, places[i], LX_MNT_DETACH, 1) == 0;
    }
    while (vfs_state()->mount_count > 1) {
        struct core_list gone;
        core_list_init(&gone);
        core_lock_acquire(&vfs_state()->mount_lock);
        mount_detach_locked(CORE_LIST_ENTRY(vfs_state()->mounts.prev, struct vfs_mount, in_list),
                            &gone);
        core_lock_release(&vfs_state()->mount_lock);
        mount_put_all(&gone);
    }
    assert_bare();
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
#define MOUNTS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        MOUNTS_TEST(a_tmpfs_gives_back_what_it_took), MOUNTS_TEST(what_is_used_stays),
        MOUNTS_TEST(one_directory_is_at_two_places),  MOUNTS_TEST(the_root_is_changed_for_all),
        MOUNTS_TEST(a_crowd_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

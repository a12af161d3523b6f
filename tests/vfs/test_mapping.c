/* SPDX-License-Identifier: MIT */
/* vfs/mapping.c: when those who map a file are told that it has more pages, or fewer. */

#include "test.h"

#include "core/layout.h"
#include "vfs/file.h"
#include "vfs/mapping.h"

#define PAGE CORE_PAGE_SIZE

static uint32_t told;

static void changed(void)
{
    told++;
}

static void apply(void)
{
}

static int setup(void **state)
{
    static const struct vfs_mapping_provider provider = {.changed = changed, .apply = apply};
    const struct mkimage_row rows[] = {{MKIMAGE_FILE("/file", 0644, "contents")}};
    *state = mount_rows(rows, COUNT(rows));
    vfs_mapping_set_provider(&provider);
    told = 0;
    return 0;
}

static int teardown(void **state)
{
    vfs_fs_put(*state);
    return 0;
}

static struct vfs_file *open_file(struct vfs_fs *fs)
{
    struct vfs_inode *inode;
    struct vfs_file *file;
    assert_int_equal(open_path(fs, "/file", LX_O_RDWR, &inode), 0);
    assert_int_equal(vfs_file_open(inode, LX_O_RDWR, NULL, &file), 0);
    vfs_inode_put(inode);
    return file;
}

/* What they are told when the file gets this size. */
static uint32_t told_of(struct vfs_file *file, uint64_t size)
{
    uint32_t before = told;
    assert_int_equal(vfs_file_truncate(file, size), 0);
    assert_int_equal(vfs_mapping_size(file), size);
    return told - before;
}

static void pages_that_can_be_seen_are_told_of(void **state)
{
    struct vfs_file *file = open_file(*state);
    assert_int_equal(told_of(file, 3 * PAGE), 0); /* nobody maps it */
    vfs_mapping_add(file, 5 * PAGE);
    assert_int_equal(told_of(file, 3 * PAGE - 1), 0); /* as many pages */
    assert_int_equal(told_of(file, 2 * PAGE), 1);
    assert_int_equal(told_of(file, 2 * PAGE + 1), 1);
    assert_int_equal(told_of(file, 9 * PAGE), 1);
    assert_int_equal(told_of(file, 5 * PAGE), 0); /* behind all mappings */
    assert_int_equal(told_of(file, 5 * PAGE - 1), 0);
    assert_int_equal(told_of(file, 4 * PAGE), 1);
    assert_true(vfs_file_pwrite(file, "x", 1, 4 * PAGE) == 1 && told == 5);
    assert_true(vfs_file_pwrite(file, "x", 1, 0) == 1 && told == 5);
    vfs_mapping_add(file, 7 * PAGE);
    assert_int_equal(told_of(file, 6 * PAGE), 1);
    vfs_mapping_remove(file);
    vfs_mapping_remove(file);
    assert_int_equal(told_of(file, 0), 0);
    vfs_mapping_add(file, PAGE);
    assert_int_equal(told_of(file, 1), 1);
    assert_int_equal(told_of(file, 2 * PAGE), 0); /* those of before do not count */
    vfs_mapping_remove(file);
    vfs_file_put(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_that_can_be_seen_are_told_of, setup, teardown),
    };
    start_or_exit(&argc, &argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

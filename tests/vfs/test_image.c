/* SPDX-License-Identifier: MIT */
/* vfs/image.c and vfs/check.c: what is found in an index, and what a damaged one gives. */

#include "test.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/dir", 0755)},
    {MKIMAGE_FILE("/dir/a", 0644, "contents"), .xattr = "user.name=value"},
    {MKIMAGE_FILE("/dir/ab", 0644, "")},
    {MKIMAGE_LINK("/dir/link", "a/b")},
    {MKIMAGE_FILE("/z", 0755, "zz")},
};

static struct mkimage image;

static int setup(void **state)
{
    (void)state;
    mkimage_build(rows, COUNT(rows), &image);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mkimage_free(&image);
    return 0;
}

static int attach(void)
{
    return vfs_image_attach(image.index, image.index_size, image.pack, image.pack_size);
}

static struct vfs_image_header *header(void)
{
    return (struct vfs_image_header *)image.index;
}

static const struct vfs_image_inode *at(const struct vfs_image_inode *dir, const char *name)
{
    int64_t n = vfs_image_lookup(dir, name, (uint32_t)strlen(name));
    assert_true(n >= 0);
    return vfs_image_inode((uint32_t)n);
}

static void names_are_found(void **state)
{
    (void)state;
    const char *name;
    const void *value;
    assert_int_equal(attach(), 0);
    const struct vfs_image_inode *root = vfs_image_inode(0), *dir = at(root, "dir");
    assert_int_equal(dir->count, 3);
    assert_memory_equal(vfs_image_data(at(dir, "a")), "contents", 8);
    assert_memory_equal(vfs_image_data(at(dir, "link")), "a/b", 3);
    assert_int_equal(at(dir, "ab")->size, 0);
    static const char *const absent[] = {"", "b", "A", "aa", "abc", "lin", "links", "\xff"};
    for (size_t i = 0; i < COUNT(absent); i++)
        assert_int_equal(vfs_image_find(dir, absent[i], (uint32_t)strlen(absent[i])), -LX_ENOENT);
    const struct vfs_image_xattr *x = vfs_image_xattr(at(dir, "a"), 0, &name, &value);
    assert_non_null(x);
    assert_memory_equal(name, "user.name", 9);
    assert_memory_equal(value, "value", 5);
    assert_null(vfs_image_xattr(at(dir, "a"), 1, &name, &value));
    assert_null(vfs_image_xattr(dir, 0, &name, &value));
    assert_null(vfs_image_entry(dir, 3, &name));
    assert_null(vfs_image_inode(vfs_image_inode_count()));
}

/* Whichever byte is wrong, the check says so, but for the padding between sections. */
static void every_byte_is_checked(void **state)
{
    (void)state;
    uint64_t padding = image.index_size - sizeof(struct vfs_image_header), unseen = 0;
    for (int i = 0; i < VFS_IMAGE_SECTIONS; i++)
        padding -= header()->sections[i].size;
    assert_int_equal(vfs_image_check(image.index, image.index_size), 0);
    for (uint64_t i = 0; i < image.index_size; i++) {
        image.index[i] ^= 0x10;
        int err = vfs_image_check(image.index, image.index_size);
        assert_true(err == 0 || err == -LX_EIO);
        unseen += err == 0;
        image.index[i] ^= 0x10;
    }
    assert_int_equal(unseen, padding);
    for (uint64_t size = 0; size < image.index_size; size++)
        assert_int_equal(vfs_image_check(image.index, size), -LX_EIO);
}

static void bounds_are_checked_before_use(void **state)
{
    (void)state;
    static const uint64_t bad[] = {4, UINT64_MAX, UINT64_MAX - 7, 1ull << 40};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t good = header()->sections[VFS_IMAGE_NAMES].offset;
        header()->sections[VFS_IMAGE_NAMES].offset = bad[i];
        assert_int_equal(attach(), -LX_EIO);
        header()->sections[VFS_IMAGE_NAMES].offset = good;
    }
    header()->pack_size = image.pack_size + 1;
    assert_int_equal(attach(), -LX_EIO);
    header()->pack_size = image.pack_size;
    header()->sections[VFS_IMAGE_INODES].size = 0;
    assert_int_equal(attach(), -LX_EIO);
}

/* Numbers inside the sections are looked at when they are used. */
static void wild_numbers_find_nothing(void **state)
{
    (void)state;
    const char *name;
    const void *value;
    assert_int_equal(attach(), 0);
    struct vfs_image_inode *root = (struct vfs_image_inode *)vfs_image_inode(0);
    struct vfs_image_inode *file = (struct vfs_image_inode *)at(root, "z");
    file->data = image.pack_size;
    assert_null(vfs_image_data(file));
    file->data = UINT64_MAX;
    assert_null(vfs_image_data(file));
    file->data = 0;
    file->size = UINT64_MAX;
    assert_null(vfs_image_data(file));
    static const uint32_t xattrs[] = {2, UINT32_MAX, 1u << 20};
    for (size_t i = 0; i < COUNT(xattrs); i++) {
        file->xattrs = xattrs[i];
        assert_null(vfs_image_xattr(file, 0, &name, &value));
    }
    root->data = UINT64_MAX;
    assert_int_equal(vfs_image_find(root, "z", 1), -LX_EIO);
    root->data = 0;
    root->count = UINT32_MAX;
    assert_int_equal(vfs_image_find(root, "zzz", 3), -LX_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(names_are_found),
        T(every_byte_is_checked),
        T(bounds_are_checked_before_use),
        T(wild_numbers_find_nothing),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* vfs/image.c: what is found in an image, and what a damaged one gives. */

#include "test.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/dir", 0755)},
    {MKIMAGE_FILE("/dir/a", 0644, "contents"), .xattr = "user.name=value"},
    {MKIMAGE_FILE("/dir/ab", 0644, "")},
    {MKIMAGE_LINK("/dir/link", "a/b")},
    {MKIMAGE_FILE("/z", 0755, "zz")},
};

static struct mkimage image;
static struct vfs_image view;

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

static int open_image(void)
{
    return mkimage_open(&image, &view);
}

static struct vfs_image_header *header(void)
{
    return (struct vfs_image_header *)image.index;
}

static const struct vfs_image_inode *at(const struct vfs_image_inode *dir, const char *name)
{
    int64_t n = vfs_image_lookup(&view, dir, name, (uint32_t)strlen(name));
    assert_true(n >= 0);
    return vfs_image_inode(&view, (uint32_t)n);
}

/* The bytes at `offset`, of which so many lie together; NULL if they are not there. */
static const void *content(const struct vfs_image_inode *file, uint64_t offset, uint64_t size)
{
    uint64_t there;
    const void *bytes = vfs_image_content(&view, file, offset, &there);
    if (bytes)
        assert_int_equal(there, size);
    return bytes;
}

static void names_are_found(void **state)
{
    (void)state;
    const char *name;
    const void *value;
    assert_int_equal(open_image(), 0);
    const struct vfs_image_inode *root = vfs_image_inode(&view, 0), *dir = at(root, "dir");
    assert_int_equal(dir->count, 3);
    assert_memory_equal(content(at(dir, "a"), 0, 8), "contents", 8);
    assert_memory_equal(vfs_image_target(&view, at(dir, "link")), "a/b", 3);
    assert_int_equal(at(dir, "ab")->size, 0);
    static const char *const absent[] = {"", "b", "A", "aa", "abc", "lin", "links", "\xff"};
    for (size_t i = 0; i < COUNT(absent); i++)
        assert_int_equal(vfs_image_find(&view, dir, absent[i], (uint32_t)strlen(absent[i])),
                         -LX_ENOENT);
    const struct vfs_image_xattr *x = vfs_image_xattr(&view, at(dir, "a"), 0, &name, &value);
    assert_non_null(x);
    assert_memory_equal(name, "user.name", 9);
    assert_memory_equal(value, "value", 5);
    assert_null(vfs_image_xattr(&view, at(dir, "a"), 1, &name, &value));
    assert_null(vfs_image_xattr(&view, dir, 0, &name, &value));
    assert_null(vfs_image_entry(&view, dir, 3, &name));
    assert_null(vfs_image_inode(&view, vfs_image_inode_count(&view)));
}

/* Whichever byte of a header is wrong, or cut off, the image is not opened. */
static void headers_are_checked(void **state)
{
    (void)state;
    struct mkimage cut = image;
    for (uint64_t i = 0; i < sizeof(struct vfs_image_header); i++) {
        image.index[i] ^= 0x10;
        assert_int_equal(open_image(), -LX_EIO);
        image.index[i] ^= 0x10;
    }
    for (uint64_t i = 0; i < sizeof(struct vfs_pack_header); i++) {
        image.pack[i] ^= 0x10;
        assert_int_equal(open_image(), -LX_EIO);
        image.pack[i] ^= 0x10;
    }
    for (cut.index_size = 0; cut.index_size < image.index_size; cut.index_size++)
        assert_int_equal(mkimage_open(&cut, &view), -LX_EIO);
    for (cut.pack_size = 0; cut.pack_size < image.pack_size; cut.pack_size++)
        assert_int_equal(mkimage_open(&cut, &view), -LX_EIO);
}

static void contents_are_checked(void **state)
{
    (void)state;
    assert_int_equal(open_image(), 0);
    const struct vfs_image_inode *dir = at(vfs_image_inode(&view, 0), "dir");
    const struct vfs_image_inode *file = at(dir, "a");
    assert_int_equal(vfs_image_check(&view, file), 0);
    assert_int_equal(vfs_image_check(&view, at(dir, "ab")), 0);
    image.pack[file->data + 3] ^= 1;
    assert_int_equal(vfs_image_check(&view, file), -LX_EIO);
    image.pack[file->data + 3] ^= 1;
}

/* Zeros, a part at 64 KiB that the pack holds, and zeros to the end. */
static void zeros_are_left_out(void **state)
{
    (void)state;
    static const uint8_t none[4096];
    assert_int_equal(open_image(), 0);
    struct vfs_image_extent extent = {.at = 65536, .size = 8};
    struct vfs_image_inode *file =
        (struct vfs_image_inode *)at(at(vfs_image_inode(&view, 0), "dir"), "a");
    extent.data = file->data;
    image.index = realloc(image.index, image.index_size + sizeof extent + 8);
    assert_non_null(image.index);
    uint64_t offset = (image.index_size + 7) & ~7ull;
    memcpy(image.index + offset, &extent, sizeof extent);
    image.index_size = offset + sizeof extent;
    header()->index_size = image.index_size;
    header()->sections[VFS_IMAGE_EXTENTS] = (struct vfs_image_range){offset, sizeof extent, 0};
    mkimage_seal(&image);
    assert_int_equal(open_image(), 0);
    file = (struct vfs_image_inode *)at(at(vfs_image_inode(&view, 0), "dir"), "a");
    file->data = 0;
    file->count = 1;
    file->size = 200000;
    assert_memory_equal(content(file, 0, 4096), none, 4096);
    assert_memory_equal(content(file, 65530, 6), none, 6);
    assert_memory_equal(content(file, 65536, 8), "contents", 8);
    assert_memory_equal(content(file, 65540, 4), "ents", 4);
    assert_memory_equal(content(file, 65544, 4088), none, 4088);
    assert_memory_equal(content(file, 199999, 1), none, 1);
    assert_null(content(file, 200000, 0));
    assert_int_equal(vfs_image_check(&view, file), -LX_EIO); /* its checksum is 0 */
    file->count = 2;
    assert_null(content(file, 0, 0));
}

static void bounds_are_checked_before_use(void **state)
{
    (void)state;
    static const uint64_t bad[] = {4, UINT64_MAX, UINT64_MAX - 7, 1ull << 40};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t good = header()->sections[VFS_IMAGE_NAMES].offset;
        header()->sections[VFS_IMAGE_NAMES].offset = bad[i];
        mkimage_seal_header(&image);
        assert_int_equal(open_image(), -LX_EIO);
        header()->sections[VFS_IMAGE_NAMES].offset = good;
    }
    header()->sections[VFS_IMAGE_INODES].size = 0;
    mkimage_seal_header(&image);
    assert_int_equal(open_image(), -LX_EIO);
}

/* Numbers inside the sections are looked at when they are used. */
static void wild_numbers_find_nothing(void **state)
{
    (void)state;
    const char *name;
    const void *value;
    assert_int_equal(open_image(), 0);
    struct vfs_image_inode *root = (struct vfs_image_inode *)vfs_image_inode(&view, 0);
    struct vfs_image_inode *file = (struct vfs_image_inode *)at(root, "z");
    file->data = image.pack_size;
    assert_null(content(file, 0, 0));
    file->data = UINT64_MAX;
    assert_null(content(file, 0, 0));
    file->data = 0;
    file->size = UINT64_MAX;
    assert_null(content(file, 0, 0));
    static const uint32_t xattrs[] = {2, UINT32_MAX, 1u << 20};
    for (size_t i = 0; i < COUNT(xattrs); i++) {
        file->xattrs = xattrs[i];
        assert_null(vfs_image_xattr(&view, file, 0, &name, &value));
    }
    root->data = UINT64_MAX;
    assert_int_equal(vfs_image_find(&view, root, "z", 1), -LX_EIO);
    root->data = 0;
    root->count = UINT32_MAX;
    assert_int_equal(vfs_image_find(&view, root, "zzz", 3), -LX_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(names_are_found),    T(headers_are_checked),           T(contents_are_checked),
        T(zeros_are_left_out), T(bounds_are_checked_before_use), T(wild_numbers_find_nothing),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

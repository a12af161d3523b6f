/* SPDX-License-Identifier: MIT */
/* vfs/data.c: a file over the image's contents, against a plain buffer that should be the same. */

#include "test.h"

#include "core/layout.h"

#define IMAGE_SIZE 20000u /* not a whole number of pages */
#define FILE_MAX (16u * CORE_PAGE_SIZE)

static char contents[IMAGE_SIZE + 1];

struct pair {
    struct vfs_inode *inode;
    uint8_t model[FILE_MAX];
    uint64_t size;
};

/* A small file too, so that the large one does not begin the pack. */
static int setup(void **state)
{
    for (uint32_t i = 0; i < IMAGE_SIZE; i++)
        contents[i] = (char)('a' + i % 23);
    const struct mkimage_row rows[] = {
        {MKIMAGE_FILE("/first", 0644, "first")},
        {MKIMAGE_FILE("/file", 0644, contents)},
    };
    *state = mount_rows(rows, COUNT(rows));
    return 0;
}

static int teardown(void **state)
{
    vfs_fs_put(*state);
    return 0;
}

static struct pair *open_pair(struct vfs_fs *fs)
{
    static struct pair p;
    memset(&p, 0, sizeof p);
    assert_int_equal(open_path(fs, "/file", LX_O_RDWR, &p.inode), 0);
    memcpy(p.model, contents, IMAGE_SIZE);
    p.size = IMAGE_SIZE;
    return &p;
}

static void assert_same(const struct pair *p)
{
    static uint8_t bytes[FILE_MAX + 1];
    assert_int_equal(p->inode->size, p->size);
    memset(bytes, '#', sizeof bytes);
    assert_int_equal(vfs_inode_read(p->inode, bytes, sizeof bytes, 0), (int64_t)p->size);
    assert_memory_equal(bytes, p->model, p->size);
    assert_int_equal(bytes[p->size], '#');
}

static void write_both(struct pair *p, uint64_t offset, uint64_t size, uint8_t value)
{
    uint8_t bytes[FILE_MAX];
    memset(bytes, value, size);
    assert_int_equal(vfs_inode_write(p->inode, bytes, size, offset), (int64_t)size);
    if (!size)
        return;
    if (offset > p->size)
        memset(p->model + p->size, 0, offset - p->size);
    memset(p->model + offset, value, size);
    if (offset + size > p->size)
        p->size = offset + size;
}

static void truncate_both(struct pair *p, uint64_t size)
{
    assert_int_equal(vfs_inode_truncate(p->inode, size), 0);
    if (size > p->size)
        memset(p->model + p->size, 0, size - p->size);
    p->size = size;
}

static void punch_both(struct pair *p, uint64_t offset, uint64_t size)
{
    const uint32_t mode = LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_KEEP_SIZE;
    assert_int_equal(vfs_inode_allocate(p->inode, mode, offset, size), 0);
    uint64_t end = offset + size < p->size ? offset + size : p->size;
    if (offset < end)
        memset(p->model + offset, 0, end - offset);
}

static void a_byte_costs_a_page(void **state)
{
    struct pair *p = open_pair(*state);
    uint64_t used = core_page_used();
    write_both(p, 5000, 1, '!');
    assert_same(p);
    assert_int_equal(core_page_used(), used + 1);
    vfs_inode_put(p->inode);
}

static void what_was_cut_off_is_zero_when_it_grows_again(void **state)
{
    struct pair *p = open_pair(*state);
    truncate_both(p, 100);
    truncate_both(p, IMAGE_SIZE);
    assert_same(p);
    write_both(p, 0, 8000, 'x');
    truncate_both(p, 50);
    write_both(p, 9000, 10, 'y');
    assert_same(p);
    vfs_inode_put(p->inode);
}

static void a_hole_gives_its_pages_back(void **state)
{
    struct pair *p = open_pair(*state);
    uint64_t used = core_page_used();
    write_both(p, 0, FILE_MAX, 'x');
    punch_both(p, 100, FILE_MAX - 200);
    assert_same(p);
    assert_int_equal(core_page_used(), used + 2);
    punch_both(p, 0, FILE_MAX);
    assert_same(p);
    assert_int_equal(core_page_used(), used);
    vfs_inode_put(p->inode);
}

static void any_order_of_changes(void **state)
{
    struct pair *p = open_pair(*state);
    uint64_t used = core_page_used(), random = 42;
    for (long i = test_count(3000, 300000); i > 0; i--) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t offset = (random >> 20) % FILE_MAX, size = (random >> 40) % (FILE_MAX - offset);
        if (random >> 63)
            size %= 100;
        switch ((random >> 60) & 3) {
        case 0:
            truncate_both(p, offset);
            break;
        case 1:
            if (size)
                punch_both(p, offset, size);
            break;
        default:
            write_both(p, offset, size, (uint8_t)(random >> 32));
            break;
        }
        if (i % 16 == 0)
            assert_same(p);
    }
    assert_same(p);
    truncate_both(p, 0);
    assert_int_equal(core_page_used(), used);
    vfs_inode_put(p->inode);
}

static void offsets_have_their_ends(void **state)
{
    struct pair *p = open_pair(*state);
    uint8_t byte = 1;
    assert_int_equal(vfs_inode_read(p->inode, &byte, 1, IMAGE_SIZE), 0);
    assert_int_equal(vfs_inode_read(p->inode, &byte, 1, INT64_MAX), 0);
    assert_int_equal(vfs_inode_read(p->inode, &byte, 0, 0), 0);
    assert_int_equal(vfs_inode_write(p->inode, &byte, 1, INT64_MAX), -LX_EFBIG);
    assert_int_equal(byte, 1);
    assert_same(p);
    vfs_inode_put(p->inode);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(a_byte_costs_a_page),         T(what_was_cut_off_is_zero_when_it_grows_again),
        T(a_hole_gives_its_pages_back), T(any_order_of_changes),
        T(offsets_have_their_ends),
#undef T
    };
    start_or_exit(&argc, &argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

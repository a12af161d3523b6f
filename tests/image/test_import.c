/* SPDX-License-Identifier: MIT */
/* What good archives become. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lx/stat.h"
#include "plat/plat.h"
#include "tarball.h"

#define ADD(...) tarball_add(&t, (struct tar_member){__VA_ARGS__})

/* The tree key of good_everything(). */
#define GOOD_LOW 0x7a0c2be816387d1e
#define GOOD_HIGH 0x622c06e47bb36b1e

/* One of everything; the order of its two halves can be turned around. */
static struct tarball good_everything(int turned)
{
    struct tarball t = {0};
    for (int half = 0; half < 2; half++) {
        if (half == turned) {
            ADD(.type = '5', .name = "./", .mode = 0700, .mtime = 5);
            ADD(.type = '5', .name = "./bin/", .mode = 0755, .mtime = 7);
            ADD(.name = "bin/tool", .mode = 04755, .data = "#!/bin/sh\n", .mtime = 8, .uid = 3);
            ADD(.type = '1', .name = "bin/alias", .link = "bin/tool");
        } else {
            ADD(.type = '5', .name = "dev", .mtime = 9);
            ADD(.type = '3', .name = "dev/tty", .mode = 0620, .major = 5, .minor = 300);
            ADD(.type = '6', .name = "dev/fifo", .mode = 0600);
            ADD(.type = '2', .name = "lib", .link = "usr/lib", .mode = 0777);
            tarball_pax(&t, "mtime", "12.345678901", 12);
            ADD(.name = "time", .data = "");
            tarball_pax(&t, "SCHILY.xattr.security.capability", "\1\0\0\2\0\n=x", 8);
            ADD(.name = "ping", .data = "x", .mode = 0755);
        }
    }
    tarball_end(&t);
    return t;
}

static void a_good_archive_keeps_everything(void **state)
{
    (void)state;
    struct tarball t = good_everything(0);
    struct opened o;
    opened_init(&o, &t);

    const struct vfs_image_inode *root = opened_find(&o, ""), *tool = opened_find(&o, "bin/tool");
    assert_int_equal(root->mode, LX_S_IFDIR | 0700);
    assert_int_equal(root->nlink, 4);
    assert_int_equal(root->mtime_ns, 5000000000);
    assert_int_equal(tool->mode, LX_S_IFREG | 04755);
    assert_int_equal(tool->uid, 3);
    assert_int_equal(tool->nlink, 2);
    assert_ptr_equal(tool, opened_find(&o, "bin/alias"));
    opened_expect(&o, "bin/tool", "#!/bin/sh\n", 10);
    assert_int_equal(opened_find(&o, "dev/tty")->mode, LX_S_IFCHR | 0620);
    assert_int_equal(opened_find(&o, "dev/tty")->rdev, (5 << 8 | 44) + (256 << 12));
    assert_int_equal(opened_find(&o, "dev/fifo")->mode, LX_S_IFIFO | 0600);
    const struct vfs_image_inode *lib = opened_find(&o, "lib");
    assert_int_equal(lib->mode, LX_S_IFLNK | 0777);
    assert_int_equal(lib->size, 7);
    assert_memory_equal(vfs_image_target(&o.view, lib), "usr/lib", 7);
    assert_int_equal(opened_find(&o, "time")->mtime_ns, 12345678901);

    const char *name;
    const void *value;
    const struct vfs_image_xattr *x =
        vfs_image_xattr(&o.view, opened_find(&o, "ping"), 0, &name, &value);
    assert_non_null(x);
    assert_int_equal(x->name_size, 19);
    assert_memory_equal(name, "security.capability", 19);
    assert_int_equal(x->value_size, 8);
    assert_memory_equal(value, "\1\0\0\2\0\n=x", 8);
    assert_null(vfs_image_xattr(&o.view, opened_find(&o, "ping"), 1, &name, &value));
    assert_int_equal(o.image.stats.file_count, 7);
    assert_int_equal(o.image.stats.directory_count, 3);
    opened_fini(&o);
    tarball_free(&t);
}

/* The pinned key changes only with the format: docs/store-format.md. */
static void the_tree_key_depends_on_the_tree_alone(void **state)
{
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        struct tarball t = good_everything(turned);
        for (size_t i = 0; i <= TARBALL_FILTERS; i++) {
            struct tarball packed = i ? tarball_packed(&t, tarball_filters[i - 1]) : t;
            struct opened o;
            opened_init(&o, &packed);
            assert_int_equal(vfs_image_header(&o.view)->tree.low, GOOD_LOW);
            assert_int_equal(vfs_image_header(&o.view)->tree.high, GOOD_HIGH);
            opened_fini(&o);
            if (i)
                tarball_free(&packed);
        }
        tarball_free(&t);
    }
}

static void later_members_replace_earlier_ones(void **state)
{
    (void)state;
    struct tarball t = {0};
    ADD(.name = "a", .data = "old");
    ADD(.type = '1', .name = "b", .link = "a");
    ADD(.name = "a", .data = "new");
    ADD(.type = '5', .name = "d/", .mode = 0700);
    ADD(.name = "d/child", .data = "kept");
    ADD(.type = '5', .name = "d/", .mode = 0711);
    ADD(.type = '5', .name = "e/");
    ADD(.name = "e/child", .data = "gone");
    ADD(.name = "e", .data = "file");
    ADD(.type = '2', .name = "s", .link = "d");
    ADD(.type = '5', .name = "s");
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    opened_expect(&o, "a", "new", 3);
    opened_expect(&o, "b", "old", 3);
    assert_int_equal(opened_find(&o, "b")->nlink, 1);
    opened_expect(&o, "d/child", "kept", 4);
    assert_int_equal(opened_find(&o, "d")->mode, LX_S_IFDIR | 0711);
    opened_expect(&o, "e", "file", 4);
    assert_int_equal(opened_find(&o, "s")->mode & LX_S_IFMT, LX_S_IFDIR);
    opened_fini(&o);
    tarball_free(&t);
}

static void paths_stay_within_the_root(void **state)
{
    (void)state;
    struct tarball t = {0};
    ADD(.name = "/absolute", .data = "1");
    ADD(.name = ".//x/../y//./z", .data = "2");
    ADD(.type = '2', .name = "out", .link = "../../../up");
    ADD(.name = "out/file", .data = "3");
    ADD(.type = '2', .name = "deep/abs", .link = "/other/dir");
    ADD(.name = "deep/abs/file", .data = "4");
    ADD(.type = '1', .name = "hard", .link = "/deep/abs/file");
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    opened_expect(&o, "absolute", "1", 1);
    opened_expect(&o, "y/z", "2", 1);
    opened_expect(&o, "up/file", "3", 1);
    opened_expect(&o, "other/dir/file", "4", 1);
    assert_ptr_equal(opened_find(&o, "hard"), opened_find(&o, "other/dir/file"));
    assert_null(opened_find(&o, "x"));
    assert_int_equal(opened_find(&o, "other")->mode, LX_S_IFDIR | 0755);
    opened_fini(&o);
    tarball_free(&t);
}

static void names_are_bytes(void **state)
{
    (void)state;
    static const char utf8[] = "\xc3\xa9\xe2\x82\xac", broken[] = "l\xe9\xff\x80";
    char longer[256] = {0};
    memset(longer, 'n', 255);
    struct tarball t = {0};
    ADD(.name = utf8, .data = "1");
    ADD(.name = broken, .data = "2");
    tarball_pax(&t, "path", "p/\xc3\xa9\xe2\x82\xac", 7);
    ADD(.name = "made up", .data = "3");
    tarball_pax(&t, "path", "p/l\xe9\xff\x80", 6);
    ADD(.name = "made up", .data = "4");
    ADD(.type = 'L', .name = "././@LongLink", .data = longer, .size = 256);
    ADD(.name = "cut", .data = "5");
    ADD(.prefix = "pre/fix", .name = "name", .data = "6");
    tarball_pax(&t, "linkpath", "\xe9\xc3\xa9", 3);
    ADD(.type = '2', .name = "link", .link = "made up");
    ADD(.type = 'K', .name = "././@LongLink", .data = longer, .size = 256);
    ADD(.type = '2', .name = "long", .link = "cut");
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    opened_expect(&o, utf8, "1", 1);
    opened_expect(&o, broken, "2", 1);
    opened_expect(&o, "p/\xc3\xa9\xe2\x82\xac", "3", 1);
    opened_expect(&o, "p/l\xe9\xff\x80", "4", 1);
    opened_expect(&o, longer, "5", 1);
    opened_expect(&o, "pre/fix/name", "6", 1);
    assert_memory_equal(vfs_image_target(&o.view, opened_find(&o, "link")), "\xe9\xc3\xa9", 3);
    assert_int_equal(opened_find(&o, "long")->size, 255);
    opened_fini(&o);
    tarball_free(&t);
}

static void holes_read_as_zeros(void **state)
{
    (void)state;
    struct tarball t = {0};
    static const char records[] = "26 GNU.sparse.name=sparse\n22 GNU.sparse.size=20\n"
                                  "27 GNU.sparse.map=2,3,10,2\n";
    ADD(.type = 'x', .name = "pax", .data = records);
    ADD(.name = "GNUSparseFile.0/sparse", .data = "abcde");
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    opened_expect(&o, "sparse", "\0\0abc\0\0\0\0\0de\0\0\0\0\0\0\0\0", 20);
    opened_fini(&o);
    tarball_free(&t);
}

static void equal_contents_are_stored_once(void **state)
{
    (void)state;
    size_t size = 700000; /* more than the pack's buffer */
    uint8_t *large = malloc(size);
    assert_non_null(large);
    for (size_t i = 0; i < size; i++)
        large[i] = (uint8_t)(i * i >> 7);
    struct tarball t = {0};
    ADD(.name = "large", .data = large, .size = size);
    ADD(.name = "small", .data = "small");
    ADD(.name = "again", .data = large, .size = size);
    ADD(.name = "small again", .data = "small");
    ADD(.name = "part", .data = large, .size = size - 1);
    ADD(.name = "page", .data = large, .size = 4096);
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    opened_expect(&o, "large", large, size);
    opened_expect(&o, "again", large, size);
    opened_expect(&o, "part", large, size - 1);
    opened_expect(&o, "page", large, 4096);
    opened_expect(&o, "small again", "small", 5);
    assert_int_equal(opened_find(&o, "large")->data, opened_find(&o, "again")->data);
    assert_int_equal(opened_find(&o, "small")->data, opened_find(&o, "small again")->data);
    assert_int_equal(o.image.stats.shared_size, size + 5);
    assert_int_equal(opened_find(&o, "large")->data % 4096, 0);
    assert_int_equal(opened_find(&o, "page")->data % 16, 0);

    /* The rest of a large content's last page is zeros: it may be mapped. */
    const uint8_t *rest = (const uint8_t *)o.packs[0] + opened_find(&o, "large")->data + size;
    for (size_t i = 0; i < 4096 - size % 4096; i++)
        assert_int_equal(rest[i], 0);
    opened_fini(&o);
    tarball_free(&t);
    free(large);
}

/* A program of 256 KiB or more starts where Windows can map a view, a smaller one on a page. */
static void programs_can_be_mapped(void **state)
{
    (void)state;
    static char big[256 << 10] = "\177ELF", small[500] = "\177ELF";
    struct tarball t = {0};
    ADD(.name = "odd", .data = "odd");
    ADD(.name = "small", .data = small, .size = sizeof small);
    ADD(.name = "big", .data = big, .size = sizeof big);
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    opened_expect(&o, "odd", "odd", 3);
    opened_expect(&o, "small", small, sizeof small);
    opened_expect(&o, "big", big, sizeof big);
    assert_int_equal(opened_find(&o, "small")->data % 4096, 0);
    assert_int_equal(opened_find(&o, "big")->data % 65536, 0);
    assert_int_equal(opened_find(&o, "big")->count, 0); /* its zeros are kept */
    opened_fini(&o);
    tarball_free(&t);
}

/* Chunks of zeros take no space, wherever they are, and are there to read. */
static void chunks_of_zeros_are_left_out(void **state)
{
    (void)state;
    enum { CHUNK = VFS_IMAGE_CHUNK, SIZE = 5 * CHUNK + 100 };
    static const uint8_t patterns[] = {0x00, 0x01, 0x02, 0x10, 0x11, 0x15, 0x1f, 0x20, 0x2a, 0x3f};
    static char data[sizeof patterns][SIZE];
    struct tarball t = {0};
    for (size_t i = 0; i < sizeof patterns; i++) {
        char name[8];
        for (int chunk = 0; chunk < 6; chunk++) { /* the last one is a part of a chunk */
            if (patterns[i] >> chunk & 1)
                data[i][chunk * CHUNK + (chunk < 5 ? 4711 : 99)] = 'x';
        }
        snprintf(name, sizeof name, "%02x", patterns[i]);
        ADD(.name = name, .data = data[i], .size = SIZE);
        snprintf(name, sizeof name, "%02x-2", patterns[i]);
        ADD(.name = name, .data = data[i], .size = SIZE);
    }
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    for (size_t i = 0; i < sizeof patterns; i++) {
        char name[8];
        snprintf(name, sizeof name, "%02x", patterns[i]);
        opened_expect(&o, name, data[i], SIZE);
        uint64_t at = opened_find(&o, name)->data;
        assert_int_equal(opened_find(&o, name)->count == 0, (patterns[i] & 0x1f) == 0x1f);
        snprintf(name, sizeof name, "%02x-2", patterns[i]);
        opened_expect(&o, name, data[i], SIZE);
        assert_int_equal(opened_find(&o, name)->data, at); /* equal ones are kept once */
    }
    assert_true(vfs_image_pack(&o.view, 0)->size < 22 * CHUNK);
    opened_fini(&o);
    tarball_free(&t);
}

static void gzip_members_are_joined_and_what_follows_is_ignored(void **state)
{
    (void)state;
    struct tarball t = good_everything(0), half = {0}, joined = {0};
    for (int i = 0; i < 2; i++) {
        size_t middle = t.size / 2 + 7;
        half = (struct tarball){t.data + (i ? middle : 0), i ? t.size - middle : middle, 0};
        struct tarball packed = tarball_packed(&half, "gzip");
        tarball_bytes(&joined, packed.data, packed.size);
        tarball_free(&packed);
    }
    static const char *const tails[] = {"", "\0\0\0\0", "garbage"};
    static const size_t sizes[] = {0, 4, 7};
    for (int i = 0; i < 3; i++) {
        size_t size = joined.size;
        tarball_bytes(&joined, tails[i], sizes[i]);
        struct opened o;
        opened_init(&o, &joined);
        assert_int_equal(vfs_image_header(&o.view)->tree.low, GOOD_LOW);
        opened_fini(&o);
        joined.size = size;
    }
    tarball_free(&joined);
    tarball_free(&t);
}

static void many_names_in_one_directory_are_sorted(void **state)
{
    (void)state;
    struct tarball t = {0};
    for (int i = 0; i < 70000; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/%d", (int)((i * 7919ll) % 70000));
        ADD(.name = name);
    }
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    const struct vfs_image_inode *d = opened_find(&o, "d");
    assert_int_equal(d->count, 70000);
    char before[32] = "";
    for (uint32_t i = 0; i < d->count; i++) {
        const char *name;
        const struct vfs_image_entry *e = vfs_image_entry(&o.view, d, i, &name);
        char text[32] = {0};
        memcpy(text, name, e->name_size);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof text);
    }
    opened_fini(&o);
    tarball_free(&t);
}

static void deep_directories_need_no_stack(void **state)
{
    (void)state;
    /* Links deep in the tree lead deeper still, further than a path can. */
    struct tarball t = {0};
    char steps[2048] = "", path[2100];
    for (int i = 0; i < 1000; i++)
        strcat(steps, "d/");
    strcpy(path, steps);
    for (int i = 0; i < 30; i++) {
        strcat(path, "m");
        tarball_pax(&t, "path", path, strlen(path));
        ADD(.type = 'K', .name = "././@LongLink", .data = steps);
        ADD(.type = '2', .name = "cut", .link = "cut");
        strcat(path, "/");
    }
    strcat(path, "file");
    tarball_pax(&t, "path", path, strlen(path));
    ADD(.name = "cut", .data = "deep");
    tarball_end(&t);
    struct opened o;
    opened_init(&o, &t);
    assert_true(o.image.stats.directory_count > 30000);
    opened_fini(&o);
    tarball_free(&t);
}

#define HOST_FILE "image-test.tmp"

static void one_file_gets_an_empty_root(void **state)
{
    (void)state;
    make_host_file(HOST_FILE, "program");
    struct image image;
    struct core_diag diag;
    int err = image_import_file(HOST_FILE, "/mnt/c/tmp/hello", NULL, &image, &diag);
    remove(HOST_FILE);
    assert_int_equal(err, 0);
    struct opened o;
    opened_image(&o, image);
    opened_expect(&o, "mnt/c/tmp/hello", "program", 7);
    assert_int_equal(opened_find(&o, "mnt/c/tmp/hello")->mode, LX_S_IFREG | 0755);
    assert_int_equal(opened_find(&o, "tmp")->mode, LX_S_IFDIR | 01777);
    opened_fini(&o);
    assert_true(image_import_file("no such file", "/x", NULL, &image, &diag) < 0);
    assert_null(image.packs[0]);
    assert_non_null(strstr(diag.text, "no such file"));
}

static void a_folder_becomes_a_root(void **state)
{
    (void)state;
    /* The folder the test runs in: a file made in it must appear. */
    make_host_file(HOST_FILE, "content");
    struct image image;
    struct core_diag diag;
    int err = image_import_folder(".", NULL, &image, &diag);
    remove(HOST_FILE);
    assert_int_equal(err, 0);
    struct opened o;
    opened_image(&o, image);
    opened_expect(&o, HOST_FILE, "content", 7);
    opened_fini(&o);
    assert_true(image_import_folder("no such folder", NULL, &image, &diag) < 0);
    assert_non_null(strstr(diag.text, "no such folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_archive_keeps_everything),
        cmocka_unit_test(the_tree_key_depends_on_the_tree_alone),
        cmocka_unit_test(later_members_replace_earlier_ones),
        cmocka_unit_test(paths_stay_within_the_root),
        cmocka_unit_test(names_are_bytes),
        cmocka_unit_test(holes_read_as_zeros),
        cmocka_unit_test(equal_contents_are_stored_once),
        cmocka_unit_test(programs_can_be_mapped),
        cmocka_unit_test(chunks_of_zeros_are_left_out),
        cmocka_unit_test(gzip_members_are_joined_and_what_follows_is_ignored),
        cmocka_unit_test(many_names_in_one_directory_are_sorted),
        cmocka_unit_test(deep_directories_need_no_stack),
        cmocka_unit_test(one_file_gets_an_empty_root),
        cmocka_unit_test(a_folder_becomes_a_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What bad archives are refused for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "tarball.h"

#define ADD(...) tarball_add(t, (struct tar_member){__VA_ARGS__})

static void bad_dot_dot(struct tarball *t)
{
    ADD(.name = "a/../../etc/passwd", .data = "x");
}

static void bad_hard_link_escape(struct tarball *t)
{
    ADD(.type = '1', .name = "a", .link = "../etc/passwd");
}

static void bad_hard_link_missing(struct tarball *t)
{
    ADD(.type = '1', .name = "a", .link = "etc/passwd");
}

static void bad_hard_link_directory(struct tarball *t)
{
    ADD(.type = '5', .name = "d");
    ADD(.type = '1', .name = "a", .link = "d");
}

static void bad_link_loop(struct tarball *t)
{
    ADD(.type = '2', .name = "a", .link = "b");
    ADD(.type = '2', .name = "b", .link = "a");
    ADD(.name = "a/file", .data = "x");
}

static void bad_empty_link(struct tarball *t)
{
    ADD(.type = '2', .name = "a", .link = "");
}

static void bad_below_file(struct tarball *t)
{
    ADD(.name = "a", .data = "x");
    ADD(.name = "a/b", .data = "x");
}

static void bad_root_file(struct tarball *t)
{
    ADD(.name = "./", .type = '2', .link = "x");
}

static void bad_long_name(struct tarball *t)
{
    char name[300];
    memset(name, 'n', sizeof name);
    tarball_pax(t, "path", name, 256);
    ADD(.name = "short", .data = "x");
}

static void bad_long_path(struct tarball *t)
{
    char path[5000];
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = i % 2 ? '/' : 'p';
    tarball_pax(t, "path", path, sizeof path);
    ADD(.name = "short", .data = "x");
}

static void bad_zero_in_name(struct tarball *t)
{
    tarball_pax(t, "path", "a\0b", 3);
    ADD(.name = "short", .data = "x");
}

static void bad_checksum(struct tarball *t)
{
    ADD(.name = "good", .data = "x");
    ADD(.name = "bad", .data = "x", .bad_checksum = 1);
}

static void bad_pax(struct tarball *t)
{
    ADD(.name = "good", .data = "x");
    ADD(.type = 'x', .name = "pax", .data = "9999 path=x\n");
    ADD(.name = "bad", .data = "x");
}

static void bad_sparse_order(struct tarball *t)
{
    static const char records[] = "22 GNU.sparse.size=20\n27 GNU.sparse.map=10,2,2,3\n";
    ADD(.type = 'x', .name = "pax", .data = records);
    ADD(.name = "sparse", .data = "abcde");
}

static void bad_sparse_beyond(struct tarball *t)
{
    static const char records[] = "22 GNU.sparse.size=20\n23 GNU.sparse.map=18,5\n";
    ADD(.type = 'x', .name = "pax", .data = records);
    ADD(.name = "sparse", .data = "abcde");
}

static void bad_huge_hole(struct tarball *t)
{
    static const char records[] = "32 GNU.sparse.size=600000000000\n"
                                  "33 GNU.sparse.map=599999999990,5\n";
    ADD(.type = 'x', .name = "pax", .data = records);
    ADD(.name = "sparse", .data = "abcde");
}

static void bad_stated_size(struct tarball *t)
{
    ADD(.name = "a", .data = "x", .stated_size = 1ull << 32);
}

static void bad_file_size(struct tarball *t)
{
    tarball_pax(t, "size", "999999999999999999", 18);
    ADD(.name = "a", .data = "x");
}

static void bad_device(struct tarball *t)
{
    ADD(.type = '3', .name = "a", .major = 0x1000);
}

static void bad_owner(struct tarball *t)
{
    tarball_pax(t, "uid", "4294967296", 10);
    ADD(.name = "a");
}

static void bad_not_tar(struct tarball *t)
{
    char text[2048];
    memset(text, 'z', sizeof text);
    tarball_bytes(t, text, sizeof text);
}

static void bad_xattr_name(struct tarball *t)
{
    char key[280] = "SCHILY.xattr.";
    memset(key + 13, 'k', 256);
    tarball_pax(t, key, "v", 1);
    ADD(.name = "a");
}

static void bad_archives_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        void (*make)(struct tarball *t);
        int err;
        const char *reason;
    } rows[] = {
        {bad_dot_dot, -LX_EINVAL, "'a/../../etc/passwd' has a name that leaves the root"},
        {bad_hard_link_escape, -LX_EINVAL, "'a' is a hard link that leaves the root"},
        {bad_hard_link_missing, -LX_EINVAL, "'a' is a hard link to a file that no earlier"},
        {bad_hard_link_directory, -LX_EINVAL, "'a' is a hard link to a directory"},
        {bad_link_loop, -LX_ELOOP, "'a/file' lies below symbolic links that never end"},
        {bad_empty_link, -LX_EINVAL, "'a' is a symbolic link to nothing"},
        {bad_below_file, -LX_ENOTDIR, "'a/b' lies below something that is no directory"},
        {bad_root_file, -LX_EINVAL, "would replace the root"},
        {bad_long_name, -LX_ENAMETOOLONG, "nnnn"},
        {bad_long_path, -LX_ENAMETOOLONG, "p/p/p"},
        {bad_zero_in_name, -LX_EINVAL, "'a\\x00b'"},
        {bad_checksum, -LX_EINVAL, "damaged or cut off in member 'good' or after it"},
        {bad_pax, -LX_EINVAL, "damaged"},
        {bad_sparse_order, -LX_EINVAL, "'sparse' is a sparse file whose parts do not fit"},
        {bad_sparse_beyond, -LX_EINVAL, "'sparse' is a sparse file whose parts do not fit"},
        {bad_huge_hole, -LX_EFBIG, "'sparse' has 600000000000 bytes, over the limit"},
        {bad_stated_size, -LX_EINVAL, "Truncated"},
        {bad_file_size, -LX_EFBIG, "'a' has 999999999999999999 bytes, over the limit"},
        {bad_device, -LX_EINVAL, "'a' is a device with a number"},
        {bad_owner, -LX_EINVAL, "'a' has an owner"},
        {bad_not_tar, -LX_EINVAL, "no tar archive"},
        {bad_xattr_name, -LX_EINVAL, "'a' has an extended attribute"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tarball t = {0};
        struct image image;
        struct core_diag diag;
        rows[i].make(&t);
        tarball_end(&t);
        int err = tarball_import(&t, NULL, &image, &diag);
        if (err != rows[i].err || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d, not %d: %s", (int)i, err, rows[i].err, diag.text);
        assert_null(image.packs[0]);
        assert_null(image.index);
        tarball_free(&t);
    }
}

static void limits_are_named(void **state)
{
    (void)state;
    struct image_options one = {0}, many = {0};
    image_limits_default(&one.limits);
    many = one;
    struct {
        uint64_t *limit;
        uint64_t value;
        const char *reason;
    } rows[] = {
        {&one.limits.entries, 2, "the number of entries"},
        {&one.limits.metadata, 4300, "the memory for names and attributes"},
        {&one.limits.file_size, 9999, "the limit on the size of a file"},
        {&one.limits.total_size, 30000, "the size of the unpacked archive"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static uint8_t content[10000];
        struct tarball archive = {0}, *t = &archive;
        for (int n = 0; n < 3; n++) {
            char name[8] = {(char)('a' + n)};
            ADD(.name = name, .data = content, .size = sizeof content);
        }
        tarball_end(t);
        struct image image;
        struct core_diag diag;
        one = many;
        *rows[i].limit = rows[i].value;
        int err = tarball_import(t, &one, &image, &diag);
        if (err != -LX_EFBIG || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, diag.text);
        tarball_free(t);
    }
}

/* An archive of two files with content that does not pack well. */
static struct tarball sample(void)
{
    struct tarball archive = {0}, *t = &archive;
    uint8_t noise[3000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    ADD(.name = "a", .data = noise, .size = sizeof noise);
    ADD(.name = "b", .data = noise, .size = 1000);
    tarball_end(t);
    return archive;
}

static void truncated_archives_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < TARBALL_FILTERS; i++) {
        struct tarball t = sample(), packed = tarball_packed(&t, tarball_filters[i]);
        size_t whole = packed.size;
        for (size_t size = 0; size < whole; size += size < 40 ? 1 : 61) {
            struct image image;
            struct core_diag diag;
            packed.size = size;
            int err = tarball_import(&packed, NULL, &image, &diag);
            if (err != -LX_EINVAL || !diag.text[0] || image.packs[0])
                fail_msg("%s cut to %d of %d: %d: %s", tarball_filters[i], (int)size, (int)whole,
                         err, diag.text);
        }
        tarball_free(&packed);
        tarball_free(&t);
    }
}

static void damaged_gzip_fails(void **state)
{
    (void)state;
    struct tarball t = sample(), packed = tarball_packed(&t, "gzip");
    for (size_t at = 10; at < packed.size; at += 37) {
        struct image image;
        struct core_diag diag;
        packed.data[at] ^= 0x10;
        int err = tarball_import(&packed, NULL, &image, &diag);
        if (err != -LX_EINVAL || !strstr(diag.text, "test.tar: "))
            fail_msg("damage at %d of %d: %d: %s", (int)at, (int)packed.size, err, diag.text);
        packed.data[at] ^= 0x10;
    }
    tarball_free(&packed);
    tarball_free(&t);
}

static void a_bomb_is_stopped(void **state)
{
    (void)state;
    /* 64 MiB of zeros in few bytes; the total allowed is 16 MiB. */
    size_t size = 64u << 20;
    void *zeros = calloc(1, size);
    assert_non_null(zeros);
    struct tarball plain = {zeros, size, size}, packed = tarball_packed(&plain, "zstd");
    struct image_options options = {0};
    image_limits_default(&options.limits);
    options.limits.total_size = 16u << 20;
    struct image image;
    struct core_diag diag;
    assert_int_equal(tarball_import(&packed, &options, &image, &diag), -LX_EFBIG);
    assert_non_null(strstr(diag.text, "the size of the unpacked archive"));
    tarball_free(&packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_archives_are_refused_with_a_reason),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(truncated_archives_fail),
        cmocka_unit_test(damaged_gzip_fails),
        cmocka_unit_test(a_bomb_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

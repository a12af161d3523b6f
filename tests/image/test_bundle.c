/* SPDX-License-Identifier: MIT */
/* Bundles: which member a name leads to, and which archives are refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "tarball.h"

#define ADD(...) tarball_add(&t, (struct tar_member){__VA_ARGS__})

struct opened_bundle {
    struct core_source_memory source;
    struct image_bundle *bundle;
    struct core_diag diag;
};

static int open_bundle(struct opened_bundle *o, const struct tarball *t)
{
    o->diag.text[0] = 0;
    core_source_memory_init(&o->source, t->data, t->size);
    return image_bundle_open(&o->source.base, "test.tar", NULL, &o->diag, &o->bundle);
}

static void expect_member(struct opened_bundle *o, const char *name, const char *want)
{
    uint8_t *data;
    size_t size;
    int err = image_member_read(o->bundle, name, 1000, &data, &size, &o->diag);
    if (err < 0)
        fail_msg("%s", o->diag.text);
    assert_string_equal((const char *)data, want);
    assert_int_equal(size, strlen(want));
    free(data);
}

static void expect_missing(struct opened_bundle *o, const char *name)
{
    uint8_t *data;
    size_t size;
    assert_int_equal(image_member_read(o->bundle, name, 1000, &data, &size, &o->diag), -LX_ENOENT);
    assert_non_null(strstr(o->diag.text, "is missing"));
    assert_null(data);
}

/* A member larger than what is read at once, others around it, and links of all kinds. */
static struct tarball sample(void)
{
    struct tarball t = {0};
    static uint8_t large[300000];
    char longer[200] = "long/";
    memset(longer + 5, 'n', 150);
    ADD(.type = '5', .name = "./a/");
    ADD(.name = "./a/layer.tar", .data = "one");
    ADD(.name = "large", .data = large, .size = sizeof large);
    ADD(.type = '2', .name = "b/layer.tar", .link = "../a/layer.tar");
    ADD(.type = '2', .name = "c", .link = "/b/layer.tar");
    ADD(.type = '1', .name = "d/e", .link = "a/layer.tar");
    ADD(.type = '2', .name = "loop", .link = "loop");
    ADD(.type = '2', .name = "out", .link = "../../etc/passwd");
    ADD(.name = "../../etc/passwd", .data = "x");
    ADD(.name = "twice", .data = "first");
    ADD(.name = "//twice", .data = "second");
    ADD(.type = '6', .name = "fifo");
    ADD(.name = "empty");
    tarball_pax(&t, "path", longer, strlen(longer));
    ADD(.name = "cut", .data = "two");
    tarball_end(&t);
    return t;
}

static void names_lead_to_members(void **state)
{
    (void)state;
    struct tarball t = sample();
    struct opened_bundle o;
    char longer[200] = "long/";
    memset(longer + 5, 'n', 150);
    assert_int_equal(open_bundle(&o, &t), 0);
    assert_string_equal(image_bundle_name(o.bundle), "test.tar");
    expect_member(&o, "a/layer.tar", "one");
    expect_member(&o, "/a/./layer.tar", "one");
    expect_member(&o, "x/../a//layer.tar", "one");
    expect_member(&o, "b/layer.tar", "one");
    expect_member(&o, "c", "one");
    expect_member(&o, "d/e", "one");
    expect_member(&o, "twice", "second");
    expect_member(&o, "empty", "");
    expect_member(&o, longer, "two");
    static const char *const missing[] = {"a",   "b",        "",     "layer.tar", "loop",
                                          "out", "../twice", "fifo", "none",      "etc/passwd"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        expect_missing(&o, missing[i]);

    expect_missing(&o, "\33[2J");
    assert_non_null(strstr(o.diag.text, "'?[2J' is missing"));

    uint8_t *data;
    size_t size;
    assert_int_equal(image_member_read(o.bundle, "large", 299999, &data, &size, &o.diag),
                     -LX_EFBIG);
    assert_int_equal(image_member_read(o.bundle, "large", 300000, &data, &size, &o.diag), 0);
    assert_int_equal(size, 300000);
    free(data);
    image_bundle_free(o.bundle);
    tarball_free(&t);
}

static void packed_archives_are_unpacked(void **state)
{
    (void)state;
    for (size_t i = 0; i < TARBALL_FILTERS; i++) {
        struct tarball t = sample(), packed = tarball_packed(&t, tarball_filters[i]);
        struct opened_bundle o;
        assert_int_equal(open_bundle(&o, &packed), 0);
        expect_member(&o, "c", "one");
        image_bundle_free(o.bundle);
        tarball_free(&packed);
        tarball_free(&t);
    }
}

static void streams_are_unpacked(void **state)
{
    (void)state;
    struct tarball t = sample();
    struct opened_bundle o;
    core_source_memory_init(&o.source, t.data, t.size);
    o.source.base.read_at = NULL;
    assert_int_equal(image_bundle_open(&o.source.base, "stdin", NULL, &o.diag, &o.bundle), 0);
    expect_member(&o, "b/layer.tar", "one");
    image_bundle_free(o.bundle);

    struct image_limits limits;
    image_limits_default(&limits);
    limits.total_size = 100000;
    core_source_memory_init(&o.source, t.data, t.size);
    o.source.base.read_at = NULL;
    int err = image_bundle_open(&o.source.base, "stdin", &limits, &o.diag, &o.bundle);
    assert_int_equal(err, -LX_EFBIG);
    assert_null(o.bundle);
    assert_non_null(strstr(o.diag.text, "stdin: the archive unpacks to more"));
    tarball_free(&t);
}

static void bad_archives_are_refused(void **state)
{
    (void)state;
    struct tarball t = sample();
    struct opened_bundle o;
    static const struct {
        size_t size;
        const char *reason;
    } rows[] = {
        {0, "no tar archive"},
        {100, "no tar archive"},
        {1536 + 512 + 1000, "truncated in 'large'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tarball cut = {t.data, rows[i].size, 0};
        int err = open_bundle(&o, &cut);
        if (err != -LX_EINVAL || !strstr(o.diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, o.diag.text);
        assert_null(o.bundle);
    }
    t.data[512 + 3] ^= 1; /* in the second header */
    assert_int_equal(open_bundle(&o, &t), -LX_EINVAL);
    tarball_free(&t);

    for (int i = 0; i <= 65536; i++)
        ADD(.name = "x");
    tarball_end(&t);
    assert_int_equal(open_bundle(&o, &t), -LX_EFBIG);
    assert_non_null(strstr(o.diag.text, "more than 65536 members"));
    tarball_free(&t);
}

#define HOST_FILE "bundle-test.tmp"

static void a_folder_is_a_bundle(void **state)
{
    (void)state;
    make_host_file(HOST_FILE, "content");
    struct opened_bundle o;
    assert_int_equal(image_bundle_open_folder(".", &o.diag, &o.bundle), 0);
    expect_member(&o, HOST_FILE, "content");
    expect_member(&o, "x/../" HOST_FILE, "content");
    remove(HOST_FILE);
    static const char *const missing[] = {"", ".", "..", "../x", HOST_FILE, HOST_FILE "::$DATA"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        expect_missing(&o, missing[i]);
    image_bundle_free(o.bundle);
    assert_true(image_bundle_open_folder("no such folder", &o.diag, &o.bundle) < 0);
    assert_non_null(strstr(o.diag.text, "no such folder"));
    assert_null(o.bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_members), cmocka_unit_test(packed_archives_are_unpacked),
        cmocka_unit_test(streams_are_unpacked),  cmocka_unit_test(bad_archives_are_refused),
        cmocka_unit_test(a_folder_is_a_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

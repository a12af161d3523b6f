/* SPDX-License-Identifier: MIT */
/* Layers: what is left when one lies over the other, and what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "saved.h"

#define ZEROS "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void layers_merge_as_specified(void **state)
{
    (void)state;
    static const struct {
        const char *layers[SAVED_LAYERS_MAX], *want;
    } rows[] = {
        /* no whiteouts */
        {{"a=1 b=2", "b=3 c=4"}, "a=1 b=3 c=4"},
        {{"a=1", ""}, "a=1"},
        {{"d/:700 d/a=1", "d/:711 d/b=2"}, "d/:711 d/a=1 d/b=2"},
        {{"a=1", "a/ a/b=2"}, "a/ a/b=2"},
        {{"a/ a/b=1", "a=2"}, "a=2"},
        {{"a/ a/b=1", "a>x", "a/ a/c=2"}, "a/ a/c=2"},
        {{"t/ t/x=1 s>t", "s/ s/y=2"}, "s/ s/y=2 t/ t/x=1"},
        {{"t/ s>t", "s/y=2"}, "s>t t/ t/y=2"},
        /* whiteouts, before and after what their own layer makes */
        {{"a=1 b=2", ".wh.a"}, "b=2"},
        {{"a=1", ".wh.a a=2"}, "a=2"},
        {{"a=1", "a=2 .wh.a"}, "a=2"},
        {{"a=1", ".wh.a", "a=3"}, "a=3"},
        {{"d/ d/x=1", ".wh.d d/ d/y=2"}, "d/ d/y=2"},
        {{"d/ d/x=1", "d/ d/y=2 .wh.d"}, "d/ d/y=2"},
        {{"d/ d/x=1", ".wh.d", "d/:700 d/y=2"}, "d/:700 d/y=2"},
        {{"d/:700 d/x=1", ".wh.d d/y=2"}, "d/ d/y=2"},
        {{"d/:700 d/x=1", "d/y=2 .wh.d"}, "d/ d/y=2"},
        {{"p/ p/q/:700 p/q/a=1 p/b=2", "p/q/n=3 .wh.p"}, "p/ p/q/ p/q/n=3"},
        {{"p/ p/q/:700 p/q/a=1 p/b=2", ".wh.p p/q/n=3"}, "p/ p/q/ p/q/n=3"},
        {{"a=1", ".wh.a a/b=2"}, "a/ a/b=2"},
        {{"t/ t/x=1 s>t", "s/.wh.x"}, "s>t t/"},
        {{"a=1", "./d/../.wh.a"}, ""},
        {{"d/ d/e/ d/e/f/ d/e/f/g=1", "d/e/f/h=2 d/.wh.e", "d/e/.wh.f"}, "d/ d/e/"},
        /* what is not there is not missed */
        {{"a=1", ".wh.none x/.wh.y a/.wh.b none/.wh..wh..opq .wh.. .wh..."}, "a=1"},
        /* opaque directories, wherever the marker stands */
        {{"d/ d/x=1 d/e/ d/e/y=2", "d/ d/.wh..wh..opq d/z=3"}, "d/ d/z=3"},
        {{"d/ d/x=1 d/e/ d/e/y=2", "d/ d/z=3 d/.wh..wh..opq"}, "d/ d/z=3"},
        {{"d/ d/x=1 d/e/ d/e/y=2", "d/.wh..wh..opq d/ d/z=3"}, "d/ d/z=3"},
        {{"d/:700 d/x=1", "d/.wh..wh..opq"}, "d/:700"},
        {{"d/ d/e/ d/e/y=1", "d/ d/e/ d/e/n=2 d/.wh..wh..opq"}, "d/ d/e/ d/e/n=2"},
        {{"d/ d/e/ d/e/y=1", "d/ d/.wh..wh..opq d/e/ d/e/n=2"}, "d/ d/e/ d/e/n=2"},
        {{"d/ d/e/:700 d/e/y=1", "d/e/n=2 d/.wh..wh..opq"}, "d/ d/e/ d/e/n=2"},
        {{"d/ d/x=1", "d/.wh..wh..opq d/y=2 d/.wh..wh..opq", "d/z=3"}, "d/ d/y=2 d/z=3"},
        {{"d/ d/x=1", "d/.wh..wh..opq d/y=2", "d/.wh..wh..opq d/z=3"}, "d/ d/z=3"},
        {{"a=1 b/ b/c=2", ".wh..wh..opq d=1"}, "d=1"},
        /* hard links reach lower layers, also to what is hidden afterwards */
        {{"a=1", "h@a"}, "a=1 h=1"},
        {{"a=1", "h@a .wh.a"}, "h=1"},
        {{"a=1", "h@a", "a=2"}, "a=2 h=1"},
        /* aufs's own files */
        {{"a=1", ".wh..wh.plnk/ .wh..wh.plnk/1.2=x .wh..wh.aufs d/.wh..wh.orph/"}, "a=1"},
        /* the lowest layer has nothing to hide */
        {{".wh.a a=1 .wh..wh..opq"}, "a=1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct saved_image image = {0};
        for (int n = 0; n < SAVED_LAYERS_MAX && rows[i].layers[n]; n++)
            saved_add_layer(&image, rows[i].layers[n], NULL);
        struct tarball t = saved_docker(&image);
        struct opened o;
        char text[1000];
        saved_open(&t, NULL, &o);
        saved_describe(&o, text, sizeof text);
        if (strcmp(text, rows[i].want) != 0)
            fail_msg("row %d: '%s', not '%s'", (int)i, text, rows[i].want);
        opened_fini(&o);
        tarball_free(&t);
        saved_image_fini(&image);
    }
}

static void hard_links_share_an_inode_of_a_lower_layer(void **state)
{
    (void)state;
    struct saved_image image = {0};
    saved_add_layer(&image, "a=1", NULL);
    saved_add_layer(&image, "h@a", NULL);
    struct tarball t = saved_docker(&image);
    struct opened o;
    saved_open(&t, NULL, &o);
    assert_ptr_equal(opened_find(&o, "a"), opened_find(&o, "h"));
    assert_int_equal(opened_find(&o, "a")->nlink, 2);
    assert_int_equal(o.image.stats.file_count, 2);
    opened_fini(&o);
    tarball_free(&t);
    saved_image_fini(&image);
}

/* The tree depends neither on the form of the bundle nor on how the layers are packed. */
static void layers_may_be_packed_in_any_way(void **state)
{
    (void)state;
    uint64_t key = 0;
    for (size_t i = 0; i < 2 * (1 + TARBALL_FILTERS); i++) {
        const char *filter = i < 2 ? NULL : tarball_filters[i / 2 - 1];
        struct saved_image image = {0};
        saved_add_layer(&image, "a=1 d/ d/b=2", filter);
        saved_add_layer(&image, "d/.wh.b d/c=3", filter);
        struct tarball t = i % 2 ? saved_oci(&image) : saved_docker(&image);
        struct opened o;
        saved_open(&t, NULL, &o);
        opened_expect(&o, "d/c", "3", 1);
        assert_null(opened_find(&o, "d/b"));
        if (i == 0)
            key = vfs_image_header(&o.view)->tree.low;
        assert_int_equal(vfs_image_header(&o.view)->tree.low, key);
        opened_fini(&o);
        tarball_free(&t);
        saved_image_fini(&image);
    }
}

static void the_configuration_comes_along(void **state)
{
    (void)state;
    struct saved_image image = {0};
    saved_add_layer(&image, "a=1", NULL);
    struct tarball t = saved_oci(&image);
    struct image loaded;
    struct image_config config;
    struct core_diag diag;
    assert_int_equal(saved_load(&t, NULL, &loaded, &config, &diag), 0);
    assert_int_equal(config.cmd.count, 1);
    assert_string_equal(config.cmd.items[0], "/x");
    image_config_fini(&config);
    image_close(&loaded);
    tarball_free(&t);
    saved_image_fini(&image);
}

static void in_a_root_file_system_whiteouts_are_files(void **state)
{
    (void)state;
    struct saved_image image = {0};
    saved_add_layer(&image, "a=1 .wh.a .wh. .wh..wh..opq", NULL);
    struct opened o;
    char text[100];
    opened_init(&o, &image.layers[0].plain);
    saved_describe(&o, text, sizeof text);
    assert_string_equal(text, ".wh. .wh..wh..opq .wh.a a=1");
    opened_fini(&o);
    saved_image_fini(&image);
}

static void bad_layers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *last;
        struct saved_image image;
        int err;
        const char *reason;
    } rows[] = {
        {"d/.wh.", {0}, -LX_EINVAL, "member 'd/.wh.' hides nothing"},
        {".wh.a h@a", {0}, -LX_EINVAL, "'h' is a hard link to a file that no earlier member"},
        {"x", {.wrong_diff_id = ZEROS}, -LX_EINVAL, "not " ZEROS},
        {"x", {.wrong_diff_id = "sha512:00"}, -LX_EINVAL, "'rootfs.diff_ids[1]' is no sha256"},
        {"x", {.more_diff_ids = 1}, -LX_EINVAL, "names 3 layers, but there are 2"},
        {"x", {.missing_layer = 1}, -LX_ENOENT, "is missing"},
        {"x", {.missing_config = 1}, -LX_ENOENT, "is missing"},
        {"x", {.architecture = "arm64"}, -LX_EINVAL, "is for linux/arm64"},
    };
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
        struct saved_image image = rows[i / 2].image;
        saved_add_layer(&image, "a=1", NULL);
        saved_add_layer(&image, rows[i / 2].last, NULL);
        struct tarball t = i % 2 ? saved_oci(&image) : saved_docker(&image);
        struct image loaded;
        struct image_config config;
        struct core_diag diag;
        int err = saved_load(&t, NULL, &loaded, &config, &diag);
        if (err != rows[i / 2].err || !strstr(diag.text, rows[i / 2].reason) ||
            strncmp(diag.text, "test.tar: ", 10) != 0)
            fail_msg("row %d: %d: %s", (int)i / 2, err, diag.text);
        assert_null(loaded.packs[0]);
        assert_null(config.cmd.items);
        tarball_free(&t);
        saved_image_fini(&image);
    }
}

static void blobs_that_differ_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct saved_image image;
        const char *reason;
    } rows[] = {
        {{.wrong_size = 1}, "bytes, not "},
        {{.wrong_digest = ZEROS}, "is missing"},
        {{.wrong_digest = "sha256:zz"}, "'layers[0].digest' is no sha256 digest"},
        {{.wrong_config = ZEROS}, "is missing"},
        {{.wrong_config = "md5:00"}, "'config.digest' is no sha256 digest"},
        {{.config_type = "application/vnd.cncf.helm.config.v1+json"}, "no container image"},
        {{.layer_type = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"},
         "layer 1 has the type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct saved_image image = rows[i].image;
        saved_add_layer(&image, "a=1", NULL);
        struct tarball t = saved_oci(&image);
        struct image loaded;
        struct image_config config;
        struct core_diag diag;
        int err = saved_load(&t, NULL, &loaded, &config, &diag);
        if (err >= 0 || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, diag.text);
        tarball_free(&t);
        saved_image_fini(&image);
    }
}

/* Change a byte of every blob, in turn: what names it notices. */
static void damage_is_noticed(void **state)
{
    (void)state;
    struct saved_image image = {0};
    saved_add_layer(&image, "a=content", "gzip");
    saved_add_layer(&image, "b=content", NULL);
    struct tarball t = saved_oci(&image);
    int blobs = 0;
    for (size_t at = 0; at + 512 < t.size; at += 512) {
        if (memcmp(t.data + at, "blobs/sha256/", 13) != 0)
            continue;
        struct image loaded;
        struct image_config config;
        struct core_diag diag;
        char digits[65] = {0};
        memcpy(digits, t.data + at + 13, 64);
        t.data[at + 512 + 40] ^= 1;
        int err = saved_load(&t, NULL, &loaded, &config, &diag);
        t.data[at + 512 + 40] ^= 1;
        if (err != -LX_EINVAL || !strstr(diag.text, digits))
            fail_msg("blob %s: %d: %s", digits, err, diag.text);
        blobs++;
    }
    assert_int_equal(blobs, 4);
    tarball_free(&t);
    saved_image_fini(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_merge_as_specified),
        cmocka_unit_test(hard_links_share_an_inode_of_a_lower_layer),
        cmocka_unit_test(layers_may_be_packed_in_any_way),
        cmocka_unit_test(the_configuration_comes_along),
        cmocka_unit_test(in_a_root_file_system_whiteouts_are_files),
        cmocka_unit_test(bad_layers_are_refused),
        cmocka_unit_test(blobs_that_differ_are_refused),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

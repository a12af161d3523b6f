/* SPDX-License-Identifier: MIT */
/* Lists of images: both forms of bundles, what is left out, what is chosen. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "lx/errno.h"
#include "manifest.h"
#include "saved.h"

#define ADD(...) tarball_add(&t, (struct tar_member){__VA_ARGS__})

struct listed {
    struct core_source_memory source;
    struct image_bundle *bundle;
    struct image_manifests list;
    struct core_diag diag;
};

static int list(struct listed *l, const struct tarball *t)
{
    l->diag.text[0] = 0;
    core_source_memory_init(&l->source, t->data, t->size);
    assert_int_equal(image_bundle_open(&l->source.base, "test.tar", NULL, &l->diag, &l->bundle), 0);
    return image_manifests_read(l->bundle, &l->list, &l->diag);
}

static void list_fini(struct listed *l)
{
    image_manifests_fini(&l->list);
    image_bundle_free(l->bundle);
}

/* An image of one layer, told apart by its text. */
static struct saved_image one(const char *words)
{
    struct saved_image image = {0};
    saved_add_layer(&image, words, NULL);
    return image;
}

static void docker_archives_are_listed(void **state)
{
    (void)state;
    struct saved_image a = one("a=1"), b = one("b=1");
    struct tarball t = {0};
    char entries[4000];
    a.tags = "[\"alpine:3.20\",\"alpine:latest\"]";
    saved_add_docker(&t, &a, entries, 2000);
    strcat(entries, ",");
    saved_add_docker(&t, &b, entries + strlen(entries), 2000);
    ADD(.name = "repositories", .data = "{}");
    saved_end_docker(&t, entries);
    struct listed l;
    assert_int_equal(list(&l, &t), 0);
    assert_int_equal(l.list.count, 2);
    const struct image_manifest *m = &l.list.items[0];
    assert_int_equal(m->references.count, 2);
    assert_string_equal(m->references.items[1], "alpine:latest");
    assert_true(image_digest_is_valid(m->config_digest));
    assert_int_equal(m->layer_count, 1);
    assert_null(m->layers[0].digest);
    assert_null(m->layers[0].diff_id);
    assert_int_equal(m->layers[0].size, IMAGE_SIZE_UNKNOWN);
    assert_int_equal(l.list.items[1].references.count, 0);

    struct image_config config;
    assert_int_equal(image_manifest_config(l.bundle, &l.list.items[0], &config, &l.diag), 0);
    assert_true(image_digest_is_valid(m->layers[0].diff_id));
    assert_string_equal(config.os, "linux");
    image_config_fini(&config);
    list_fini(&l);
    tarball_free(&t);
    saved_image_fini(&a);
    saved_image_fini(&b);
}

/* As docker wrote it before version 25: a layer that repeats is a link to the first. */
static void repeated_layers_may_be_links(void **state)
{
    (void)state;
    struct saved_image image = one("a=1");
    saved_add_layer(&image, "a=1", NULL);
    struct tarball t = {0};
    char config[2000];
    saved_config(&image, config, sizeof config);
    ADD(.name = "c.json", .data = config);
    ADD(.name = "1/layer.tar", .data = image.layers[0].plain.data,
        .size = image.layers[0].plain.size);
    ADD(.type = '2', .name = "2/layer.tar", .link = "../1/layer.tar");
    saved_end_docker(&t, "{\"Config\":\"c.json\",\"RepoTags\":null,"
                         "\"Layers\":[\"1/layer.tar\",\"2/layer.tar\"]}");
    struct opened o;
    saved_open(&t, NULL, &o);
    opened_expect(&o, "a", "1", 1);
    opened_fini(&o);
    tarball_free(&t);
    saved_image_fini(&image);
}

static void layouts_are_listed(void **state)
{
    (void)state;
    struct saved_image a = one("a=1"), b = one("b=1");
    struct tarball t = {0};
    char entries[4000];
    a.annotations = "{\"org.opencontainers.image.ref.name\":\"3.20\","
                    "\"io.containerd.image.name\":\"docker.io/library/alpine:3.20\"}";
    saved_add_oci(&t, &a, entries, 1000);
    a.annotations = "{\"org.opencontainers.image.ref.name\":\"other\"}";
    strcat(entries, ",");
    saved_add_oci(&t, &a, entries + strlen(entries), 1000);
    strcat(entries, ",");
    saved_add_oci(&t, &b, entries + strlen(entries), 1000);
    saved_end_oci(&t, entries);
    struct listed l;
    int err = list(&l, &t);
    assert_string_equal(l.diag.text, "");
    assert_int_equal(err, 0);
    assert_int_equal(l.list.count, 2);
    const struct image_manifest *m = &l.list.items[0];
    assert_int_equal(m->references.count, 2);
    assert_string_equal(m->references.items[0], "docker.io/library/alpine:3.20");
    assert_string_equal(m->references.items[1], "other");
    assert_true(image_digest_is_valid(m->digest));
    assert_string_equal(m->layers[0].media_type, "application/vnd.oci.image.layer.v1.tar");
    assert_int_equal(m->layers[0].size, a.layers[0].plain.size);
    assert_int_equal(l.list.items[1].references.count, 0);
    list_fini(&l);
    tarball_free(&t);
    saved_image_fini(&a);
    saved_image_fini(&b);
}

static void a_bundle_of_both_forms_counts_once(void **state)
{
    (void)state;
    struct saved_image image = one("a=1");
    struct tarball t = {0};
    char docker[2000], oci[2000];
    image.tags = "[\"a:1\"]";
    saved_add_oci(&t, &image, oci, sizeof oci);
    saved_add_docker(&t, &image, docker, sizeof docker);
    struct tarball both = {0};
    saved_end_docker(&both, docker);
    tarball_bytes(&t, both.data, both.size - 1024); /* without the end */
    saved_end_oci(&t, oci);
    struct listed l;
    assert_int_equal(list(&l, &t), 0);
    assert_int_equal(l.list.count, 1);
    assert_string_equal(l.list.items[0].references.items[0], "a:1");
    list_fini(&l);
    tarball_free(&both);
    tarball_free(&t);
    saved_image_fini(&image);
}

/* Write an index of what `entries` says as a blob, and its descriptor to `entry`. */
static void add_index(struct tarball *t, const char *entries, const char *annotations, char *entry,
                      size_t size)
{
    char text[8000], digest[IMAGE_DIGEST_SIZE];
    snprintf(text, sizeof text, "{\"schemaVersion\":2,\"manifests\":[%s]}", entries);
    saved_blob(t, text, strlen(text), digest);
    snprintf(entry, size,
             "{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"%s\","
             "\"size\":%d,\"annotations\":%s}",
             digest, (int)strlen(text), annotations);
}

static void a_nested_index_stands_for_one_platform(void **state)
{
    (void)state;
    static const struct {
        const char *layer, *architecture, *platform, *annotations;
    } rows[] = {
        {"attestation=1", "amd64", "{\"os\":\"unknown\",\"architecture\":\"unknown\"}",
         "{\"vnd.docker.reference.type\":\"attestation-manifest\"}"},
        {"arm=1", "arm64", "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}",
         NULL},
        {"v3=1", "amd64", "{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v3\"}", NULL},
        {"right=1", "amd64", "{\"os\":\"linux\",\"architecture\":\"amd64\"}", NULL},
        {"windows=1", "amd64", "{\"os\":\"windows\",\"architecture\":\"amd64\"}", NULL},
        {"second=1", "amd64", "{\"os\":\"linux\",\"architecture\":\"amd64\"}", NULL},
    };
    struct tarball t = {0};
    char entries[4000] = "", entry[1000];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct saved_image image = one(rows[i].layer);
        image.architecture = rows[i].architecture;
        image.platform = rows[i].platform;
        image.annotations = rows[i].annotations;
        saved_add_oci(&t, &image, entry, sizeof entry);
        strcat(strcat(entries, i ? "," : ""), entry);
        saved_image_fini(&image);
    }
    /* An index in an index, as tools write that copy one. */
    add_index(&t, entries, "null", entry, sizeof entry);
    snprintf(entries, sizeof entries, "%s", entry);
    add_index(&t, entries, "{\"org.opencontainers.image.ref.name\":\"x:1\"}", entry, sizeof entry);
    saved_end_oci(&t, entry);
    struct listed l;
    int err = list(&l, &t);
    assert_string_equal(l.diag.text, "");
    assert_int_equal(err, 0);
    assert_int_equal(l.list.count, 1);
    assert_string_equal(l.list.items[0].references.items[0], "x:1");
    assert_int_equal(l.list.platforms.count, 2);
    assert_string_equal(l.list.platforms.items[0], "linux/arm64");
    list_fini(&l);
    struct opened o;
    saved_open(&t, "x:1", &o);
    opened_expect(&o, "right", "1", 1);
    opened_fini(&o);
    tarball_free(&t);
}

static void only_other_platforms_are_an_error(void **state)
{
    (void)state;
    struct saved_image image = one("a=1");
    image.platform = "{\"os\":\"linux\",\"architecture\":\"arm64\"}";
    struct tarball t = saved_oci(&image);
    struct listed l;
    assert_int_equal(list(&l, &t), -LX_ENOENT);
    assert_string_equal(
        l.diag.text, "test.tar: there is no image for linux/amd64, but one for linux/arm64 in it");
    list_fini(&l);
    tarball_free(&t);
    saved_image_fini(&image);
}

static void images_are_chosen_by_name(void **state)
{
    (void)state;
    struct saved_image a = one("a=1"), b = one("b=1");
    struct tarball t = {0};
    char entries[4000], digits[IMAGE_DIGEST_SIZE];
    a.tags = "[\"alpine:latest\",\"docker.io/library/old:3\"]";
    saved_add_docker(&t, &a, entries, 2000);
    strcat(entries, ",");
    saved_add_docker(&t, &b, entries + strlen(entries), 2000);
    saved_end_docker(&t, entries);
    struct listed l;
    assert_int_equal(list(&l, &t), 0);
    snprintf(digits, sizeof digits, "%s", l.list.items[1].config_digest);
    static const struct {
        const char *reference;
        int want;
    } rows[] = {
        {"alpine", 0},
        {"alpine:latest", 0},
        {"docker.io/library/alpine", 0},
        {"old:3", 0},
        {"library/alpine", -1},
        {"alpin", -1},
        {"alpine:3", -1},
        {"old", -1},
        {"", -1},
    };
    struct image_manifest *m;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int err = image_manifests_choose(&l.list, l.bundle, rows[i].reference, &m, &l.diag);
        if (err != (rows[i].want < 0 ? -LX_ENOENT : 0))
            fail_msg("%s: %d: %s", rows[i].reference, err, l.diag.text);
        assert_ptr_equal(m, rows[i].want < 0 ? NULL : &l.list.items[rows[i].want]);
    }
    assert_int_equal(image_manifests_choose(&l.list, l.bundle, digits, &m, &l.diag), 0);
    digits[7 + 12] = 0;
    assert_int_equal(image_manifests_choose(&l.list, l.bundle, digits + 7, &m, &l.diag), 0);
    assert_ptr_equal(m, &l.list.items[1]);
    digits[7 + 11] = 0;
    assert_int_equal(image_manifests_choose(&l.list, l.bundle, digits + 7, &m, &l.diag),
                     -LX_ENOENT);

    char want[300];
    assert_int_equal(image_manifests_choose(&l.list, l.bundle, NULL, &m, &l.diag), -LX_ENOENT);
    snprintf(want, sizeof want,
             "test.tar: there are several images in it; choose one: alpine:latest, %.12s",
             l.list.items[1].config_digest + 7);
    assert_string_equal(l.diag.text, want);
    list_fini(&l);
    tarball_free(&t);
    saved_image_fini(&a);
    saved_image_fini(&b);
}

#define LAYOUT "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"
#define DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void bad_lists_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *members[4]; /* names and contents */
        int err;
        const char *reason;
    } rows[] = {
        {{"a", "b"}, -LX_ENODATA, "'manifest.json' and 'oci-layout' are missing"},
        {{"repositories", "{}"}, -LX_ENOENT, "docker 1.9 or older"},
        {{"manifest.json", "{}"}, -LX_EINVAL, "no array of images"},
        {{"manifest.json", "[]"}, -LX_ENOENT, "no image for linux/amd64 in it"},
        {{"manifest.json", "[1]"}, -LX_EINVAL, "no array of images"},
        {{"manifest.json", "["}, -LX_EINVAL, "test.tar: manifest.json: this is no JSON"},
        {{"manifest.json", "[{}]"}, -LX_EINVAL, "'[0].Config' is missing"},
        {{"manifest.json", "[{\"Config\":[]}]"}, -LX_EINVAL, "'[0].Config' is no string"},
        {{"manifest.json", "[{\"Config\":\"c\",\"RepoTags\":\"a\"}]"},
         -LX_EINVAL,
         "'[0].RepoTags' is no array"},
        {{"manifest.json", "[{\"Config\":\"c\",\"Layers\":[1]}]"},
         -LX_EINVAL,
         "'[0].Layers' is no array of strings"},
        {{"index.json", "{}"}, -LX_ENOENT, "'oci-layout' is missing"},
        {{LAYOUT}, -LX_ENOENT, "'index.json' is missing"},
        {{"oci-layout", "{}"}, -LX_EINVAL, "'imageLayoutVersion' is missing"},
        {{"oci-layout", "{\"imageLayoutVersion\":\"2.0\"}"}, -LX_EINVAL, "has version 2.0"},
        {{LAYOUT, "index.json", "[]"}, -LX_EINVAL, "this is no object"},
        {{LAYOUT, "index.json", "{}"}, -LX_EINVAL, "'manifests' is missing"},
        {{LAYOUT, "index.json", "{\"manifests\":[],\"layers\":[]}"},
         -LX_EINVAL,
         "an index and a manifest at once"},
        {{LAYOUT, "index.json", "{\"manifests\":[]}"}, -LX_ENOENT, "no image for linux/amd64"},
        {{LAYOUT, "index.json", "{\"manifests\":[1]}"}, -LX_EINVAL, "no array of objects"},
        {{LAYOUT, "index.json", "{\"manifests\":[{}]}"},
         -LX_EINVAL,
         "index.json: 'manifests[0].digest' is missing"},
        {{LAYOUT, "index.json", "{\"manifests\":[{\"digest\":\"sha256:../../x\"}]}"},
         -LX_EINVAL,
         "no sha256 digest"},
        {{LAYOUT, "index.json", "{\"manifests\":[{\"digest\":\"" DIGEST "\",\"size\":-1}]}"},
         -LX_EINVAL,
         "'manifests[0].size' is no number of bytes"},
        {{LAYOUT, "index.json", "{\"manifests\":[{\"digest\":\"" DIGEST "\"}]}"},
         -LX_ENOENT,
         "'blobs/sha256/000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tarball t = {0};
        for (int n = 0; n < 4 && rows[i].members[n]; n += 2)
            ADD(.name = rows[i].members[n], .data = rows[i].members[n + 1]);
        tarball_end(&t);
        struct listed l;
        int err = list(&l, &t);
        if (err != rows[i].err || !strstr(l.diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, l.diag.text);
        assert_null(l.list.items);
        list_fini(&l);
        tarball_free(&t);
    }
}

static void too_much_is_refused(void **state)
{
    (void)state;
    /* More layers than an image may have. */
    struct tarball t = {0};
    size_t size = 60000;
    char *text = malloc(size);
    assert_non_null(text);
    strcpy(text, "{\"Config\":\"c\",\"Layers\":[\"x\"");
    for (int i = 0; i < 512; i++)
        strcat(text, ",\"x\"");
    strcat(text, "]}");
    char *list_text = malloc(size);
    assert_non_null(list_text);
    snprintf(list_text, size, "[%s]", text);
    ADD(.name = "manifest.json", .data = list_text);
    tarball_end(&t);
    struct listed l;
    assert_int_equal(list(&l, &t), -LX_EFBIG);
    assert_non_null(strstr(l.diag.text, "513 layers"));
    list_fini(&l);
    tarball_free(&t);

    /* More images than a bundle may have. */
    strcpy(list_text, "[{\"Config\":\"c\"}");
    for (int i = 0; i < 1024; i++)
        strcat(list_text, ",{\"Config\":\"c\"}");
    strcat(list_text, "]");
    ADD(.name = "manifest.json", .data = list_text);
    tarball_end(&t);
    assert_int_equal(list(&l, &t), -LX_EFBIG);
    assert_non_null(strstr(l.diag.text, "more than 1024 images"));
    list_fini(&l);
    tarball_free(&t);
    free(list_text);
    free(text);

    /* Indexes in indexes in indexes. */
    char entry[1000], entries[1000] = "";
    for (int i = 0; i < 7; i++) {
        add_index(&t, entries, "null", entry, sizeof entry);
        strcpy(entries, entry);
    }
    saved_end_oci(&t, entry);
    assert_int_equal(list(&l, &t), -LX_EINVAL);
    assert_non_null(strstr(l.diag.text, "indexes lead to indexes without end"));
    list_fini(&l);
    tarball_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(docker_archives_are_listed),
        cmocka_unit_test(repeated_layers_may_be_links),
        cmocka_unit_test(layouts_are_listed),
        cmocka_unit_test(a_bundle_of_both_forms_counts_once),
        cmocka_unit_test(a_nested_index_stands_for_one_platform),
        cmocka_unit_test(only_other_platforms_are_an_error),
        cmocka_unit_test(images_are_chosen_by_name),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

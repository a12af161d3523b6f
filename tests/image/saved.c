/* SPDX-License-Identifier: MIT */
#include "saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle.h"
#include "layer.h"
#include "lx/stat.h"
#include "manifest.h"

#define TEXT_SIZE 4096u

static const char *either(const char *text, const char *standard)
{
    return text ? text : standard;
}

static void add_word(struct tarball *t, const char *word)
{
    char name[100] = {0};
    size_t size = strcspn(word, "=>@:");
    const char *value = word + size + 1;
    assert_true(size < sizeof name);
    memcpy(name, word, size);
    struct tar_member m = {.name = name};
    if (word[size] == '=')
        m.data = value;
    else if (word[size] == '>' || word[size] == '@')
        m.link = value;
    if (m.link)
        m.type = word[size] == '>' ? '2' : '1';
    if (size && name[size - 1] == '/') {
        m.type = '5';
        m.mode = word[size] == ':' ? (uint32_t)strtoul(value, NULL, 8) : 0;
    }
    tarball_add(t, m);
}

void saved_add_layer(struct saved_image *image, const char *words, const char *filter)
{
    assert_true(image->count < SAVED_LAYERS_MAX);
    struct saved_layer *layer = &image->layers[image->count++];
    while (*words) {
        char word[100] = {0};
        size_t size = strcspn(words, " ");
        assert_true(size < sizeof word);
        memcpy(word, words, size);
        add_word(&layer->plain, word);
        words += size + strspn(words + size, " ");
    }
    tarball_end(&layer->plain);
    if (filter)
        layer->packed = tarball_packed(&layer->plain, filter);
}

void saved_image_fini(struct saved_image *image)
{
    for (int i = 0; i < image->count; i++) {
        tarball_free(&image->layers[i].plain);
        tarball_free(&image->layers[i].packed);
    }
    image->count = 0;
}

static const struct tarball *stored(const struct saved_layer *layer)
{
    return layer->packed.data ? &layer->packed : &layer->plain;
}

void saved_digest(const void *data, size_t size, char digest[IMAGE_DIGEST_SIZE])
{
    struct image_digest d;
    image_digest_init(&d);
    image_digest_add(&d, data, size);
    image_digest_end(&d, digest);
}

void saved_blob(struct tarball *t, const void *data, size_t size, char digest[IMAGE_DIGEST_SIZE])
{
    char name[100];
    saved_digest(data, size, digest);
    snprintf(name, sizeof name, "blobs/sha256/%s", digest + 7);
    tarball_add(t, (struct tar_member){.name = name, .data = data, .size = size});
}

void saved_config(const struct saved_image *image, char *text, size_t size)
{
    int used = snprintf(text, size,
                        "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"/x\"]},"
                        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
                        either(image->architecture, "amd64"));
    for (int i = 0; i < image->count + image->more_diff_ids; i++) {
        int n = i < image->count ? i : image->count - 1;
        char digest[IMAGE_DIGEST_SIZE];
        saved_digest(image->layers[n].plain.data, image->layers[n].plain.size, digest);
        const char *id = i == image->count - 1 ? either(image->wrong_diff_id, digest) : digest;
        used += snprintf(text + used, size - (size_t)used, "%s\"%s\"", i ? "," : "", id);
    }
    used += snprintf(text + used, size - (size_t)used, "]}}");
    assert_true((size_t)used < size);
}

void saved_add_docker(struct tarball *t, const struct saved_image *image, char *entry, size_t size)
{
    char config[TEXT_SIZE], digest[IMAGE_DIGEST_SIZE], name[100];
    saved_config(image, config, sizeof config);
    saved_digest(config, strlen(config), digest);
    snprintf(name, sizeof name, "%s.json", digest + 7);
    if (!image->missing_config)
        tarball_add(t, (struct tar_member){.name = name, .data = config});
    int used = snprintf(entry, size, "{\"Config\":\"%s\",\"RepoTags\":%s,\"Layers\":[", name,
                        either(image->tags, "null"));
    for (int i = 0; i < image->count; i++) {
        const struct tarball *layer = stored(&image->layers[i]);
        saved_digest(layer->data, layer->size, digest);
        snprintf(name, sizeof name, "%s/layer.tar", digest + 7);
        if (!image->missing_layer || i + 1 < image->count)
            tarball_add(
                t, (struct tar_member){.name = name, .data = layer->data, .size = layer->size});
        used += snprintf(entry + used, size - (size_t)used, "%s\"%s\"", i ? "," : "", name);
    }
    used += snprintf(entry + used, size - (size_t)used, "]}");
    assert_true((size_t)used < size);
}

void saved_add_oci(struct tarball *t, const struct saved_image *image, char *entry, size_t size)
{
    char config[TEXT_SIZE], manifest[TEXT_SIZE], digest[IMAGE_DIGEST_SIZE];
    struct tarball lost = {0};
    saved_config(image, config, sizeof config);
    saved_blob(image->missing_config ? &lost : t, config, strlen(config), digest);
    int used = snprintf(manifest, sizeof manifest,
                        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\","
                        "\"size\":%d},\"layers\":[",
                        either(image->config_type, "application/vnd.oci.image.config.v1+json"),
                        either(image->wrong_config, digest), (int)strlen(config));
    for (int i = 0; i < image->count; i++) {
        int last = i + 1 == image->count;
        const struct tarball *layer = stored(&image->layers[i]);
        saved_blob(last && image->missing_layer ? &lost : t, layer->data, layer->size, digest);
        used += snprintf(manifest + used, sizeof manifest - (size_t)used,
                         "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d}", i ? "," : "",
                         either(image->layer_type, "application/vnd.oci.image.layer.v1.tar"),
                         last ? either(image->wrong_digest, digest) : digest,
                         (int)layer->size + (last ? image->wrong_size : 0));
    }
    used += snprintf(manifest + used, sizeof manifest - (size_t)used, "]}");
    assert_true((size_t)used < sizeof manifest);
    saved_blob(t, manifest, strlen(manifest), digest);
    used = snprintf(entry, size,
                    "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":"
                    "\"%s\",\"size\":%d,\"annotations\":%s,\"platform\":%s}",
                    digest, (int)strlen(manifest), either(image->annotations, "null"),
                    either(image->platform, "null"));
    assert_true((size_t)used < size);
    tarball_free(&lost);
}

static void add_text(struct tarball *t, const char *name, const char *before, const char *entries,
                     const char *after)
{
    char text[2 * TEXT_SIZE];
    int used = snprintf(text, sizeof text, "%s%s%s", before, entries, after);
    assert_true((size_t)used < sizeof text);
    tarball_add(t, (struct tar_member){.name = name, .data = text});
}

void saved_end_docker(struct tarball *t, const char *entries)
{
    add_text(t, "manifest.json", "[", entries, "]");
    tarball_end(t);
}

void saved_end_oci(struct tarball *t, const char *entries)
{
    add_text(t, "oci-layout", "{\"imageLayoutVersion\":\"", "1.0.0", "\"}");
    add_text(t, "index.json", "{\"schemaVersion\":2,\"manifests\":[", entries, "]}");
    tarball_end(t);
}

struct tarball saved_docker(const struct saved_image *image)
{
    struct tarball t = {0};
    char entry[TEXT_SIZE];
    saved_add_docker(&t, image, entry, sizeof entry);
    saved_end_docker(&t, entry);
    return t;
}

struct tarball saved_oci(const struct saved_image *image)
{
    struct tarball t = {0};
    char entry[TEXT_SIZE];
    saved_add_oci(&t, image, entry, sizeof entry);
    saved_end_oci(&t, entry);
    return t;
}

int saved_load(const struct tarball *t, const char *reference, struct image *out,
               struct image_config *config, struct core_diag *diag)
{
    struct core_source_memory source;
    struct image_manifests list = {0};
    struct image_load load = {0};
    diag->text[0] = 0;
    *out = (struct image){0};
    core_source_memory_init(&source, t->data, t->size);
    int err = image_bundle_open(&source.base, "test.tar", NULL, diag, &load.bundle);
    if (err == 0)
        err = image_manifests_read(load.bundle, &list, diag);
    if (err == 0)
        err = image_manifests_choose(&list, load.bundle, reference, &load.manifest, diag);
    if (err == 0)
        err = image_build_run("test.tar", NULL, image_load_fill, &load, out, diag);
    image_manifests_fini(&list);
    image_bundle_free(load.bundle);
    free(load.text);
    *config = load.config;
    return err;
}

void saved_open(const struct tarball *t, const char *reference, struct opened *o)
{
    struct image image;
    struct image_config config;
    struct core_diag diag;
    int err = saved_load(t, reference, &image, &config, &diag);
    if (err < 0)
        fail_msg("%d: %s", err, diag.text);
    image_config_fini(&config);
    opened_image(o, image);
}

struct description {
    const struct vfs_image *image;
    char *text, path[1000];
    size_t size, used;
};

static void describe(struct description *d, const struct vfs_image_inode *dir, size_t path_size);

static void describe_entry(struct description *d, const struct vfs_image_inode *inode,
                           size_t path_size)
{
    uint32_t type = inode->mode & LX_S_IFMT, mode = inode->mode & 07777;
    char value[200] = "";
    uint64_t there;
    if (type == LX_S_IFDIR)
        snprintf(value, sizeof value, mode == 0755 ? "/" : "/:%o", mode);
    else if (inode->size || type == LX_S_IFLNK)
        snprintf(value, sizeof value, "%c%.*s", type == LX_S_IFLNK ? '>' : '=', (int)inode->size,
                 type == LX_S_IFLNK ? vfs_image_target(d->image, inode)
                                    : (const char *)vfs_image_content(d->image, inode, 0, &there));
    d->used += (size_t)snprintf(d->text + d->used, d->size - d->used, "%s%.*s%s",
                                d->used ? " " : "", (int)path_size, d->path, value);
    assert_true(d->used < d->size);
    if (type == LX_S_IFDIR)
        describe(d, inode, path_size);
}

static void describe(struct description *d, const struct vfs_image_inode *dir, size_t path_size)
{
    for (uint32_t i = 0; i < dir->count; i++) {
        const char *name;
        const struct vfs_image_entry *e = vfs_image_entry(d->image, dir, i, &name);
        size_t size = path_size;
        if (size)
            d->path[size++] = '/';
        memcpy(d->path + size, name, e->name_size);
        describe_entry(d, vfs_image_inode(d->image, e->inode), size + e->name_size);
    }
}

void saved_describe(const struct opened *o, char *text, size_t size)
{
    struct description d = {.image = &o->view, .text = text, .size = size};
    text[0] = 0;
    describe(&d, opened_find(o, ""), 0);
}

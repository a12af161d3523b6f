/* SPDX-License-Identifier: MIT */
/*
 * Saving an image for other tools.  Its tree becomes one layer, which goes to a
 * temporary file first: its digest and size come before it in the archive.
 */

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "image/export.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "tar.h"
#include "writer.h"

#define COPY_SIZE (256u << 10)
#define PATH_SIZE 128u
#define HEX(digest) ((digest) + 7) /* without "sha256:" */

/* A file that is hashed as it is written. */
struct layer {
    struct image_sink sink;
    struct plat_file *file;
    struct image_digest hash;
    uint64_t size;
    char digest[IMAGE_DIGEST_SIZE];
};

struct save {
    const struct image *image;
    const char *name;
    struct core_diag *diag;
    struct layer layer;
    char *config;
    char config_digest[IMAGE_DIGEST_SIZE];
    struct image_tar tar;
};

static int no_memory(struct save *s)
{
    return core_diag_set(s->diag, -LX_ENOMEM, "no memory to save the image");
}

static int failed(struct save *s, int err)
{
    return core_diag_set(s->diag, err, "cannot write the archive: %s", core_diag_strerror(err));
}

static void digest_of(const char *text, char digest[IMAGE_DIGEST_SIZE])
{
    struct image_digest d;
    image_digest_init(&d);
    image_digest_add(&d, text, strlen(text));
    image_digest_end(&d, digest);
}

/* ---- The layer and the configuration ------------------------------------- */

static int write_layer_block(struct image_sink *sink, const void *data, uint64_t size)
{
    struct layer *l = (struct layer *)sink;
    int err = image_file_write(l->file, data, size, l->size);
    image_digest_add(&l->hash, data, size);
    l->size += size;
    return err;
}

static int make_layer(struct save *s)
{
    struct layer *l = &s->layer;
    l->sink.write = write_layer_block;
    int err = plat_file_temporary(&l->file);
    if (err < 0)
        return core_diag_set(s->diag, err, "cannot make a temporary file for the layer: %s",
                             core_diag_strerror(err));
    image_digest_init(&l->hash);
    err = image_export(s->image, &l->sink, s->diag);
    image_digest_end(&l->hash, l->digest);
    return err;
}

/* Steps of the past made layers that are no more: what they made is in this one. */
static int set_history(json_t *config)
{
    json_t *history = json_object_get(config, "history"), *step;
    size_t i;
    if (!history) {
        history = json_array();
        if (json_object_set_new(config, "history", history) < 0)
            return -1;
    }
    json_array_foreach(history, i, step)
    {
        if (json_object_set_new(step, "empty_layer", json_true()) < 0)
            return -1;
    }
    return json_array_append_new(history, json_pack("{s:s}", "created_by", "tarbox save"));
}

static int make_config(struct save *s)
{
    uint64_t size;
    const char *text = image_config_text(s->image, &size);
    json_t *config = json_loadb(text, size, 0, NULL);
    int err = config ? 0 : -1;
    if (err == 0 && !json_object_get(config, "architecture"))
        err |= json_object_set_new(config, "architecture", json_string("amd64"));
    if (err == 0 && !json_object_get(config, "os"))
        err |= json_object_set_new(config, "os", json_string("linux"));
    if (err == 0)
        err |= json_object_set_new(
            config, "rootfs",
            json_pack("{s:s, s:[s]}", "type", "layers", "diff_ids", s->layer.digest));
    if (err == 0)
        err = set_history(config);
    s->config = err == 0 ? json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(config);
    if (!s->config)
        return no_memory(s);
    digest_of(s->config, s->config_digest);
    return 0;
}

/* ---- The archive --------------------------------------------------------- */

static int add_header(struct save *s, const char *path, uint64_t size)
{
    int err = image_tar_add(
        &s->tar, &(struct image_tar_member){.path = {(const uint8_t *)path, strlen(path)},
                                            .type = '0',
                                            .mode = 0644,
                                            .size = size});
    return err < 0 ? failed(s, err) : 0;
}

static int add_data(struct save *s, const void *data, uint64_t size)
{
    int err = image_tar_data(&s->tar, data, size);
    return err < 0 ? failed(s, err) : 0;
}

static int add_text(struct save *s, const char *path, const char *text)
{
    int err = add_header(s, path, strlen(text));
    return err < 0 ? err : add_data(s, text, strlen(text));
}

/* Dumps and takes `json`. */
static int add_json(struct save *s, const char *path, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    int err = text ? add_text(s, path, text) : no_memory(s);
    free(text);
    return err;
}

static int add_layer(struct save *s, const char *path)
{
    uint8_t *buffer = malloc(COPY_SIZE);
    int err = buffer ? add_header(s, path, s->layer.size) : no_memory(s);
    for (uint64_t at = 0; err == 0 && at < s->layer.size;) {
        uint64_t part = s->layer.size - at < COPY_SIZE ? s->layer.size - at : COPY_SIZE;
        int64_t n = plat_file_pread(s->layer.file, buffer, part, at);
        if (n <= 0)
            err = failed(s, n < 0 ? (int)n : -LX_EIO);
        else
            err = add_data(s, buffer, (uint64_t)n);
        at += n > 0 ? (uint64_t)n : 0;
    }
    free(buffer);
    return err;
}

static void blob_path(char path[PATH_SIZE], const char *before, const char *digest,
                      const char *after)
{
    strcpy(path, before);
    strcat(path, HEX(digest));
    strcat(path, after);
}

static int write_docker(struct save *s)
{
    char config[PATH_SIZE], layer[PATH_SIZE];
    blob_path(config, "", s->config_digest, ".json");
    blob_path(layer, "", s->layer.digest, ".tar");
    json_t *names = s->name ? json_pack("[s]", s->name) : json_null();
    int err = add_layer(s, layer);
    if (err == 0)
        err = add_text(s, config, s->config);
    if (err < 0) {
        json_decref(names);
        return err;
    }
    return add_json(
        s, "manifest.json",
        json_pack("[{s:s, s:o, s:[s]}]", "Config", config, "RepoTags", names, "Layers", layer));
}

static json_t *descriptor(const char *type, const char *digest, uint64_t size)
{
    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
                     (json_int_t)size);
}

/* The manifest, whose text the index needs the digest of. */
static int write_manifest(struct save *s, char digest[IMAGE_DIGEST_SIZE], uint64_t *size)
{
    char path[PATH_SIZE];
    json_t *manifest = json_pack(
        "{s:i, s:s, s:o, s:[o]}", "schemaVersion", 2, "mediaType",
        "application/vnd.oci.image.manifest.v1+json", "config",
        descriptor("application/vnd.oci.image.config.v1+json", s->config_digest, strlen(s->config)),
        "layers",
        descriptor("application/vnd.oci.image.layer.v1.tar", s->layer.digest, s->layer.size));
    char *text = manifest ? json_dumps(manifest, JSON_COMPACT) : NULL;
    json_decref(manifest);
    if (!text)
        return no_memory(s);
    *size = strlen(text);
    digest_of(text, digest);
    blob_path(path, "blobs/sha256/", digest, "");
    int err = add_text(s, path, text);
    free(text);
    return err;
}

static int write_oci(struct save *s)
{
    char path[PATH_SIZE], digest[IMAGE_DIGEST_SIZE];
    uint64_t size = 0;
    int err = add_text(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    blob_path(path, "blobs/sha256/", s->layer.digest, "");
    if (err == 0)
        err = add_layer(s, path);
    blob_path(path, "blobs/sha256/", s->config_digest, "");
    if (err == 0)
        err = add_text(s, path, s->config);
    if (err == 0)
        err = write_manifest(s, digest, &size);
    if (err < 0)
        return err;
    json_t *manifest = descriptor("application/vnd.oci.image.manifest.v1+json", digest, size);
    if (manifest && s->name &&
        json_object_set_new(manifest, "annotations",
                            json_pack("{s:s}", "org.opencontainers.image.ref.name", s->name)) < 0)
        err = no_memory(s);
    json_t *index = json_pack("{s:i, s:[o]}", "schemaVersion", 2, "manifests", manifest);
    if (err == 0)
        return add_json(s, "index.json", index);
    json_decref(index);
    return err;
}

static int write_archive(struct save *s, struct image_sink *sink, enum image_save_format format)
{
    image_tar_init(&s->tar, sink);
    int err = format == IMAGE_SAVE_DOCKER ? write_docker(s) : write_oci(s);
    if (err == 0) {
        err = image_tar_end(&s->tar);
        if (err < 0)
            failed(s, err);
    }
    image_tar_fini(&s->tar);
    return err;
}

int image_save(const struct image *image, const char *name, enum image_save_format format,
               struct image_sink *sink, struct core_diag *diag)
{
    struct save *s = calloc(1, sizeof *s);
    if (!s)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to save the image");
    s->image = image;
    s->name = name;
    s->diag = diag;
    int err = make_layer(s);
    if (err == 0)
        err = make_config(s);
    if (err == 0)
        err = write_archive(s, sink, format);
    if (s->layer.file)
        plat_file_close(s->layer.file);
    free(s->config);
    free(s);
    return err;
}

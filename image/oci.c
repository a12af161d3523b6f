/* SPDX-License-Identifier: MIT */
/*
 * OCI image layouts: index.json leads to manifests, directly or through indexes that
 * have one for each platform.  All are blobs, whose digests are checked.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "list.h"
#include "lx/errno.h"
#include "manifest.h"

#define INDEX_DEPTH_MAX 4u
#define DESCRIPTORS_MAX 8192u /* looked at, all in all */
#define AGAIN "save or fetch the image again"

struct layout {
    struct image_bundle *b;
    struct image_manifests *out;
    struct core_diag *diag;
    uint32_t descriptors;
};

/* What an index or a manifest says of a blob. */
struct descriptor {
    char *media_type, *digest;
    uint64_t size;
};

/* How well a manifest's platform fits, by what the index says of it. */
enum fit { FIT_NOT, FIT_UNKNOWN, FIT_VARIANT, FIT_EXACTLY };

static void descriptor_fini(struct descriptor *d)
{
    free(d->media_type);
    free(d->digest);
    *d = (struct descriptor){0};
}

static int read_descriptor(const struct image_json *j, const json_t *object, const char *where,
                           struct descriptor *out)
{
    *out = (struct descriptor){0};
    int err = image_json_string(j, object, where, "mediaType", &out->media_type);
    if (err == 0)
        err = image_json_string(j, object, where, "digest", &out->digest);
    if (err == 0)
        err = image_json_size(j, object, where, "size", IMAGE_SIZE_UNKNOWN, &out->size);
    if (err == 0 && !out->digest)
        err = image_json_missing(j, where, "digest");
    if (err == 0 && !image_digest_is_valid(out->digest))
        err = image_json_wrong(j, where, "digest", "sha256 digest");
    if (err < 0)
        descriptor_fini(out);
    return err;
}

/* ---- Manifests ----------------------------------------------------------- */

static int read_layer(const struct image_json *j, const json_t *object, const char *where,
                      struct image_layer *out)
{
    struct descriptor d;
    if (!json_is_object(object))
        return image_json_wrong(j, "", "layers", "array of objects");
    int err = read_descriptor(j, object, where, &d);
    if (err < 0)
        return err;
    out->media_type = d.media_type;
    out->digest = d.digest;
    out->size = d.size;
    out->member = image_blob_member(d.digest);
    return out->member ? 0 : image_json_no_memory(j);
}

static int read_manifest(const struct image_json *j, struct image_manifest *m)
{
    json_t *config, *layers;
    struct descriptor d;
    int err = image_json_get(j, j->root, "", "config", JSON_OBJECT, &config);
    if (err == 0 && !config)
        err = image_json_missing(j, "", "config");
    if (err == 0)
        err = read_descriptor(j, config, "config.", &d);
    if (err < 0)
        return err;
    m->config_type = d.media_type;
    m->config_digest = d.digest;
    m->config_size = d.size;
    m->config = image_blob_member(d.digest);
    if (!m->config)
        return image_json_no_memory(j);

    err = image_json_get(j, j->root, "", "layers", JSON_ARRAY, &layers);
    if (err == 0)
        err = image_manifest_add_layers(m, j, json_array_size(layers));
    for (uint32_t i = 0; err == 0 && i < m->layer_count; i++) {
        char where[32];
        snprintf(where, sizeof where, "layers[%u].", i);
        err = read_layer(j, json_array_get(layers, i), where, &m->layers[i]);
    }
    return err;
}

/* The image that another descriptor has led to already, or NULL. */
static struct image_manifest *find_known(struct layout *l, const char *digest)
{
    for (uint32_t i = 0; i < l->out->count; i++)
        if (l->out->items[i].digest && !strcmp(l->out->items[i].digest, digest))
            return &l->out->items[i];
    return NULL;
}

static int add_reference(const struct image_json *j, struct image_manifest *m,
                         const char *reference)
{
    if (!reference)
        return 0;
    for (uint32_t i = 0; i < m->references.count; i++)
        if (!strcmp(m->references.items[i], reference))
            return 0;
    int err = image_list_add(&m->references, reference, strlen(reference));
    return err < 0 ? image_json_no_memory(j) : 0;
}

static int add_manifest(struct layout *l, const struct image_json *j, const char *digest,
                        const char *reference)
{
    struct image_manifest *m = find_known(l, digest);
    if (m)
        return add_reference(j, m, reference);
    m = image_manifests_add(l->out, j);
    if (!m)
        return -LX_EFBIG;
    m->digest = image_list_copy(digest, strlen(digest));
    if (!m->digest)
        return image_json_no_memory(j);
    int err = add_reference(j, m, reference);
    return err < 0 ? err : read_manifest(j, m);
}

/* ---- Indexes ------------------------------------------------------------- */

static int note_platform(struct layout *l, const struct image_json *j, const char *os,
                         const char *architecture)
{
    char text[100];
    int size = snprintf(text, sizeof text, "%.40s/%.40s", os, architecture);
    if (l->out->platforms.count >= 64)
        return 0;
    int err = image_list_add(&l->out->platforms, text, (size_t)size);
    image_list_sort(&l->out->platforms);
    return err < 0 ? image_json_no_memory(j) : 0;
}

/* Judge a descriptor by its platform; one that is an attestation of another fits nothing. */
static int judge(struct layout *l, const struct image_json *j, const json_t *object,
                 const char *where, enum fit *out)
{
    json_t *platform, *annotations;
    *out = FIT_NOT;
    int err = image_json_get(j, object, where, "annotations", JSON_OBJECT, &annotations);
    if (err == 0)
        err = image_json_get(j, object, where, "platform", JSON_OBJECT, &platform);
    if (err < 0 || json_object_get(annotations, "vnd.docker.reference.type"))
        return err;
    *out = FIT_UNKNOWN;
    if (!platform)
        return 0;
    char *os = NULL, *architecture = NULL, *variant = NULL;
    err = image_json_string(j, platform, where, "os", &os);
    if (err == 0)
        err = image_json_string(j, platform, where, "architecture", &architecture);
    if (err == 0)
        err = image_json_string(j, platform, where, "variant", &variant);
    if (err == 0 && os && architecture) {
        *out = variant && strcmp(variant, "v1") != 0 ? FIT_VARIANT : FIT_EXACTLY;
        if (strcmp(os, "linux") != 0 || strcmp(architecture, "amd64") != 0) {
            *out = FIT_NOT;
            err = note_platform(l, j, os, architecture);
        }
    }
    free(os);
    free(architecture);
    free(variant);
    return err;
}

/* An image's name: docker's whole one before OCI's, which may be a tag alone. */
static int read_reference(const struct image_json *j, const json_t *object, const char *where,
                          char **out)
{
    json_t *annotations;
    *out = NULL;
    int err = image_json_get(j, object, where, "annotations", JSON_OBJECT, &annotations);
    if (err == 0)
        err = image_json_string(j, annotations, where, "io.containerd.image.name", out);
    if (err == 0 && !*out)
        err = image_json_string(j, annotations, where, "org.opencontainers.image.ref.name", out);
    return err;
}

static int add_blob(struct layout *l, const struct image_json *j, const json_t *object,
                    const char *where, const char *reference, uint32_t depth);

static int read_manifests(const struct image_json *j, json_t **out)
{
    if (!json_is_object(j->root))
        return image_json_refuse(j, -LX_EINVAL, "this is no object; " AGAIN);
    int err = image_json_get(j, j->root, "", "manifests", JSON_ARRAY, out);
    if (err == 0 && *out && json_object_get(j->root, "layers"))
        err = image_json_refuse(j, -LX_EINVAL, "this is an index and a manifest at once; " AGAIN);
    return err;
}

/* Judge item `n` of an index. */
static int judge_item(struct layout *l, const struct image_json *j, const json_t *manifests,
                      size_t n, char where[40], enum fit *fit)
{
    const json_t *object = json_array_get(manifests, n);
    snprintf(where, 40, "manifests[%u].", (unsigned)n);
    if (!json_is_object(object))
        return image_json_wrong(j, "", "manifests", "array of objects");
    if (++l->descriptors > DESCRIPTORS_MAX)
        return image_json_refuse(j, -LX_EFBIG, "the bundle has more than %u images; split it",
                                 DESCRIPTORS_MAX);
    return judge(l, j, object, where, fit);
}

/* An index within the layout stands for one image: add the manifest that fits best. */
static int add_best(struct layout *l, const struct image_json *j, const json_t *manifests,
                    const char *reference, uint32_t depth)
{
    enum fit best = FIT_NOT;
    size_t chosen = 0;
    char where[40];
    int err = 0;
    if (depth == INDEX_DEPTH_MAX)
        return image_json_refuse(j, -LX_EINVAL, "indexes lead to indexes without end; " AGAIN);
    for (size_t i = 0; err == 0 && i < json_array_size(manifests); i++) {
        enum fit fit;
        err = judge_item(l, j, manifests, i, where, &fit);
        if (err == 0 && fit > best) {
            best = fit;
            chosen = i;
        }
    }
    if (err < 0 || best == FIT_NOT)
        return err;
    snprintf(where, sizeof where, "manifests[%u].", (unsigned)chosen);
    return add_blob(l, j, json_array_get(manifests, chosen), where, reference, depth + 1);
}

/* Add what a descriptor of an index names: a manifest, or an index of several. */
static int add_blob(struct layout *l, const struct image_json *j, const json_t *object,
                    const char *where, const char *reference, uint32_t depth)
{
    struct descriptor d;
    int err = read_descriptor(j, object, where, &d);
    if (err < 0)
        return err;
    struct image_blob *blob = calloc(1, sizeof *blob);
    char *member = image_blob_member(d.digest);
    json_t *manifests = NULL;
    if (!blob || !member) {
        err = image_json_no_memory(j);
    } else {
        err = image_blob_read_json(l->b, member, d.size, d.digest, blob, l->diag);
        if (err == 0)
            err = read_manifests(&blob->json, &manifests);
        if (err == 0)
            err = manifests ? add_best(l, &blob->json, manifests, reference, depth)
                            : add_manifest(l, &blob->json, d.digest, reference);
        image_blob_fini(blob);
    }
    free(member);
    free(blob);
    descriptor_fini(&d);
    return err;
}

static int add_images(struct layout *l, const struct image_json *j)
{
    json_t *manifests;
    int err = read_manifests(j, &manifests);
    if (err == 0 && !manifests)
        err = image_json_missing(j, "", "manifests");
    for (size_t i = 0; err == 0 && i < json_array_size(manifests); i++) {
        char where[40], *reference = NULL;
        enum fit fit;
        const json_t *object = json_array_get(manifests, i);
        err = judge_item(l, j, manifests, i, where, &fit);
        if (err == 0 && fit != FIT_NOT)
            err = read_reference(j, object, where, &reference);
        if (err == 0 && fit != FIT_NOT)
            err = add_blob(l, j, object, where, reference, 0);
        free(reference);
    }
    return err;
}

static int check_version(struct image_bundle *b, struct core_diag *diag)
{
    struct image_blob blob;
    char *version = NULL;
    int err = image_blob_read_json(b, "oci-layout", IMAGE_SIZE_UNKNOWN, NULL, &blob, diag);
    if (err == 0)
        err = image_json_string(&blob.json, blob.json.root, "", "imageLayoutVersion", &version);
    if (err == 0 && !version)
        err = image_json_missing(&blob.json, "", "imageLayoutVersion");
    if (err == 0 && strncmp(version, "1.", 2) != 0)
        err = image_json_refuse(&blob.json, -LX_EINVAL,
                                "the layout has version %.20s, and only 1.x is known; save the "
                                "image in the older form",
                                version);
    free(version);
    image_blob_fini(&blob);
    return err;
}

int image_oci_read(struct image_bundle *b, struct image_manifests *out, struct core_diag *diag)
{
    struct layout l = {.b = b, .out = out, .diag = diag};
    struct image_blob blob;
    int err = check_version(b, diag);
    if (err < 0)
        return err;
    err = image_blob_read_json(b, "index.json", IMAGE_SIZE_UNKNOWN, NULL, &blob, diag);
    if (err == 0)
        err = add_images(&l, &blob.json);
    image_blob_fini(&blob);
    return err;
}

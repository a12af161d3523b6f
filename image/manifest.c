/* SPDX-License-Identifier: MIT */
/* Lists of images: read, one chosen, its configuration checked. */

#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "list.h"
#include "lx/errno.h"

#define IMAGES_MAX 1024u
#define LAYERS_MAX 512u /* docker makes no more than 127 */
#define LISTED_MAX 8u
#define DIGITS_MIN 12u
#define AGAIN "save or fetch the image again"

/* ---- The list ------------------------------------------------------------ */

struct image_manifest *image_manifests_add(struct image_manifests *list, const struct image_json *j)
{
    if (list->count == IMAGES_MAX) {
        image_json_refuse(j, -LX_EFBIG, "there are more than %u images; split the bundle",
                          IMAGES_MAX);
        return NULL;
    }
    struct image_manifest *larger = realloc(list->items, (list->count + 1) * sizeof *larger);
    if (!larger) {
        image_json_no_memory(j);
        return NULL;
    }
    list->items = larger;
    larger[list->count] = (struct image_manifest){0};
    return &larger[list->count++];
}

int image_manifest_add_layers(struct image_manifest *m, const struct image_json *j, size_t count)
{
    if (count > LAYERS_MAX)
        return image_json_refuse(j, -LX_EFBIG,
                                 "an image has %u layers, over the limit of %u; squash it",
                                 (unsigned)count, LAYERS_MAX);
    if (count == 0)
        return 0;
    m->layers = calloc(count, sizeof *m->layers);
    if (!m->layers)
        return image_json_no_memory(j);
    m->layer_count = (uint32_t)count;
    return 0;
}

static void manifest_fini(struct image_manifest *m)
{
    for (uint32_t i = 0; i < m->layer_count; i++) {
        free(m->layers[i].member);
        free(m->layers[i].media_type);
        free(m->layers[i].digest);
        free(m->layers[i].diff_id);
    }
    free(m->layers);
    free(m->digest);
    free(m->config);
    free(m->config_type);
    free(m->config_digest);
    image_list_fini(&m->references);
}

void image_manifests_fini(struct image_manifests *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        manifest_fini(&list->items[i]);
    free(list->items);
    image_list_fini(&list->platforms);
    *list = (struct image_manifests){0};
}

static int read_list(struct image_bundle *b, struct image_manifests *out, struct core_diag *diag)
{
    if (image_bundle_has(b, "manifest.json"))
        return image_docker_read(b, out, diag);
    if (image_bundle_has(b, "oci-layout") || image_bundle_has(b, "index.json"))
        return image_oci_read(b, out, diag);
    if (image_bundle_has(b, "repositories"))
        return core_diag_set(diag, -LX_ENOENT,
                             "%s: 'manifest.json' is missing: the archive was saved by docker 1.9 "
                             "or older; save it again with a newer one",
                             image_bundle_name(b));
    return core_diag_set(
        diag, -LX_ENODATA,
        "%s: 'manifest.json' and 'oci-layout' are missing, so this is no container "
        "image; use tarbox import for a root file system",
        image_bundle_name(b));
}

int image_manifests_read(struct image_bundle *b, struct image_manifests *out,
                         struct core_diag *diag)
{
    *out = (struct image_manifests){0};
    int err = read_list(b, out, diag);
    if (err == 0 && out->count == 0)
        err = core_diag_set(diag, -LX_ENOENT, "%s: there is no image for linux/amd64%s%.80s in it",
                            image_bundle_name(b), out->platforms.count ? ", but one for " : "",
                            out->platforms.count ? out->platforms.items[0] : "");
    if (err < 0)
        image_manifests_fini(out);
    return err;
}

/* ---- The choice ---------------------------------------------------------- */

/* A reference without docker's default registry. */
static const char *without_registry(const char *reference)
{
    static const char *const prefixes[] = {"docker.io/library/", "docker.io/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(reference, prefixes[i], strlen(prefixes[i])))
            return reference + strlen(prefixes[i]);
    return reference;
}

/* Compare references; one that ends where the other has ":latest" is the same. */
static int same_reference(const char *a, const char *b)
{
    a = without_registry(a);
    b = without_registry(b);
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return !strcmp(a, b) || (!*a && !strcmp(b, ":latest")) || (!*b && !strcmp(a, ":latest"));
}

static int is_named(const struct image_manifest *m, const char *reference)
{
    for (uint32_t i = 0; i < m->references.count; i++)
        if (same_reference(m->references.items[i], reference))
            return 1;
    if (!strncmp(reference, "sha256:", 7))
        reference += 7;
    return m->config_digest && strlen(reference) >= DIGITS_MIN &&
           !strncmp(m->config_digest + 7, reference, strlen(reference));
}

/* Write the images' names: "a:1, b:2 and 7 more". */
static void describe(const struct image_manifests *list, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < list->count && used + 1 < size; i++) {
        const struct image_manifest *m = &list->items[i];
        const char *name = m->references.count ? m->references.items[0]
                           : m->config_digest  ? m->config_digest + 7
                                               : m->config;
        int n = i == LISTED_MAX
                    ? snprintf(text + used, size - used, " and %u more", list->count - i)
                    : snprintf(text + used, size - used, "%s%.*s", i ? ", " : "",
                               m->references.count ? 80 : (int)DIGITS_MIN, name);
        used += (size_t)n;
        if (i == LISTED_MAX)
            break;
    }
}

int image_manifests_choose(struct image_manifests *list, const struct image_bundle *b,
                           const char *reference, struct image_manifest **out,
                           struct core_diag *diag)
{
    char names[700];
    *out = NULL;
    if (!reference && list->count == 1)
        *out = &list->items[0];
    for (uint32_t i = 0; reference && !*out && i < list->count; i++)
        if (is_named(&list->items[i], reference))
            *out = &list->items[i];
    if (*out)
        return 0;
    describe(list, names, sizeof names);
    if (!reference)
        return core_diag_set(diag, -LX_ENOENT,
                             "%.200s: there are several images in it; choose one: %s",
                             image_bundle_name(b), names);
    return core_diag_set(diag, -LX_ENOENT, "%.200s: there is no image %.100s in it, only %s",
                         image_bundle_name(b), reference, names);
}

/* ---- The configuration --------------------------------------------------- */

/* What an image that is none has: an artifact of another kind, or layers nobody can read. */
static int check_types(const struct image_manifest *m, const char *label, struct core_diag *diag)
{
    if (m->config_type && strcmp(m->config_type, "application/vnd.oci.image.config.v1+json") != 0 &&
        strcmp(m->config_type, "application/vnd.docker.container.image.v1+json") != 0)
        return core_diag_set(diag, -LX_EINVAL,
                             "%s: this is no container image, but of the type %.100s", label,
                             m->config_type);
    for (uint32_t i = 0; i < m->layer_count; i++) {
        const char *type = m->layers[i].media_type;
        if (type && (!strstr(type, "tar") || strstr(type, "encrypted")))
            return core_diag_set(diag, -LX_EINVAL,
                                 "%s: layer %u has the type %.100s, which cannot be read; convert "
                                 "the image to plain layers",
                                 label, i + 1, type);
    }
    return 0;
}

static int check_platform(const struct image_config *c, const char *label, struct core_diag *diag)
{
    const char *os = c->os ? c->os : "linux";
    const char *architecture = c->architecture ? c->architecture : "amd64";
    if (!strcmp(os, "linux") && !strcmp(architecture, "amd64"))
        return 0;
    return core_diag_set(diag, -LX_EINVAL,
                         "%s: the image is for %.40s/%.40s; fetch the one for linux/amd64", label,
                         os, architecture);
}

static int note_diff_ids(struct image_manifest *m, const struct image_config *c, const char *label,
                         struct core_diag *diag)
{
    if (c->diff_ids.count != m->layer_count)
        return core_diag_set(diag, -LX_EINVAL,
                             "%s: 'rootfs.diff_ids' names %u layers, but there are %u; " AGAIN,
                             label, c->diff_ids.count, m->layer_count);
    for (uint32_t i = 0; i < m->layer_count; i++) {
        const char *id = c->diff_ids.items[i];
        if (!image_digest_is_valid(id))
            return core_diag_set(diag, -LX_EINVAL,
                                 "%s: 'rootfs.diff_ids[%u]' is no sha256 digest; " AGAIN, label, i);
        free(m->layers[i].diff_id);
        m->layers[i].diff_id = image_list_copy(id, strlen(id));
        if (!m->layers[i].diff_id)
            return core_diag_set(diag, -LX_ENOMEM, "%s: no memory to read it; close other programs",
                                 label);
    }
    return 0;
}

int image_manifest_config(struct image_bundle *b, struct image_manifest *m,
                          struct image_config *out, struct core_diag *diag)
{
    struct image_blob blob;
    *out = (struct image_config){0};
    image_blob_label(b, m->config, blob.name);
    int err = check_types(m, blob.name, diag);
    if (err < 0)
        return err;
    err = image_blob_read(b, m->config, m->config_size, m->config_digest, &blob, diag);
    if (err == 0)
        err = image_config_read(blob.data, blob.size, blob.name, out, diag);
    if (err == 0)
        err = check_platform(out, blob.name, diag);
    if (err == 0)
        err = note_diff_ids(m, out, blob.name, diag);
    image_blob_fini(&blob);
    if (err < 0)
        image_config_fini(out);
    return err;
}

/* SPDX-License-Identifier: MIT */
/* Archives that `docker save` writes, and tools that write the same: manifest.json. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "list.h"
#include "lx/errno.h"
#include "manifest.h"

#define AGAIN "save or fetch the image again"

/*
 * The digest in the name of a configuration, or NULL: "<digits>.json",
 * "blobs/sha256/<digits>" or "sha256:<digits>".
 */
static char *digest_of_name(const char *member)
{
    char digest[IMAGE_DIGEST_SIZE];
    const char *slash = strrchr(member, '/'), *name = slash ? slash + 1 : member;
    if (!strncmp(name, "sha256:", 7))
        name += 7;
    size_t size = strcspn(name, ".");
    if (size != 64 || (name[size] && strcmp(name + size, ".json") != 0))
        return NULL;
    snprintf(digest, sizeof digest, "sha256:%.64s", name);
    return image_digest_is_valid(digest) ? image_list_copy(digest, strlen(digest)) : NULL;
}

static int read_layers(const struct image_json *j, const json_t *image, const char *where,
                       struct image_manifest *m)
{
    struct image_list members = {0};
    int err = image_json_strings(j, image, where, "Layers", &members);
    if (err == 0)
        err = image_manifest_add_layers(m, j, members.count);
    for (uint32_t i = 0; err == 0 && i < members.count; i++) {
        m->layers[i].member = members.items[i];
        m->layers[i].size = IMAGE_SIZE_UNKNOWN;
        members.items[i] = NULL;
    }
    image_list_fini(&members);
    return err;
}

static int read_image(const struct image_json *j, const json_t *image, const char *where,
                      struct image_manifests *out)
{
    struct image_manifest *m = image_manifests_add(out, j);
    if (!m)
        return -LX_EFBIG;
    m->config_size = IMAGE_SIZE_UNKNOWN;
    int err = image_json_string(j, image, where, "Config", &m->config);
    if (err == 0 && !m->config)
        err = image_json_missing(j, where, "Config");
    if (err == 0)
        err = image_json_strings(j, image, where, "RepoTags", &m->references);
    if (err < 0)
        return err;
    m->config_digest = digest_of_name(m->config);
    return read_layers(j, image, where, m);
}

int image_docker_read(struct image_bundle *b, struct image_manifests *out, struct core_diag *diag)
{
    struct image_blob blob;
    int err = image_blob_read_json(b, "manifest.json", IMAGE_SIZE_UNKNOWN, NULL, &blob, diag);
    const struct image_json *j = &blob.json;
    if (err == 0 && !json_is_array(j->root))
        err = image_json_refuse(j, -LX_EINVAL, "this is no array of images; " AGAIN);
    for (size_t i = 0; err == 0 && i < json_array_size(j->root); i++) {
        char where[32];
        snprintf(where, sizeof where, "[%u].", (unsigned)i);
        const json_t *image = json_array_get(j->root, i);
        err = json_is_object(image)
                  ? read_image(j, image, where, out)
                  : image_json_refuse(j, -LX_EINVAL, "this is no array of images; " AGAIN);
    }
    image_blob_fini(&blob);
    return err;
}

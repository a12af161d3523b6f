/* SPDX-License-Identifier: MIT */
/* Blobs that are JSON: read, compared with their digest, parsed. */

#include "blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define AGAIN "save or fetch the image again"

void image_blob_label(const struct image_bundle *b, const char *member,
                      char label[IMAGE_BLOB_NAME_SIZE])
{
    snprintf(label, IMAGE_BLOB_NAME_SIZE, "%.300s: %.200s", image_bundle_name(b), member);
}

char *image_blob_member(const char *digest)
{
    static const char folder[] = "blobs/sha256/";
    const char *digits = digest + strlen("sha256:");
    size_t size = sizeof folder + strlen(digits);
    char *member = malloc(size);
    if (member)
        snprintf(member, size, "%s%s", folder, digits);
    return member;
}

int image_blob_differs(const char *label, const char *digest, const char *wanted,
                       struct core_diag *diag)
{
    return core_diag_set(
        diag, -LX_EINVAL,
        "%s: the content is not what it should be: its digest is %s, not %s; " AGAIN, label, digest,
        wanted);
}

static int check(const struct image_blob *blob, uint64_t size, const char *digest,
                 struct core_diag *diag)
{
    char found[IMAGE_DIGEST_SIZE];
    struct image_digest d;
    if (size != IMAGE_SIZE_UNKNOWN && size != blob->size)
        return core_diag_set(diag, -LX_EINVAL, "%s: the size is %llu bytes, not %llu; " AGAIN,
                             blob->name, (unsigned long long)blob->size, (unsigned long long)size);
    if (!digest)
        return 0;
    image_digest_init(&d);
    image_digest_add(&d, blob->data, blob->size);
    image_digest_end(&d, found);
    return strcmp(found, digest) ? image_blob_differs(blob->name, found, digest, diag) : 0;
}

int image_blob_read(struct image_bundle *b, const char *member, uint64_t size, const char *digest,
                    struct image_blob *out, struct core_diag *diag)
{
    *out = (struct image_blob){0};
    image_blob_label(b, member, out->name);
    int err = image_member_read(b, member, IMAGE_JSON_MAX, &out->data, &out->size, diag);
    return err < 0 ? err : check(out, size, digest, diag);
}

int image_blob_read_json(struct image_bundle *b, const char *member, uint64_t size,
                         const char *digest, struct image_blob *out, struct core_diag *diag)
{
    int err = image_blob_read(b, member, size, digest, out, diag);
    return err < 0 ? err : image_json_init(&out->json, out->data, out->size, out->name, diag);
}

void image_blob_fini(struct image_blob *blob)
{
    image_json_fini(&blob->json);
    free(blob->data);
    blob->data = NULL;
}

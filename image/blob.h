/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_BLOB_H
#define IMAGE_BLOB_H

/*
 * Blobs: members of a bundle whose size and digest are known from the text that
 * names them.  Here those that are JSON and are read as a whole; layers are streamed.
 *
 * Source   OCI image specification, "Content Descriptors", "Image Layout".
 * Threads  the caller's objects.
 * Errors   -LX_EINVAL: size or digest differ, no JSON; those of the bundle.  All
 *          with a sentence in `diag`.
 */

#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "digest.h"
#include "json.h"
#include "lx/compiler.h"

#define IMAGE_BLOB_NAME_SIZE 512u
#define IMAGE_SIZE_UNKNOWN UINT64_MAX

struct image_blob {
    char name[IMAGE_BLOB_NAME_SIZE]; /* of the bundle and the member, for messages */
    uint8_t *data;
    size_t size;
    struct image_json json;
};

/* The name of a bundle's member, for messages. */
void image_blob_label(const struct image_bundle *b, const char *member,
                      char label[IMAGE_BLOB_NAME_SIZE]);

/* Where an OCI layout keeps the blob of a valid digest; the caller's to free(), or NULL. */
char *image_blob_member(const char *digest);

/* Say that a blob's digest is not what it should be; returns -LX_EINVAL. */
int image_blob_differs(const char *label, const char *digest, const char *wanted,
                       struct core_diag *diag);

/*
 * Read a member and check it.
 *   size     IMAGE_SIZE_UNKNOWN or what it must have.
 *   digest   NULL or what it must have.
 *   out      image_blob_fini() it, also after a failure.
 */
MUST_USE int image_blob_read(struct image_bundle *b, const char *member, uint64_t size,
                             const char *digest, struct image_blob *out, struct core_diag *diag);

/* The same, and parse it. */
MUST_USE int image_blob_read_json(struct image_bundle *b, const char *member, uint64_t size,
                                  const char *digest, struct image_blob *out,
                                  struct core_diag *diag);
void image_blob_fini(struct image_blob *blob);

#endif

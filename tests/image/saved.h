/* SPDX-License-Identifier: MIT */
#ifndef TESTS_IMAGE_SAVED_H
#define TESTS_IMAGE_SAVED_H

/* Saved container images made in memory, and loaded. */

#include "digest.h"
#include "image/config.h"
#include "tarball.h"

#define SAVED_LAYERS_MAX 4

struct saved_layer {
    struct tarball plain, packed; /* packed: empty if the layer is stored as it is */
};

/* An image to be saved; fields that are NULL are left at their defaults. */
struct saved_image {
    int count;
    struct saved_layer layers[SAVED_LAYERS_MAX];
    const char *architecture;  /* "amd64" */
    const char *tags;          /* docker: JSON, "null" */
    const char *annotations;   /* OCI: JSON of the index, "null" */
    const char *platform;      /* OCI: JSON of the index, "null" */
    const char *config_type;   /* OCI: "application/vnd.oci.image.config.v1+json" */
    const char *layer_type;    /* OCI: "application/vnd.oci.image.layer.v1.tar" */
    const char *wrong_diff_id; /* in place of the last layer's */
    const char *wrong_digest;  /* OCI: in place of the last layer's */
    const char *wrong_config;  /* OCI: in place of the configuration's digest */
    int wrong_size;            /* OCI: added to the last layer's size */
    int missing_layer, missing_config;
    int more_diff_ids; /* one more than layers */
};

/*
 * Add a layer written as words: "d/" a directory, "d/:711" one of that mode,
 * "f=text" a file, "s>target" a symbolic link, "h@target" a hard link, other words
 * empty files.
 *   filter   NULL, or how it is packed.
 */
void saved_add_layer(struct saved_image *image, const char *words, const char *filter);
void saved_image_fini(struct saved_image *image);

void saved_digest(const void *data, size_t size, char digest[IMAGE_DIGEST_SIZE]);

/* Add a blob of an OCI layout to an archive. */
void saved_blob(struct tarball *t, const void *data, size_t size, char digest[IMAGE_DIGEST_SIZE]);

/* Write the configuration to `text`. */
void saved_config(const struct saved_image *image, char *text, size_t size);

/* Add the image to an archive; `entry` gets its item of manifest.json or index.json. */
void saved_add_docker(struct tarball *t, const struct saved_image *image, char *entry, size_t size);
void saved_add_oci(struct tarball *t, const struct saved_image *image, char *entry, size_t size);

/* Add the files that list what the entries say, joined by commas, and end the archive. */
void saved_end_docker(struct tarball *t, const char *entries);
void saved_end_oci(struct tarball *t, const char *entries);

/* Whole archives of one image. */
struct tarball saved_docker(const struct saved_image *image);
struct tarball saved_oci(const struct saved_image *image);

/* Load one of a bundle's images; the error's text is in `diag`. */
int saved_load(const struct tarball *t, const char *reference, struct image *out,
               struct image_config *config, struct core_diag *diag);

/* Load and open; asserts success. */
void saved_open(const struct tarball *t, const char *reference, struct opened *o);

/* The open image's tree as words, sorted; modes of directories if they are not 0755. */
void saved_describe(const struct opened *o, char *text, size_t size);

#endif

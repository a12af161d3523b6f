/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

/*
 * The images of a bundle: what they are called, and where their configuration and
 * layers are.  A bundle is what `docker save` writes (manifest.json) or an OCI image
 * layout (oci-layout, index.json); one that is both, as docker writes since 25, is
 * read as the former.
 *
 * Source   the Docker image specification 1.2, "Combined Image JSON + Filesystem
 *          Changeset Format"; OCI image specification 1.1, "Image Layout", "Image
 *          Index", "Image Manifest", "Annotations".
 * Threads  the caller's objects.
 * Errors   -LX_E*, with a sentence in `diag`: -LX_ENODATA: this is no bundle;
 *          -LX_ENOENT: something is missing, which it names; -LX_EINVAL: damaged, or made for something else than linux/amd64.
 */

#include <stdint.h>

#include "bundle.h"
#include "image/config.h"
#include "lx/compiler.h"

struct image_json;

struct image_layer {
    char *member;     /* of the bundle */
    char *media_type; /* or NULL */
    char *digest;     /* of the member as it is, or NULL: not known */
    uint64_t size;    /* IMAGE_SIZE_UNKNOWN: not known */
    char *diff_id;    /* digest of the unpacked layer; image_manifest_config() finds it out */
};

struct image_manifest {
    struct image_list references; /* "alpine:3.20", "docker.io/library/alpine:3.20", "3.20" */
    char *digest;                 /* of the manifest, or NULL */
    char *config;                 /* member */
    char *config_type;            /* media type, or NULL */
    char *config_digest;          /* NULL: not known */
    uint64_t config_size;         /* IMAGE_SIZE_UNKNOWN: not known */
    struct image_layer *layers;   /* lowest first */
    uint32_t layer_count;
};

struct image_manifests {
    struct image_manifest *items;
    uint32_t count;
    struct image_list platforms; /* of images left out: "linux/arm64", sorted */
};

/*
 * List the images for linux/amd64.
 *   out      image_manifests_fini() it; empty on failure.
 */
MUST_USE int image_manifests_read(struct image_bundle *b, struct image_manifests *out,
                                  struct core_diag *diag);
void image_manifests_fini(struct image_manifests *list);

/*
 * Choose one.
 *   reference  one of its names, with or without "docker.io/library/" and ":latest", or
 *              12 or more digits of its configuration's digest; NULL: the only one.
 *   out        within the list.
 *   returns    -LX_ENOENT: there is none of that name, or several and no name; the
 *              sentence lists what there is.
 */
MUST_USE int image_manifests_choose(struct image_manifests *list, const struct image_bundle *b,
                                    const char *reference, struct image_manifest **out,
                                    struct core_diag *diag);

/*
 * Read an image's configuration, check that it can be loaded and note its layers'
 * diff_ids.
 *   out      image_config_fini() it; empty on failure.
 */
MUST_USE int image_manifest_config(struct image_bundle *b, struct image_manifest *m,
                                   struct image_config *out, struct core_diag *diag);

/* The two forms of bundles; they append to a list. */
MUST_USE int image_docker_read(struct image_bundle *b, struct image_manifests *out,
                               struct core_diag *diag);
MUST_USE int image_oci_read(struct image_bundle *b, struct image_manifests *out,
                            struct core_diag *diag);

/* Append an empty image, which belongs to the list; NULL, and a sentence, at a limit. */
struct image_manifest *image_manifests_add(struct image_manifests *list,
                                           const struct image_json *j);

/* Make room for an image's layers; they must be in reasonable number. */
MUST_USE int image_manifest_add_layers(struct image_manifest *m, const struct image_json *j,
                                       size_t count);

#endif

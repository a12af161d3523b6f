/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_LAYER_H
#define IMAGE_LAYER_H

/*
 * The layers of a container image, merged into one tree, as they are read; the bytes
 * of each are compared with the digests that the image gives for them.
 *
 * Source   OCI image specification, "Image Layer Filesystem Changeset";
 *          docs/store-format.md.
 * Threads  the caller's, and one that reads, unpacks and hashes while the call lasts.
 * Errors   -LX_ENOENT: a layer is missing; -LX_EINVAL: one differs from its digest, or
 *          as image_import_archive() has them.  The sentence names the layer's member.
 */

#include "build.h"
#include "bundle.h"
#include "image/config.h"
#include "lx/compiler.h"
#include "manifest.h"

struct image_load {
    struct image_bundle *bundle;
    struct image_manifest *manifest;
    struct image_config config; /* filled by image_load_fill(); image_config_fini() it */
    char *text;                 /* the configuration as the image keeps it; free() it */
};

/*
 * Read an image's configuration and its layers: for image_build_run().
 *   load     a struct image_load.
 */
MUST_USE int image_load_fill(struct image_build *b, void *load);

#endif

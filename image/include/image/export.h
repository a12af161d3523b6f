/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_EXPORT_H
#define IMAGE_EXPORT_H

/*
 * Images as archives for others: the tree as a tar, or the image as docker and OCI
 * tools load it.
 *
 * Source   pax of POSIX.1-2017 with SCHILY.xattr and GNU sparse files 1.0; the Docker
 *          image specification 1.2; OCI image specification 1.1.
 * Threads  the caller's.
 * Errors   -LX_E*, with one sentence in `diag`; what sink() returned.
 */

#include <stdint.h>

#include "core/diag.h"
#include "image/image.h"
#include "lx/compiler.h"

/* Where the bytes of an archive go; returns 0 or -LX_E*. */
struct image_sink {
    int (*write)(struct image_sink *s, const void *data, uint64_t size);
};

/*
 * Write the tree as a tar, in the order of the index: an import of it gives the same
 * tree again.
 *   image    its packs are mapped.
 */
MUST_USE int image_export(const struct image *image, struct image_sink *sink,
                          struct core_diag *diag);

enum image_save_format { IMAGE_SAVE_DOCKER, IMAGE_SAVE_OCI };

/*
 * Write the image with its tree as one layer.
 *   name     in full, or NULL: it gets none.
 */
MUST_USE int image_save(const struct image *image, const char *name, enum image_save_format format,
                        struct image_sink *sink, struct core_diag *diag);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_KEPT_H
#define RUNNER_KEPT_H

/*
 * What is kept with an image from one run to the next: the patch tables of its programs, and the
 * memory images of its libraries.  Private to runner.
 *
 * Source  shim/patches.h.
 * Errors  none: what cannot be kept is made again by the next run.
 */

#include <stdint.h>

#include "shim/patches.h"

struct image;

struct kept {
    uint64_t patches_size;     /* bytes; 0: there is none */
    struct shim_images images; /* of the file with the memory images */
};

struct kept kept_now(const struct image *image);

/*
 * Keep what was made in this run, which is over.
 *   root  of the store, or NULL: where it is by default.
 *   old   what there was when the run began.
 */
void keep_patches(struct image *image, const char *root, const struct kept *old);

#endif

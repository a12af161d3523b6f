/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_USAGE_H
#define IMAGE_USAGE_H

/*
 * What images of a store share.
 *
 * Threads  the caller's objects.
 * Errors   -LX_E*, with one sentence in `diag`.
 */

#include <stdint.h>

#include "image/store.h"
#include "lx/compiler.h"

/* One image; each content and each equal directory is counted once. */
struct image_usage {
    struct vfs_image_key id;
    uint64_t size;               /* bytes of its contents */
    uint64_t shared_size;        /* of those, that another image has, too */
    uint64_t directory_count;    /* different directories */
    uint64_t shared_directories; /* of those, that another image has, too */
};

struct image_usages {
    struct image_usage *items;
    uint32_t count;
    uint64_t size;      /* bytes of the contents of all images, each once */
    uint64_t disk_size; /* bytes of all packs and indexes */
    uint64_t dead_size; /* of the packs, that no image needs */
};

/* Look at all images; one that cannot be read is left out.  image_usages_fini() the result. */
MUST_USE int image_store_usage(struct image_store *s, struct image_usages *out,
                               struct core_diag *diag);
void image_usages_fini(struct image_usages *u);

#endif

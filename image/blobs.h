/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_BLOBS_H
#define IMAGE_BLOBS_H

/*
 * The contents that a set of packs holds, found by key.
 *
 * Source   vfs/image_format.h.
 * Threads  one.
 * Errors   -LX_EIO: the pack is damaged.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/image_format.h"

/* A pack, mapped. */
struct image_blobs_pack {
    const uint8_t *data;
    uint64_t size;
    const struct vfs_pack_header *header;
    const struct vfs_pack_blob *blobs; /* sorted by key */
    const struct vfs_image_extent *extents;
    uint32_t blob_count, extent_count;
};

struct image_blobs {
    struct image_blobs_pack *packs;
    uint32_t count, capacity;
};

/* Check a mapped pack's header and tables; contents are not looked at. */
MUST_USE int image_blobs_open(struct image_blobs_pack *out, const void *data, uint64_t size);

/* The first blob with this key and size or, if none has, NULL; those that follow may be alike. */
const struct vfs_pack_blob *image_blobs_find(const struct image_blobs_pack *p,
                                             struct vfs_image_key key, uint64_t size);

/* Bytes that the pack holds of a blob, from *data on; -LX_EIO: they are not there. */
MUST_USE int64_t image_blobs_stored(const struct image_blobs_pack *p,
                                    const struct vfs_pack_blob *blob, uint64_t *data);

/* Map a pack's file and add it. */
struct plat_file;
MUST_USE int image_blobs_add(struct image_blobs *b, struct plat_file *file);
void image_blobs_fini(struct image_blobs *b);

#endif

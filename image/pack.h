/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

/*
 * Writer of a pack: contents of files, each different one once.
 *
 * A content is begun, appended to and ended; ending it finds its key and, if this
 * pack or another holds the same bytes already, takes the new ones back.  Whole
 * chunks of zeros are left out, but not of programs, which are to be mapped.
 *
 * Source   docs/store-format.md.
 * Threads  one.
 * Errors   -LX_E* of the host's file, -LX_ENOMEM; -LX_EFBIG: too many extents.
 */

#include <stdint.h>

#include "blobs.h"
#include "lx/compiler.h"
#include "vfs/image_format.h"

struct plat_file;
struct image_pack;

/* Where a content is. */
struct image_content {
    struct vfs_image_key key;
    uint64_t size;
    uint64_t data;  /* offset in its pack, or first of the index's extents */
    uint32_t count; /* extents, or 0 */
    uint32_t pack;  /* number among the packs used */
};

/*
 * Write a pack to an empty file.
 *   file     borrowed.
 *   known    contents of the store's packs, which need not be written again; NULL for a pack
 *            that is for no store.  Borrowed until image_pack_free().
 */
MUST_USE int image_pack_new(struct plat_file *file, const struct image_blobs *known,
                            struct image_pack **out);
void image_pack_free(struct image_pack *p);

/* Start a content that will have `size` bytes. */
MUST_USE int image_pack_begin(struct image_pack *p, uint64_t size);
MUST_USE int image_pack_append(struct image_pack *p, const void *data, uint64_t size);
MUST_USE int image_pack_append_zeros(struct image_pack *p, uint64_t size);

/*
 * End the content; all its bytes have been appended.
 *   shared   1 if it was there already.
 */
MUST_USE int image_pack_end(struct image_pack *p, struct image_content *out, int *shared);

/*
 * Contents of another image need not come through here: its packs are used as they are.
 *   returns  the number of a known pack among the packs used, which it joins if it is not
 *            one of them; UINT32_MAX: it is not known, or there are too many.
 */
uint32_t image_pack_use(struct image_pack *p, struct vfs_image_key id);

/* Keep extents of a content in such a pack: *first is the first one's number. */
MUST_USE int image_pack_keep_extents(struct image_pack *p, const struct vfs_image_extent *extents,
                                     uint32_t count, uint64_t *first);

/* What the index needs: the packs used, in the order of their numbers, and the extents. */
struct image_pack_use {
    struct vfs_image_pack packs[VFS_IMAGE_PACKS_MAX];
    uint32_t pack_count;
    uint32_t own; /* the number of this pack, or UINT32_MAX: it has no content */
    const struct vfs_image_extent *extents;
    uint32_t extent_count;
    uint64_t size; /* of this pack */
};

/* Write the tables and the header; `out` is valid until image_pack_free(). */
MUST_USE int image_pack_finish(struct image_pack *p, struct image_pack_use *out);

#endif

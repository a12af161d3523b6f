/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

/*
 * Writer of a pack: contents of files, each different one once.
 *
 * A content is begun, appended to and ended; ending it finds its key and, if the
 * pack holds the same bytes already, takes the new ones back.
 *
 * Source   docs/store-format.md.
 * Threads  one.
 * Errors   -LX_E* of the host's file, -LX_ENOMEM.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/image_format.h"

struct plat_file;
struct image_pack;

struct image_content {
    uint64_t offset, size;
    struct vfs_image_key key;
};

MUST_USE int image_pack_new(struct image_pack **out);
void image_pack_free(struct image_pack *p);

/* Start a content that will have `size` bytes. */
MUST_USE int image_pack_begin(struct image_pack *p, uint64_t size);
MUST_USE int image_pack_append(struct image_pack *p, const void *data, uint64_t size);
MUST_USE int image_pack_append_zeros(struct image_pack *p, uint64_t size);

/*
 * End the content; all its bytes have been appended.
 *   shared   1 if the pack held it already.
 */
MUST_USE int image_pack_end(struct image_pack *p, struct image_content *out, int *shared);

/*
 * Write what is buffered and let go of the file.
 *   file     owned by the caller.
 *   size     of the pack; the file may be longer.
 */
MUST_USE int image_pack_finish(struct image_pack *p, struct plat_file **file, uint64_t *size);

/* Write all of `data`; -LX_ENOSPC if the host takes less. */
MUST_USE int image_file_write(struct plat_file *f, const void *data, uint64_t size,
                              uint64_t offset);

#endif

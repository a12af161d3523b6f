/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_INDEX_H
#define IMAGE_INDEX_H

/*
 * From a finished tree to an index: inodes numbered, entries sorted, keys of
 * directories found, all written to a file.
 *
 * Source   vfs/image_format.h, docs/store-format.md.
 * Threads  one.
 * Errors   -LX_ENOMEM, those of the host's file.
 */

#include "lx/compiler.h"
#include "pack.h"
#include "tree.h"

struct plat_file;

/* An image but for its file: what the index is written from, and what is found on the way. */
struct image_draft {
    struct image_tree *tree;
    const struct image_pack_use *use;
    const char *config; /* JSON; it counts for the image's id */

    struct vfs_image_key id; /* of tree and config */
    struct vfs_image_header header;
};

/* Write the index to an empty file, which is borrowed; fills `id` and `header`. */
MUST_USE int image_index_write(struct image_draft *draft, struct plat_file *file);

#endif

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

#include "image/import.h"
#include "tree.h"

/*
 * Write the index of `tree` and fill `out`'s index, index_size, tree and stats.
 * out->pack_size is set already; out->index is NULL on failure.
 */
MUST_USE int image_index_write(struct image_tree *tree, struct image *out);

#endif

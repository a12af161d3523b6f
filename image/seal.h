/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_SEAL_H
#define IMAGE_SEAL_H

/*
 * Seals: notes beside the packs of a store that tell which file was written, or
 * verified.  As long as that file has not been touched since, its contents need not
 * be compared with their checksums again.  A seal that is missing costs no more than
 * those comparisons.
 *
 * Source   docs/store-format.md.
 * Threads  one at a time for a store.
 */

#include "image/store.h"

struct plat_stat;

/*
 * Seal a pack that is in its place; the store is locked.
 *   st       of its file when it was, or before it was found to be, as it should be.
 */
void seal_put(struct image_store *s, struct vfs_image_key pack, const struct plat_stat *st);

/* The pack is damaged; the store is locked. */
void seal_break(struct image_store *s, struct vfs_image_key pack);

/* 1 if the pack's file, which has these attributes, is as it was when it was sealed. */
int seal_is_whole(struct image_store *s, struct vfs_image_key pack, const struct plat_stat *st);

#endif

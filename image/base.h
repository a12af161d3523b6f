/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_BASE_H
#define IMAGE_BASE_H

/*
 * Building an image on another one of the store: its tree is there before anything is
 * added, and what stays of its contents is used from the packs they are in.
 *
 * Threads  one.
 * Errors   -LX_E*, with a sentence in `diag`.
 */

#include "build.h"
#include "image/image.h"
#include "lx/compiler.h"

/*
 * Fill the tree, which is empty, with an image's: each node has its inode's number.
 *   base     its packs are mapped; borrowed until the image is built.
 */
MUST_USE int image_base_add(struct image_build *b, const struct image *base);

/*
 * When everything has been added: see to the contents of the base that are still named.
 * Only if an image would use too many packs are some of them written again.
 */
MUST_USE int image_base_finish(struct image_build *b, const struct image *base);

#endif

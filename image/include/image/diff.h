/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_DIFF_H
#define IMAGE_DIFF_H

/*
 * What is in one image and not, or otherwise, in another.
 *
 * Source   docker diff.
 * Threads  any.
 * Errors   -LX_ENOMEM; -LX_EIO: one is damaged.
 */

#include "image/image.h"
#include "lx/compiler.h"

enum image_difference { IMAGE_ADDED = 'A', IMAGE_CHANGED = 'C', IMAGE_DELETED = 'D' };

/*
 * Call `each` for every path that differs, with directories before what is in them and in the order
 * of names: what was added with all below it, what was deleted by its own path alone.
 *   each     returns 0 to go on, else what is returned.
 */
MUST_USE int image_diff(const struct image *before, const struct image *after,
                        int (*each)(void *arg, enum image_difference what, const char *path),
                        void *arg);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_PARTS_H
#define IMAGE_PARTS_H

/*
 * Parts of an open image, for those that write them elsewhere.
 *
 * Threads  any.
 * Errors   -LX_EIO: the image is damaged; -LX_ENOMEM.
 */

#include "image/export.h"
#include "lx/compiler.h"
#include "tar.h"
#include "vfs/image.h"

/*
 * The parts of a file that are not zeros, and an empty one at its end.
 *   parts    the caller's to free(); NULL: it is kept in one piece.
 */
MUST_USE int image_parts(const struct vfs_image *image, const struct vfs_image_inode *inode,
                         struct image_tar_part **parts, uint32_t *count);

/*
 * Write an inode, and what is below it, as a tar; see image_export().
 *   name     of the inode there, one part of a path.
 */
MUST_USE int image_export_part(const struct image *image, uint32_t inode, struct image_bytes name,
                               struct image_sink *sink, struct core_diag *diag);

#endif

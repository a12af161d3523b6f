/* SPDX-License-Identifier: MIT */
/* Where a file's bytes lie between its zeros. */

#include "parts.h"

#include <stdlib.h>

#include "lx/errno.h"

int image_parts(const struct vfs_image *image, const struct vfs_image_inode *inode,
                struct image_tar_part **parts, uint32_t *count)
{
    const struct vfs_image_extent *e;
    *parts = NULL;
    *count = 0;
    if (!inode->count)
        return 0;
    e = inode->data > UINT32_MAX
            ? NULL
            : vfs_image_section(image, VFS_IMAGE_EXTENTS, inode->data * sizeof *e,
                                (uint64_t)inode->count * sizeof *e);
    for (uint32_t i = 0; e && i < inode->count; i++) {
        if (e[i].at > inode->size || e[i].size > inode->size - e[i].at)
            e = NULL;
    }
    if (!e)
        return -LX_EIO;
    struct image_tar_part *list = malloc(((size_t)inode->count + 1) * sizeof *list);
    if (!list)
        return -LX_ENOMEM;
    for (uint32_t i = 0; i < inode->count; i++) {
        if (e[i].size)
            list[(*count)++] = (struct image_tar_part){e[i].at, e[i].size};
    }
    list[(*count)++] = (struct image_tar_part){inode->size, 0};
    *parts = list;
    return 0;
}

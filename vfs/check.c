/* SPDX-License-Identifier: MIT */
/* Checksums of an index.  Hosted: the library that computes them uses vector registers. */

#include "vfs/image.h"

#include <xxhash.h>

#include "lx/errno.h"

int vfs_image_check(const void *index, uint64_t index_size)
{
    const struct vfs_image_header *h = index;
    if (index_size < sizeof *h || h->magic != VFS_IMAGE_MAGIC || h->version != VFS_IMAGE_VERSION ||
        h->header_size != sizeof *h || h->index_size != index_size ||
        h->checksum != XXH3_64bits(h, offsetof(struct vfs_image_header, checksum)))
        return -LX_EIO;
    for (uint32_t i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        const struct vfs_image_range *s = &h->sections[i];
        if (s->offset > index_size || s->size > index_size - s->offset ||
            s->checksum != XXH3_64bits((const char *)index + s->offset, s->size))
            return -LX_EIO;
    }
    return 0;
}

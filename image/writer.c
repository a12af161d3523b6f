/* SPDX-License-Identifier: MIT */
/* Buffered writing of an index, and of the tables at the end of a pack. */

#include "writer.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "plat/plat.h"

#define BUFFER_SIZE (256u << 10)
#define SECTION_ALIGN 64u

int image_file_write(struct plat_file *f, const void *data, uint64_t size, uint64_t offset)
{
    const uint8_t *from = data;
    while (size) {
        int64_t n = plat_file_pwrite(f, from, size, offset);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -LX_ENOSPC;
        from += n;
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

int image_writer_init(struct image_writer *w, struct plat_file *file, uint64_t offset)
{
    *w = (struct image_writer){.file = file, .flushed = offset};
    w->buffer = malloc(BUFFER_SIZE);
    w->checksum = XXH3_createState();
    if (w->buffer && w->checksum) {
        XXH3_64bits_reset(w->checksum);
        return 0;
    }
    image_writer_fini(w);
    return -LX_ENOMEM;
}

void image_writer_fini(struct image_writer *w)
{
    XXH3_freeState(w->checksum);
    free(w->buffer);
    *w = (struct image_writer){0};
}

int image_writer_flush(struct image_writer *w)
{
    int err = image_file_write(w->file, w->buffer, w->used, w->flushed);
    w->flushed += w->used;
    w->used = 0;
    return err;
}

int image_writer_put(struct image_writer *w, const void *data, uint64_t size)
{
    const uint8_t *from = data;
    while (size) {
        if (w->used == BUFFER_SIZE) {
            int err = image_writer_flush(w);
            if (err < 0)
                return err;
        }
        size_t room = BUFFER_SIZE - w->used, part = size < room ? (size_t)size : room;
        XXH3_64bits_update(w->checksum, from, part);
        memcpy(w->buffer + w->used, from, part);
        w->used += part;
        from += part;
        size -= part;
    }
    return 0;
}

int image_writer_begin(struct image_writer *w, struct vfs_image_range *range)
{
    static const uint8_t zeros[SECTION_ALIGN];
    int err = image_writer_put(w, zeros, -(w->flushed + w->used) & (SECTION_ALIGN - 1));
    XXH3_64bits_reset(w->checksum);
    range->offset = w->flushed + w->used;
    return err;
}

void image_writer_end(struct image_writer *w, struct vfs_image_range *range)
{
    range->size = w->flushed + w->used - range->offset;
    range->checksum = XXH3_64bits_digest(w->checksum);
}

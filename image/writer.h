/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_WRITER_H
#define IMAGE_WRITER_H

/*
 * A file written from front to back through a buffer, in sections with checksums.
 *
 * Threads  one.
 * Errors   those of the host's file; -LX_ENOSPC if it takes less than it is given.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/image_format.h"

struct plat_file;
struct XXH3_state_s;

struct image_writer {
    struct plat_file *file;
    uint8_t *buffer;  /* the file's bytes from `flushed` on, `used` of them */
    uint64_t flushed; /* bytes of the file */
    size_t used;
    struct XXH3_state_s *checksum; /* of the section begun last */
};

/* Write to `file`, which is borrowed, from `offset` on; -LX_ENOMEM. */
MUST_USE int image_writer_init(struct image_writer *w, struct plat_file *file, uint64_t offset);
void image_writer_fini(struct image_writer *w);

MUST_USE int image_writer_put(struct image_writer *w, const void *data, uint64_t size);
MUST_USE int image_writer_flush(struct image_writer *w);

/* Begin a section, on a multiple of 64; end it, which completes `range`. */
MUST_USE int image_writer_begin(struct image_writer *w, struct vfs_image_range *range);
void image_writer_end(struct image_writer *w, struct vfs_image_range *range);

/* Write all of `data` at `offset`. */
MUST_USE int image_file_write(struct plat_file *f, const void *data, uint64_t size,
                              uint64_t offset);

#endif

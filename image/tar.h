/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_TAR_H
#define IMAGE_TAR_H

/*
 * Writer of pax archives: ustar headers, and before them a pax header with what does
 * not fit: long names and such that are no ASCII, large numbers, nanoseconds,
 * extended attributes, the parts of sparse files.
 *
 * libarchive would do, but names are bytes here, and its writer of pax drags all its
 * other formats and their libraries into the program.
 *
 * Source   POSIX.1-2017, pax; the GNU tar manual, "Storing Sparse Files", PAX 1.0;
 *          SCHILY.xattr of star(5).
 * Threads  the caller's object.
 * Errors   what the sink returns; -LX_ENOMEM.
 */

#include <stddef.h>
#include <stdint.h>

#include "image/export.h"
#include "lx/compiler.h"
#include "tree.h"

struct image_tar {
    struct image_sink *sink;
    char *records; /* of the pax header being made */
    size_t records_size, records_capacity;
    uint64_t left; /* bytes of the member's data that are to come */
    uint32_t padding;
};

/* A part of a sparse file. */
struct image_tar_part {
    uint64_t at, size;
};

struct image_tar_member {
    struct image_bytes path; /* relative; a directory's ends in a slash */
    struct image_bytes link; /* target of a link, symbolic or hard */
    char type;               /* typeflag: '0' file, '1' hard link, '2' link, '3', '4', '5', '6' */
    uint32_t mode, uid, gid, major, minor;
    int64_t mtime_ns;
    uint64_t size;                      /* of a file, holes included */
    const struct image_tar_part *parts; /* of a sparse file, else NULL */
    uint32_t part_count;
};

void image_tar_init(struct image_tar *t, struct image_sink *sink);
void image_tar_fini(struct image_tar *t);

/* Before a member: one of its extended attributes. */
MUST_USE int image_tar_xattr(struct image_tar *t, struct image_bytes name,
                             struct image_bytes value);

/* Begin a member; its data must follow, of a sparse file the parts' only. */
MUST_USE int image_tar_add(struct image_tar *t, const struct image_tar_member *m);
MUST_USE int image_tar_data(struct image_tar *t, const void *data, uint64_t size);

/* Write the archive's end. */
MUST_USE int image_tar_end(struct image_tar *t);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_HEADER_H
#define IMAGE_HEADER_H

/*
 * Names in tar headers, as the bytes they are, and access control lists.
 *
 * libarchive decides where a member starts and what it is, but passes names
 * through the C library's character set: lossless for UTF-8 on Linux, not for
 * other bytes and not on Windows.  So names are read a second time, from the bytes
 * of the header that libarchive has just parsed; and so are lists, of which it keeps no more
 * than the mode does not say, in some versions.
 *
 * Source   POSIX.1-2017, pax: ustar and pax interchange formats; the GNU tar
 *          manual, "Tar Internals"; tar(5).
 * Threads  the caller's object.
 * Errors   -LX_EFBIG: the header is longer than the window; -LX_EINVAL: a pax header is
 *          damaged, and `path` is its own name; -LX_ENOMEM.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"
#include "tree.h"

/* The last two blocks of the unpacked archive. */
struct image_window {
    struct image_bytes blocks[2]; /* older, newer */
    uint64_t end;                 /* offset in the archive of the newer one's end */
};

void image_window_add(struct image_window *w, const uint8_t *data, size_t size);

struct image_header {
    struct image_bytes path, link; /* in `memory` or `block`; link only if the member has one */
    struct image_bytes acl[2];     /* likewise: its access list and default list, as text */
    char type;                     /* typeflag of the member itself */
    uint64_t data;                 /* offset in the archive of what follows the header */

    uint8_t block[512]; /* the member's own header */
    uint8_t *memory[4]; /* bodies of the headers before it that gave those four */
};

/* Read the header, or headers, of the member that starts at `offset`. */
MUST_USE int image_header_read(struct image_header *h, const struct image_window *w,
                               uint64_t offset);
void image_header_fini(struct image_header *h);

#endif

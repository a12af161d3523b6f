/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_MEMBERS_H
#define IMAGE_MEMBERS_H

/*
 * A tar archive's members, added to an image that is being built: those of a root file
 * system, or of one layer after the other.
 *
 * Source   tar(5); docs/store-format.md.
 * Threads  the caller's, and one that reads and unpacks while a call lasts.
 * Errors   as image_import_archive().
 */

#include <stdint.h>

#include "build.h"
#include "core/source.h"
#include "lx/compiler.h"

struct image_digest;

struct image_archive {
    struct core_source *source;
    struct image_digest *digest; /* the unpacked bytes are added to it; or NULL */

    /* Added up over all archives read with this structure, for limits and progress. */
    uint64_t members, consumed, unpacked;
    uint64_t size; /* that all of them will consume, or 0 if not known */
};

/*
 * Read an archive to its end, as b->name for messages.  Whiteouts count if b->tree.layer
 * is set.
 */
MUST_USE int image_archive_read(struct image_build *b, struct image_archive *a);

#endif

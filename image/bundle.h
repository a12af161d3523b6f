/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_BUNDLE_H
#define IMAGE_BUNDLE_H

/*
 * The named files that a container image is loaded from: the members of a tar
 * archive, or the files of a folder.  Nothing is unpacked but an archive that is
 * packed as a whole or cannot be read at will, to a file that nobody sees.
 *
 * Source   the OCI image layout specification and `docker save` for what is in one.
 * Threads  one at a time, but a member may be read on another thread.
 * Errors   -LX_E*, with a sentence in `diag`.
 *
 * Names are paths with "/" within the bundle; "." and double slashes count as in
 * image_path_clean().  In an archive, links lead from member to member; of members
 * with equal names the last counts.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/source.h"
#include "image/import.h"
#include "lx/compiler.h"

struct plat_file;
struct image_bundle;

/* A member being read. */
struct image_member {
    struct core_source base;
    struct core_source *archive; /* where it lies, or NULL */
    uint64_t start, offset;      /* in the archive; how much has been read */
    struct plat_file *file;      /* in a folder */
};

/*
 * Open an archive.
 *   archive  read on other threads until the bundle is freed; borrowed.
 *   name     of the archive, for messages.
 *   limits   on unpacking it; NULL for the default ones.
 *   out      owned by the caller: image_bundle_free() it.
 *   returns  -LX_EINVAL: no tar archive, damaged or truncated; -LX_EFBIG: a limit, or
 *            too many members.
 */
MUST_USE int image_bundle_open(struct core_source *archive, const char *name,
                               const struct image_limits *limits, struct core_diag *diag,
                               struct image_bundle **out);

/* Open a folder of the host. */
MUST_USE int image_bundle_open_folder(const char *path, struct core_diag *diag,
                                      struct image_bundle **out);
void image_bundle_free(struct image_bundle *b);

/* The archive's or folder's name, for messages. */
const char *image_bundle_name(const struct image_bundle *b);

/* Whether there is a member of that name, as far as can be told. */
int image_bundle_has(struct image_bundle *b, const char *name);

/*
 * Start reading a member.
 *   out      image_member_close() it; its base.size is the member's.
 *   returns  -LX_ENOENT: there is none of that name, or it is no file.
 */
MUST_USE int image_member_open(struct image_bundle *b, const char *name, struct image_member *out,
                               struct core_diag *diag);
void image_member_close(struct image_member *m);

/*
 * Read a whole member.
 *   limit    bytes; more are -LX_EFBIG.
 *   data     the caller's to free(), with a zero behind the last byte.
 */
MUST_USE int image_member_read(struct image_bundle *b, const char *name, uint64_t limit,
                               uint8_t **data, size_t *size, struct core_diag *diag);

#endif

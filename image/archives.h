/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_ARCHIVES_H
#define IMAGE_ARCHIVES_H

/*
 * Which archives of the host were imported, and to what images.
 *
 * Source   image/store.h, docs/store-format.md.
 * Threads  one per store.
 */

#include "plat/plat.h"
#include "storage.h"

/* The image of the archive at `path`, if the file there is the one that was imported: 1, else 0. */
int archives_find_path(struct image_store *s, const char *path, const struct plat_stat *st,
                       struct vfs_image_key *id);

/* The same by its content, which is read if an archive of its size is known; notes the path. */
int archives_find_content(struct image_store *s, const char *path, struct plat_file *file,
                          const struct plat_stat *st, struct vfs_image_key *id);

/*
 * Hash an archive beside its import, on a thread of its own.
 *   file     borrowed until the end; its position is not moved.
 *   out      owned by the caller: archives_hash_end() it.
 */
struct archives_hash;
MUST_USE int archives_hash_start(struct plat_file *file, const struct plat_stat *st,
                                 struct archives_hash **out);

/* Note that the archive became image `id`; with NULL, forget about it. */
MUST_USE int archives_hash_end(struct archives_hash *h, struct image_store *s, const char *path,
                               const struct vfs_image_key *id, struct core_diag *diag);

/* The image that the note of this name is about: 1; 0 if the note is damaged. */
int archives_note_image(struct image_store *s, const char *name, struct vfs_image_key *id);

#endif

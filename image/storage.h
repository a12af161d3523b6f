/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_STORAGE_H
#define IMAGE_STORAGE_H

/*
 * The store's folder: where its files are, who may change them, and how a file
 * gets in.  Private to image.
 *
 * Source   image/store.h, docs/store-format.md.
 * Threads  one per object.
 * Errors   -LX_E*, with a sentence in `diag`.
 */

#include "blobs.h"
#include "image/store.h"

#define STORAGE_PATH 4096u

struct image_store {
    char root[STORAGE_PATH - 128]; /* absolute */
    struct plat_file *lock;
    uint32_t locked; /* how often; 0: not */
};

/* "ROOT/FOLDER/NAME" to `path` of STORAGE_PATH bytes; NAME may be empty. */
void storage_path(const struct image_store *s, const char *folder, const char *name, char *path);
void storage_pack_path(const struct image_store *s, struct vfs_image_key id, char *path);
void storage_seal_path(const struct image_store *s, struct vfs_image_key id, char *path);
void storage_image_path(const struct image_store *s, struct vfs_image_key id, char *path);
void storage_patches_path(const struct image_store *s, struct vfs_image_key id, char *path);
void storage_memory_path(const struct image_store *s, struct vfs_image_key id, char *path);

/* Give `err` a sentence about a file of the store; returns it. */
int storage_failed(int err, const char *what, const char *path, struct core_diag *diag);

/*
 * Become the one who may change the store; may be nested.  What a process that was
 * killed left in tmp/ is removed.
 *   waiting  called before a wait for another process, or NULL.
 */
MUST_USE int storage_lock(struct image_store *s, void (*waiting)(void *arg), void *arg,
                          struct core_diag *diag);

/* The same without waiting: -LX_EAGAIN, without a sentence. */
MUST_USE int storage_try_lock(struct image_store *s, struct core_diag *diag);
void storage_unlock(struct image_store *s);

/* A new file in tmp/, and its path, of STORAGE_PATH bytes. */
MUST_USE int storage_create(struct image_store *s, struct plat_file **file, char *path,
                            struct core_diag *diag);

/* Flush a file of tmp/, close it and move it to `path`; closed and removed on failure. */
MUST_USE int storage_publish(struct plat_file *file, const char *from, const char *path,
                             struct core_diag *diag);

/* Write a small file anew in one step. */
MUST_USE int storage_replace(struct image_store *s, const char *path, const void *data,
                             uint64_t size, struct core_diag *diag);

/*
 * Read a small file.
 *   out      with a zero behind its end; the caller's to free().
 *   returns  its size; -LX_ENOENT without a sentence.
 */
MUST_USE int64_t storage_read(const char *path, char **out, struct core_diag *diag);

/* Call `each` with the name of every file of a folder that ends in `suffix`. */
MUST_USE int storage_each(struct image_store *s, const char *folder, const char *suffix,
                          int (*each)(void *arg, const char *name), void *arg,
                          struct core_diag *diag);

/* Open `index`, whose ownership moves to `image` on success. */
MUST_USE int image_map_index(struct image *image, struct plat_file *index);

/* Are a section's bytes what they were? */
int image_section_is_sound(const struct image *image, enum vfs_image_section which);

/* Take all names away from an image. */
MUST_USE int names_forget(struct image_store *s, struct vfs_image_key id, struct core_diag *diag);

/* -LX_EBUSY: a container that is kept needs the image. */
MUST_USE int container_check_image(struct image_store *s, struct vfs_image_key id,
                                   struct core_diag *diag);

/* Map all packs whose tables are sound. */
MUST_USE int storage_packs(struct image_store *s, struct image_blobs *out, struct core_diag *diag);

#endif

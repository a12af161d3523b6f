/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

/*
 * An image that is open: the files that hold it, and its index in memory.
 *
 * Source   vfs/image_format.h.
 * Threads  the caller's object.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/image.h"

struct plat_file;

/* What an import did; all 0 in an image that was there already. */
struct image_stats {
    uint64_t file_count; /* directory entries that are no directories: links count each */
    uint64_t directory_count;
    uint64_t file_size;   /* bytes of all regular files of the archive */
    uint64_t shared_size; /* of those, not written because equal ones were there */
    uint64_t stored_size; /* bytes written to the disk */
};

struct image {
    struct vfs_image_key id;
    struct plat_file *index; /* an image of the store is not removed while this is open */
    struct plat_file *packs[VFS_IMAGE_PACKS_MAX];
    struct plat_file *patches;    /* what image_store_keep_patches() kept, or NULL */
    struct plat_file *memory;     /* see image_store_begin_memory(), or NULL */
    struct vfs_image_key kept_id; /* the image in whose name both are kept: itself, as a rule */
    int is_stored;                /* it lies in a store */
    struct vfs_image view;        /* the index, and after image_map_packs() its packs */
    struct image_stats stats;
};

/* How to run it, as canonical JSON: `size` bytes, not terminated. */
const char *image_config_text(const struct image *image, uint64_t *size);

/* A path of inode number `inode`, for a message; slow. */
void image_path(const struct image *image, uint32_t inode, char *out, size_t size);

/* Map its packs if they are not, so that contents can be read; -LX_EIO: one is damaged. */
MUST_USE int image_map_packs(struct image *image);

/* Close the image's files; an image that is all zeros is closed. */
void image_close(struct image *image);

/* An id as 32 hexadecimal digits and a zero, and back: -LX_EINVAL. */
#define IMAGE_ID_SIZE 33
void image_id_format(struct vfs_image_key id, char text[IMAGE_ID_SIZE]);
MUST_USE int image_id_parse(const char *text, struct vfs_image_key *id);

#endif

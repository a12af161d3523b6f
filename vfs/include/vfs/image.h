/* SPDX-License-Identifier: MIT */
#ifndef VFS_IMAGE_H
#define VFS_IMAGE_H

/*
 * Images, read in place: their index and packs are mapped read-only, at addresses
 * of each process's own.
 *
 * Opening checks the header and the bounds of the sections; what the sections hold
 * is not trusted: an index or offset out of bounds is NULL or -LX_EIO, never a
 * crash, and vfs_image_check() compares a content with its checksum.
 *
 * Source   vfs/image_format.h.
 * Threads  any; an open image is constant.
 * Errors   -LX_EIO: the image is damaged; -LX_ENOENT.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/image_format.h"

struct vfs_image_map {
    const uint8_t *data;
    uint64_t size;
};

struct vfs_image {
    struct vfs_image_map index;
    struct vfs_image_map packs[VFS_IMAGE_PACKS_MAX];
    uint32_t pack_count;
    uint32_t whole_packs; /* a bit each: known to be as it was written, see image/seal.h */
};

/*
 * Open an index.  Its packs, which vfs_image_pack() names, are not open yet.
 *   index    borrowed until the last use of `out`; aligned to 8.
 */
MUST_USE int vfs_image_open(struct vfs_image *out, struct vfs_image_map index);

/* Add the next pack, in the order of the index; borrowed likewise. */
MUST_USE int vfs_image_open_pack(struct vfs_image *image, struct vfs_image_map pack);

/* Make it the image that this process's container stands on; before vfs_init(), once. */
void vfs_image_attach(const struct vfs_image *image);

/* The attached image. */
const struct vfs_image *vfs_image_attached(void);

static inline const struct vfs_image_header *vfs_image_header(const struct vfs_image *image)
{
    return (const struct vfs_image_header *)(const void *)image->index.data;
}

/* Bytes [offset, offset + size) of a section, or NULL. */
const void *vfs_image_section(const struct vfs_image *image, enum vfs_image_section which,
                              uint64_t offset, uint64_t size);

/* Pack number n that the index names, or NULL. */
const struct vfs_image_pack *vfs_image_pack(const struct vfs_image *image, uint32_t n);

/* Inode `i`, or NULL if there is none. */
const struct vfs_image_inode *vfs_image_inode(const struct vfs_image *image, uint32_t i);
uint32_t vfs_image_inode_count(const struct vfs_image *image);

/* The number of the entry `name` in directory `dir`, or -LX_ENOENT. */
MUST_USE int64_t vfs_image_find(const struct vfs_image *image, const struct vfs_image_inode *dir,
                                const char *name, uint32_t name_size);

/* Its inode's index, or -LX_ENOENT. */
MUST_USE int64_t vfs_image_lookup(const struct vfs_image *image, const struct vfs_image_inode *dir,
                                  const char *name, uint32_t name_size);

/* Entry `n` of a directory and its name (not terminated), or NULL. */
const struct vfs_image_entry *vfs_image_entry(const struct vfs_image *image,
                                              const struct vfs_image_inode *dir, uint32_t n,
                                              const char **name);

/* A file with this content: the index of one such inode, or -LX_ENOENT.  Looks through all. */
MUST_USE int64_t vfs_image_find_content(const struct vfs_image *image, struct vfs_image_key key);

/* A link's target (not terminated): `size` bytes, or NULL. */
const char *vfs_image_target(const struct vfs_image *image, const struct vfs_image_inode *inode);

/*
 * A file's bytes at `offset`, which lies before its end.
 *   size     how many lie together there; all the rest if there are no runs of zeros.
 *   returns  NULL: damaged.
 */
const void *vfs_image_content(const struct vfs_image *image, const struct vfs_image_inode *inode,
                              uint64_t offset, uint64_t *size);

/* Compare what the pack holds of a file with its checksums; as fast as memory is. */
MUST_USE int vfs_image_check(const struct vfs_image *image, const struct vfs_image_inode *inode);

/* Extended attribute number n, in the order they are stored; NULL after the last. */
const struct vfs_image_xattr *vfs_image_xattr(const struct vfs_image *image,
                                              const struct vfs_image_inode *inode, uint32_t n,
                                              const char **name, const void **value);

#endif

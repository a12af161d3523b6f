/* SPDX-License-Identifier: MIT */
#ifndef VFS_IMAGE_H
#define VFS_IMAGE_H

/*
 * The image that this container stands on, used in place.  Its index and pack are
 * mapped read-only, at an address of each process's own.
 *
 * Attaching checks the header and the bounds of the sections, vfs_image_check() the
 * checksums; what the sections hold is still not trusted: an index or offset out of
 * bounds is -LX_EIO, never a crash.
 *
 * Source   vfs/image_format.h.
 * Threads  vfs_image_attach() once per process, before all else; then any.
 * Errors   -LX_EIO: the image is damaged; -LX_ENOENT.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/image_format.h"

/*
 * Check an index against its own checksums, which is for whoever opens it first.
 * Hosted code, to be called before a guest runs.
 */
MUST_USE int vfs_image_check(const void *index, uint64_t index_size);

/* Use these mappings; they stay for the process's life. */
MUST_USE int vfs_image_attach(const void *index, uint64_t index_size, const void *pack,
                              uint64_t pack_size);

/* Inode `i`, or NULL if there is none. */
const struct vfs_image_inode *vfs_image_inode(uint32_t i);
uint32_t vfs_image_inode_count(void);

/* The number of the entry `name` in directory `dir`, or -LX_ENOENT. */
MUST_USE int64_t vfs_image_find(const struct vfs_image_inode *dir, const char *name,
                                uint32_t name_size);

/* Its inode's index, or -LX_ENOENT. */
MUST_USE int64_t vfs_image_lookup(const struct vfs_image_inode *dir, const char *name,
                                  uint32_t name_size);

/* Entry `n` of a directory and its name (not terminated), or NULL. */
const struct vfs_image_entry *vfs_image_entry(const struct vfs_image_inode *dir, uint32_t n,
                                              const char **name);

/* A file's contents or a link's target (not terminated): `size` bytes, or NULL. */
const void *vfs_image_data(const struct vfs_image_inode *inode);

/* Extended attribute number n, in the order they are stored; NULL after the last. */
const struct vfs_image_xattr *vfs_image_xattr(const struct vfs_image_inode *inode, uint32_t n,
                                              const char **name, const void **value);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VFS_MEMFD_H
#define VFS_MEMFD_H

/*
 * Files in memory without a place in the tree, and their seals.  Otherwise they are regular
 * files: vfs/file.h and vfs/inode.h do the rest.
 *
 * Source   memfd_create(2), fcntl(2) (file sealing).
 * Threads  any, of any process; seals and writers are guarded by the inode's lock.
 * Errors   0, else -LX_E*; out-parameters are then NULL.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_cred;
struct vfs_file;
struct vfs_inode;

#define VFS_MEMFD_NAME_MAX 249u

struct vfs_memfd {
    uint32_t seals;   /* LX_F_SEAL_* */
    uint32_t writers; /* shared mappings that are, or may become, writable */
    char name[VFS_MEMFD_NAME_MAX + 1];
};

/*
 * An empty one, open for reading and writing.
 *   name     at most VFS_MEMFD_NAME_MAX bytes; for people only.
 *   flags    LX_MFD_ALLOW_SEALING, LX_MFD_NOEXEC_SEAL.
 */
MUST_USE int vfs_memfd_new(const struct vfs_cred *cred, const char *name, uint32_t flags,
                           struct vfs_file **out);

/* F_GET_SEALS; -LX_EINVAL if it has none. */
MUST_USE int64_t vfs_memfd_seals(struct vfs_file *file);

/*
 * F_ADD_SEALS.
 *   returns  -LX_EINVAL: none of ours, or unknown seals; -LX_EPERM: sealed against it, or not
 *            open for writing; -LX_EBUSY: F_SEAL_WRITE, and there are writable mappings.
 */
MUST_USE int vfs_memfd_add_seals(struct vfs_file *file, uint32_t seals);

/*
 * A shared mapping of a file that is open for writing begins.  `wants`: it is writable now.
 *   returns  1: it may be written, and counts until vfs_memfd_unmap(); 0: it may never be;
 *            -LX_EPERM: the seals forbid what it wants.
 */
MUST_USE int vfs_memfd_map(struct vfs_file *file, int wants);

/* One more such mapping: a part of one, or a child's. */
void vfs_memfd_map_again(struct vfs_file *file);
void vfs_memfd_unmap(struct vfs_file *file);

#endif

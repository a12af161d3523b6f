/* SPDX-License-Identifier: MIT */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

/*
 * Mounts: a folder or file of the host that is seen in the container's tree.
 *
 * What is in it is the host's, at every moment: nothing is kept here but which inode
 * stands for which file.  Attributes that the host has no place for (an owner without
 * privilege; permission bits on Windows) last as long as the container.
 *
 * Source   mount(2), MS_BIND; docs/volumes.md.
 * Threads  any; a process attaches the folders before its first thread runs.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct plat_file;
struct vfs_fs;
struct vfs_inode;

#define VFS_MOUNTS_MAX 32u
#define VFS_MOUNT_READ_ONLY 0x1u

struct vfs_mount_options {
    uint32_t flags;    /* VFS_MOUNT_* */
    uint32_t uid, gid; /* what files show as whose owner is the user of the host */
};

/* Make `folder` the one of mount `number` in this process; it stays the mount's. */
void vfs_mount_attach(uint32_t number, struct plat_file *folder);

/* Nothing runs in this process for now: close its handles of open files. */
void vfs_mount_rest(void);

/*
 * Mount a folder, which was attached as `number`, on a path of the tree.
 *   name     "" for the folder itself, else the file in it that is mounted.
 *   at       absolute; directories that are missing there are made, as is the last one, or
 *            the file.
 *   returns  -LX_ENOTDIR, -LX_EISDIR: there is something else at that place; -LX_EBUSY: "/".
 */
MUST_USE int vfs_mount_folder(struct vfs_fs *fs, uint32_t number, const char *name, const char *at,
                              const struct vfs_mount_options *options);

/* What is mounted where, besides the container's root. */
struct vfs_mounted {
    const char *at;         /* in the arena */
    struct vfs_inode *root; /* what is seen there; a reference */
    uint64_t device;        /* as st_dev */
    uint32_t owner;         /* enum vfs_inode_owner: which file system it is */
    uint32_t flags;         /* VFS_MOUNT_* */
};

/* Mount number n; NULL after the last. */
const struct vfs_mounted *vfs_mount_get(uint32_t n);

#endif

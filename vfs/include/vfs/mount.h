/* SPDX-License-Identifier: MIT */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

/*
 * Mounts: file systems that are seen in the container's tree, besides its root.
 *
 * What is in a folder of the host is the host's, at every moment: nothing is kept here but
 * which inode stands for which file.  Attributes that the host has no place for (an owner
 * without privilege; permission bits on Windows) last as long as the container.  A tmpfs
 * is as the root, with nothing in it and limits of its own.
 *
 * Source   mount(2), MS_BIND; tmpfs(5); docs/volumes.md.
 * Threads  any; all is mounted, and a process attaches the folders, before its first
 *          thread runs.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct plat_file;
struct vfs_fs;
struct vfs_inode;
struct vfs_super;

#define VFS_MOUNTS_MAX 32u /* of the user's */

/* Make `folder` the one of mount `number` in this process; it stays the mount's. */
void vfs_mount_attach(uint32_t number, struct plat_file *folder);

/* Nothing runs in this process for now: close its handles of open files. */
void vfs_mount_rest(void);

struct vfs_folder_options {
    uint32_t flags;    /* VFS_MOUNT_* of vfs/super.h */
    uint32_t uid, gid; /* what files show as whose owner is the user of the host */
};

/*
 * Mount a folder, which was attached as `number`, on a path of the tree.
 *   name     "" for the folder itself, else the file in it that is mounted.
 *   at       absolute; directories that are missing there are made, as is the last one, or
 *            the file.
 *   returns  -LX_ENOTDIR, -LX_EISDIR: there is something else at that place; -LX_EBUSY: "/".
 */
MUST_USE int vfs_mount_folder(struct vfs_fs *fs, uint32_t number, const char *name, const char *at,
                              const struct vfs_folder_options *options);

struct vfs_tmpfs_options {
    uint32_t flags;     /* VFS_MOUNT_* of vfs/super.h */
    uint32_t mode;      /* permission bits of its root */
    uint32_t uid, gid;  /* of its root */
    uint64_t size;      /* bytes of contents, rounded up to pages; UINT64_MAX: no limit */
    uint64_t inodes;    /* UINT64_MAX: no limit */
    const char *source; /* what /proc/self/mounts calls it */
};

/* Mount an empty tmpfs on a path, as vfs_mount_folder(). */
MUST_USE int vfs_mount_tmpfs(struct vfs_fs *fs, const char *at,
                             const struct vfs_tmpfs_options *options);

/* Nothing of the root file system may be changed from now on. */
void vfs_mount_root_read_only(void);

/* What is mounted where. */
struct vfs_mounted {
    const char *at, *source; /* in the arena */
    const struct vfs_super *super;
    struct vfs_inode *place; /* what it covers; NULL: it is the root */
};

/* Mount number n, 0 being the root; NULL after the last. */
const struct vfs_mounted *vfs_mount_get(uint32_t n);

/* The mount of a file system, for statx(2) and mountinfo: from 1 on; 0: it is not mounted. */
uint32_t vfs_mount_id(const struct vfs_super *super);

#endif

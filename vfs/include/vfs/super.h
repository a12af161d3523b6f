/* SPDX-License-Identifier: MIT */
#ifndef VFS_SUPER_H
#define VFS_SUPER_H

/*
 * File systems: what all inodes of one share, as its super block does in Linux.  Links and
 * renames stay inside of one.  Each is mounted once (vfs/mount.h), or not at all.
 *
 * Source   statfs(2), mount(2), tmpfs(5).
 * Threads  any; one lives as long as the container.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/errno.h"

enum vfs_super_type {
    VFS_SUPER_ROOT,  /* the image and what was changed of it */
    VFS_SUPER_FILES, /* open files without a place in the tree */
    VFS_SUPER_TMPFS,
    VFS_SUPER_PROC,
    VFS_SUPER_SYS,
    VFS_SUPER_CGROUP,
    VFS_SUPER_MQUEUE,
    VFS_SUPER_DEVPTS,
    VFS_SUPER_HOST, /* a folder of the host */
    VFS_SUPER_TYPES,
};

#define VFS_MOUNT_READ_ONLY 0x1u
#define VFS_MOUNT_NOSUID 0x2u
#define VFS_MOUNT_NODEV 0x4u
#define VFS_MOUNT_NOEXEC 0x8u

struct vfs_super {
    enum vfs_super_type type; /* constant */
    uint64_t device;          /* constant: st_dev */
    _Atomic uint32_t flags;   /* VFS_MOUNT_* */
    uint64_t page_limit;      /* constant: of contents; UINT64_MAX: what all share is the limit */
    uint64_t inode_limit;     /* constant; UINT64_MAX: none */
    _Atomic uint64_t page_count, inode_count;
};

/*
 * Begin one whose memory the caller has; without limits.
 *   minor    of its device number, whose major number is 0.
 */
void vfs_super_init(struct vfs_super *super, enum vfs_super_type type, uint32_t minor);

/* 1 if programs there are not executed. */
static inline int vfs_super_is_noexec(const struct vfs_super *super)
{
    return (super->flags & VFS_MOUNT_NOEXEC) != 0;
}

/* What /proc/mounts shows of it behind the mount's own options: "", or begins with a comma. */
const char *vfs_super_options(const struct vfs_super *super);

/* Its name in mount(2). */
const char *vfs_super_name(const struct vfs_super *super);

/* -LX_EROFS if nothing may be changed there. */
static inline int vfs_super_may_write(const struct vfs_super *super)
{
    return super->flags & VFS_MOUNT_READ_ONLY ? -LX_EROFS : 0;
}

/* Count a page or an inode more, if the limit allows it: else -LX_ENOSPC. */
MUST_USE int vfs_super_take_page(struct vfs_super *super);
void vfs_super_give_page(struct vfs_super *super);
MUST_USE int vfs_super_take_inode(struct vfs_super *super);
void vfs_super_give_inode(struct vfs_super *super);

/* Count pages that are there whatever the limit says. */
void vfs_super_add_pages(struct vfs_super *super, int64_t change);

/* What statfs(2) tells. */
struct vfs_usage {
    uint32_t magic, block_size;
    /* All 0: there is no such thing. */
    uint64_t blocks, free_blocks, usable_blocks, inodes, free_inodes;
    uint32_t flags; /* VFS_MOUNT_* */
};
void vfs_super_usage(const struct vfs_super *super, struct vfs_usage *out);

#endif

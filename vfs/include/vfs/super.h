/* SPDX-License-Identifier: MIT */
#ifndef VFS_SUPER_H
#define VFS_SUPER_H

/*
 * File systems: what all inodes of one share, as its super block does in Linux.  Links and
 * renames stay inside of one.  What is mounted where is vfs/mount.h's.
 *
 * Source   statfs(2), mount(2), tmpfs(5).
 * Threads  any; one lives as long as it is mounted; one that inodes are held of then, for ever.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/errno.h"

struct vfs_inode;

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

struct vfs_super {
    enum vfs_super_type type;     /* constant */
    uint64_t device;              /* constant: st_dev */
    struct vfs_inode *root;       /* constant; a reference */
    _Atomic uint32_t read_only;   /* 1: nothing in it may be changed, whatever its mounts say */
    uint32_t is_given_read_only;  /* constant; 1: by the host's user, for a folder of his */
    _Atomic uint64_t page_limit;  /* of contents; UINT64_MAX: what all share is the limit */
    _Atomic uint64_t inode_limit; /* UINT64_MAX: none */
    _Atomic uint64_t page_count, inode_count;
    uint32_t mode, uid, gid;        /* constant: of a tmpfs, as it was told */
    uint32_t mount_count;           /* guarded by LOCK_MOUNTS: at 0 it ends */
    _Atomic uint32_t covered_count; /* mounts on its inodes */
};

/*
 * Begin one whose memory the caller has; without limits.
 *   minor    of its device number, whose major number is 0.
 */
void vfs_super_init(struct vfs_super *super, enum vfs_super_type type, uint32_t minor);

/* What /proc/mounts shows of it behind the mount's own options: "", or begins with a comma. */
const char *vfs_super_options(const struct vfs_super *super);

/* Its name in mount(2). */
const char *vfs_super_name(const struct vfs_super *super);

/* Pages that so many bytes are, as a limit; UINT64_MAX: none. */
uint64_t vfs_super_page_limit(uint64_t size);

/* The other way: its limit in bytes. */
uint64_t vfs_super_size_limit(const struct vfs_super *super);

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
};
void vfs_super_usage(const struct vfs_super *super, struct vfs_usage *out);

#endif

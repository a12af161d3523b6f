/* SPDX-License-Identifier: MIT */
#ifndef VFS_INODE_OPS_H
#define VFS_INODE_OPS_H

/*
 * What a file system other than the container's own does in its own way.  An inode in
 * the arena says whose it is (enum vfs_inode_owner); the functions are looked up in
 * this process's tables, since the arena holds no function pointers.  Private to vfs.
 *
 * Source   the calls of vfs/inode.h and vfs/tree.h that come here, under the same names.
 * Threads  any.  A function named _locked is called with LOCK_TREE held.
 * Errors   0, an amount, or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/stat.h"
#include "vfs/inode.h"
#include "vfs/path.h"
#include "vfs/tree.h"

struct vfs_place;

struct inode_ops {
    void (*end)(struct vfs_inode *inode);     /* the last reference is gone */
    void (*refresh)(struct vfs_inode *inode); /* look whether attributes have changed */
    void (*stat)(struct vfs_inode *inode, struct lx_stat *out); /* what differs, filled in after */
    uint64_t (*shown_ino)(struct vfs_inode *inode);
    /* 0: as its mode says; 1: yes; or an error.  NULL: always as its mode says. */
    int (*may)(const struct vfs_inode *inode, uint32_t want);
    int (*chmod)(struct vfs_inode *inode, uint32_t mode);
    int (*chown)(struct vfs_inode *inode, uint32_t uid, uint32_t gid);
    int (*utimes)(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns);
    int64_t (*readlink)(struct vfs_inode *inode, char *buf, uint64_t size); /* NULL: `target` */

    /* NULL, all four: there are no extended attributes */
    int64_t (*getxattr)(struct vfs_inode *inode, const char *name, void *buf, uint64_t size);
    int64_t (*listxattr)(struct vfs_inode *inode, char *buf, uint64_t size);
    int (*setxattr)(struct vfs_inode *inode, const char *name, const void *value, uint64_t size,
                    uint32_t flags);
    int (*removexattr)(struct vfs_inode *inode, const char *name);

    /*
     * Follow a link that leads to an inode, not to a path ("magic"); NULL: there are none.
     *   to       filled: references; `place`: where that was found, to be put.
     *   returns  1: it is a link like others.
     */
    int (*jump)(struct vfs_inode *link, uint32_t resolve, struct vfs_path *to,
                struct vfs_place *place);

    /* Regular files */
    int64_t (*read)(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset);
    int64_t (*write)(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset);
    int64_t (*append)(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *end);
    int (*truncate)(struct vfs_inode *inode, uint64_t size);
    int (*allocate)(struct vfs_inode *inode, uint32_t mode, uint64_t offset, uint64_t size);
    int64_t (*seek)(struct vfs_inode *inode, uint64_t offset, int hole); /* NULL: all is data */

    /* Directories */
    int (*lookup)(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out);
    int (*list)(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg);
    uint64_t (*name_locked)(struct vfs_inode *dir, char *name); /* its own; returns the length */
    int (*create)(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                  uint32_t mode, const char *target, struct vfs_inode **out);
    int (*link)(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);
    int (*remove)(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);
    int (*rename_locked)(struct vfs_inode *dir, const struct vfs_last *last,
                         struct vfs_inode *inode, struct vfs_inode *to_dir,
                         const struct vfs_last *to_last, struct vfs_inode *target, uint32_t flags);
};

extern const struct inode_ops host_ops, proc_ops, sys_ops, devpts_ops, opened_ops;

/* Of an inode that is not the container's own. */
const struct inode_ops *inode_ops(const struct vfs_inode *inode);

/* For file systems that have no such operation. */
MUST_USE int inode_keeps_mode(struct vfs_inode *inode, uint32_t mode);               /* -LX_EPERM */
MUST_USE int inode_keeps_owner(struct vfs_inode *inode, uint32_t uid, uint32_t gid); /* 0 */
MUST_USE int inode_keeps_times(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns);
MUST_USE int inode_keeps_size(struct vfs_inode *inode, uint64_t size); /* 0: nothing happens */
MUST_USE int inode_cannot_allocate(struct vfs_inode *inode, uint32_t mode, uint64_t offset,
                                   uint64_t size); /* -LX_EOPNOTSUPP */

#endif

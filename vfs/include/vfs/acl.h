/* SPDX-License-Identifier: MIT */
#ifndef VFS_ACL_H
#define VFS_ACL_H

/*
 * POSIX access control lists: permissions of more users and groups than a file's mode has, and
 * those with which a directory's new files begin.
 *
 * They are the extended attributes system.posix_acl_*, and are kept and read as those.  What an
 * access list has in common with the mode, its owner's, mask's and others' permissions, is
 * always the mode's: so the two never differ, and chmod(2) knows of no list.
 *
 * Source   acl(5), setxattr(2); fs/posix_acl.c of Linux, whose checks these are.
 * Threads  any.
 * Errors   -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_cred;
struct vfs_inode;

/* As bits, of which an inode has those whose list it has. */
enum vfs_acl {
    VFS_ACL_ACCESS = 1,
    VFS_ACL_DEFAULT = 2, /* of directories */
};

/* The list that an extended attribute is; 0: it is none. */
uint32_t vfs_acl_of(const char *name, uint64_t name_size);

/*
 * Check what claims to be a list.
 *   returns  the number of its entries, of which no list has 0; -LX_EINVAL: it is malformed;
 *            -LX_EOPNOTSUPP: it is of another version.
 */
MUST_USE int64_t vfs_acl_check(const void *value, uint64_t size);

/* 1 if a list that was checked says more than the mode of a file can; `mode` gets its bits. */
int vfs_acl_is_extended(const void *value, uint64_t size, uint32_t *mode);

/*
 * Give a file a list, in place of the one that it has.
 *   size     0: none.
 *   returns  -LX_EINVAL, -LX_EOPNOTSUPP: as vfs_acl_check(), or files of its kind have no lists;
 *            -LX_EACCES: a default list is for directories; -LX_EPERM: it is not the
 *            process's; -LX_ENOSPC.
 */
MUST_USE int vfs_acl_set(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t which,
                         const void *value, uint64_t size);

#endif

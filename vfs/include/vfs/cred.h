/* SPDX-License-Identifier: MIT */
#ifndef VFS_CRED_H
#define VFS_CRED_H

/*
 * Who accesses files: the identities and capabilities that permissions are checked
 * against, and lists of supplementary groups.
 *
 * Source   path_resolution(7), credentials(7), capabilities(7), getgroups(2).
 * Threads  any.  A list never changes, it is replaced.
 * Errors   -LX_E*.
 */

#include <stdint.h>

#include "core/lock.h"
#include "lx/capability.h"
#include "lx/compiler.h"

struct vfs_inode;

#define VFS_GROUPS_MAX 65536u /* NGROUPS_MAX */

/* Supplementary groups, ascending. */
struct vfs_groups {
    _Atomic uint32_t refs;
    uint32_t count; /* constant */
    uint32_t ids[]; /* constant */
};

/* Where a process's list is found; the lock keeps it while it is searched. */
struct vfs_group_set {
    struct core_lock lock; /* guards list */
    struct vfs_groups *list;
};

/* The capabilities that file access asks for: capabilities(7); all are below 32. */
#define VFS_CAPABILITIES                                                         \
    ((uint32_t)(LX_CAP_BIT(LX_CAP_CHOWN) | LX_CAP_BIT(LX_CAP_DAC_OVERRIDE) |     \
                LX_CAP_BIT(LX_CAP_DAC_READ_SEARCH) | LX_CAP_BIT(LX_CAP_FOWNER) | \
                LX_CAP_BIT(LX_CAP_FSETID) | LX_CAP_BIT(LX_CAP_LINUX_IMMUTABLE) | \
                LX_CAP_BIT(LX_CAP_MKNOD)))

struct vfs_cred {
    uint32_t uid, gid; /* those for file access */
    uint32_t capabilities;
    struct vfs_group_set *groups; /* or NULL: none */
};

/*
 * Make a list.
 *   ids      in any order; copied.
 *   out      a reference, or NULL for no groups.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int vfs_groups_new(const uint32_t *ids, uint32_t count, struct vfs_groups **out);
struct vfs_groups *vfs_groups_get(struct vfs_groups *groups); /* NULL is ignored */
void vfs_groups_put(struct vfs_groups *groups);               /* NULL is ignored */

static inline int vfs_has(const struct vfs_cred *cred, uint32_t capability)
{
    return (int)(cred->capabilities >> capability & 1);
}

/* 1 if the group is the process's or one of its supplementary groups. */
int vfs_in_group(const struct vfs_cred *cred, uint32_t gid);

/* May the process do this?  want: LX_R_OK, LX_W_OK, LX_X_OK; 0 or -LX_EACCES. */
MUST_USE int vfs_may(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t want);

/* 1 if the process owns the inode or is privileged. */
int vfs_owns(const struct vfs_cred *cred, struct vfs_inode *inode);

/*
 * The contents of a regular file are about to change: what gives privileges goes, set-id bits that
 * this process could not set, and capabilities.
 *   returns  -LX_ENOSPC.
 */
MUST_USE int vfs_drop_privileges(const struct vfs_cred *cred, struct vfs_inode *inode);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VFS_MOUNTS_H
#define VFS_MOUNTS_H

/*
 * The tree of mounts: each shows a directory (or a file) of a file system at a place of another
 * mount.  A place in the tree is therefore a pair, struct vfs_path: the same inode in two mounts is
 * two places.  What names mean in a directory is the inode's, so the dentry cache knows nothing of
 * mounts; an inode that something is mounted on says so, and the walk asks here.  Private to vfs.
 *
 * Source   mount_namespaces(7); fs/namespace.c of Linux 6.12.  There is one namespace.
 * Threads  any.  A function named _locked is called with LOCK_MOUNTS held, and if it says so with
 *          LOCK_TREE, which comes before.
 * Errors   0 or -LX_E*.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "core/list.h"
#include "internal.h"
#include "lx/compiler.h"
#include "vfs/mount.h"

/* What a mount covers: references. */
struct mount_spot {
    struct vfs_mount *parent; /* NULL: it is the top one, or not mounted */
    struct vfs_inode *covers; /* seen in the parent */
    struct vfs_place
        at; /* of that; nowhere: it is the parent's root, or a file that nobody knows a name of */
};

struct vfs_mount {
    _Atomic uint32_t refs;        /* one is the tree's */
    uint32_t is_counted;          /* constant; 0: the image's, in which no open is to count */
    uint32_t id;                  /* constant */
    _Atomic uint32_t flags;       /* VFS_MOUNT_* */
    _Atomic uint32_t is_expiring; /* 1: umount2(MNT_EXPIRE) has found it unused */
    struct vfs_inode *root;       /* constant; a reference */
    struct vfs_place found; /* constant: where a root that is no directory was found, if known */
    char *source;           /* constant; in the arena */

    /* Guarded by LOCK_MOUNTS. */
    uint32_t is_mounted;      /* 1: it is in the tree */
    struct core_list in_list; /* in the state's, if it is mounted; in the order of their making */
    struct mount_spot on;
    struct mount_spot was_on;  /* from when it was taken out of the tree: to be put */
    struct vfs_mount *next_on; /* on the same inode, in other mounts */
};

/*
 * A mount that is not in the tree yet.
 *   root     a reference of the mount's is taken; its file system counts it.
 *   found    NULL, or where a file was found; borrowed.
 *   out      a reference, which mount_attach() takes over.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int mount_new(struct vfs_inode *root, const struct vfs_place *found, const char *source,
                       uint32_t flags, struct vfs_mount **out);

struct vfs_mount *mount_get(struct vfs_mount *mount); /* NULL is ignored, as below */
void mount_put(struct vfs_mount *mount);

/* The same for a reference that is not the last, and was no use of it for umount2(MNT_EXPIRE). */
void mount_put_unused(struct vfs_mount *mount);

/* Where the container's file system is mounted, when there is nothing yet. */
MUST_USE int mount_top(struct vfs_inode *root);

/*
 * Prepare a place for a mount.
 *   where    borrowed; not covered itself.
 *   place    where its inode was found, as of a walk; borrowed.
 *   returns  -LX_ENOENT: it has no name any more.
 */
MUST_USE int mount_spot_at(const struct vfs_path *where, const struct vfs_place *place,
                           struct mount_spot *out);
void mount_spot_put(struct mount_spot *spot);

/*
 * Mount it there: what lies at the place is covered.
 *   mount    not mounted; the tree takes over the caller's reference.
 *   spot     moved if it goes well.
 *   returns  -LX_EINVAL: the place is in no mount of the tree; -LX_EBUSY: something was mounted
 *            there meanwhile; -LX_ENOENT: it was removed; -LX_ENOSPC: there are too many mounts.
 */
MUST_USE int mount_attach(struct vfs_mount *mount, struct mount_spot *spot);

/* The same for a place as mount_spot_at() takes it; `mount` is taken over on failure, too. */
MUST_USE int mount_graft(struct vfs_mount *mount, const struct vfs_path *where,
                         const struct vfs_place *place);

/* What is mounted there, or NULL. */
struct vfs_mount *mount_on_locked(const struct vfs_mount *mount, const struct vfs_inode *inode);

/* Step onto what is mounted on a place, and on that, if anything is. */
void mount_cross(struct vfs_path *path);

/* 1 if a mount is `top` or lies below it. */
int mount_is_below_locked(const struct vfs_mount *mount, const struct vfs_mount *top);

/*
 * A step of "..", from a mount's root to the place that it covers; LOCK_TREE is held.
 *   root     no step leads above it; NULL: there is no such place.
 *   returns  0: there is nothing above, or it came to `root`.
 */
int mount_up_locked(struct vfs_mount **mount, struct vfs_inode **inode,
                    const struct vfs_path *root);

/* Put a mount that is in no place to one: -LX_EBUSY and -LX_ENOENT as above. */
MUST_USE int mount_settle_locked(struct vfs_mount *mount, struct mount_spot *spot);

/* The same for the place of a mount that was just lifted, which cannot fail. */
void mount_return_locked(struct vfs_mount *mount, struct mount_spot *spot);

/* Take a mount from where it is; it stays in the tree, to be settled again. */
void mount_lift_locked(struct vfs_mount *mount, struct mount_spot *out);

/* Take a mount out of the tree, and put it when nothing is locked any more. */
void mount_detach_locked(struct vfs_mount *mount, struct core_list *gone);
void mount_put_all(struct core_list *gone);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VFS_PATH_H
#define VFS_PATH_H

/*
 * Path walks, and what a process brings to them: root, working directory, umask
 * and the identities that permissions are checked against.
 *
 * Source   path_resolution(7), openat2(2), credentials(7).
 * Threads  any; struct vfs_fs locks itself.
 * Errors   -LX_ENOENT, -LX_ENOTDIR, -LX_EACCES, -LX_ELOOP, -LX_ENAMETOOLONG, -LX_EXDEV
 *          (RESOLVE_*), -LX_ENOMEM.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "lx/compiler.h"
#include "vfs/cred.h"
#include "vfs/inode.h"
#include "vfs/super.h"

struct vfs_mount;

/* Somewhere in the tree: an inode as it is seen in a mount.  References to both. */
struct vfs_path {
    struct vfs_mount *mount; /* NULL: it is nowhere, as a pipe */
    struct vfs_inode *inode;
};

/* One that a process has. */
struct vfs_current {
    struct vfs_mount *_Atomic mount;
    struct vfs_inode *_Atomic inode;
};

struct vfs_fs {
    _Atomic uint32_t refs;
    struct core_lock lock; /* guards root and cwd; who takes no reference may look without it */
    struct vfs_current root, cwd;
    _Atomic uint32_t changes;    /* of the two: odd while one changes */
    struct core_list in_list;    /* of all; LOCK_FS_LIST */
    uint32_t umask;              /* own process, without a lock */
    struct vfs_cred cred;        /* own process; changed by its threads with their process's lock */
    struct vfs_group_set groups; /* cred's */
};

MUST_USE int vfs_fs_new(struct vfs_fs **out);
MUST_USE int vfs_fs_clone(struct vfs_fs *fs, struct vfs_fs **out);
struct vfs_fs *vfs_fs_get(struct vfs_fs *fs);
void vfs_fs_put(struct vfs_fs *fs); /* NULL is ignored */
void vfs_fs_set_root(struct vfs_fs *fs, const struct vfs_path *root);
void vfs_fs_set_cwd(struct vfs_fs *fs, const struct vfs_path *cwd);

/* `current` is one of fs's; out: references. */
void vfs_fs_current(struct vfs_fs *fs, const struct vfs_current *current, struct vfs_path *out);

/* Another reference to each; put: NULL is ignored, and both are NULL afterwards. */
struct vfs_path vfs_path_get(const struct vfs_path *path);
void vfs_path_put(struct vfs_path *path);

/*
 * Say who accesses files.
 *   capabilities  those of VFS_CAPABILITIES that are effective.
 *   groups        borrowed; NULL: none.
 */
void vfs_fs_set_cred(struct vfs_fs *fs, uint32_t uid, uint32_t gid, uint32_t capabilities,
                     struct vfs_groups *groups);

/* The working directory's path, with its length (without the end); -LX_ERANGE, -LX_ENOENT. */
MUST_USE int64_t vfs_fs_getcwd(struct vfs_fs *fs, char *buf, uint64_t size);

#define VFS_WALK_NOFOLLOW 0x1u   /* the last component is not followed if it is a link */
#define VFS_WALK_DIRECTORY 0x2u  /* the result must be a directory */
#define VFS_WALK_RESOLVE_SHIFT 8 /* openat2's RESOLVE_* flags, from this bit on */

/*
 * Find what a path names.
 *   from     directory for relative paths, borrowed; NULL: the working directory.
 *   out      a reference.
 */
MUST_USE int vfs_walk(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                      uint32_t flags, struct vfs_inode **out);

/* The same, and in which mount it is: references. */
MUST_USE int vfs_walk_path(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                           uint32_t flags, struct vfs_path *out);

/*
 * What stat(2) tells of what a path names.
 *   mount_id  NULL, or filled: that of the mount it is in.
 */
MUST_USE int vfs_walk_stat(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                           uint32_t flags, struct lx_stat *out, uint32_t *mount_id);

/*
 * Find the directory that holds, or is to hold, a path's last component.
 *   out      references.
 *   name     the last component, in `path`; it may be "." or "..", and is empty for "/".  It may
 *            be too long for a name, which shows when it is looked up.
 *   slashes  1 if slashes follow it: it must be a directory.
 */
struct vfs_last {
    const char *name;
    uint32_t size;
    uint32_t slashes;
};
MUST_USE int vfs_walk_parent(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                             uint32_t flags, struct vfs_path *out, struct vfs_last *last);

#endif

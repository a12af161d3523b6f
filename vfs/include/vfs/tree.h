/* SPDX-License-Identifier: MIT */
#ifndef VFS_TREE_H
#define VFS_TREE_H

/*
 * Changing and listing directories.  The checks are Linux' in Linux' order.
 *
 * Source   open(2), mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2),
 *          rename(2), getdents(2).
 * Threads  any.  A directory is changed under its own lock, renames under LOCK_TREE
 *          as well.
 * Errors   those of the man pages, as -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "vfs/path.h"

struct vfs_file;

/* An open, as openat2(2) has it. */
struct vfs_open {
    uint32_t flags;   /* LX_O_* */
    uint32_t mode;    /* permission bits for a new file, before umask */
    uint32_t resolve; /* LX_RESOLVE_* */
};

/*
 * Find or create the file that open(2) means, and check that it may be opened so.
 * Truncates it if asked.
 *   out  a reference.
 */
MUST_USE int vfs_tree_open(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                           const struct vfs_open *how, struct vfs_inode **out);

MUST_USE int vfs_tree_mkdir(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                            uint32_t mode);
MUST_USE int vfs_tree_mknod(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                            uint32_t mode, uint32_t rdev);
MUST_USE int vfs_tree_symlink(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                              const char *target);
MUST_USE int vfs_tree_unlink(struct vfs_fs *fs, const struct vfs_path *from, const char *path);
MUST_USE int vfs_tree_rmdir(struct vfs_fs *fs, const struct vfs_path *from, const char *path);

/* Give `what` the name `path`. */
MUST_USE int vfs_tree_link(struct vfs_fs *fs, const struct vfs_path *what,
                           const struct vfs_path *from, const char *path);

/* What renameat2(2) says of its flags before it looks at anything else: -LX_EINVAL. */
MUST_USE int vfs_tree_check_rename(uint32_t flags);

/* flags: LX_RENAME_*. */
MUST_USE int vfs_tree_rename(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                             const struct vfs_path *to_from, const char *to_path, uint32_t flags);

/* The child `name` of a directory, whatever is mounted on it: a reference; -LX_ENOENT. */
MUST_USE int vfs_tree_lookup(struct vfs_inode *dir, const char *name, uint32_t size,
                             struct vfs_inode **out);

/*
 * List a directory from a cookie (0: the start) on.
 *   emit     called for each entry, "." and ".." first, until it returns 0; `next` is the
 *            cookie to go on after this entry.
 */
typedef int (*vfs_emit)(void *arg, const char *name, uint32_t size, uint64_t ino, uint32_t type,
                        uint64_t next);
MUST_USE int vfs_tree_list(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg);

/* The same for an open directory, which may be one of a host folder. */
MUST_USE int vfs_file_list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VFS_CHANGES_H
#define VFS_CHANGES_H

/*
 * What a container has changed of its root file system, for whoever keeps it.  What is
 * mounted there is not seen.
 *
 * Threads  one, when no process of the container's is left.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_inode;

enum vfs_change {
    VFS_UNCHANGED,
    VFS_CHANGED_ATTRIBUTES, /* or names, of a directory */
    VFS_CHANGED_CONTENTS,   /* of a file, and perhaps attributes */
};

/*
 * An inode of the image that still has a name, and how it differs from what it was.
 *   out      borrowed; NULL if it is VFS_UNCHANGED.
 */
enum vfs_change vfs_changes_of(uint32_t image_index, struct vfs_inode **out);

/*
 * The names in which a directory differs from the image: all names of one that is new.
 *   each     `inode` is what the name means now (borrowed), or NULL: nothing; returns 0 to
 *            go on, else what is returned.
 */
typedef int (*vfs_changes_each)(void *arg, const char *name, uint32_t size,
                                struct vfs_inode *inode);
MUST_USE int vfs_changes_in(struct vfs_inode *dir, vfs_changes_each each, void *arg);

#endif

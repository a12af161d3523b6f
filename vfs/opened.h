/* SPDX-License-Identifier: MIT */
#ifndef VFS_OPENED_H
#define VFS_OPENED_H

/*
 * Open files that have no place in a tree (pipes, standard streams, event counters,
 * files in memory), seen through the links of /proc/PID/fd.  Private to vfs.
 *
 * Source   proc(5), "/proc/pid/fd/".
 * Threads  any.
 * Errors   -LX_ENXIO: it cannot be opened again; -LX_EACCES; -LX_ENFILE, -LX_ENOMEM.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_cred;
struct vfs_file;
struct vfs_inode;

/* An inode that stands for it, in the name of `cred`. */
MUST_USE int opened_inode(struct vfs_file *file, const struct vfs_cred *cred,
                          struct vfs_inode **out);

/* Open the same again, with these LX_O_* flags. */
MUST_USE int opened_again(struct vfs_file *file, uint32_t flags, struct vfs_file **out);

/* "pipe:[7]"; returns the length, cut to `size`. */
MUST_USE int64_t opened_text(struct vfs_file *file, char *buf, uint64_t size);

#endif

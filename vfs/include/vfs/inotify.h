/* SPDX-License-Identifier: MIT */
#ifndef VFS_INOTIFY_H
#define VFS_INOTIFY_H

/*
 * Watching files and directories.
 *
 * Source   inotify(7).
 * Threads  any; each locks itself.
 * Errors   those of the man pages, as -LX_E*.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"

struct vfs_file;
struct vfs_inode;

#define VFS_INOTIFY_INSTANCES 128u /* at once */
#define VFS_INOTIFY_WATCHES 65536u /* of all of them */
#define VFS_INOTIFY_EVENTS 16384u  /* that wait in one */

/* flags: LX_O_NONBLOCK.  -LX_EMFILE: too many. */
MUST_USE int vfs_inotify_new(uint32_t flags, struct vfs_file **out);

/*
 * Watch an inode, or change what is watched of it.
 *   mask     LX_IN_*, at least one event among them.
 *   returns  the watch's number; -LX_EEXIST (LX_IN_MASK_CREATE), -LX_ENOSPC.
 */
MUST_USE int32_t vfs_inotify_add(struct vfs_file *file, struct vfs_inode *inode, uint32_t mask);

/* -LX_EINVAL: there is no such watch. */
MUST_USE int vfs_inotify_remove(struct vfs_file *file, int32_t wd);

/* The calls of vfs/file.h on one. */
MUST_USE int64_t vfs_inotify_read(struct vfs_file *file, void *buf, uint64_t size,
                                  struct core_sleeper *self);
uint32_t vfs_inotify_poll(struct vfs_file *file);
struct core_waitq *vfs_inotify_waitq(struct vfs_file *file);
uint64_t vfs_inotify_available(struct vfs_file *file);
void vfs_inotify_close(struct vfs_file *file);

/* 1 if anybody watches anything. */
int vfs_notify_is_on(void);

/*
 * Something was done to an inode other than by a call of vfs/file.h or vfs/tree.h, which tell
 * it themselves.
 *   file   where it was found, for those that watch the directory; NULL: not known.
 *   event  an LX_IN_*.
 */
void vfs_notify(struct vfs_inode *inode, struct vfs_file *file, uint32_t event);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VFS_MOUNT_OPTIONS_H
#define VFS_MOUNT_OPTIONS_H

/*
 * The options of mount(2): words with commas between them.  Private to vfs.
 *
 * Source   mount(8), tmpfs(5), proc(5); vfs_parse_fs_param() in Linux.
 * Threads  any.
 * Errors   -LX_EINVAL: there is no such option of that file system, or no such value.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_tmpfs_options;

/*
 * Read the options of a file system of this type.
 *   text     NULL: there are none.
 *   out      what a tmpfs is told is changed in it, and VFS_MOUNT_READ_ONLY of `flags`; what others
 *            are told has no effect.
 */
MUST_USE int mount_options_read(const char *type, const char *text, struct vfs_tmpfs_options *out);

#endif

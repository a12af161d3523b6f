/* SPDX-License-Identifier: MIT */
#ifndef VFS_STREAM_H
#define VFS_STREAM_H

/*
 * The launcher's standard streams as files.  What they are (console, pipe, disk
 * file) shows as Linux would show it.  Private to vfs.
 *
 * Threads  any.  Errors  as vfs/file.h.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/stat.h"

struct vfs_file;

MUST_USE int64_t stream_read(struct vfs_file *f, void *buf, uint64_t size,
                             struct core_sleeper *self);
MUST_USE int64_t stream_write(struct vfs_file *f, const void *buf, uint64_t size,
                              struct core_sleeper *self);
MUST_USE int64_t stream_pread(struct vfs_file *f, void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t stream_pwrite(struct vfs_file *f, const void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t stream_seek(struct vfs_file *f, int64_t offset, int32_t whence);
MUST_USE int stream_truncate(struct vfs_file *f, uint64_t size);
MUST_USE int stream_stat(struct vfs_file *f, struct lx_stat *out);
uint32_t stream_poll(struct vfs_file *f, uint32_t events);

#endif

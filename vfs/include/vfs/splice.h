/* SPDX-License-Identifier: MIT */
#ifndef VFS_SPLICE_H
#define VFS_SPLICE_H

/*
 * Moving what is in pipes to and from pipes and other files.
 *
 * Source   splice(2), tee(2), vmsplice(2); fs/splice.c of Linux.
 * Threads  any.
 * Errors   an amount, 0 at the end of the input, or -LX_E*: -LX_EPIPE (the caller sends
 *          SIGPIPE), -LX_EAGAIN, -LX_EINTR, -LX_EINVAL, -LX_EBADF.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"

struct vfs_file;

/* One side of a splice. */
struct vfs_splice_side {
    struct vfs_file *file;
    uint64_t *offset; /* moves; NULL: the file's position */
};

/* flags: LX_SPLICE_F_*; O_NONBLOCK of a pipe counts, too. */
MUST_USE int64_t vfs_splice(const struct vfs_splice_side *in, const struct vfs_splice_side *out,
                            uint64_t size, uint32_t flags, struct core_sleeper *self);

/* 1 if a file can be read by splice(2) and sendfile(2): /dev/null cannot. */
int vfs_splice_can_read(const struct vfs_file *file);

/* What goes to `out` stays in `in`. */
MUST_USE int64_t vfs_tee(struct vfs_file *in, struct vfs_file *out, uint64_t size, uint32_t flags,
                         struct core_sleeper *self);

/*
 * One buffer into a pipe, page by page, or out of one.
 *   waits    1 if it may wait for room, or for the first bytes.
 *   returns  0: nothing is in it and nobody writes.
 */
MUST_USE int64_t vfs_vmsplice_write(struct vfs_file *pipe, const void *buf, uint64_t size,
                                    int waits, struct core_sleeper *self);
MUST_USE int64_t vfs_vmsplice_read(struct vfs_file *pipe, void *buf, uint64_t size, int waits,
                                   struct core_sleeper *self);

#endif

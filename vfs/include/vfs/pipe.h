/* SPDX-License-Identifier: MIT */
#ifndef VFS_PIPE_H
#define VFS_PIPE_H

/*
 * Pipes and fifos: bytes, or packets, with two ends.
 *
 * Source   pipe(7), fifo(7), pipe(2).
 * Threads  any, of any process; a pipe locks itself (LOCK_PIPE).
 * Errors   -LX_EAGAIN (O_NONBLOCK), -LX_EPIPE (the caller sends SIGPIPE), -LX_EINTR, -LX_EFAULT.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"

struct vfs_file;
struct vfs_inode;
struct vfs_pipe;

/* The two ends; references owned by the caller.  flags: LX_O_NONBLOCK, LX_O_DIRECT. */
MUST_USE int vfs_pipe_new(uint32_t flags, struct vfs_file **reader, struct vfs_file **writer);

/* Make `file` an end (or both) of the fifo `inode`; waits for the other end as fifo(7) says. */
MUST_USE int vfs_pipe_open_fifo(struct vfs_inode *inode, struct vfs_file *file,
                                struct core_sleeper *self);

/* Another open file on the pipe of `of`, which has no name, as /proc/self/fd opens it. */
MUST_USE int vfs_pipe_reopen(struct vfs_file *of, uint32_t flags, struct vfs_file **out);

/* 1 if nobody reads: after a short write, whether SIGPIPE is due. */
int vfs_pipe_is_broken(struct vfs_file *file);

/* 1 if the next read gives a packet; waits for it as a read does. */
int vfs_pipe_next_is_packet(struct vfs_file *file, struct core_sleeper *self);

/* The calls of vfs/file.h on a pipe. */
MUST_USE int64_t vfs_pipe_read(struct vfs_file *file, void *buf, uint64_t size,
                               struct core_sleeper *self);
MUST_USE int64_t vfs_pipe_write(struct vfs_file *file, const void *buf, uint64_t size,
                                struct core_sleeper *self);
uint32_t vfs_pipe_poll(struct vfs_file *file);
struct core_waitq *vfs_pipe_waitq(struct vfs_file *file);
int64_t vfs_pipe_available(struct vfs_file *file);
void vfs_pipe_close(struct vfs_file *file);

/* fcntl(2): F_GETPIPE_SZ, F_SETPIPE_SZ. */
int64_t vfs_pipe_size(struct vfs_file *file);
MUST_USE int64_t vfs_pipe_set_size(struct vfs_file *file, uint64_t size);

#endif

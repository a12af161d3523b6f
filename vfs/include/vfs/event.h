/* SPDX-License-Identifier: MIT */
#ifndef VFS_EVENT_H
#define VFS_EVENT_H

/*
 * Event counters and epolls.
 *
 * Source   eventfd(2), epoll(7), epoll_ctl(2), epoll_wait(2).
 * Threads  any; each locks itself.
 * Errors   those of the man pages, as -LX_E*.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/poll.h"

struct vfs_file;

/* flags: LX_EFD_SEMAPHORE, LX_O_NONBLOCK. */
MUST_USE int vfs_eventfd_new(uint64_t value, uint32_t flags, struct vfs_file **out);
MUST_USE int64_t vfs_eventfd_read(struct vfs_file *file, void *buf, uint64_t size,
                                  struct core_sleeper *self);
MUST_USE int64_t vfs_eventfd_write(struct vfs_file *file, const void *buf, uint64_t size,
                                   struct core_sleeper *self);
uint32_t vfs_eventfd_poll(struct vfs_file *file);
struct core_waitq *vfs_eventfd_waitq(struct vfs_file *file);
void vfs_eventfd_close(struct vfs_file *file);

MUST_USE int vfs_epoll_new(struct vfs_file **out);

/*
 * op: LX_EPOLL_CTL_*; `fd` is the number `target` was given by: both make the entry's name.
 * An entry goes away with its file's last descriptor: vfs_epoll_forget().
 */
MUST_USE int vfs_epoll_control(struct vfs_file *file, int32_t op, int32_t fd,
                               struct vfs_file *target, const struct lx_epoll_event *event);

/* A file is about to go: take it out of all epolls. */
void vfs_epoll_forget(struct vfs_file *file);

/*
 * Wait for events; deadline_ns 0: only look.  A file is reported once in a turn.
 *   returns  their number, 0 at the deadline; -LX_EINTR.
 */
MUST_USE int vfs_epoll_wait(struct vfs_file *file, struct lx_epoll_event *events, uint32_t count,
                            uint32_t turn, int64_t deadline_ns, struct core_sleeper *self);

/* Begin a turn: its number. */
uint32_t vfs_epoll_turn(struct vfs_file *file);
uint32_t vfs_epoll_poll(struct vfs_file *file);
struct core_waitq *vfs_epoll_waitq(struct vfs_file *file);
uint32_t vfs_epoll_stream_bits(struct vfs_file *file); /* see vfs_file_stream_bits() */
int64_t vfs_epoll_deadline(struct vfs_file *file);     /* see vfs_file_deadline() */
void vfs_epoll_close(struct vfs_file *file);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VFS_TIMERFD_H
#define VFS_TIMERFD_H

/*
 * Timers as files.  Nothing runs behind one: whoever looks at it counts what has
 * expired since, and whoever sleeps on it wakes at its next expiry by himself:
 * vfs_file_deadline(), vfs_file_sleep().
 *
 * Source   timerfd_create(2), and fs/timerfd.c of Linux for what an edge is.
 * Threads  any; each locks itself.
 * Errors   those of the man page, as -LX_E*.
 *
 * Times are deadlines on PLAT_CLOCK_MONOTONIC: the caller knows the clocks, and makes one of a
 * time of the timer's clock when it is set.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"

struct vfs_file;

/* clock: the LX_CLOCK_* it counts by, for the caller; flags: LX_O_NONBLOCK. */
MUST_USE int vfs_timerfd_new(int32_t clock, uint32_t flags, struct vfs_file **out);
int32_t vfs_timerfd_clock(const struct vfs_file *file);

/* ns until the next expiry, 0 for none, and between those that follow, 0 for none. */
struct vfs_timerfd_setting {
    uint64_t left_ns, interval_ns;
};
void vfs_timerfd_get(struct vfs_file *file, struct vfs_timerfd_setting *out);

/*
 * Arm or (deadline_ns 0) disarm; what had expired is forgotten.
 *   old  what was left, or NULL.
 */
void vfs_timerfd_set(struct vfs_file *file, int64_t deadline_ns, uint64_t interval_ns,
                     struct vfs_timerfd_setting *old);

MUST_USE int64_t vfs_timerfd_read(struct vfs_file *file, void *buf, uint64_t size,
                                  struct core_sleeper *self);
uint32_t vfs_timerfd_poll(struct vfs_file *file);
struct core_waitq *vfs_timerfd_waitq(struct vfs_file *file);
int64_t vfs_timerfd_deadline(struct vfs_file *file); /* see vfs_file_deadline() */
void vfs_timerfd_close(struct vfs_file *file);

#endif

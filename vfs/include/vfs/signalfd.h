/* SPDX-License-Identifier: MIT */
#ifndef VFS_SIGNALFD_H
#define VFS_SIGNALFD_H

/*
 * Signals as a file: which ones belongs to the open file, whose they are to the reader:
 * as in Linux, reading takes those of the calling thread and its process.
 *
 * Source   signalfd(2).
 * Threads  any; of one guest host.
 * Errors   -LX_EAGAIN, -LX_EINTR, -LX_EINVAL, -LX_EFAULT.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/signal.h"

struct vfs_file;

/* Who knows of signals; functions of the calling thread.  The shim has one in each guest host. */
struct vfs_signal_provider {
    /* 1 if a signal of `set` is pending. */
    int (*pending)(uint64_t set);
    /* Take one off; its number, or 0. */
    uint32_t (*take)(uint64_t set, struct lx_siginfo *info);
    /* Is woken when a signal becomes pending. */
    struct core_waitq *(*waitq)(void);
    /* The calling thread is to send what waits, see vfs/owner.h, at the end of its system call. */
    void (*attend)(void);
    /* Send it; no lock is held. */
    void (*send)(void);
};

void vfs_signalfd_provide(const struct vfs_signal_provider *provider);

/* set: bit n-1 is signal n.  flags: LX_O_NONBLOCK. */
MUST_USE int vfs_signalfd_new(uint64_t set, uint32_t flags, struct vfs_file **out);

/* Let it be about other signals. */
void vfs_signalfd_set(struct vfs_file *file, uint64_t set);

/* The calls of vfs/file.h on one. */
MUST_USE int64_t vfs_signalfd_read(struct vfs_file *file, void *buf, uint64_t size,
                                   struct core_sleeper *self);
uint32_t vfs_signalfd_poll(struct vfs_file *file);
struct core_waitq *vfs_signalfd_waitq(struct vfs_file *file);

#endif

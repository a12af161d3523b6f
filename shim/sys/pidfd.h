/* SPDX-License-Identifier: MIT */
#ifndef SHIM_SYS_PIDFD_H
#define SHIM_SYS_PIDFD_H

/*
 * What the handlers that take a pidfd share.  Private to shim/sys.
 *
 * Source  pidfd_open(2).
 * Threads the task's own.  Errors  -LX_E*; out-parameters are then NULL.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"
#include "shim/task.h"
#include "vfs/file.h"
#include "vfs/pidfd.h"

/* The file behind a pidfd, a reference; -LX_EBADF, also if it is something else. */
MUST_USE int sys_pidfd_get(struct shim_task *t, int32_t fd, struct vfs_file **out);

/* As above; a directory /proc/PID will do, as pidfd_send_signal(2) has it. */
MUST_USE int sys_pidfd_get_any(struct shim_task *t, int32_t fd, struct vfs_file **out);

/* Whom a record means. */
struct sys_pidfd_target {
    struct shim_process *process; /* NULL: gone */
    struct shim_task *task;       /* the thread, or a process's first; NULL: it has ended */
};

/* The container's lock is held, and keeps them. */
struct sys_pidfd_target sys_pidfd_find_locked(const struct vfs_pidfd *p);

/*
 * CLONE_PIDFD: a descriptor for a child that was made and does not run yet, its number stored
 * at `to`.
 *   returns  the descriptor, to be closed if the child comes to nothing; -LX_EFAULT.
 */
MUST_USE int64_t sys_pidfd_of_child(struct shim_task *t, struct shim_task *child, int is_thread,
                                    lx_uptr to);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SHIM_TERMINAL_H
#define SHIM_TERMINAL_H

/*
 * Whose terminal is whose: controlling terminals of sessions, foreground groups, job control and
 * hanging up.  What a terminal does with bytes is vfs/tty.h.
 *
 * Source   credentials(7), ioctl_tty(2), setsid(2); drivers/tty/tty_jobctrl.c of Linux 6.12.
 * Threads  any, of any process; _locked: the container's lock is held.  A session and a foreground
 *          group are changed under that lock.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct shim_process;
struct shim_task;
struct vfs_tty;

/* Let vfs find out whose terminals are whose, in this process.  Idempotent. */
void shim_terminal_init(void);

/* A child has its parent's. */
void shim_terminal_share_locked(struct shim_process *child, struct shim_process *parent);

/* A process has none from now on. */
void shim_terminal_drop_locked(struct shim_process *p);

/* A process has ended: with a session's leader, the session loses its terminal. */
void shim_terminal_end_locked(struct shim_process *p);

/*
 * Job control: may the caller change the terminal?  If it is in the background of its own, its
 * group gets SIGTTOU.
 *   returns  -LX_EIO: nobody could continue it; -LX_EINTR: it is to stop, and to try again.
 */
MUST_USE int shim_terminal_may_change(struct shim_task *t, struct vfs_tty *tty);

/* Send the foreground group a signal. */
void shim_terminal_signal(struct vfs_tty *tty, int32_t sig);

/*
 * TIOCSCTTY: make it the one of the caller's session.
 *   steal    1: even if it is another session's, for which CAP_SYS_ADMIN is needed.
 *   reads    1: the caller may read from it.
 *   returns  -LX_EPERM.
 */
MUST_USE int shim_terminal_take(struct shim_task *t, struct vfs_tty *tty, int steal, int reads);

/* TIOCNOTTY; -LX_ENOTTY: it is not the caller's. */
MUST_USE int shim_terminal_give_up(struct shim_task *t, const struct vfs_tty *tty);

/* TIOCSPGRP: put a group into the foreground; -LX_ENOTTY, -LX_ESRCH, -LX_EPERM. */
MUST_USE int shim_terminal_set_group(struct shim_task *t, struct vfs_tty *tty, int32_t pgid);

#endif

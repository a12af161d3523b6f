/* SPDX-License-Identifier: MIT */
#ifndef SHIM_SIGNAL_FRAME_H
#define SHIM_SIGNAL_FRAME_H

/*
 * The signal frame on the guest's stack, as Linux lays it out.  Private to
 * shim/signal.
 *
 * Source  arch/x86/kernel/signal_64.c, asm/sigcontext.h; sigreturn(2).
 * Threads the task's own.
 * Errors  -LX_EFAULT: the stack cannot be written, or the frame not be read.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/signal.h"

struct shim_task;

/*
 * Push a frame and point the task's registers at the handler.
 *   mask     to be restored by the handler's return.
 *   restart  number of the system call that starts again after the handler, or
 *            SHIM_NO_SYSCALL.
 */
MUST_USE int frame_push(struct shim_task *t, const struct lx_sigaction *action,
                        const struct lx_siginfo *info, uint64_t mask, uint64_t restart);

/*
 * Take the registers from the frame at the stack pointer; rt_sigreturn(2).
 *   mask     the signal mask to set.
 *   restart  as given to frame_push().
 */
MUST_USE int frame_pop(struct shim_task *t, uint64_t *mask, uint64_t *restart);

/* 1 if `sp` lies on the task's alternate stack. */
int frame_on_altstack(const struct shim_task *t, uint64_t sp);

#endif

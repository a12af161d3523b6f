/* SPDX-License-Identifier: MIT */
#ifndef SHIM_DISPATCH_H
#define SHIM_DISPATCH_H

/*
 * The system-call path between the platform's entry stub and the handlers.
 *
 * Threads  a guest thread, on its host stack.  Errors  none.
 */

#include <stdint.h>

struct plat_thread;
struct shim_task;

#define SHIM_NO_SYSCALL UINT64_MAX

/* Handle the system call in thread->regs; the result goes to regs.rax. */
void shim_dispatch(struct plat_thread *thread);

/*
 * Do what the task's `attention` asks for, before it returns to the guest.
 *   call     1 if a system call is ending.
 *   returns  1 if that call is to be made again: its number is in regs.rax.
 */
int shim_attend(struct shim_task *t, int call);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Interrupting a guest thread: a signal of the host, which that thread handles on its handler
 * stack.
 *
 * Source  tgkill(2), signal(7) on calls that are interrupted.
 */

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

void plat_host_thread_interrupt(struct plat_thread *t)
{
    syscall(SYS_tgkill, getpid(), linux_thread_id(t), LINUX_INTERRUPT_SIGNAL);
}

void linux_interrupted(greg_t *gregs)
{
    struct plat_thread *t = linux_thread_self();
    struct plat_regs regs;
    memcpy(&regs, gregs, sizeof regs);
    if (t && plat_interrupt_redirect(t, &regs))
        memcpy(gregs, &regs, sizeof regs);
}

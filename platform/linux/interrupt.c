/* SPDX-License-Identifier: MIT */
/*
 * Interrupting a guest thread: a signal of the host, which that thread handles on its handler
 * stack.
 *
 * Source  tgkill(2), signal(7) on calls that are interrupted.
 */

#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* Guest threads block the signal in their handlers alone: it comes soon. */
void plat_host_thread_interrupt(struct plat_thread *t)
{
    _Atomic uint32_t *count = linux_thread_interrupts(t);
    uint32_t before = atomic_load(count);
    syscall(SYS_tgkill, getpid(), linux_thread_id(t), LINUX_INTERRUPT_SIGNAL);
    while (atomic_load(count) == before)
        sched_yield();
}

void linux_interrupted(greg_t *gregs)
{
    struct plat_thread *t = linux_thread_self();
    struct plat_regs regs;
    if (!t)
        return;
    plat_regs_copy(&regs, gregs);
    if (plat_interrupt_redirect(t, &regs))
        plat_regs_copy((struct plat_regs *)gregs, &regs);
    atomic_fetch_add(linux_thread_interrupts(t), 1);
}

/* SPDX-License-Identifier: MIT */
/* From the entry stub to the handlers and back. */

#include "shim/dispatch.h"

#include <stdatomic.h>
#include <stddef.h>

#include "lx/errno.h"
#include "plat/thread.h"
#include "shim/host.h"
#include "shim/interrupt.h"
#include "shim/memory.h"
#include "shim/signal.h"
#include "shim/strace.h"
#include "shim/syscall.h"
#include "shim/task.h"

int shim_attend(struct shim_task *t, int call)
{
    int again;
    shim_signal_owners();
    for (;;) {
        atomic_store(&t->attention, 0);
        atomic_store(&t->sleeper.interrupt, 0);
        if (t->refits) {
            t->refits = 0;
            shim_mm_mappings_apply(t);
        }
        shim_interrupter_wait(t);
        shim_task_end_if_told(t);
        if (t->process->stop_signal) {
            shim_signal_stop(t);
            shim_task_end_if_told(t);
        }
        again = shim_signal_deliver(t, call);
        if (!again || !atomic_load(&t->attention))
            break;
        /* Another signal, which came since or was let through: the call waits for its handler. */
        t->plat->regs.rax = (uint64_t)-SHIM_ERESTARTNOINTR;
    }
    return again;
}

static int64_t call(struct shim_task *t, uint32_t nr, const struct plat_regs *regs)
{
    shim_syscall_handler handler = nr < SHIM_SYSCALL_COUNT ? shim_syscall_handlers[nr] : NULL;
    return handler ? handler(t, regs) : -LX_ENOSYS;
}

static int64_t call_traced(struct shim_task *t, uint32_t nr, const struct plat_regs *regs)
{
    const uint64_t g[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    if (shim_syscall_row(nr)->result == SHIM_CLASS_NONE)
        shim_strace_call(t, nr, g, 0); /* it does not come back */
    int64_t result = call(t, nr, regs);
    shim_strace_call(t, nr, g, result);
    return result;
}

void shim_dispatch(struct plat_thread *thread)
{
    struct shim_task *t = thread->owner;
    struct plat_regs *regs = &thread->regs;
    int again;
    do {
        again = 0;
        uint32_t nr = (uint32_t)regs->rax;
        t->syscall = regs->rax;
        regs->rax = (uint64_t)(UNLIKELY(t->trace) ? call_traced(t, nr, regs) : call(t, nr, regs));
        /* An interrupt that was seen may come before the attention it announces. */
        if (UNLIKELY(atomic_load_explicit(&t->attention, memory_order_relaxed)) ||
            UNLIKELY(atomic_load_explicit(&t->sleeper.interrupt, memory_order_relaxed)))
            again = shim_attend(t, t->syscall != SHIM_NO_SYSCALL);
    } while (UNLIKELY(again));
    t->syscall = SHIM_NO_SYSCALL;

    if (thread->vectors_saved)
        t->slow_calls++;
    else
        t->fast_calls++;
}

/* SPDX-License-Identifier: MIT */
/*
 * Interrupting a guest thread: it is suspended, sent to the shim if it was in guest code,
 * and let go.  Only its instruction and stack pointers and flags are set: all other registers
 * stay in the processor, and the guest's stack is not touched.
 *
 * While a thread is suspended the caller touches nothing that it may hold: of the host it
 * calls only what is named below, which takes no lock in the process.
 *
 * Source  SuspendThread, GetThreadContext, SetThreadContext; CONTEXT_EXCEPTION_REQUEST and its
 *         kin in winnt.h: they tell whether the context is one that a system call or an
 *         exception is about to leave.
 */

#include "internal.h"

#ifndef CONTEXT_EXCEPTION_REQUEST
#define CONTEXT_EXCEPTION_ACTIVE 0x08000000l
#define CONTEXT_SERVICE_ACTIVE 0x10000000l
#define CONTEXT_EXCEPTION_REQUEST 0x40000000l
#define CONTEXT_EXCEPTION_REPORTING 0x80000000l
#endif

static SRWLOCK g_suspending = SRWLOCK_INIT; /* held while a thread is suspended */

/* Which leads to the shim by itself, if it is guest code that has made it so. */
static int is_in_kernel(const CONTEXT *context)
{
    return context->ContextFlags & CONTEXT_EXCEPTION_REPORTING &&
           context->ContextFlags & (CONTEXT_EXCEPTION_ACTIVE | CONTEXT_SERVICE_ACTIVE);
}

static void redirect(struct plat_thread *t, HANDLE thread)
{
    CONTEXT context = {
        .ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_EXCEPTION_REQUEST,
    };
    if (!GetThreadContext(thread, &context) || is_in_kernel(&context))
        return;
    struct plat_regs regs;
    windows_load_registers(&regs, &context);
    if (!plat_interrupt_redirect(t, &regs))
        return;
    context.ContextFlags = CONTEXT_CONTROL;
    context.Rip = regs.rip;
    context.Rsp = regs.rsp;
    context.EFlags = (DWORD)regs.rflags;
    SetThreadContext(thread, &context);
}

void plat_host_thread_interrupt(struct plat_thread *t)
{
    HANDLE thread = windows_thread_handle(t);
    if (!thread)
        return;
    AcquireSRWLockExclusive(&g_suspending);
    if (SuspendThread(thread) != (DWORD)-1) {
        redirect(t, thread); /* waits until it stands still */
        ResumeThread(thread);
    }
    ReleaseSRWLockExclusive(&g_suspending);
}

/* The end of the process would wait for a suspended thread for ever. */
void windows_interrupts_stop(void)
{
    AcquireSRWLockExclusive(&g_suspending);
}

/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into Wine: lets its signal handlers run when a signal hits code on a guest's FS base.
 *
 * Windows keeps nothing behind %fs in a 64-bit process, so Tarbox may put a guest's thread pointer
 * there.  Wine keeps the host C library's thread behind it and restores it neither in its signal
 * handlers nor in its system calls: a fault, a breakpoint or a suspension that hits code on a
 * guest's FS base would kill the process.  So every handler installed by sigaction() is called
 * with the host's FS base, and the guest's is put back afterwards, unless the handler has moved
 * RIP: then the thread goes to Windows code (an exception dispatcher, a new context), and Windows
 * code runs on the host's.
 *
 * Source   Wine 8.0, dlls/ntdll/unix/signal_x86_64.c: the thread's GS base is its TEB, and the
 *          TEB holds the host's FS base at 0x330 (amd64_thread_data.pthread_teb).  The stack for
 *          the thread's signals lies in the TEB's 64 KiB.
 * Threads  any; handlers are stored before they are installed.
 * Errors   those of sigaction(2).
 *
 * Nothing may touch %fs before guard() has restored it: built without a stack protector, and
 * guard() calls nothing before.  A new thread has its creator's GS base until Wine sets its own,
 * and Wine does not block the signal that ends a thread until then.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#define TEB_SELF 0x30
#define TEB_HOST_FS 0x330
#define TEB_BLOCK 0x10000u

typedef void handler_fn(int signal, siginfo_t *info, void *context);
typedef int sigaction_fn(int signal, const struct sigaction *act, struct sigaction *old);

static handler_fn *g_handlers[NSIG]; /* what Wine asked for; NULL: not guarded */
static sigaction_fn *g_sigaction;    /* the C library's; constant once set */

static uint64_t fs_base(void)
{
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static void set_fs_base(uint64_t base)
{
    __asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
}

/* The host's FS base for this thread, or 0 if the thread is not on a TEB of its own yet. */
static uint64_t host_fs_base(const ucontext_t *context)
{
    uint64_t teb;
    __asm__ volatile("rdgsbase %0" : "=r"(teb));
    if (!teb || (uint64_t)context->uc_stack.ss_sp - teb >= TEB_BLOCK ||
        *(const uint64_t *)(teb + TEB_SELF) != teb)
        return 0;
    return *(const uint64_t *)(teb + TEB_HOST_FS);
}

static void guard(int signal, siginfo_t *info, void *context)
{
    const greg_t *rip = &((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    greg_t rip_before = *rip;
    uint64_t before = fs_base();
    uint64_t host = host_fs_base(context);
    bool on_guest = host && host != before;

    if (on_guest)
        set_fs_base(host);
    g_handlers[signal](signal, info, context);
    if (on_guest && *rip == rip_before)
        set_fs_base(before);
}

static bool is_function(const struct sigaction *act)
{
    return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;
}

/*
 * Wine's calls to sigaction() come here, for it is looked up in preloaded libraries first.  A
 * handler without SA_SIGINFO is called with all three arguments too, and ignores two.
 */
__attribute__((visibility("default"))) int sigaction(int signal, const struct sigaction *act,
                                                     struct sigaction *old)
{
    if (!g_sigaction)
        g_sigaction = (sigaction_fn *)dlsym(RTLD_NEXT, "sigaction");
    if (signal < 1 || signal >= NSIG)
        return g_sigaction(signal, act, old);

    handler_fn *previous = g_handlers[signal];
    struct sigaction guarded;
    if (act && is_function(act)) {
        guarded = *act;
        guarded.sa_sigaction = guard;
        guarded.sa_flags |= SA_SIGINFO;
        g_handlers[signal] = act->sa_sigaction;
        act = &guarded;
    }
    int err = g_sigaction(signal, act, old);
    if (err == 0 && old && old->sa_sigaction == guard)
        old->sa_sigaction = previous;
    else if (err != 0)
        g_handlers[signal] = previous;
    return err;
}

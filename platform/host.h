/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_HOST_H
#define PLATFORM_HOST_H

/*
 * What a host implements: plat_host_NAME for every plat_NAME, with the contract
 * of plat/plat.h.  And what the host-neutral part of the platform gives it.
 */

#include "plat/plat.h"
#include "plat/thread.h"

#define CALL(result, name, parameters, arguments) result plat_host_##name parameters;
#define CALLV(name, parameters, arguments) void plat_host_##name parameters;
#define CALLN(name, parameters, arguments) NORETURN void plat_host_##name parameters;
#define BARE(result, name, parameters, arguments) CALL(result, name, parameters, arguments)
#define BAREV(name, parameters, arguments) CALLV(name, parameters, arguments)
#include "calls.def"
#undef CALL
#undef CALLV
#undef CALLN
#undef BARE
#undef BAREV

/*
 * What plat_process_spawn() or plat_arena_attach() reserves in a guest host, for
 * programs with fixed addresses: CORE_LOW_BASE and CORE_LOW_END of core/layout.h.
 */
#define PLAT_LOW_BASE 0x400000ull
#define PLAT_LOW_END 0x67e00000ull

/*
 * Decide about a processor exception; the host calls it in its handler with the
 * interrupted registers and goes on with them as they are afterwards.  Touches
 * no FS base, no vector state, no lock.
 *   t        the faulting thread's block.
 *   returns  0: it is our own fault, nothing was changed; 1: go on.
 */
MUST_USE int plat_fault_redirect(struct plat_thread *t, struct plat_regs *regs,
                                 const struct plat_fault *fault);

/*
 * Decide about an interrupt of the thread `t`; the host calls it while that thread stands
 * still, and lets it go on with the registers as they are afterwards.
 *   returns  0: the thread is in the shim, nothing was changed; 1: it goes there.
 */
MUST_USE int plat_interrupt_redirect(struct plat_thread *t, struct plat_regs *regs);

/* Set once a thread of this process is adopted; plat_gate() then does its work. */
void plat_gate_enable(void);

/* Size of the XSAVE area for `mask`, and the mask: XCR0 without PKRU. */
uint64_t plat_xsave_mask(void);
uint32_t plat_xsave_size(void);

/* Fill in what is the same on every host: FS base, the XSAVE fields, the gs slots. */
void plat_thread_init(struct plat_thread *t, void *xsave);

/* The calling thread, which has run a guest thread, will run another: forget the first. */
void plat_thread_renew(struct plat_thread *t);

/* How many host threads a process keeps for guest threads to come. */
#define PLAT_THREADS_KEPT 32u

/*
 * A host thread's place in that pool, in the host's part of its block.  Guarded by the pool's
 * lock while it is kept there, then the thread's own.
 */
struct plat_spare {
    void (*start)(void *arg, struct plat_thread *t);
    void *arg;
    struct plat_spare *next;
};

/*
 * The calling thread has run a guest thread: wait for another.
 *   returns  0: enough are kept, and it is to end; 1: s->start is to run.
 */
MUST_USE int plat_pool_keep(struct plat_thread *t, struct plat_spare *s);

/* Let a kept host thread run a guest thread; 0: there is none. */
MUST_USE int plat_pool_start(void (*start)(void *arg, struct plat_thread *t), void *arg);

/*
 * The pool's lock, and what its holder may do with a host thread's place: sleep there, which
 * gives up the lock meanwhile and may end too early, or wake who sleeps there.
 */
void plat_host_pool_lock(void);
void plat_host_pool_unlock(void);
void plat_host_pool_sleep(struct plat_spare *s);
void plat_host_pool_wake(struct plat_spare *s);

/*
 * The calling thread's FS base: by instruction, or (linux/bases.c) by system call where the
 * kernel does not keep what the instructions set.
 */
#if defined(_WIN32)
static inline uint64_t plat_rdfsbase(void)
{
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline void plat_wrfsbase(uint64_t base)
{
    __asm__ volatile("wrfsbase %0" : : "r"(base));
}
#else
uint64_t plat_rdfsbase(void);
void plat_wrfsbase(uint64_t base);
#endif

/* In a handler of an interrupt: not by memcpy(3), as a sanitizer's own may be what it came into. */
static inline void plat_regs_copy(struct plat_regs *to, const void *from)
{
    uint64_t words = sizeof *to / 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

#endif

/* SPDX-License-Identifier: MIT */
#ifndef PLAT_THREAD_H
#define PLAT_THREAD_H

/*
 * A guest thread on its host thread: the register frame that the entry stub
 * fills, and the way back into guest code.
 *
 * A guest enters through plat_entry_syscall (a patched system call) or through
 * the host's exception mechanism (a fault).  Either way its general registers
 * are in `regs`, the thread runs on its host stack, and the vector registers
 * and FS base are still the guest's: code that runs then uses neither, until
 * it calls the host, which goes through plat_gate().
 *
 * It leaves through plat_resume(), or the short way behind a system call.  Both look at
 * `attend` last, and are begun again by an interrupt that comes after that look: between
 * it and the guest's next instruction nothing is missed.  See decisions/0009.
 *
 * Source  System V ABI x86-64; the register order is that of struct sigcontext
 *         in Linux' asm/sigcontext.h, so a signal frame is one copy.
 * Threads a block belongs to its thread.
 * Errors  none: nothing here fails.
 */

/* Offsets that entry.S uses; asserted below. */
#define PLAT_R8 0
#define PLAT_R9 8
#define PLAT_R10 16
#define PLAT_R11 24
#define PLAT_R12 32
#define PLAT_R13 40
#define PLAT_R14 48
#define PLAT_R15 56
#define PLAT_RDI 64
#define PLAT_RSI 72
#define PLAT_RBP 80
#define PLAT_RBX 88
#define PLAT_RDX 96
#define PLAT_RAX 104
#define PLAT_RCX 112
#define PLAT_RSP 120
#define PLAT_RIP 128
#define PLAT_RFLAGS 136
#define PLAT_HOST_RSP 144
#define PLAT_ON_SYSCALL 152
#define PLAT_ON_FAULT 160
#define PLAT_EXIT_WORK 168
#define PLAT_VECTORS_SAVED 172
#define PLAT_XSAVE 176
#define PLAT_XSAVE_MASK 184
#define PLAT_HOST_FS 192
#define PLAT_GUEST_FS 200
#define PLAT_FS_MODE 208
#define PLAT_ON_INTERRUPT 240
#define PLAT_ATTEND 248

#define PLAT_XSAVE_ROOM 64 /* bytes for whoever copies an XSAVE area */

/* What FS base holds while guest code runs. */
#define PLAT_FS_HOST 0  /* the host's: every %fs access of the guest is rewritten */
#define PLAT_FS_GUEST 1 /* the guest's thread pointer, loaded with wrfsbase */
#define PLAT_FS_ZERO 2  /* zero, as Windows may leave it: for tests */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"

struct plat_regs {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
};

/* A processor exception in guest code, in the processor's own terms. */
struct plat_fault {
    uint64_t address; /* CR2 of a page fault, else 0 */
    uint32_t trap;    /* vector: 0 #DE, 3 #BP, 6 #UD, 13 #GP, 14 #PF, 17 #AC, 19 #XM .. */
    uint32_t error;   /* #PF: bit 0 present, 1 write, 2 user, 4 instruction fetch */
};

struct plat_thread {
    struct plat_regs regs; /* the guest's, while the thread is in the shim */
    uint64_t host_rsp;     /* top of the host stack that the shim runs on */
    void (*on_syscall)(struct plat_thread *t);
    void (*on_fault)(struct plat_thread *t); /* `fault` is filled */
    uint32_t exit_work;     /* nonzero: leave by plat_resume(), not by the short way */
    uint32_t vectors_saved; /* the guest's vector state is in `xsave` */
    void *xsave; /* XSAVE area, standard format, 64-byte aligned; PLAT_XSAVE_ROOM after it */
    uint64_t xsave_mask; /* state components saved: XCR0 without PKRU */
    uint64_t host_fs;    /* FS base the host needs on this thread */
    uint64_t guest_fs;   /* the guest's thread pointer */
    uint32_t fs_mode;    /* PLAT_FS_* */
    uint32_t xsave_size;
    struct plat_fault fault;
    void *owner; /* the shim's task */

    /* For plat_thread_interrupt(). */
    void (*on_interrupt)(struct plat_thread *t); /* is to clear *attend */
    const _Atomic uint32_t *attend;     /* nonzero: on_interrupt before the guest goes on */
    int (*is_guest_code)(uint64_t rip); /* else it is of the host or the shim */

    uint32_t is_bound; /* 1: plat_cpu_bind() has left it fewer processors */
};

_Static_assert(offsetof(struct plat_thread, regs.rflags) == PLAT_RFLAGS, "entry.S");
_Static_assert(offsetof(struct plat_thread, regs.rdi) == PLAT_RDI, "entry.S");
_Static_assert(offsetof(struct plat_thread, regs.rsp) == PLAT_RSP, "entry.S");
_Static_assert(offsetof(struct plat_thread, host_rsp) == PLAT_HOST_RSP, "entry.S");
_Static_assert(offsetof(struct plat_thread, on_syscall) == PLAT_ON_SYSCALL, "entry.S");
_Static_assert(offsetof(struct plat_thread, on_fault) == PLAT_ON_FAULT, "entry.S");
_Static_assert(offsetof(struct plat_thread, exit_work) == PLAT_EXIT_WORK, "entry.S");
_Static_assert(offsetof(struct plat_thread, vectors_saved) == PLAT_VECTORS_SAVED, "entry.S");
_Static_assert(offsetof(struct plat_thread, xsave) == PLAT_XSAVE, "entry.S");
_Static_assert(offsetof(struct plat_thread, xsave_mask) == PLAT_XSAVE_MASK, "entry.S");
_Static_assert(offsetof(struct plat_thread, host_fs) == PLAT_HOST_FS, "entry.S");
_Static_assert(offsetof(struct plat_thread, guest_fs) == PLAT_GUEST_FS, "entry.S");
_Static_assert(offsetof(struct plat_thread, fs_mode) == PLAT_FS_MODE, "entry.S");
_Static_assert(offsetof(struct plat_thread, on_interrupt) == PLAT_ON_INTERRUPT, "entry.S");
_Static_assert(offsetof(struct plat_thread, attend) == PLAT_ATTEND, "entry.S");

/* The calling guest thread's block; NULL on other threads, which plat_start() or plat_ made. */
static inline struct plat_thread *plat_thread_self(void)
{
    struct plat_thread *t;
    __asm__("movq %%gs:0x1648, %0" : "=r"(t)); /* PLAT_GS_THREAD */
    return t;
}

/* The calling guest thread's PLAT_GS_SCRATCH0, and PLAT_GS_CANARY, as rewritten code has them. */
static inline uint64_t plat_thread_scratch(void)
{
    uint64_t value;
    __asm__ volatile("movq %%gs:0x1668, %0" : "=r"(value));
    return value;
}

static inline void plat_thread_set_canary(uint64_t value)
{
    __asm__ volatile("movq %0, %%gs:0x1658" : : "r"(value) : "memory");
}

/*
 * Make the host callable from a guest thread: save the guest's vector state,
 * once between two returns to the guest, and give the host its FS base.  Every
 * plat_ call below does this itself; call it before hosted code (a library).
 * A no-op in processes that carry no guest.
 */
void plat_gate(void);

/* Return to guest code with all of `t->regs` and, if saved, its vectors. */
NORETURN void plat_resume(struct plat_thread *t);

/* Give the guest the vector state a program starts with. */
void plat_thread_clear_vectors(struct plat_thread *t);

/*
 * A signal handler is to begin: put the guest's vector state into t->xsave, for good, and give the
 * guest the initial x87 state and MXCSR.  Its vector registers may hold anything: no function
 * finds arguments of a handler's there.
 */
void plat_thread_take_vectors(struct plat_thread *t);

/* The other way round: t->xsave was filled with what the guest is to have. */
void plat_thread_put_vectors(struct plat_thread *t);

/*
 * Start a new thread with the vector state of another, whose vectors are saved;
 * on the new thread, before it first returns to the guest.
 */
void plat_thread_copy_vectors(struct plat_thread *t, const struct plat_thread *from);

/* The same from a copy of an XSAVE area, xsave_size bytes. */
void plat_thread_load_vectors(struct plat_thread *t, const void *area);

/*
 * Call fn(t) on the calling guest thread's host stack, from its top: all frames on it are gone.
 * `fn` does not return.
 */
NORETURN void plat_thread_again(struct plat_thread *t, void (*fn)(struct plat_thread *t));

/*
 * Set the calling thread's guest thread pointer: the gs slots, and FS base in
 * PLAT_FS_GUEST.  `canary` is what lies at tp + 0x28, where compilers keep the
 * stack protector's value.
 */
void plat_thread_set_tp(struct plat_thread *t, uint64_t tp, uint64_t canary);

/* The thread, of this process, runs with the guest's FS base from its next return to it on. */
void plat_thread_use_fs(struct plat_thread *t);

/*
 * For tests: let guest code find FS base 0 when it goes on, as Windows may leave it.
 * At the end of a system call.
 */
void plat_thread_clear_fs(struct plat_thread *t);

/*
 * Copy `size` bytes where one side is guest memory that may fault.
 *   returns  0, or the number of bytes not copied when an access faulted.
 */
uint64_t plat_copy_guest(void *to, const void *from, uint64_t size);

/*
 * Compare-and-exchange, exchange or load a 32-bit guest word that may fault.
 *   returns  0 with the old value in `old`, or 1 when the access faulted.
 */
int plat_load_guest32(const void *word, uint32_t *old);
int plat_cmpxchg_guest32(void *word, uint32_t expected, uint32_t desired, uint32_t *old);

/* Entry points, for the slots and for the hosts' exception handlers. */
void plat_entry_syscall(void);
void plat_entry_fault(void);
void plat_entry_attend(void);

/* The ways out of the shim: whoever is interrupted there begins again at plat_entry_attend. */
struct plat_exit {
    uint64_t begin, end;
};
extern const struct plat_exit plat_exits[];
extern const uint32_t plat_exit_count;

/* Where plat_copy_guest() and its kin may fault, and where they go on then. */
struct plat_fixup {
    uint64_t begin, end, target;
};
extern const struct plat_fixup plat_fixups[];
extern const uint32_t plat_fixup_count;

#endif
#endif

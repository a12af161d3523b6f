/* SPDX-License-Identifier: MIT */
/* Signal frames: struct rt_sigframe with the vector state above it. */

#include "signal/frame.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "plat/thread.h"
#include "shim/dispatch.h"
#include "shim/memory.h"
#include "shim/task.h"
#include "shim/user.h"

#define RED_ZONE 128
#define USER_CS 0x33
#define USER_DS 0x2b

/* What a guest may set: CF PF AF ZF SF DF OF AC. Differs from Linux: no TF, no RF. */
#define RFLAGS_USER 0x40cd5ull
#define RFLAGS_FIXED 0x202ull /* IF and the bit that is always set */

#define XSTATE_FP_SSE 3ull
#define XSAVE_LEGACY_SIZE 512u
#define XSAVE_HEADER_SIZE 64u
#define MXCSR_OFFSET 24u
#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_MASK_OFFSET 28u
#define MXCSR_MASK_DEFAULT 0xffbfu

/*
 * In sigcontext.reserved1[0], which Linux leaves zero: "the system call in the
 * low half is to be started again".  There is no syscall instruction to step
 * back to as Linux does.
 */
#define RESTART_MARK 0x7265737400000000ull

int frame_on_altstack(const struct shim_task *t, uint64_t sp)
{
    const struct lx_stack *s = &t->altstack;
    return !(s->ss_flags & LX_SS_AUTODISARM) && sp > s->ss_sp && sp - s->ss_sp <= s->ss_size;
}

/* Where the frame's top goes: the current or the alternate stack. */
static uint64_t stack_top(const struct shim_task *t, uint64_t flags)
{
    uint64_t sp = t->plat->regs.rsp;
    if (flags & LX_SA_ONSTACK && !(t->altstack.ss_flags & LX_SS_DISABLE) &&
        !frame_on_altstack(t, sp))
        return t->altstack.ss_sp + t->altstack.ss_size;
    return sp - RED_ZONE;
}

/*
 * Write the vector state; the guest sees it as XSAVE memory in the standard format.  What goes
 * with it has room in and behind the XSAVE area, so that it is one copy.
 */
static int push_vectors(const struct plat_thread *p, uint64_t at)
{
    const uint32_t magic2 = LX_FP_XSTATE_MAGIC2;
    const struct lx_fpx_sw_bytes sw = {
        .magic1 = LX_FP_XSTATE_MAGIC1,
        .extended_size = p->xsave_size + (uint32_t)sizeof magic2,
        .xfeatures = p->xsave_mask,
        .xstate_size = p->xsave_size,
    };
    uint8_t *area = p->xsave;
    _Static_assert(sizeof magic2 <= PLAT_XSAVE_ROOM, "it is behind the area");
    memcpy(area + LX_FPX_SW_BYTES_OFFSET, &sw, sizeof sw);
    memcpy(area + p->xsave_size, &magic2, sizeof magic2);
    return shim_copy_out(at, area, p->xsave_size + sizeof magic2);
}

static void fill_context(const struct shim_task *t, struct lx_sigcontext *c)
{
    const struct plat_thread *p = t->plat;
    _Static_assert(sizeof p->regs == offsetof(struct lx_sigcontext, cs), "same order");
    memcpy(c, &p->regs, sizeof p->regs);
    c->rip = shim_mm_original_rip(t->process->mm, c->rip);
    c->cs = USER_CS;
    c->ss = USER_DS;
    c->err = p->fault.error;
    c->trapno = p->fault.trap;
    c->cr2 = p->fault.address;
}

int frame_push(struct shim_task *t, const struct lx_sigaction *action,
               const struct lx_siginfo *info, uint64_t mask, uint64_t restart)
{
    struct plat_thread *p = t->plat;
    uint64_t sp = stack_top(t, action->sa_flags);
    uint64_t vectors = (sp - p->xsave_size - sizeof(uint32_t)) & ~63ull;
    uint64_t at = ((vectors - sizeof(struct lx_rt_sigframe)) & ~15ull) - 8;
    if (frame_on_altstack(t, p->regs.rsp) && !frame_on_altstack(t, at))
        return -LX_EFAULT; /* the alternate stack is full */

    struct lx_rt_sigframe f;
    memset(&f, 0, sizeof f);
    f.pretcode = action->sa_restorer;
    f.info = *info;
    f.uc.uc_flags = LX_UC_FP_XSTATE | LX_UC_SIGCONTEXT_SS | LX_UC_STRICT_RESTORE_SS;
    f.uc.uc_stack = t->altstack;
    if (!(t->altstack.ss_flags & LX_SS_DISABLE) && frame_on_altstack(t, p->regs.rsp))
        f.uc.uc_stack.ss_flags |= LX_SS_ONSTACK;
    fill_context(t, &f.uc.uc_mcontext);
    f.uc.uc_mcontext.fpstate = vectors;
    if (restart != SHIM_NO_SYSCALL)
        f.uc.uc_mcontext.reserved1[0] = RESTART_MARK | (uint32_t)restart;
    f.uc.uc_sigmask = mask;

    plat_thread_take_vectors(p);
    int err = push_vectors(p, vectors);
    if (err == 0)
        err = shim_copy_out(at, &f, sizeof f);
    if (err < 0) {
        p->vectors_saved = 1; /* for whoever asks next: they are where they were */
        return err;
    }

    if (t->altstack.ss_flags & LX_SS_AUTODISARM)
        t->altstack = (struct lx_stack){.ss_flags = LX_SS_DISABLE};
    p->regs.rsp = at;
    p->regs.rip = action->sa_handler;
    p->regs.rdi = (uint64_t)info->si_signo;
    p->regs.rsi = at + offsetof(struct lx_rt_sigframe, info);
    p->regs.rdx = at + offsetof(struct lx_rt_sigframe, uc);
    p->regs.rax = 0;
    p->regs.rflags = RFLAGS_FIXED;
    p->exit_work = 1;
    return 0;
}

/* XRSTOR faults on what it does not know: leave only what this processor has. */
static void make_restorable(struct plat_thread *p, uint64_t features)
{
    uint8_t *area = p->xsave;
    uint32_t mxcsr, mxcsr_mask;
    memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof mxcsr);
    memcpy(&mxcsr_mask, area + MXCSR_MASK_OFFSET, sizeof mxcsr_mask);
    mxcsr &= mxcsr_mask ? mxcsr_mask : MXCSR_MASK_DEFAULT;
    memcpy(area + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);

    uint64_t present = 0;
    memcpy(&present, area + XSAVE_LEGACY_SIZE, sizeof present);
    present &= features & p->xsave_mask;
    memset(area + XSAVE_LEGACY_SIZE, 0, XSAVE_HEADER_SIZE);
    memcpy(area + XSAVE_LEGACY_SIZE, &present, sizeof present);
}

/* Fill p->xsave from a frame; on failure with anything. */
static int pop_vectors(struct plat_thread *p, uint64_t at)
{
    uint8_t *area = p->xsave;
    if (!at) { /* as Linux: a null pointer means the initial state */
        const uint32_t mxcsr = MXCSR_DEFAULT;
        memset(area + XSAVE_LEGACY_SIZE, 0, XSAVE_HEADER_SIZE);
        memcpy(area + MXCSR_OFFSET, &mxcsr, sizeof mxcsr); /* comes from memory always */
        return 0;
    }
    uint32_t mask, magic2 = 0;
    struct lx_fpx_sw_bytes sw;
    memcpy(&mask, area + MXCSR_MASK_OFFSET, sizeof mask);
    int whole = shim_copy_in(area, at, p->xsave_size + sizeof magic2) == 0;
    if (!whole) {
        int err = shim_copy_in(area, at, XSAVE_LEGACY_SIZE);
        if (err < 0)
            return err;
    }
    memcpy(&sw, area + LX_FPX_SW_BYTES_OFFSET, sizeof sw);
    memcpy(&magic2, area + p->xsave_size, sizeof magic2);
    int extended = whole && sw.magic1 == LX_FP_XSTATE_MAGIC1 && sw.xstate_size == p->xsave_size &&
                   magic2 == LX_FP_XSTATE_MAGIC2;
    memcpy(area + MXCSR_MASK_OFFSET, &mask, sizeof mask);
    if (!extended) {
        const uint64_t legacy = XSTATE_FP_SSE;
        memcpy(area + XSAVE_LEGACY_SIZE, &legacy, sizeof legacy);
    }
    make_restorable(p, extended ? sw.xfeatures : XSTATE_FP_SSE);
    return 0;
}

int frame_pop(struct shim_task *t, uint64_t *mask, uint64_t *restart)
{
    struct plat_thread *p = t->plat;
    struct lx_rt_sigframe f;
    *mask = 0;
    *restart = SHIM_NO_SYSCALL;

    /* The handler's ret has taken pretcode off the stack. */
    int err = shim_copy_in(&f, p->regs.rsp - sizeof f.pretcode, sizeof f);
    if (err == 0)
        err = pop_vectors(p, f.uc.uc_mcontext.fpstate);
    if (err < 0)
        return err;
    plat_thread_put_vectors(p);

    memcpy(&p->regs, &f.uc.uc_mcontext, sizeof p->regs);
    p->regs.rflags = (p->regs.rflags & RFLAGS_USER) | RFLAGS_FIXED;
    uint64_t stray = shim_mm_stray_rip(t->process->mm, p->regs.rip);
    if (stray)
        p->regs.rip = stray;
    p->exit_work = 1;

    uint64_t mark = f.uc.uc_mcontext.reserved1[0];
    if ((mark & 0xffffffff00000000ull) == RESTART_MARK)
        *restart = (uint32_t)mark;
    *mask = f.uc.uc_sigmask;
    t->altstack = f.uc.uc_stack;
    t->altstack.ss_flags &= LX_SS_AUTODISARM | LX_SS_DISABLE;
    return 0;
}

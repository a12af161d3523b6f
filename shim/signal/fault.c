/* SPDX-License-Identifier: MIT */
/* Processor exceptions of guest code: repaired, or the signals that Linux makes of them; interrupts. */

#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/dispatch.h"
#include "shim/memory.h"
#include "shim/rewrite.h"
#include "shim/signal.h"
#include "shim/task.h"

#define TRAP_DE 0u
#define TRAP_DB 1u
#define TRAP_BP 3u
#define TRAP_UD 6u
#define TRAP_PF 14u
#define TRAP_MF 16u
#define TRAP_AC 17u
#define TRAP_XM 19u
#define INSTRUCTION_MAX 15u
#define ACCESS_MAX 64u /* bytes of the widest access */

/* Bits of the x87 status word and of MXCSR: invalid, divide, overflow .. */
#define FP_INVALID 0x01u
#define FP_DENORMAL 0x02u
#define FP_DIVIDE 0x04u
#define FP_OVERFLOW 0x08u
#define FP_UNDERFLOW 0x10u
#define FP_INEXACT 0x20u

static int32_t fp_code(uint32_t unmasked)
{
    if (unmasked & FP_INVALID)
        return LX_FPE_FLTINV;
    if (unmasked & FP_DIVIDE)
        return LX_FPE_FLTDIV;
    if (unmasked & FP_OVERFLOW)
        return LX_FPE_FLTOVF;
    if (unmasked & (FP_UNDERFLOW | FP_DENORMAL))
        return LX_FPE_FLTUND;
    return unmasked & FP_INEXACT ? LX_FPE_FLTRES : LX_FPE_FLTINV;
}

/* Which floating-point exception is raised and not masked, from the saved state. */
static int32_t float_code(const struct plat_thread *p)
{
    const uint8_t *area = p->xsave;
    if (p->fault.trap == TRAP_XM) {
        uint32_t mxcsr;
        memcpy(&mxcsr, area + 24, sizeof mxcsr);
        return fp_code(mxcsr & ~(mxcsr >> 7) & 0x3f);
    }
    uint16_t control, status;
    memcpy(&control, area, sizeof control);
    memcpy(&status, area + 2, sizeof status);
    return fp_code(status & ~(uint32_t)control & 0x3f);
}

/* found: as shim_mm_fault() says, of a page fault. */
static void describe(struct shim_task *t, int found, struct lx_siginfo *info)
{
    const struct plat_thread *p = t->plat;
    uint64_t rip = shim_mm_original_rip(t->process->mm, p->regs.rip);
    memset(info, 0, sizeof *info);
    info->si_addr = rip;
    switch (p->fault.trap) {
    case TRAP_DE:
        info->si_signo = LX_SIGFPE;
        info->si_code = LX_FPE_INTDIV;
        break;
    case TRAP_DB:
        info->si_signo = LX_SIGTRAP;
        info->si_code = LX_TRAP_TRACE;
        break;
    case TRAP_BP:
        info->si_signo = LX_SIGTRAP;
        info->si_code = LX_SI_KERNEL;
        info->si_addr = 0;
        break;
    case TRAP_UD:
        info->si_signo = LX_SIGILL;
        info->si_code = LX_ILL_ILLOPN;
        break;
    case TRAP_MF:
    case TRAP_XM:
        info->si_signo = LX_SIGFPE;
        info->si_code = float_code(p);
        break;
    case TRAP_AC:
        info->si_signo = LX_SIGBUS;
        info->si_code = LX_BUS_ADRALN;
        info->si_addr = 0;
        break;
    case TRAP_PF:
        info->si_signo = found == -LX_EIO ? LX_SIGBUS : LX_SIGSEGV;
        info->si_code = found == -LX_EIO ? LX_BUS_ADRERR
                        : found == 0     ? LX_SEGV_ACCERR
                                         : LX_SEGV_MAPERR;
        info->si_addr = p->fault.address;
        break;
    default: /* #GP and the rest: privileged instructions, non-canonical addresses */
        info->si_signo = LX_SIGSEGV;
        info->si_code = LX_SI_KERNEL;
        info->si_addr = 0;
        break;
    }
}

/*
 * Windows sets FS base to 0 when it likes.  A %fs access that was not rewritten then
 * faults at what would be the right address less the thread pointer.  With the thread
 * pointer in place that address cannot come up, so nothing is repaired twice.
 */
static int is_without_fs(const struct plat_thread *p)
{
    uint8_t code[INSTRUCTION_MAX];
    uint64_t offset;
    if (p->fs_mode != PLAT_FS_GUEST || p->fault.trap != TRAP_PF)
        return 0;
    uint64_t left = plat_copy_guest(code, (const void *)p->regs.rip, sizeof code);
    plat_gate();
    return shim_rewrite_fs_offset(code, (uint32_t)(sizeof code - left), &p->regs, &offset) &&
           p->fault.address - offset < ACCESS_MAX && p->guest_fs >= ACCESS_MAX;
}

/* What is not the program's fault: put it right and go on. */
static int repair(struct shim_task *t, int *found)
{
    struct plat_thread *p = t->plat;
    *found = 0;
    if (is_without_fs(p))
        return 1; /* plat_resume() loads FS base */
    if (p->fault.trap == TRAP_PF)
        *found = shim_mm_fault(t->process->mm, p->fault.address, &t->refits_seen);
    if (*found > 0)
        return 1;
    /* A jump went into the middle of a patch. */
    uint64_t stray = shim_mm_stray_rip(t->process->mm, p->regs.rip);
    if (stray && p->fault.trap == TRAP_UD) {
        p->regs.rip = stray;
        return 1;
    }
    return 0;
}

void shim_fault(struct plat_thread *p)
{
    struct shim_task *t = p->owner;
    int found;
    if (repair(t, &found))
        return;
    shim_mm_settle(t->process->mm, &p->regs);
    struct lx_siginfo info;
    plat_gate(); /* float_code() reads the saved state */
    describe(t, found, &info);
    shim_signal_force(t, &info);
    int again = shim_attend(t, 0);
    (void)again; /* no system call is ending */
}

void shim_interrupt(struct plat_thread *p)
{
    struct shim_task *t = p->owner;
    shim_mm_settle(t->process->mm, &p->regs);
    int again = shim_attend(t, 0);
    (void)again; /* no system call is ending */
}

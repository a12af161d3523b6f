/* SPDX-License-Identifier: MIT */
/*
 * What a processor exception means: a guest access by the shim that has a way
 * out, a fault of the guest, or a fault of ours.  And where a thread is that was
 * interrupted.  Runs inside the hosts' exception handlers.
 */

#include <stdatomic.h>

#include "host.h"
#include "plat/slots.h"

#define TRAP_DB 1u
#define TRAP_AC 17u
#define RFLAGS_TF 0x100u
#define RFLAGS_DF 0x400u
#define RFLAGS_AC 0x40000u

static int on_host_stack(const struct plat_thread *t, uint64_t rsp)
{
    return rsp <= t->host_rsp && rsp > t->host_rsp - PLAT_HOST_STACK;
}

/* Go on in the shim, on the host stack. */
static void enter(const struct plat_thread *t, struct plat_regs *regs, void (*entry)(void))
{
    regs->rip = (uint64_t)(uintptr_t)entry;
    regs->rsp = t->host_rsp;
    regs->rflags &= ~(uint64_t)(RFLAGS_TF | RFLAGS_DF | RFLAGS_AC);
}

int plat_fault_redirect(struct plat_thread *t, struct plat_regs *regs,
                        const struct plat_fault *fault)
{
    for (uint32_t i = 0; i < plat_fixup_count; i++) {
        if (regs->rip >= plat_fixups[i].begin && regs->rip < plat_fixups[i].end) {
            regs->rip = plat_fixups[i].target;
            if (t)
                t->exit_work = 1; /* exception handling may have cost the guest's FS base */
            return 1;
        }
    }
    if (!t || !t->on_fault) /* no guest has run on this thread yet */
        return 0;
    if (on_host_stack(t, regs->rsp)) {
        /* The guest left a debugging flag set when it entered: not our fault. */
        uint64_t flag = fault->trap == TRAP_DB ? RFLAGS_TF : RFLAGS_AC;
        if ((fault->trap != TRAP_DB && fault->trap != TRAP_AC) || !(regs->rflags & flag))
            return 0;
        regs->rflags &= ~flag;
        return 1;
    }

    t->regs = *regs;
    t->fault = *fault;
    enter(t, regs, plat_entry_fault);
    return 1;
}

static int is_on_way_out(uint64_t rip)
{
    for (uint32_t i = 0; i < plat_exit_count; i++) {
        if (rip >= plat_exits[i].begin && rip < plat_exits[i].end)
            return 1;
    }
    return 0;
}

/*
 * On a way out the guest's registers are still in the block.  Everywhere else in the shim
 * and the host, the thread is before the look at `attend` on its way out.
 */
int plat_interrupt_redirect(struct plat_thread *t, struct plat_regs *regs)
{
    if (!t->on_interrupt || !atomic_load(t->attend)) /* it has seen it meanwhile */
        return 0;
    if (!is_on_way_out(regs->rip)) {
        if (on_host_stack(t, regs->rsp) || !t->is_guest_code(regs->rip))
            return 0;
        plat_regs_copy(&t->regs, regs);
    }
    enter(t, regs, plat_entry_attend);
    return 1;
}

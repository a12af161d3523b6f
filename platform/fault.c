/* SPDX-License-Identifier: MIT */
/*
 * What a processor exception means: a guest access by the shim that has a way
 * out, a fault of the guest, or a fault of ours.  Runs inside the hosts'
 * exception handlers.
 */

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
    regs->rip = (uint64_t)(uintptr_t)plat_entry_fault;
    regs->rsp = t->host_rsp;
    regs->rflags &= ~(uint64_t)(RFLAGS_TF | RFLAGS_DF | RFLAGS_AC);
    return 1;
}

/* SPDX-License-Identifier: MIT */
/* What a guest thread's block holds on every host. */

#include <cpuid.h>

#include "host.h"
#include "plat/slots.h"

#define XSTATE_PKRU (1u << 9)

uint64_t plat_xsave_mask(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32 | low) & ~(uint64_t)XSTATE_PKRU;
}

uint32_t plat_xsave_size(void)
{
    uint32_t a, size, c, d;
    __cpuid_count(0xd, 0, a, size, c, d); /* ebx: for the features now in XCR0 */
    return size;
}

#define SET_SLOT(displacement, value) \
    __asm__ volatile("movq %0, %%gs:%c1" : : "r"((uint64_t)(uintptr_t)(value)), "i"(displacement))

static const _Atomic uint32_t nothing; /* to attend to */

void plat_thread_init(struct plat_thread *t, void *xsave)
{
    t->attend = &nothing;
    t->xsave = xsave;
    t->xsave_mask = plat_xsave_mask();
    t->xsave_size = plat_xsave_size();
    t->host_fs = plat_rdfsbase();
    SET_SLOT(PLAT_GS_ENTRY, plat_entry_syscall);
    SET_SLOT(PLAT_GS_THREAD, t);
    SET_SLOT(PLAT_GS_TP, 0);
    SET_SLOT(PLAT_GS_CANARY, 0);
    plat_gate_enable();
}

void plat_thread_renew(struct plat_thread *t)
{
    t->regs = (struct plat_regs){0};
    t->on_syscall = NULL;
    t->on_fault = NULL;
    t->on_interrupt = NULL;
    t->attend = &nothing;
    t->exit_work = 0;
    t->vectors_saved = 0;
    t->guest_fs = 0;
    t->fs_mode = PLAT_FS_HOST;
    t->fault = (struct plat_fault){0};
    t->owner = NULL;
    t->is_bound = 0;
    SET_SLOT(PLAT_GS_TP, 0);
    SET_SLOT(PLAT_GS_CANARY, 0);
}

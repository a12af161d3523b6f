/* SPDX-License-Identifier: MIT */
/*
 * The gate between the shim and the host.  Shim code runs with the guest's
 * vector registers and FS base still loaded; the host may use both.  So every
 * call of plat.h is a function here that makes the host callable first, once
 * between two returns to the guest, and a system call that needs no host never
 * pays for it.
 *
 * Compiled for general registers only.
 */

#include "host.h"
#include "plat/slots.h"

#define MXCSR_DEFAULT 0x1f80

static uint32_t g_enabled; /* this process carries a guest; written before it runs */

void plat_gate_enable(void)
{
    g_enabled = 1;
}

static void save_vectors(struct plat_thread *t)
{
    static const uint32_t mxcsr_default = MXCSR_DEFAULT;
    uint32_t low = (uint32_t)t->xsave_mask, high = (uint32_t)(t->xsave_mask >> 32);

    /* xsave64 leaves the rest of the header alone: it was zeroed once. */
    __asm__ volatile("xsave64 (%0)" : : "r"(t->xsave), "a"(low), "d"(high) : "memory");
    __asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(mxcsr_default));
    t->vectors_saved = 1;
    t->exit_work = 1;
}

/* From here on the registers are the guest's again: the next host call saves them. */
void plat_thread_take_vectors(struct plat_thread *t)
{
    if (!t->vectors_saved)
        save_vectors(t);
    t->vectors_saved = 0;
}

void plat_thread_put_vectors(struct plat_thread *t)
{
#if defined(TARBOX_SANITIZED)
    t->vectors_saved = 1; /* instrumented code uses them until the way out */
#else
    uint32_t low = (uint32_t)t->xsave_mask, high = (uint32_t)(t->xsave_mask >> 32);
    __asm__ volatile("xrstor64 (%0)" : : "r"(t->xsave), "a"(low), "d"(high) : "memory");
    t->vectors_saved = 0;
#endif
    t->exit_work = 1;
}

void plat_gate(void)
{
    if (!g_enabled)
        return;
    struct plat_thread *t = plat_thread_self();
    if (!t || t->vectors_saved)
        return;
    save_vectors(t);
    if (t->fs_mode != PLAT_FS_HOST)
        plat_wrfsbase(t->host_fs);
}

#define XSAVE_LEGACY_SIZE 512
#define XSAVE_HEADER_SIZE 64

void plat_thread_clear_vectors(struct plat_thread *t)
{
    uint64_t *area = t->xsave;
    for (uint32_t i = 0; i < (XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE) / sizeof *area; i++)
        area[i] = 0;         /* no component is there: all are initialised */
    area[3] = MXCSR_DEFAULT; /* but this comes from memory always */
    t->vectors_saved = 1;
    t->exit_work = 1;
}

void plat_thread_copy_vectors(struct plat_thread *t, const struct plat_thread *from)
{
    plat_thread_load_vectors(t, from->xsave);
}

void plat_thread_load_vectors(struct plat_thread *t, const void *area)
{
    const uint64_t *source = area;
    uint64_t *target = t->xsave;
    for (uint32_t i = 0; i < t->xsave_size / sizeof *target; i++)
        target[i] = source[i];
    t->vectors_saved = 1;
    t->exit_work = 1;
}

void plat_thread_set_tp(struct plat_thread *t, uint64_t tp, uint64_t canary)
{
    t->guest_fs = tp;
    __asm__ volatile("movq %0, %%gs:%c1" : : "r"(canary), "i"(PLAT_GS_CANARY));
    __asm__ volatile("movq %0, %%gs:%c1" : : "r"(tp), "i"(PLAT_GS_TP));
    if (t->fs_mode == PLAT_FS_GUEST)
        t->exit_work = 1;
}

void plat_thread_use_fs(struct plat_thread *t)
{
    t->fs_mode = PLAT_FS_GUEST;
    t->exit_work = 1;
}

void plat_thread_clear_fs(struct plat_thread *t)
{
    if (t->fs_mode == PLAT_FS_HOST)
        t->fs_mode = PLAT_FS_ZERO;
    if (t->fs_mode == PLAT_FS_ZERO)
        t->exit_work = 1;
    else if (!t->exit_work)
        plat_wrfsbase(0); /* until the access that faults */
}

#define CALL(result, name, parameters, arguments) \
    result plat_##name parameters                 \
    {                                             \
        plat_gate();                              \
        return plat_host_##name arguments;        \
    }
#define CALLV(name, parameters, arguments) \
    void plat_##name parameters            \
    {                                      \
        plat_gate();                       \
        plat_host_##name arguments;        \
    }
#define CALLN(name, parameters, arguments) CALLV(name, parameters, arguments)
#if defined(__linux__)
#define BARE(result, name, parameters, arguments) \
    result plat_##name parameters                 \
    {                                             \
        return plat_host_##name arguments;        \
    }
#define BAREV(name, parameters, arguments) \
    void plat_##name parameters            \
    {                                      \
        plat_host_##name arguments;        \
    }
#else
#define BARE(result, name, parameters, arguments) CALL(result, name, parameters, arguments)
#define BAREV(name, parameters, arguments) CALLV(name, parameters, arguments)
#endif
#include "calls.def"

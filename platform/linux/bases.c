/* SPDX-License-Identifier: MIT */
/*
 * FS and GS base.  A kernel that says so (HWCAP2_FSGSBASE, Linux 5.9) saves what a program set
 * by wrfsbase and wrgsbase.  Others restore what they were last told by system call, although the
 * instructions may work: there, we tell them.
 *
 * Source  arch_prctl(2), getauxval(3); Documentation/arch/x86/x86_64/fsgs.rst.
 */

#include "bases.h"

#include "host.h"

uint32_t linux_bases_by_call;

static void call(uint64_t code, uint64_t argument)
{
    uint64_t result = LINUX_NR_ARCH_PRCTL;
    __asm__ volatile("syscall" : "+a"(result) : "D"(code), "S"(argument) : "rcx", "r11", "memory");
}

uint64_t plat_rdfsbase(void)
{
    uint64_t base;
    if (linux_bases_by_call)
        call(LINUX_GET_FS, (uint64_t)(uintptr_t)&base);
    else
        __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

void plat_wrfsbase(uint64_t base)
{
    if (linux_bases_by_call)
        call(LINUX_SET_FS, base);
    else
        __asm__ volatile("wrfsbase %0" : : "r"(base));
}

uint64_t linux_rdgsbase(void)
{
    uint64_t base;
    if (linux_bases_by_call)
        call(LINUX_GET_GS, (uint64_t)(uintptr_t)&base);
    else
        __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

void linux_wrgsbase(uint64_t base)
{
    if (linux_bases_by_call)
        call(LINUX_SET_GS, base);
    else
        __asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
}

/* SPDX-License-Identifier: MIT */
/*
 * The code of the vDSO.  It is guest code: built into a section of its own, it is
 * copied into the guest and runs there, with the guest's calling convention, stack
 * and registers.  So it refers to nothing but its arguments and VDSO_DATA.
 */

#include "exec/vdso_code.h"

#include "exec/vdso.h"
#include "lx/errno.h"
#include "lx/time.h"
#include "lx/types.h"
#include "plat/slots.h"
#include "shim/time.h"

#define NS_PER_S 1000000000ull
#define NR_GETTIMEOFDAY 96
#define NR_TIME 201
#define NR_CLOCK_GETTIME 228
#define NR_GETCPU 309

#define DATA ((const volatile struct shim_clock_data *)VDSO_DATA)

/* A system call as patched code makes it. */
static inline __attribute__((always_inline)) int64_t call(int64_t nr, uint64_t a, uint64_t b)
{
    int64_t result = nr;
    __asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"
                     "jmpq *%%gs:%c3\n"
                     "1:"
                     : "+a"(result)
                     : "D"(a), "S"(b), "i"(PLAT_GS_ENTRY)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

static inline __attribute__((always_inline)) uint64_t elapsed_ns(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    uint64_t ticks = ((uint64_t)high << 32 | low) - DATA->base_tsc;
    return (uint64_t)((unsigned __int128)ticks * DATA->mult >> DATA->shift);
}

VDSO int vdso_clock_gettime(int clock, struct lx_timespec *ts)
{
    uint64_t base;
    if (!DATA->usable)
        return (int)call(NR_CLOCK_GETTIME, (uint64_t)clock, (uint64_t)(uintptr_t)ts);
    if (clock == LX_CLOCK_MONOTONIC || clock == LX_CLOCK_MONOTONIC_RAW ||
        clock == LX_CLOCK_MONOTONIC_COARSE || clock == LX_CLOCK_BOOTTIME)
        base = DATA->monotonic_ns;
    else if (clock == LX_CLOCK_REALTIME || clock == LX_CLOCK_REALTIME_COARSE)
        base = DATA->realtime_ns;
    else
        return (int)call(NR_CLOCK_GETTIME, (uint64_t)(int64_t)clock, (uint64_t)(uintptr_t)ts);
    uint64_t ns = base + elapsed_ns(), seconds = ns / NS_PER_S;
    ts->tv_sec = (int64_t)seconds;
    ts->tv_nsec = (int64_t)(ns - seconds * NS_PER_S);
    return 0;
}

VDSO int vdso_gettimeofday(struct lx_timeval *tv, void *tz)
{
    if (!DATA->usable || tz)
        return (int)call(NR_GETTIMEOFDAY, (uint64_t)(uintptr_t)tv, (uint64_t)(uintptr_t)tz);
    if (tv) {
        uint64_t us = (DATA->realtime_ns + elapsed_ns()) / 1000;
        uint64_t seconds = us / 1000000;
        tv->tv_sec = (int64_t)seconds;
        tv->tv_usec = (int64_t)(us - seconds * 1000000);
    }
    return 0;
}

VDSO int64_t vdso_time(int64_t *tloc)
{
    if (!DATA->usable)
        return call(NR_TIME, (uint64_t)(uintptr_t)tloc, 0);
    int64_t seconds = (int64_t)((DATA->realtime_ns + elapsed_ns()) / NS_PER_S);
    if (tloc)
        *tloc = seconds;
    return seconds;
}

VDSO int64_t vdso_getcpu(uint32_t *cpu, uint32_t *node)
{
    return call(NR_GETCPU, (uint64_t)(uintptr_t)cpu, (uint64_t)(uintptr_t)node);
}

/* SPDX-License-Identifier: MIT */
/* Clocks and chance. */

#include "internal.h"

#include <ntsecapi.h> /* RtlGenRandom(), without the start that BCrypt takes */

#include "lx/errno.h"

#define NS_PER_S 1000000000ull
#define EPOCH_1970 116444736000000000ll /* in 100 ns since 1601 */
#define INVARIANT_TSC (1u << 8)         /* CPUID 0x80000007, edx */
#define CALIBRATION_NS 2000000ull
#define INSTANT_TRIES 8
#define TSC_SHIFT 32

int64_t windows_unix_ns(const FILETIME *t)
{
    int64_t ticks = (int64_t)((uint64_t)t->dwHighDateTime << 32 | t->dwLowDateTime);
    return (ticks - EPOCH_1970) * 100;
}

FILETIME windows_file_time(int64_t unix_ns)
{
    int64_t ticks = unix_ns / 100 + EPOCH_1970;
    if (ticks < 1) /* before 1601; and 0 has a meaning of its own to SetFileTime() */
        ticks = 1;
    return (FILETIME){.dwLowDateTime = (DWORD)ticks, .dwHighDateTime = (DWORD)(ticks >> 32)};
}

static uint64_t ticks_of(const FILETIME *t)
{
    return (uint64_t)t->dwHighDateTime << 32 | t->dwLowDateTime;
}

static uint64_t counter_ns(void)
{
    LARGE_INTEGER now;
    QueryPerformanceCounter(&now);
    uint64_t ticks = (uint64_t)now.QuadPart, frequency = g_windows.frequency;
    /* In two steps, since ticks * 10^9 overflows within the hour; the rest stays small. */
    return ticks / frequency * NS_PER_S + ticks % frequency * NS_PER_S / frequency;
}

uint64_t plat_host_clock_now(enum plat_clock clock)
{
    FILETIME created, ended, system = {0}, user = {0}, now;
    switch (clock) {
    case PLAT_CLOCK_REALTIME:
        GetSystemTimePreciseAsFileTime(&now);
        return (uint64_t)windows_unix_ns(&now);
    case PLAT_CLOCK_CPU_PROCESS:
        GetProcessTimes(GetCurrentProcess(), &created, &ended, &system, &user);
        return (ticks_of(&system) + ticks_of(&user)) * 100;
    case PLAT_CLOCK_CPU_THREAD:
        GetThreadTimes(GetCurrentThread(), &created, &ended, &system, &user);
        return (ticks_of(&system) + ticks_of(&user)) * 100;
    default:
        return counter_ns();
    }
}

static int has_invariant_tsc(void)
{
    uint32_t a = 0x80000007, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d & INVARIANT_TSC;
}

/*
 * Counter and clock read together, just as the clock moves on, which it does in steps of
 * 100 ns: the quickest of a few tries.
 */
struct windows_instant windows_instant(void)
{
    struct windows_instant best = {0, 0};
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < INSTANT_TRIES; i++) {
        uint64_t start = counter_ns(), before, ns, after;
        do {
            before = __builtin_ia32_rdtsc();
            ns = counter_ns();
            after = __builtin_ia32_rdtsc();
        } while (ns == start);
        if (after - before < shortest) {
            shortest = after - before;
            best = (struct windows_instant){before + (after - before) / 2, ns};
        }
    }
    return best;
}

int plat_host_tsc_calibrate(struct plat_tsc *out)
{
    *out = (struct plat_tsc){0};
    if (!has_invariant_tsc())
        return -LX_EOPNOTSUPP;
    if (counter_ns() - g_windows.started.ns < CALIBRATION_NS)
        return -LX_EAGAIN;
    struct windows_instant first = g_windows.started, last = windows_instant();
    uint64_t realtime = plat_host_clock_now(PLAT_CLOCK_REALTIME);
    uint64_t now = __builtin_ia32_rdtsc();

    /* mult = ns per tick, in units of 2^-32; processors of 1 GHz and more stay below 2^32. */
    uint64_t mult =
        (uint64_t)(((unsigned __int128)(last.ns - first.ns) << TSC_SHIFT) / (last.tsc - first.tsc));
    if (mult > UINT32_MAX)
        return -LX_EOPNOTSUPP;
    out->base_tsc = last.tsc;
    out->mult = (uint32_t)mult;
    out->shift = TSC_SHIFT;
    out->monotonic_ns = last.ns;
    out->realtime_ns =
        realtime - (uint64_t)((unsigned __int128)(now - last.tsc) * mult >> TSC_SHIFT);
    return 0;
}

void plat_host_random(void *buf, size_t size)
{
    if (!RtlGenRandom(buf, (ULONG)size))
        plat_host_exit(125); /* it has no way to fail that could be mended */
}

uint64_t plat_host_uptime_s(void)
{
    return GetTickCount64() / 1000;
}

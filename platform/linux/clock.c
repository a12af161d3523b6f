/* SPDX-License-Identifier: MIT */
/*
 * Clocks, the time-stamp counter, chance, and the size of the machine.
 *
 * Source  clock_gettime(2), getrandom(2), proc(5); Intel SDM 3, "Time-Stamp Counter".
 */

#include <cpuid.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

#include "internal.h"
#include "lx/errno.h"

#define SECOND_NS 1000000000ull
#define WINDOW_NS 2000000 /* shortest time that the counter is measured over */
#define TRIES 16

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

uint64_t plat_host_clock_now(enum plat_clock clock)
{
    switch (clock) {
    case PLAT_CLOCK_REALTIME:
        return read_clock(CLOCK_REALTIME);
    case PLAT_CLOCK_MONOTONIC:
        return read_clock(CLOCK_MONOTONIC);
    case PLAT_CLOCK_CPU_PROCESS:
        return read_clock(CLOCK_PROCESS_CPUTIME_ID);
    case PLAT_CLOCK_CPU_THREAD:
        return read_clock(CLOCK_THREAD_CPUTIME_ID);
    }
    return 0;
}

static uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Of several readings the quickest: nothing came between.  The clock was read in its middle. */
struct linux_instant linux_instant(enum plat_clock clock)
{
    struct linux_instant best = {0};
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = read_tsc();
        uint64_t ns = plat_host_clock_now(clock);
        uint64_t took = read_tsc() - before;
        if (took < shortest) {
            shortest = took;
            best = (struct linux_instant){.tsc = before + took / 2, .ns = ns};
        }
    }
    return best;
}

static int is_invariant(void)
{
    uint32_t a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1u << 8;
}

/* The kernel watches the counter, and stops using it when it finds it wanting. */
static int kernel_trusts_it(void)
{
    static const char *const derived[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "xen"};
    char name[64] = "";
    FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (!f)
        return 1;
    int read = fscanf(f, "%63s", name);
    fclose(f);
    for (size_t i = 0; read == 1 && i < sizeof derived / sizeof derived[0]; i++) {
        if (strcmp(name, derived[i]) == 0)
            return 1;
    }
    return read != 1;
}

/* An error of the two readings, some 10 ns, is 5 parts in a million of WINDOW_NS. */
int plat_host_tsc_calibrate(struct plat_tsc *out)
{
    *out = (struct plat_tsc){0};
    if (read_clock(CLOCK_MONOTONIC) - g_linux.started.ns < WINDOW_NS)
        return -LX_EAGAIN;
    if (!is_invariant() || !kernel_trusts_it())
        return -LX_EOPNOTSUPP;
    struct linux_instant start = g_linux.started, end = linux_instant(PLAT_CLOCK_MONOTONIC);
    struct linux_instant real = linux_instant(PLAT_CLOCK_REALTIME);

    /* The largest mult of 32 bits; below 2^32 counts per ns and above 2^-31, always found. */
    unsigned __int128 ns = end.ns - start.ns, counts = end.tsc - start.tsc;
    uint32_t shift = 62;
    while (shift && (ns << shift) / counts > UINT32_MAX)
        shift--;
    out->mult = (uint32_t)((ns << shift) / counts);
    out->shift = shift;
    out->base_tsc = end.tsc;
    out->monotonic_ns = end.ns;
    out->realtime_ns =
        real.ns - (uint64_t)((unsigned __int128)(real.tsc - end.tsc) * out->mult >> shift);
    return 0;
}

/* Without random numbers no guest can run safely; getrandom(2) fails on broken hosts only. */
void plat_host_random(void *buf, size_t size)
{
    char *at = buf;
    while (size) {
        ssize_t n = getrandom(at, size, 0);
        if (n < 0 && errno != EINTR)
            abort();
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}

void plat_host_memory_info(uint64_t *total, uint64_t *available)
{
    struct sysinfo info;
    *total = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
    if (!available)
        return;
    *available = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    if (!f)
        return;
    char line[128];
    unsigned long long kib;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            *available = kib * 1024;
    }
    fclose(f);
}

uint64_t plat_host_uptime_s(void)
{
    return read_clock(CLOCK_BOOTTIME) / SECOND_NS;
}

/* SPDX-License-Identifier: MIT */
/* What this host offers, check by check, for `tarbox doctor`. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "bases.h"
#include "internal.h"
#include "lx/errno.h"

#define MIB UINT64_C(0x100000)
#define ENOUGH_MEMORY (512 * MIB)
#define GOOD_TIMER_NS 1000000 /* an overshoot that programs do not notice */

static int check_host(char *text, size_t size)
{
    struct utsname name = {0};
    uname(&name);
    snprintf(text, size, "host: %s %s, %" PRIu32 " processors", name.sysname, name.release,
             plat_host_cpu_count());
    return 1;
}

/* In one piece: between the two, no C code may need its thread-locals. */
static int check_fs_base(char *text, size_t size)
{
    if (linux_bases_by_call) {
        snprintf(text, size,
                 "FS base: set by system calls; programs whose thread-local accesses "
                 "cannot all be rewritten run slower");
        return 0;
    }
    uint64_t host = plat_rdfsbase(), after;
    long yield = SYS_sched_yield;
    __asm__ volatile("wrfsbase %[zero]\n\t"
                     "syscall\n\t"
                     "rdfsbase %[after]\n\t"
                     "wrfsbase %[host]"
                     : [after] "=&r"(after), "+a"(yield)
                     : [host] "r"(host), [zero] "r"(0ull)
                     : "rcx", "r11", "memory");
    snprintf(text, size, "FS base: set by programs, %s by the scheduler",
             after == 0 ? "kept" : "changed");
    return after == 0;
}

static int check_xsave(char *text, size_t size)
{
    snprintf(text, size, "vector state: %" PRIu32 " bytes, components %#" PRIx64, plat_xsave_size(),
             plat_xsave_mask());
    return 1;
}

static int is_free(uint64_t addr, uint64_t size)
{
    if (plat_host_mem_reserve(addr, size) < 0)
        return 0;
    plat_host_mem_release(addr, size);
    return 1;
}

/* The lowest address of each window in core/layout.h that has a fixed use. */
static int check_windows(char *text, size_t size)
{
#if defined(TARBOX_SANITIZED)
    static const uint64_t windows[] = {0x550000000000, 0x551000000000, 0x552000000000,
                                       0x554000000000};
#else
    static const uint64_t windows[] = {0x110000000000, 0x120000000000, 0x200000000000,
                                       0x300000000000, 0x400000000000};
#endif
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        if (!is_free(windows[i], 1u << 30)) {
            snprintf(text, size, "address space: %#" PRIx64 " is taken", windows[i]);
            return -LX_EEXIST;
        }
    }
    snprintf(text, size, "address space: the arena and the guest's windows are free");
    return 1;
}

static int check_low_range(char *text, size_t size)
{
    int fine = is_free(PLAT_LOW_BASE, PLAT_LOW_END - PLAT_LOW_BASE);
    snprintf(text, size, "low addresses: %#llx to %#llx %s", PLAT_LOW_BASE, PLAT_LOW_END,
             fine ? "are free" : "are taken: programs with fixed addresses may not load");
    return fine;
}

static int check_tsc(char *text, size_t size)
{
    struct plat_tsc tsc;
    if (plat_host_tsc_calibrate(&tsc) < 0) {
        snprintf(text, size, "time-stamp counter: not invariant; reading the time costs more");
        return 0;
    }
    double mhz = 1000.0 * (double)(1ull << tsc.shift) / tsc.mult;
    snprintf(text, size, "time-stamp counter: invariant, %.1f MHz", mhz);
    return 1;
}

static int check_timers(char *text, size_t size)
{
    static const uint64_t nap_ns = 100000;
    uint64_t worst = 0;
    for (int i = 0; i < 10; i++) {
        uint64_t start = plat_host_clock_now(PLAT_CLOCK_MONOTONIC);
        plat_host_thread_yield(nap_ns);
        uint64_t took = plat_host_clock_now(PLAT_CLOCK_MONOTONIC) - start;
        if (took > nap_ns && took - nap_ns > worst)
            worst = took - nap_ns;
    }
    snprintf(text, size, "timers: at most %" PRIu64 " us late in 10 naps", worst / 1000);
    return worst < GOOD_TIMER_NS;
}

static int check_memory(char *text, size_t size)
{
    uint64_t total, available;
    plat_host_memory_info(&total, &available);
    snprintf(text, size, "memory: %" PRIu64 " MiB, %" PRIu64 " MiB available", total / MIB,
             available / MIB);
    return available >= ENOUGH_MEMORY;
}

static int check_streams(char *text, size_t size)
{
    static const char *const names[] = {"closed", "console", "pipe", "file", "null"};
    const char *kinds[3];
    for (uint32_t stream = 0; stream < 3; stream++) {
        struct plat_stream_info info;
        int err = plat_host_stream_info(stream, &info);
        if (err < 0)
            return err;
        kinds[stream] = names[info.kind];
    }
    struct plat_winsize window;
    int length = snprintf(text, size, "streams: %s, %s, %s", kinds[0], kinds[1], kinds[2]);
    if (length > 0 && (size_t)length < size && plat_host_stream_winsize(1, &window) == 0)
        snprintf(text + length, size - (size_t)length, "; %u x %u characters", window.columns,
                 window.rows);
    return 1;
}

static int check_temporary(char *text, size_t size)
{
    struct plat_file *f;
    int err = plat_host_file_temporary(&f);
    snprintf(text, size, "temporary files: %s",
             err < 0 ? "none can be made in $TMPDIR, /tmp or /var/tmp" : "fine");
    plat_host_file_close(f);
    return err < 0 ? err : 1;
}

int plat_host_doctor_check(uint32_t n, char *text, size_t size)
{
    static int (*const checks[])(char *text, size_t size) = {
        check_host, check_fs_base, check_xsave,  check_windows, check_low_range,
        check_tsc,  check_timers,  check_memory, check_streams, check_temporary,
    };
    if (size)
        text[0] = '\0';
    if (n >= sizeof checks / sizeof checks[0])
        return -LX_ENOENT;
    return checks[n](text, size);
}

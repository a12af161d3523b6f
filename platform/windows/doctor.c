/* SPDX-License-Identifier: MIT */
/* What `tarbox doctor` finds out about this Windows. */

#include <stdio.h>

#include "internal.h"
#include "lx/errno.h"

#define BUSY_MS 50

/* Does FS base survive a wait, and a busy period with preemption?  Windows may clear it. */
static int check_fs_base(char *text, size_t size)
{
    uint64_t before = plat_rdfsbase(), mark = 0x1234000, after;
    uint64_t end = GetTickCount64() + BUSY_MS;
    plat_wrfsbase(mark);
    Sleep(1);
    do
        after = plat_rdfsbase();
    while (after == mark && GetTickCount64() < end);
    plat_wrfsbase(before);
    snprintf(text, size, "FS base: %s",
             after == mark ? "kept while a thread runs"
                           : "not kept by the system; programs whose thread-local accesses cannot "
                             "all be rewritten run slower");
    return after == mark;
}

#define ILLEGAL_SIZE 2u /* of ud2 */

static LONG WINAPI skip_illegal(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_ILLEGAL_INSTRUCTION)
        return EXCEPTION_CONTINUE_SEARCH;
    pointers->ContextRecord->Rip += ILLEGAL_SIZE;
    return EXCEPTION_CONTINUE_EXECUTION;
}

/* How many of the 16 words below the stack pointer does an exception spoil? */
static __attribute__((noinline)) uint64_t spoiled_words(void)
{
    uint64_t count;
    __asm__ volatile("movq $0x5a5a5a5a, %%rcx\n\t"
                     ".set offset, 8\n\t"
                     ".rept 16\n\t"
                     "movq %%rcx, -offset(%%rsp)\n\t"
                     ".set offset, offset + 8\n\t"
                     ".endr\n\t"
                     "ud2\n\t"
                     "xorl %%eax, %%eax\n\t"
                     ".set offset, 8\n\t"
                     ".rept 16\n\t"
                     "xorl %%edx, %%edx\n\t"
                     "cmpq %%rcx, -offset(%%rsp)\n\t"
                     "setne %%dl\n\t"
                     "addq %%rdx, %%rax\n\t"
                     ".set offset, offset + 8\n\t"
                     ".endr"
                     : "=a"(count)
                     :
                     : "rcx", "rdx", "memory", "cc");
    return count;
}

/* Windows is known to spoil the red zone: told for the record, since Wine may not. */
static int check_red_zone(char *text, size_t size)
{
    void *handler = AddVectoredExceptionHandler(1, skip_illegal);
    uint64_t count = spoiled_words();
    RemoveVectoredExceptionHandler(handler);
    snprintf(text, size, "red zone: an exception %s", count ? "overwrites it" : "leaves it alone");
    return 1;
}

static int check_windows(char *text, size_t size)
{
    static const uint64_t bases[] = {0x110000000000, 0x120000000000, 0x200000000000, 0x300000000000,
                                     0x400000000000};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        int err = plat_host_mem_reserve(bases[i], PLAT_GRANULE);
        if (err < 0) {
            snprintf(text, size, "address space: %llx is taken by something else",
                     (unsigned long long)bases[i]);
            return err;
        }
        plat_host_mem_release(bases[i], PLAT_GRANULE);
    }
    snprintf(text, size, "address space: the guest's windows are free");
    return 1;
}

/* A child, never resumed, in which the low range is reserved as for a guest host. */
static int check_low_range(char *text, size_t size)
{
    wchar_t program[MAX_PATH], command[] = L"tarbox";
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION info;
    GetModuleFileNameW(NULL, program, MAX_PATH);
    if (!CreateProcessW(program, command, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup,
                        &info)) {
        snprintf(text, size, "guest hosts: cannot be started (error %lu)",
                 (unsigned long)GetLastError());
        return -LX_EPERM;
    }
    void *low = VirtualAllocEx(info.hProcess, (void *)(uintptr_t)PLAT_LOW_BASE,
                               PLAT_LOW_END - PLAT_LOW_BASE, MEM_RESERVE, PAGE_NOACCESS);
    TerminateProcess(info.hProcess, 0);
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
    snprintf(text, size, "guest hosts: %s",
             low ? "the low range can be reserved for programs with fixed addresses"
                 : "the low range is taken; only position-independent programs can run");
    return low ? 1 : 0;
}

static int check_timer(char *text, size_t size)
{
    HANDLE timer = CreateWaitableTimerExW(NULL, NULL, 2 /* high resolution */, TIMER_ALL_ACCESS);
    if (!timer) {
        snprintf(text, size,
                 "timers: no high resolution (Windows 10 1803); sleeps take 15 ms more");
        return 0;
    }
    LARGE_INTEGER due = {.QuadPart = -10000}; /* 1 ms */
    uint64_t before = plat_host_clock_now(PLAT_CLOCK_MONOTONIC);
    SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE);
    WaitForSingleObject(timer, 100);
    uint64_t us = (plat_host_clock_now(PLAT_CLOCK_MONOTONIC) - before) / 1000;
    CloseHandle(timer);
    snprintf(text, size, "timers: a sleep of 1000 us takes %llu us", (unsigned long long)us);
    return us < 5000;
}

static int check_tsc(char *text, size_t size)
{
    struct plat_tsc tsc;
    int err = plat_host_tsc_calibrate(&tsc);
    snprintf(text, size, "clock: %s",
             err == 0 ? "the time-stamp counter serves it"
                      : "the time-stamp counter varies; reading the time takes a system call");
    return err == 0;
}

static int check_memory(char *text, size_t size)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    GlobalMemoryStatusEx(&status);
    snprintf(text, size, "memory: %llu MiB, of which %llu MiB can still be committed",
             (unsigned long long)(status.ullTotalPhys >> 20),
             (unsigned long long)(status.ullAvailPageFile >> 20));
    return status.ullAvailPageFile > 1u << 30;
}

static int check_console(char *text, size_t size)
{
    struct plat_stream_info info;
    DWORD mode = 0;
    if (plat_host_stream_info(1, &info) < 0 || info.kind != PLAT_STREAM_CONSOLE) {
        snprintf(text, size, "console: standard output is none");
        return 1;
    }
    GetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), &mode);
    int vt = (mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
    snprintf(text, size, "console: %s", vt ? "escape sequences are on" : "no escape sequences");
    return vt;
}

static int check_temporary(char *text, size_t size)
{
    struct plat_file *file;
    int err = plat_host_file_temporary(&file);
    snprintf(text, size, "temporary folder: %s", err == 0 ? "writable" : "cannot be written to");
    if (err == 0)
        plat_host_file_close(file);
    return err == 0 ? 1 : err;
}

int plat_host_doctor_check(uint32_t n, char *text, size_t size)
{
    static int (*const checks[])(char *text, size_t size) = {
        check_windows, check_low_range, check_fs_base, check_red_zone,  check_timer,
        check_tsc,     check_memory,    check_console, check_temporary,
    };
    if (n >= sizeof checks / sizeof checks[0]) {
        text[0] = 0;
        return -LX_ENOENT;
    }
    return checks[n](text, size);
}

/* SPDX-License-Identifier: MIT */
/*
 * Guest hosts.  One is created suspended, so that its low range can be reserved
 * before its first instruction, and lives in a job that ends with its launcher.
 *
 * Source  CreateProcessW, VirtualAllocEx, job objects (KILL_ON_JOB_CLOSE).
 */

#include "internal.h"

#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>

#include "lx/errno.h"

#define COMMAND_SIZE 1024

struct plat_process {
    HANDLE process;
};

void windows_object_name(wchar_t name[96], wchar_t kind, uint32_t n)
{
    _snwprintf(name, 96, L"Local\\tarbox-%016llx%016llx-%c%u",
               (unsigned long long)g_windows.container[0],
               (unsigned long long)g_windows.container[1], kind, n);
    name[95] = 0;
}

static int make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    if (g_windows.job)
        return 0;
    g_windows.job = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (!g_windows.job || !SetInformationJobObject(g_windows.job, JobObjectExtendedLimitInformation,
                                                   &limits, sizeof limits))
        return windows_error();
    return 0;
}

static void inherit(HANDLE handle)
{
    SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

/* "own.exe" ARGUMENT --handles ID ID ARENA FILE.. */
static void format_command(wchar_t command[COMMAND_SIZE], const wchar_t *argument,
                           struct plat_file *const *files, uint32_t count)
{
    int length = _snwprintf(command, COMMAND_SIZE, L"tarbox %ls --handles %llx %llx %llx", argument,
                            (unsigned long long)g_windows.container[0],
                            (unsigned long long)g_windows.container[1],
                            (unsigned long long)(uintptr_t)g_windows.arena);
    for (uint32_t i = 0; i < count; i++)
        length += _snwprintf(command + length, (size_t)(COMMAND_SIZE - length), L" %llx",
                             (unsigned long long)(uintptr_t)files[i]->handle);
}

static int start(const wchar_t *command_line, PROCESS_INFORMATION *info)
{
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    inherit(startup.hStdInput);
    inherit(startup.hStdOutput);
    inherit(startup.hStdError);

    wchar_t *program = calloc(WINDOWS_PATH_MAX, sizeof *program);
    wchar_t command[COMMAND_SIZE];
    if (!program)
        return -LX_ENOMEM;
    GetModuleFileNameW(NULL, program, WINDOWS_PATH_MAX);
    wcscpy(command, command_line);
    int err = 0;
    if (!CreateProcessW(program, command, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &startup,
                        info))
        err = windows_error();
    free(program);
    return err;
}

static int prepare(const PROCESS_INFORMATION *info)
{
    if (!AssignProcessToJobObject(g_windows.job, info->hProcess))
        return windows_error();
    if (!VirtualAllocEx(info->hProcess, (void *)(uintptr_t)PLAT_LOW_BASE, PLAT_LOW_END - PLAT_LOW_BASE,
                        MEM_RESERVE, PAGE_NOACCESS))
        return windows_error();
    return ResumeThread(info->hThread) == (DWORD)-1 ? windows_error() : 0;
}

int plat_host_process_spawn(const char *argument, struct plat_file *const *files, uint32_t count,
                            struct plat_process **out)
{
    wchar_t command[COMMAND_SIZE];
    PROCESS_INFORMATION info;
    *out = NULL;
    wchar_t *wide = windows_wide(argument);
    struct plat_process *p = calloc(1, sizeof *p);
    int err = wide && p ? make_job() : -LX_ENOMEM;
    if (err == 0) {
        inherit(g_windows.arena);
        for (uint32_t i = 0; i < count; i++)
            inherit(files[i]->handle);
        format_command(command, wide, files, count);
        err = start(command, &info);
    }
    if (err == 0) {
        err = prepare(&info);
        if (err < 0)
            TerminateProcess(info.hProcess, 1);
        CloseHandle(info.hThread);
        p->process = info.hProcess;
    }
    free(wide);
    if (err < 0) {
        if (p && p->process)
            CloseHandle(p->process);
        free(p);
        return err;
    }
    *out = p;
    return 0;
}

/* Time left until a deadline, for waits in ms; rounded up. */
static DWORD time_left(int64_t deadline_ns)
{
    if (deadline_ns == PLAT_FOREVER)
        return INFINITE;
    int64_t left = deadline_ns - (int64_t)plat_host_clock_now(PLAT_CLOCK_MONOTONIC);
    if (left <= 0)
        return 0;
    int64_t ms = (left + 999999) / 1000000;
    return ms < (int64_t)INFINITE ? (DWORD)ms : INFINITE - 1;
}

int plat_host_process_wait(struct plat_process *p, int64_t deadline_ns, int32_t *code)
{
    DWORD exit_code;
    *code = 0;
    switch (WaitForSingleObject(p->process, time_left(deadline_ns))) {
    case WAIT_OBJECT_0:
        GetExitCodeProcess(p->process, &exit_code);
        *code = (int32_t)exit_code;
        return 0;
    case WAIT_TIMEOUT:
        return -LX_ETIMEDOUT;
    default:
        return windows_error();
    }
}

void plat_host_process_kill(struct plat_process *p)
{
    TerminateProcess(p->process, 1);
}

void plat_host_process_free(struct plat_process *p)
{
    if (!p)
        return;
    CloseHandle(p->process);
    free(p);
}

int plat_host_file_inherited(uint32_t n, struct plat_file **out)
{
    *out = NULL;
    if (n >= WINDOWS_FILES_MAX || !g_windows.files[n])
        return -LX_EBADF;
    return windows_file_new(g_windows.files[n], out);
}

uint64_t plat_host_process_peak(void)
{
    PROCESS_MEMORY_COUNTERS_EX counters = {.cb = sizeof counters};
    if (!GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&counters,
                              sizeof counters))
        return 0;
    /* Not every host keeps the peak: what was seen here counts as well. */
    static _Atomic uint64_t peak;
    if (counters.PeakPagefileUsage > peak)
        peak = counters.PeakPagefileUsage;
    return peak;
}

static uint64_t ns_of(const FILETIME *t)
{
    return ((uint64_t)t->dwHighDateTime << 32 | t->dwLowDateTime) * 100;
}

void plat_host_process_times(uint64_t *user_ns, uint64_t *system_ns)
{
    FILETIME created, ended, system, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &system, &user);
    *user_ns = ns_of(&user);
    *system_ns = ns_of(&system);
}

uint32_t plat_host_process_id(void)
{
    return GetCurrentProcessId();
}

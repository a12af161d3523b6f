/* SPDX-License-Identifier: MIT */
/*
 * Guest hosts.  One is created suspended, so that its low range can be reserved
 * before its first instruction, and is born into a job that ends with its launcher.
 *
 * Source  CreateProcessW, VirtualAllocEx, job objects (KILL_ON_JOB_CLOSE,
 *         PROC_THREAD_ATTRIBUTE_JOB_LIST), RegisterWaitForSingleObject.
 */

#include "internal.h"

#include <ctype.h>
#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define COMMAND_SIZE 2048u
#define HANDLE_DIGITS 17u /* with a blank */
#define ARGUMENT_MAX 128u

struct plat_process {
    HANDLE process, wait;
    void (*on_end)(void *arg);
    void *on_end_arg;
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
    HANDLE job = CreateJobObjectW(NULL, NULL);
    if (!job)
        return windows_error();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (!SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
        int err = windows_error();
        CloseHandle(job);
        return err;
    }
    g_windows.job = job;
    return 0;
}

/* The handles that a guest host gets, and no others: each once, or CreateProcessW() refuses. */
struct handover {
    HANDLE handles[PLAT_INHERIT_MAX + 4]; /* files, arena, standard streams */
    DWORD count;
};

static void hand_over(struct handover *h, HANDLE handle)
{
    if (!handle || handle == INVALID_HANDLE_VALUE)
        return; /* a standard stream may be missing */
    for (DWORD i = 0; i < h->count; i++) {
        if (h->handles[i] == handle)
            return;
    }
    if (SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT))
        h->handles[h->count++] = handle;
}

/* tarbox ARGUMENT --handles ID ID ARENA FILE..; start.c takes it apart. */
static void format_command(wchar_t command[COMMAND_SIZE], const char *argument,
                           struct plat_file *const *files, uint32_t count)
{
    int length = _snwprintf(command, COMMAND_SIZE, L"tarbox %hs --handles %llx %llx %llx", argument,
                            (unsigned long long)g_windows.container[0],
                            (unsigned long long)g_windows.container[1],
                            (unsigned long long)(uintptr_t)g_windows.arena);
    for (uint32_t i = 0; i < count; i++)
        length += _snwprintf(command + length, (size_t)(COMMAND_SIZE - length), L" %llx",
                             (unsigned long long)(uintptr_t)files[i]->handle);
}

/*
 * An attribute list that limits inheritance to `h`, which must outlive it, and puts the process into
 * the job from the first: a launcher that is killed leaves none behind.  NULL: no memory.
 */
static LPPROC_THREAD_ATTRIBUTE_LIST attributes_new(struct handover *h)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 2, 0, &size); /* fails, and says how much it takes */
    LPPROC_THREAD_ATTRIBUTE_LIST list = malloc(size);
    if (!list || !InitializeProcThreadAttributeList(list, 2, 0, &size)) {
        free(list);
        return NULL;
    }
    if (!UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, h->handles,
                                   h->count * sizeof *h->handles, NULL, NULL) ||
        !UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST, &g_windows.job,
                                   sizeof g_windows.job, NULL, NULL)) {
        DeleteProcThreadAttributeList(list);
        free(list);
        return NULL;
    }
    return list;
}

static int start(wchar_t *command, struct handover *h, PROCESS_INFORMATION *info)
{
    STARTUPINFOEXW startup = {
        .StartupInfo = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES}};
    startup.StartupInfo.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.StartupInfo.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.StartupInfo.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    hand_over(h, startup.StartupInfo.hStdInput);
    hand_over(h, startup.StartupInfo.hStdOutput);
    hand_over(h, startup.StartupInfo.hStdError);

    startup.lpAttributeList = attributes_new(h);
    wchar_t *program = malloc(WINDOWS_PATH_MAX * sizeof *program);
    int err = startup.lpAttributeList && program ? 0 : -LX_ENOMEM;
    if (err == 0 && !GetModuleFileNameW(NULL, program, WINDOWS_PATH_MAX))
        err = windows_error();
    if (err == 0 && !CreateProcessW(program, command, NULL, NULL, TRUE,
                                    CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
                                    &startup.StartupInfo, info))
        err = windows_error();
    if (startup.lpAttributeList)
        DeleteProcThreadAttributeList(startup.lpAttributeList);
    free(startup.lpAttributeList);
    free(program);
    return err;
}

static int prepare(const PROCESS_INFORMATION *info)
{
    if (!VirtualAllocEx(info->hProcess, (void *)(uintptr_t)PLAT_LOW_BASE,
                        PLAT_LOW_END - PLAT_LOW_BASE, MEM_RESERVE, PAGE_NOACCESS))
        return windows_error();
    return ResumeThread(info->hThread) == (DWORD)-1 ? windows_error() : 0;
}

/* Private arguments are words of our own, which need no quoting. */
static int is_plain_word(const char *argument)
{
    for (const char *c = argument; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '-')
            return 0;
    }
    return *argument && strlen(argument) <= ARGUMENT_MAX;
}

int plat_host_process_spawn(void (*guest)(const char *argument), const char *argument,
                            struct plat_file *const *files, uint32_t count,
                            struct plat_process **out)
{
    wchar_t command[COMMAND_SIZE];
    (void)guest; /* its main() calls it */
    struct handover h = {.count = 0};
    PROCESS_INFORMATION info;
    *out = NULL;
    if (count > PLAT_INHERIT_MAX || !is_plain_word(argument))
        return -LX_EINVAL;
    struct plat_process *p = calloc(1, sizeof *p);
    int err = p ? make_job() : -LX_ENOMEM;
    if (err == 0) {
        hand_over(&h, g_windows.arena);
        for (uint32_t i = 0; i < count; i++)
            hand_over(&h, files[i]->handle);
        format_command(command, argument, files, count);
        err = start(command, &h, &info);
    }
    if (err == 0) {
        err = prepare(&info);
        if (err < 0)
            TerminateProcess(info.hProcess, 1);
        CloseHandle(info.hThread);
        p->process = info.hProcess;
    }
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
    DWORD left, exit_code, result;
    *code = 0;
    do {
        left = time_left(deadline_ns);
        result = WaitForSingleObject(p->process, left);
    } while (result == WAIT_TIMEOUT && left); /* waits may end a little early */
    if (result == WAIT_TIMEOUT)
        return -LX_ETIMEDOUT;
    if (result != WAIT_OBJECT_0 || !GetExitCodeProcess(p->process, &exit_code))
        return windows_error();
    *code = (int32_t)exit_code;
    return 0;
}

void plat_host_process_kill(struct plat_process *p)
{
    TerminateProcess(p->process, 1);
}

static void CALLBACK on_end(void *arg, BOOLEAN timed_out)
{
    const struct plat_process *p = arg;
    (void)timed_out;
    p->on_end(p->on_end_arg);
}

int plat_host_process_watch(struct plat_process *p, void (*ended)(void *arg), void *arg)
{
    p->on_end = ended;
    p->on_end_arg = arg;
    if (!RegisterWaitForSingleObject(&p->wait, p->process, on_end, p, INFINITE, WT_EXECUTEONLYONCE))
        return windows_error();
    return 0;
}

void plat_host_process_free(struct plat_process *p)
{
    if (!p)
        return;
    if (p->wait)
        UnregisterWaitEx(p->wait, INVALID_HANDLE_VALUE); /* when on_end() is through */
    CloseHandle(p->process);
    free(p);
}

int plat_host_file_inherited(uint32_t n, struct plat_file **out)
{
    *out = NULL;
    if (n >= PLAT_INHERIT_MAX || !g_windows.files[n])
        return -LX_EBADF;
    int err = windows_file_new(g_windows.files[n], out);
    if (err == 0)
        (*out)->volume.notes = WINDOWS_NOTES_UNKNOWN; /* it may be a folder for guests */
    return err;
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

/* GetSystemTimeAdjustment(): 15.625 ms wherever nobody has changed the timer's resolution. */
uint64_t plat_host_process_tick(void)
{
    return 15625000;
}

int plat_host_process_times_of(uint32_t id, uint64_t *user_ns, uint64_t *system_ns)
{
    FILETIME created, ended, system, user;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id);
    int known = process && GetProcessTimes(process, &created, &ended, &system, &user);
    *user_ns = known ? ns_of(&user) : 0;
    *system_ns = known ? ns_of(&system) : 0;
    if (process)
        CloseHandle(process);
    return known ? 0 : -LX_ESRCH;
}

/* Ids are used again, by other processes too. */
int plat_host_thread_times(uint32_t id, uint64_t *user_ns, uint64_t *system_ns)
{
    FILETIME created, ended, system, user;
    HANDLE thread = OpenThread(THREAD_QUERY_LIMITED_INFORMATION, FALSE, id);
    int known = thread && GetProcessIdOfThread(thread) == GetCurrentProcessId() &&
                GetThreadTimes(thread, &created, &ended, &system, &user);
    *user_ns = known ? ns_of(&user) : 0;
    *system_ns = known ? ns_of(&system) : 0;
    if (thread)
        CloseHandle(thread);
    return known ? 0 : -LX_ESRCH;
}

uint32_t plat_host_thread_id(void)
{
    return GetCurrentThreadId();
}

uint32_t plat_host_process_id(void)
{
    return GetCurrentProcessId();
}

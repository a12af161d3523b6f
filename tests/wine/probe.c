/* SPDX-License-Identifier: MIT */
/*
 * What test_harness.sh runs under the Wine harness: each mode checks one promise of it.
 *
 *   args ARG...          the arguments are those of the script; the current drive is Z:
 *   echo CODE            stdin to stdout, TARBOX_PROBE's value to stderr, exit CODE
 *   guest-code           call code at a guest's address that makes no system call
 *   guest-syscall        call code at a guest's address that does
 *   fault                breakpoints hit code on a foreign FS base
 *   suspend              another thread suspends this one, on a foreign FS base
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#define GUEST_ADDRESS 0x300000000000u
#define FOREIGN_FS 0x123456789000u
#define FAULT_COUNT 1000
#define SUSPEND_COUNT 300

static uint64_t fs_base(void)
{
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static void set_fs_base(uint64_t base)
{
    __asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
}

static int check_args(int argc, char **argv)
{
    static const char *const want[] = {"/tmp/x.tar.gz", "a b", "", "--", "c\"d\\", "$HOME *"};
    const int count = sizeof want / sizeof want[0];
    if (argc != 2 + count)
        return 1;
    for (int i = 0; i < count; i++)
        if (strcmp(argv[2 + i], want[i]) != 0)
            return 1;

    char directory[MAX_PATH];
    if (!GetCurrentDirectoryA(sizeof directory, directory) || strncmp(directory, "Z:\\", 3) != 0)
        return 2;
    return GetFileAttributesA("/etc/passwd") != INVALID_FILE_ATTRIBUTES ? 0 : 3;
}

static int echo(int code)
{
    const char *probe = getenv("TARBOX_PROBE");
    char buffer[256];
    size_t size = fread(buffer, 1, sizeof buffer, stdin);
    fwrite(buffer, 1, size, stdout);
    fputs(probe ? probe : "unset", stderr);
    return code;
}

static int call_guest(const uint8_t *code, size_t size)
{
    void *page = VirtualAlloc((void *)(uintptr_t)GUEST_ADDRESS, 0x1000, MEM_RESERVE | MEM_COMMIT,
                              PAGE_EXECUTE_READWRITE);
    if (!page)
        return 1;
    memcpy(page, code, size);
    return ((int (*)(void))page)();
}

static LONG CALLBACK on_breakpoint(EXCEPTION_POINTERS *exception)
{
    if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_BREAKPOINT)
        return EXCEPTION_CONTINUE_SEARCH;
    exception->ContextRecord->Rip++;
    return EXCEPTION_CONTINUE_EXECUTION;
}

/* The handler moves RIP, so the thread comes back on the host's FS base. */
static int fault(void)
{
    uint64_t host = fs_base();
    if (!AddVectoredExceptionHandler(1, on_breakpoint))
        return 1;
    for (int i = 0; i < FAULT_COUNT; i++) {
        set_fs_base(FOREIGN_FS);
        __asm__ volatile("int3" : : : "memory");
        uint64_t after = fs_base();
        set_fs_base(host);
        if (after != host)
            return 2;
    }
    return 0;
}

struct suspender {
    HANDLE target;
    atomic_bool done;
    int failures; /* read after the thread has ended */
};

static DWORD WINAPI suspend_repeatedly(void *argument)
{
    struct suspender *self = argument;
    for (int i = 0; i < SUSPEND_COUNT; i++) {
        CONTEXT context = {.ContextFlags = CONTEXT_FULL};
        if (SuspendThread(self->target) == (DWORD)-1 || !GetThreadContext(self->target, &context))
            self->failures++;
        ResumeThread(self->target);
    }
    atomic_store(&self->done, true);
    return 0;
}

/* Nothing moves RIP, so the thread must keep its own FS base. */
static int suspend(void)
{
    struct suspender self = {0};
    HANDLE process = GetCurrentProcess();
    if (!DuplicateHandle(process, GetCurrentThread(), process, &self.target, 0, FALSE,
                         DUPLICATE_SAME_ACCESS))
        return 1;
    HANDLE thread = CreateThread(NULL, 0, suspend_repeatedly, &self, 0, NULL);
    if (!thread)
        return 1;

    uint64_t host = fs_base();
    bool kept = true;
    set_fs_base(FOREIGN_FS);
    while (!atomic_load(&self.done))
        kept = kept && fs_base() == FOREIGN_FS;
    set_fs_base(host);

    WaitForSingleObject(thread, INFINITE);
    return kept && self.failures == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    /* xor %eax,%eax; ret - and the same after getpid(2). */
    static const uint8_t code[] = {0x31, 0xc0, 0xc3};
    static const uint8_t getpid[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x31, 0xc0, 0xc3};
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "args") == 0)
        return check_args(argc, argv);
    if (strcmp(mode, "echo") == 0)
        return echo(argc > 2 ? atoi(argv[2]) : 0);
    if (strcmp(mode, "guest-code") == 0)
        return call_guest(code, sizeof code);
    if (strcmp(mode, "guest-syscall") == 0)
        return call_guest(getpid, sizeof getpid);
    if (strcmp(mode, "fault") == 0)
        return fault();
    if (strcmp(mode, "suspend") == 0)
        return suspend();
    fprintf(stderr, "probe: no such mode: %s\n", mode);
    return 125;
}

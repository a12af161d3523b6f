/* SPDX-License-Identifier: MIT */
/*
 * plat_start(), plat_exit(), text and host errors.
 *
 * A guest host is started with further arguments behind its private one: the
 * container's id and the handles it inherits, in hexadecimal.  They are taken off
 * here, before anyone sees them.
 */

#include "internal.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/slots.h"

#define TLS_COUNT 64
#define HANDOVER_MARK L"--handles"

/* Documented for drivers, and not in every SDK's winternl.h. */
NTSTATUS NTAPI NtQueryEaFile(HANDLE file, PIO_STATUS_BLOCK io, PVOID out, ULONG size,
                             BOOLEAN single, PVOID names, ULONG names_size, PULONG index,
                             BOOLEAN restart);
NTSTATUS NTAPI NtSetEaFile(HANDLE file, PIO_STATUS_BLOCK io, PVOID ea, ULONG size);

struct windows_state g_windows = {
    .nt =
        {
            .create_file = NtCreateFile,
            .query_information = NtQueryInformationFile,
            .query_volume = NtQueryVolumeInformationFile,
            .query_ea = NtQueryEaFile,
            .set_ea = NtSetEaFile,
        },
};

int windows_error_of(DWORD code)
{
    switch (code) {
#define X(windows, linux_error, reason) \
    case windows:                       \
        return -linux_error;
#include "errmap.def"
#undef X
    default:
        return -LX_EIO;
    }
}

int windows_error(void)
{
    return windows_error_of(GetLastError());
}

/*
 * Keep the eight highest TLS slots of the TEB, so that patched code finds them at
 * the displacements of plat/slots.h, and check that it does.
 */
static int take_slots(void)
{
    DWORD taken[TLS_COUNT], count = 0, last = TLS_OUT_OF_INDEXES;
    while (count < TLS_COUNT) {
        DWORD index = TlsAlloc();
        if (index == TLS_OUT_OF_INDEXES || index >= TLS_COUNT) {
            if (index != TLS_OUT_OF_INDEXES)
                TlsFree(index);
            break;
        }
        taken[count++] = last = index;
    }
    uint32_t kept = 0;
    for (DWORD i = 0; i < count; i++) {
        if (taken[i] >= PLAT_GS_FIRST_SLOT)
            kept++;
        else
            TlsFree(taken[i]);
    }
    if (kept != PLAT_GS_SLOT_COUNT || last != PLAT_GS_FIRST_SLOT + PLAT_GS_SLOT_COUNT - 1)
        return 0;
    uint64_t seen, mark = 0x7461726278ull;
    TlsSetValue(PLAT_GS_FIRST_SLOT, (void *)(uintptr_t)mark);
    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(seen) : "i"(PLAT_GS_ENTRY));
    TlsSetValue(PLAT_GS_FIRST_SLOT, NULL);
    return seen == mark;
}

static HANDLE handle_of(const wchar_t *hex)
{
    return (HANDLE)(uintptr_t)_wcstoui64(hex, NULL, 16);
}

/* argv[2..]: mark, id, id, arena, files. */
static int take_handover(int *argc, wchar_t **wide)
{
    if (*argc < 6 || wcscmp(wide[2], HANDOVER_MARK) != 0)
        return *argc;
    g_windows.is_guest = 1;
    g_windows.container[0] = _wcstoui64(wide[3], NULL, 16);
    g_windows.container[1] = _wcstoui64(wide[4], NULL, 16);
    g_windows.arena = handle_of(wide[5]);
    for (int i = 6; i < *argc && i - 6 < (int)PLAT_INHERIT_MAX; i++)
        g_windows.files[i - 6] = handle_of(wide[i]);
    return 2;
}

/*
 * The C runtime's own parser of the command line, which its headers do not declare.
 * CommandLineToArgvW() would do the same, but belongs to a library that brings the
 * whole of Windows' user interface into each process.
 */
struct startup_info {
    int new_mode;
};
int __cdecl __wgetmainargs(int *argc, wchar_t ***argv, wchar_t ***environment, int expand_wildcards,
                           struct startup_info *info);

static int take_arguments(int *argc, char ***argv)
{
    int count = 0;
    wchar_t **wide = NULL, **environment;
    struct startup_info info = {0};
    __wgetmainargs(&count, &wide, &environment, 0, &info);
    if (!wide)
        return 0;
    count = take_handover(&count, wide);
    char **utf8 = calloc((size_t)count + 1, sizeof *utf8);
    for (int i = 0; utf8 && i < count; i++) {
        utf8[i] = windows_utf8(wide[i]);
        if (!utf8[i])
            return 0;
    }
    *argc = count;
    *argv = utf8;
    return utf8 != NULL;
}

/* Variables named "=C:" and so on are the drives' directories: none of the user's. */
static int take_environment(void)
{
    wchar_t *block = GetEnvironmentStringsW();
    size_t count = 0, n = 0;
    if (!block)
        return 0;
    for (const wchar_t *e = block; *e; e += wcslen(e) + 1)
        count++;
    g_windows.environment = calloc(count + 1, sizeof *g_windows.environment);
    for (const wchar_t *e = block; g_windows.environment && *e; e += wcslen(e) + 1) {
        if (*e == L'=')
            continue;
        g_windows.environment[n++] = windows_utf8(e);
        if (!g_windows.environment[n - 1])
            return 0;
    }
    FreeEnvironmentStringsW(block);
    return g_windows.environment != NULL;
}

static const char *missing(int *argc, char ***argv)
{
    if (!windows_has_fsgsbase())
        return "FSGSBASE, which Tarbox needs, is not to be had: it takes a processor of 2015 or "
               "later and Windows 10 1903 or later";
    if (!take_slots())
        return "another component of this process has taken the thread-local slots that Tarbox "
               "needs";
    if (!take_arguments(argc, argv) || !take_environment())
        return "no memory for the arguments and the environment";
    return NULL;
}

/* msvcrt writes \r\n otherwise.  A stream that is closed has no descriptor. */
static void make_binary(FILE *stream)
{
    if (_fileno(stream) >= 0)
        _setmode(_fileno(stream), _O_BINARY);
}

int plat_host_start(int *argc, char ***argv)
{
    LARGE_INTEGER frequency;
    QueryPerformanceFrequency(&frequency);
    g_windows.frequency = (uint64_t)frequency.QuadPart;
    g_windows.started = windows_instant();
    g_windows.start_error = missing(argc, argv);
    if (g_windows.start_error)
        return -LX_ENOSYS;
    make_binary(stdin);
    make_binary(stdout);
    make_binary(stderr);
    windows_faults_install();
    if (g_windows.is_guest) {
        windows_signals_ignore();
    } else {
        windows_console_start();
        atexit(windows_console_restore);
    }
    return 0;
}

const char *plat_host_start_error(void)
{
    return g_windows.start_error ? g_windows.start_error : "";
}

char **plat_host_environment(void)
{
    return g_windows.environment;
}

void plat_host_exit(int code)
{
    windows_console_restore();
    windows_interrupts_stop();
    TerminateProcess(GetCurrentProcess(), (UINT)code);
    for (;;)
        Sleep(INFINITE);
}

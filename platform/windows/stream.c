/* SPDX-License-Identifier: MIT */
/*
 * The standard streams: the launcher's handles, which a guest host inherits.
 *
 * A console is read as UTF-16 and given as UTF-8; Ctrl-Z at the start of a line
 * ends it, as in cmd.  It is ready to be read from the first key on, since Windows
 * shows and edits a line only while somebody reads: the read then takes until Enter,
 * or Ctrl-C.
 *
 * Source  GetFileType, GetConsoleMode, ReadConsoleW, PeekNamedPipe, WriteFile.
 */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "lx/unistd.h"

#define CTRL_Z 26
#define CONSOLE_UNITS 4096

/* What was read from the console and not yet asked for. */
static struct {
    char *bytes; /* UTF-8 */
    size_t size, taken;
    wchar_t held; /* the last unit of a full piece: what it means, the next piece says */
} g_console; /* used by the reading thread; readers of one terminal wait for each other anyway */

static HANDLE handle_of(uint32_t stream)
{
    static const DWORD which[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    HANDLE handle = stream < 3 ? GetStdHandle(which[stream]) : NULL;
    return handle == INVALID_HANDLE_VALUE ? NULL : handle;
}

static int is_console(HANDLE handle)
{
    DWORD mode;
    return GetConsoleMode(handle, &mode) != 0;
}

/* Modes and code page belong to the console, not to the process, and outlive it. */
void windows_console_start(void)
{
    for (uint32_t n = 1; n < 3; n++) {
        HANDLE handle = handle_of(n);
        DWORD mode;
        if (!handle || !GetConsoleMode(handle, &mode))
            continue;
        if (!g_windows.console.code_page)
            g_windows.console.code_page = GetConsoleOutputCP();
        g_windows.console.handles[n] = handle;
        g_windows.console.modes[n] = mode;
        SetConsoleOutputCP(CP_UTF8);
        SetConsoleMode(handle, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
}

void windows_console_restore(void)
{
    for (uint32_t n = 3; n-- > 0;) { /* backwards: 1 and 2 may be the same console */
        if (g_windows.console.handles[n])
            SetConsoleMode(g_windows.console.handles[n], g_windows.console.modes[n]);
    }
    if (g_windows.console.code_page)
        SetConsoleOutputCP(g_windows.console.code_page);
}

static enum plat_stream_kind ask_kind(HANDLE handle)
{
    BY_HANDLE_FILE_INFORMATION info;
    if (!handle)
        return PLAT_STREAM_CLOSED;
    switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
        return PLAT_STREAM_FILE;
    case FILE_TYPE_CHAR:
        if (is_console(handle))
            return PLAT_STREAM_CONSOLE;
        return GetFileInformationByHandle(handle, &info) ? PLAT_STREAM_PIPE : PLAT_STREAM_NULL;
    case FILE_TYPE_PIPE:
        return PLAT_STREAM_PIPE;
    default:
        return PLAT_STREAM_CLOSED;
    }
}

static _Atomic uint32_t g_kinds[3]; /* enum plat_stream_kind plus 1, as last asked; 0: not yet */

/* The handles stay what they are: the host is asked once, and whenever somebody wants to know. */
static enum plat_stream_kind kind_of(uint32_t stream)
{
    if (stream >= 3)
        return PLAT_STREAM_CLOSED;
    if (!g_kinds[stream])
        g_kinds[stream] = ask_kind(handle_of(stream)) + 1;
    return g_kinds[stream] - 1;
}

/* CompareObjectHandles() is in no import library of mingw-w64. */
static int is_same_object(HANDLE a, HANDLE b)
{
    typedef BOOL WINAPI compare_fn(HANDLE, HANDLE);
    if (a == b)
        return 1;
    HMODULE module = GetModuleHandleW(L"kernelbase.dll");
    FARPROC compare = module ? GetProcAddress(module, "CompareObjectHandles") : NULL;
    return compare && ((compare_fn *)(void *)compare)(a, b);
}

/* Pipes and consoles have no number: the handle of the first stream that is the same. */
static uint64_t identity(uint32_t stream)
{
    uint32_t first = 0;
    while (first < stream &&
           !(handle_of(first) && is_same_object(handle_of(first), handle_of(stream))))
        first++;
    return (uint64_t)(uintptr_t)handle_of(first);
}

int plat_host_stream_info(uint32_t stream, struct plat_stream_info *out)
{
    HANDLE handle = handle_of(stream);
    if (stream < 3)
        g_kinds[stream] = 0;
    *out = (struct plat_stream_info){.kind = kind_of(stream)};
    if (out->kind == PLAT_STREAM_CLOSED)
        return 0;
    out->access = stream == 0 ? PLAT_READ : PLAT_WRITE;
    out->id = identity(stream);
    BY_HANDLE_FILE_INFORMATION info;
    LARGE_INTEGER size; /* which a handle for writing alone may also be asked for */
    if (out->kind == PLAT_STREAM_FILE && GetFileSizeEx(handle, &size))
        out->size = (uint64_t)size.QuadPart;
    if (out->kind == PLAT_STREAM_FILE && GetFileInformationByHandle(handle, &info)) {
        out->id = ((uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow) ^
                  (uint64_t)info.dwVolumeSerialNumber << 32;
    }
    return 0;
}

/* Lines end with \n on Linux.  returns  the number of units left. */
static size_t drop_returns(wchar_t *units, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (units[i] != L'\r' || i + 1 == count || units[i + 1] != L'\n')
            units[kept++] = units[i];
    }
    return kept;
}

/* Read one piece from the console into g_console; 0 at the end. */
static int64_t fill_console(HANDLE handle)
{
    wchar_t units[CONSOLE_UNITS];
    DWORD count = 0, read;
    if (g_console.held)
        units[count++] = g_console.held;
    free(g_console.bytes);
    memset(&g_console, 0, sizeof g_console);
    SetLastError(ERROR_SUCCESS);
    if (!ReadConsoleW(handle, units + count, CONSOLE_UNITS - count, &read, NULL))
        return windows_error();
    if (!read) /* nothing, and no failure, is also what Ctrl-C leaves behind */
        return GetLastError() == ERROR_OPERATION_ABORTED ? -LX_EINTR : 0;
    if (!count && units[0] == CTRL_Z)
        return 0;
    count += read;
    if (count == CONSOLE_UNITS &&
        (units[count - 1] == L'\r' || IS_HIGH_SURROGATE(units[count - 1])))
        g_console.held = units[--count];
    g_console.bytes = windows_utf8_of(units, drop_returns(units, count), &g_console.size);
    return g_console.bytes ? (int64_t)g_console.size : windows_error();
}

static int64_t read_console(HANDLE handle, void *buf, uint64_t size)
{
    if (g_console.taken == g_console.size) {
        int64_t n = fill_console(handle);
        if (n <= 0)
            return n;
    }
    size_t left = g_console.size - g_console.taken;
    size_t part = size < left ? size : left;
    memcpy(buf, g_console.bytes + g_console.taken, part);
    g_console.taken += part;
    return (int64_t)part;
}

static DWORD cut(uint64_t size)
{
    return size < 0x40000000 ? (DWORD)size : 0x40000000;
}

int64_t plat_host_stream_read(uint32_t stream, void *buf, uint64_t size)
{
    HANDLE handle = handle_of(stream);
    DWORD count, error;
    if (!handle)
        return -LX_EBADF;
    if (!size)
        return 0;
    if (kind_of(stream) == PLAT_STREAM_CONSOLE)
        return read_console(handle, buf, size);
    error = ReadFile(handle, buf, cut(size), &count, NULL) ? ERROR_SUCCESS : GetLastError();
    switch (error) {
    case ERROR_SUCCESS:   /* nothing at all is the end, as the C runtime takes it */
    case ERROR_MORE_DATA: /* of a message; the next read gets it */
        return count;
    case ERROR_BROKEN_PIPE:
    case ERROR_HANDLE_EOF:
        return 0;
    default:
        return windows_error_of(error);
    }
}

int64_t plat_host_stream_write(uint32_t stream, const void *buf, uint64_t size)
{
    HANDLE handle = handle_of(stream);
    DWORD count;
    if (!handle)
        return -LX_EBADF;
    return WriteFile(handle, buf, cut(size), &count, NULL) ? (int64_t)count : windows_error();
}

/* With an offset; the position of a synchronous handle moves along, so it is put back. */
static int64_t at_offset(uint32_t stream, void *buf, uint64_t size, uint64_t offset, int write)
{
    HANDLE handle = handle_of(stream);
    LARGE_INTEGER zero = {.QuadPart = 0}, position;
    if (!handle)
        return -LX_EBADF;
    if (kind_of(stream) != PLAT_STREAM_FILE)
        return -LX_ESPIPE;
    if (!SetFilePointerEx(handle, zero, &position, FILE_CURRENT))
        return windows_error();
    OVERLAPPED o = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    DWORD count = 0;
    BOOL done = write ? WriteFile(handle, buf, cut(size), &count, &o)
                      : ReadFile(handle, buf, cut(size), &count, &o);
    DWORD error = done ? 0 : GetLastError();
    SetFilePointerEx(handle, position, NULL, FILE_BEGIN);
    if (!done && error != ERROR_HANDLE_EOF)
        return windows_error_of(error);
    return count;
}

int64_t plat_host_stream_pread(uint32_t stream, void *buf, uint64_t size, uint64_t offset)
{
    return at_offset(stream, buf, size, offset, 0);
}

int64_t plat_host_stream_pwrite(uint32_t stream, const void *buf, uint64_t size, uint64_t offset)
{
    return at_offset(stream, (void *)(uintptr_t)buf, size, offset, 1);
}

int64_t plat_host_stream_seek(uint32_t stream, int64_t offset, int32_t whence)
{
    HANDLE handle = handle_of(stream);
    LARGE_INTEGER distance = {.QuadPart = offset}, position;
    if (!handle)
        return -LX_EBADF;
    if (kind_of(stream) != PLAT_STREAM_FILE)
        return -LX_ESPIPE;
    if (whence < LX_SEEK_SET || whence > LX_SEEK_END)
        return -LX_EINVAL;
    if (!SetFilePointerEx(handle, distance, &position, (DWORD)whence))
        return windows_error();
    return position.QuadPart;
}

int plat_host_stream_truncate(uint32_t stream, uint64_t size)
{
    HANDLE handle = handle_of(stream);
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)size};
    if (kind_of(stream) != PLAT_STREAM_FILE)
        return handle ? -LX_EINVAL : -LX_EBADF;
    return SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end)
               ? 0
               : windows_error();
}

/* Is there a key in the console's input that a cooked read would take? Others are dropped. */
static int console_has_key(HANDLE handle)
{
    if (g_console.taken < g_console.size)
        return 1;
    INPUT_RECORD record;
    DWORD count;
    while (PeekConsoleInputW(handle, &record, 1, &count) && count) {
        if (record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown &&
            record.Event.KeyEvent.uChar.UnicodeChar)
            return 1;
        ReadConsoleInputW(handle, &record, 1, &count);
    }
    return 0;
}

static int is_readable(uint32_t stream)
{
    HANDLE handle = handle_of(stream);
    DWORD available;
    if (kind_of(stream) == PLAT_STREAM_CONSOLE)
        return console_has_key(handle);
    if (kind_of(stream) != PLAT_STREAM_PIPE)
        return 1;
    /* A pipe that cannot be asked any more has ended: a read says so. */
    return !PeekNamedPipe(handle, NULL, 0, NULL, &available, NULL) || available;
}

uint32_t plat_host_stream_ready(uint32_t streams)
{
    uint32_t ready = streams & 0x2a; /* writing never waits */
    for (uint32_t n = 0; n < 3; n++) {
        if (streams & 1u << 2 * n && is_readable(n))
            ready |= 1u << 2 * n;
    }
    return ready;
}

int plat_host_stream_winsize(uint32_t stream, struct plat_winsize *out)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    *out = (struct plat_winsize){0};
    HANDLE handle = handle_of(stream);
    if (kind_of(stream) != PLAT_STREAM_CONSOLE)
        return -LX_ENOTTY;
    /* The input side has no size: the output's counts. */
    if (!GetConsoleScreenBufferInfo(handle, &info) &&
        !GetConsoleScreenBufferInfo(handle_of(1), &info))
        return 0;
    out->rows = (uint16_t)(info.srWindow.Bottom - info.srWindow.Top + 1);
    out->columns = (uint16_t)(info.srWindow.Right - info.srWindow.Left + 1);
    return 0;
}

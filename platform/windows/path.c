/* SPDX-License-Identifier: MIT */
/*
 * Host paths: drives, servers, and paths that are too long without \\?\.
 *
 * Source  "Naming Files, Paths, and Namespaces", GetFullPathNameW, MoveFileExW,
 *         FILE_DISPOSITION_INFO_EX.
 */

#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define LONG_PATH 248u /* UTF-16 units from which on \\?\ is needed, for directories, too */

#define PREFIX_ROOM 8u /* for the longest prefix */

/* The absolute form, allocated, with room for a prefix; NULL with GetLastError(). */
static wchar_t *full_path(const wchar_t *path)
{
    DWORD size = GetFullPathNameW(path, 0, NULL, NULL); /* with the terminator */
    if (!size)
        return NULL;
    if (size > WINDOWS_PATH_MAX) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return NULL;
    }
    wchar_t *full = malloc((size + PREFIX_ROOM) * sizeof *full);
    if (!full) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    DWORD length = GetFullPathNameW(path, size, full, NULL);
    if (!length || length >= size) { /* another thread may have changed the current directory */
        free(full);
        SetLastError(ERROR_BAD_PATHNAME);
        return NULL;
    }
    return full;
}

wchar_t *windows_path(const char *utf8)
{
    if (!*utf8) {
        SetLastError(ERROR_FILE_NOT_FOUND);
        return NULL;
    }
    wchar_t *wide = windows_wide(utf8);
    if (!wide)
        return NULL;
    wchar_t *full = full_path(wide);
    free(wide);
    if (!full || wcslen(full) < LONG_PATH || !wcsncmp(full, L"\\\\?\\", 4) ||
        !wcsncmp(full, L"\\\\.\\", 4))
        return full;
    int server = !wcsncmp(full, L"\\\\", 2);
    const wchar_t *prefix = server ? L"\\\\?\\UNC" : L"\\\\?\\";
    size_t prefix_length = wcslen(prefix), skip = server ? 1 : 0;
    memmove(full + prefix_length, full + skip, (wcslen(full + skip) + 1) * sizeof *full);
    memcpy(full, prefix, prefix_length * sizeof *full);
    return full;
}

/* "Final" paths begin with \\?\, which every call takes. */
int plat_host_path_real(const char *path, char *buf, size_t size)
{
    wchar_t *wide = windows_path(path), *final = calloc(WINDOWS_PATH_MAX, sizeof *final);
    HANDLE handle = wide && final
                        ? CreateFileW(wide, FILE_READ_ATTRIBUTES,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                      OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL)
                        : INVALID_HANDLE_VALUE;
    DWORD length = handle != INVALID_HANDLE_VALUE
                       ? GetFinalPathNameByHandleW(handle, final, WINDOWS_PATH_MAX, 0)
                       : 0;
    char *utf8 = length && length < WINDOWS_PATH_MAX ? windows_utf8(final) : NULL;
    int err = utf8 ? 0 : windows_error();
    if (err == 0 && strlen(utf8) >= size)
        err = -LX_ENAMETOOLONG;
    if (err == 0)
        strcpy(buf, utf8);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    free(utf8);
    free(final);
    free(wide);
    return err;
}

int plat_host_path_absolute(const char *path, char *buf, size_t size)
{
    if (!*path)
        return -LX_ENOENT;
    wchar_t *wide = windows_wide(path), *full = wide ? full_path(wide) : NULL;
    char *utf8 = full ? windows_utf8(full) : NULL;
    int err = utf8 ? 0 : windows_error();
    if (err == 0 && strlen(utf8) >= size)
        err = -LX_ENAMETOOLONG;
    if (err == 0)
        strcpy(buf, utf8);
    free(wide);
    free(full);
    free(utf8);
    return err;
}

/* C:\tmp\x is /mnt/c/tmp/x, \\server\share\x is /mnt/unc/server/share/x. */
int plat_host_path_to_unix(const char *absolute, char *buf, size_t size)
{
    int length;
    if (isalpha((unsigned char)absolute[0]) && absolute[1] == ':')
        length =
            snprintf(buf, size, "/mnt/%c%s", tolower((unsigned char)absolute[0]), absolute + 2);
    else if (absolute[0] == '\\' && absolute[1] == '\\')
        length = snprintf(buf, size, "/mnt/unc%s", absolute + 1);
    else
        length = snprintf(buf, size, "/mnt/%s", absolute);
    if (length < 0 || (size_t)length >= size)
        return -LX_ENAMETOOLONG;
    for (char *c = buf; *c; c++)
        *c = *c == '\\' ? '/' : *c;
    return 0;
}

int plat_host_path_make_directory(const char *path)
{
    wchar_t *wide = windows_path(path);
    int err = wide && CreateDirectoryW(wide, NULL) ? 0 : windows_error();
    free(wide);
    return err;
}

/* Virus scanners and indexers open what is new for a moment, and do not always share it. */
#define PATIENCE_TRIES 20
#define PATIENCE_MS 10

static int is_passing(DWORD error)
{
    return error == ERROR_SHARING_VIOLATION || error == ERROR_ACCESS_DENIED;
}

int plat_host_path_rename(const char *from, const char *to)
{
    wchar_t *wide_from = windows_path(from), *wide_to = wide_from ? windows_path(to) : NULL;
    const DWORD how = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    DWORD error = wide_to ? ERROR_SHARING_VIOLATION : GetLastError();
    for (int i = 0; wide_to && i < PATIENCE_TRIES && is_passing(error); i++) {
        if (i > 0)
            Sleep(PATIENCE_MS);
        error = MoveFileExW(wide_from, wide_to, how) ? 0 : GetLastError();
    }
    free(wide_to);
    free(wide_from);
    return error ? windows_error_of(error) : 0;
}

DWORD windows_remove_now(HANDLE handle)
{
    struct {
        DWORD flags;
    } now = {0x1 | 0x2 | 0x10}; /* DELETE, POSIX_SEMANTICS, IGNORE_READONLY_ATTRIBUTE */
    const int file_disposition_info_ex = 21;
    if (SetFileInformationByHandle(handle, (FILE_INFO_BY_HANDLE_CLASS)file_disposition_info_ex,
                                   &now, sizeof now))
        return 0;
    DWORD error = GetLastError();
    return error == ERROR_INVALID_PARAMETER || error == ERROR_INVALID_FUNCTION ||
                   error == ERROR_CALL_NOT_IMPLEMENTED
               ? ERROR_NOT_SUPPORTED
               : error;
}

DWORD windows_remove_later(HANDLE handle)
{
    FILE_DISPOSITION_INFO later = {.DeleteFile = TRUE};
    return SetFileInformationByHandle(handle, FileDispositionInfo, &later, sizeof later)
               ? 0
               : GetLastError();
}

/* 0, or a Windows error code. */
static DWORD remove_once(const wchar_t *path)
{
    HANDLE handle =
        CreateFileW(path, DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD error = windows_remove_now(handle);
    if (error == ERROR_NOT_SUPPORTED)
        error = windows_remove_later(handle);
    CloseHandle(handle);
    return error;
}

int plat_host_path_remove(const char *path)
{
    wchar_t *wide = windows_path(path);
    DWORD error = wide ? ERROR_SHARING_VIOLATION : GetLastError();
    for (int i = 0; wide && i < PATIENCE_TRIES && error == ERROR_SHARING_VIOLATION; i++) {
        if (i > 0)
            Sleep(PATIENCE_MS);
        error = remove_once(wide);
    }
    free(wide);
    return error ? windows_error_of(error) : 0;
}

/* The variable, which users and services set to move it, and which needs no COM. */
int plat_host_path_data(char *buf, size_t size)
{
    wchar_t wide[WINDOWS_PATH_MAX / 16];
    DWORD length = GetEnvironmentVariableW(L"LOCALAPPDATA", wide, sizeof wide / sizeof *wide);
    if (!length)
        return -LX_ENOENT;
    if (length >= sizeof wide / sizeof *wide)
        return -LX_ENAMETOOLONG;
    char *utf8 = windows_utf8(wide);
    int err = !utf8 ? -LX_ENOMEM : strlen(utf8) >= size ? -LX_ENAMETOOLONG : 0;
    if (err == 0)
        strcpy(buf, utf8);
    free(utf8);
    return err;
}

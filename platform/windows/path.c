/* SPDX-License-Identifier: MIT */
/*
 * Host paths: drives, servers, and paths that are too long without \\?\.
 *
 * Source  "Naming Files, Paths, and Namespaces", GetFullPathNameW.
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

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

/* The absolute form, allocated; NULL with GetLastError(). */
static wchar_t *full_path(const wchar_t *path)
{
    wchar_t *full = calloc(WINDOWS_PATH_MAX + 8, sizeof *full);
    if (!full)
        return NULL;
    DWORD length = GetFullPathNameW(path, WINDOWS_PATH_MAX, full + 8, NULL);
    if (!length || length >= WINDOWS_PATH_MAX) {
        free(full);
        return NULL;
    }
    memmove(full, full + 8, (length + 1) * sizeof *full);
    return full;
}

wchar_t *windows_path(const char *utf8)
{
    wchar_t *wide = windows_wide(utf8);
    if (!wide || wcslen(wide) < LONG_PATH)
        return wide;
    wchar_t *full = full_path(wide);
    free(wide);
    if (!full || !wcsncmp(full, L"\\\\?\\", 4))
        return full;
    /* full_path() leaves room for the longest prefix. */
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
    int err = utf8 ? 0 : -LX_ENOMEM;
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
        length = snprintf(buf, size, "/mnt/%c%s", tolower((unsigned char)absolute[0]), absolute + 2);
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

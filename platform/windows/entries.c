/* SPDX-License-Identifier: MIT */
/*
 * Links, attributes and names of what is on the host's disk.
 *
 * Source  CreateSymbolicLinkW, CreateHardLinkW, SetFileTime, CompareStringOrdinal; "Naming Files,
 *         Paths, and Namespaces".
 */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define ALLOW_UNPRIVILEGED 0x2u /* in developer mode, from Windows 10 1703 on */
#define NAME_MAX_UNITS 255u

/* A link's target as it is written here. */
static wchar_t *target_path(const char *target)
{
    wchar_t *wide = windows_wide(target);
    for (wchar_t *c = wide; c && *c; c++)
        *c = *c == L'/' ? L'\\' : *c;
    return wide;
}

int plat_host_path_symlink(const char *target, const char *path, int to_directory)
{
    wchar_t *wide_target = target_path(target);
    wchar_t *wide_path = wide_target ? windows_path(path) : NULL;
    DWORD flags = to_directory ? SYMBOLIC_LINK_FLAG_DIRECTORY : 0;
    DWORD error = wide_path ? 0 : GetLastError();
    if (!error && !CreateSymbolicLinkW(wide_path, wide_target, flags | ALLOW_UNPRIVILEGED)) {
        error = GetLastError();
        /* Older systems refuse the flag. */
        if (error == ERROR_INVALID_PARAMETER)
            error = CreateSymbolicLinkW(wide_path, wide_target, flags) ? 0 : GetLastError();
    }
    free(wide_path);
    free(wide_target);
    /* File systems without links. */
    if (error == ERROR_INVALID_FUNCTION || error == ERROR_NOT_SUPPORTED)
        return -LX_EPERM;
    return error ? windows_error_of(error) : 0;
}

int plat_host_path_link(const char *from, const char *to)
{
    wchar_t *wide_from = windows_path(from), *wide_to = wide_from ? windows_path(to) : NULL;
    int err = wide_to && CreateHardLinkW(wide_to, wide_from, NULL) ? 0 : windows_error();
    free(wide_to);
    free(wide_from);
    return err;
}

/* Owners and permission bits have no counterpart: what is made here belongs to its user. */
int plat_host_path_set_owner(const char *path, uint32_t uid, uint32_t gid)
{
    (void)path;
    (void)uid;
    (void)gid;
    return 0;
}

int plat_host_path_set_mode(const char *path, uint32_t mode)
{
    (void)path;
    (void)mode;
    return 0;
}

int plat_host_path_set_mtime(const char *path, int64_t mtime_ns)
{
    wchar_t *wide = windows_path(path);
    if (!wide)
        return windows_error();
    HANDLE handle = CreateFileW(
        wide, FILE_WRITE_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
        OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    free(wide);
    if (handle == INVALID_HANDLE_VALUE)
        return windows_error();
    FILETIME time = windows_file_time(mtime_ns);
    int err = SetFileTime(handle, NULL, NULL, &time) ? 0 : windows_error();
    CloseHandle(handle);
    return err;
}

int plat_host_path_is_separator(char c)
{
    return c == '/' || c == '\\';
}

/* ---- Names --------------------------------------------------------------- */

static wchar_t upper(wchar_t c)
{
    return c >= L'a' && c <= L'z' ? (wchar_t)(c - L'a' + L'A') : c;
}

static int is_word(const wchar_t *name, size_t size, const wchar_t *word)
{
    for (size_t i = 0; i < size; i++) {
        if (upper(name[i]) != word[i]) /* the end of `word` differs from any letter */
            return 0;
    }
    return !word[size];
}

/* "aux", "AUX.txt", "com1 .tar.gz": with or without what follows a dot, and blanks before it. */
static int is_device(const wchar_t *name)
{
    static const wchar_t *const words[] = {L"CON", L"PRN", L"AUX", L"NUL", L"CONIN$", L"CONOUT$"};
    size_t size = wcscspn(name, L".");
    while (size && name[size - 1] == L' ')
        size--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(name, size, words[i]))
            return 1;
    }
    /* COM and LPT with a digit, of which three may be superscript. */
    return size == 4 && (is_word(name, 3, L"COM") || is_word(name, 3, L"LPT")) &&
           wcschr(L"0123456789\u00b9\u00b2\u00b3", name[3]);
}

static const char *problem_of(const wchar_t *name)
{
    size_t size = wcslen(name);
    for (size_t i = 0; i < size; i++) {
        if (name[i] < L' ')
            return "has a control character in its name, which Windows does not allow";
        if (wcschr(L"<>:\"/\\|?*", name[i]))
            return "has one of < > : \" / \\ | ? * in its name, which Windows does not allow";
    }
    if (size && (name[size - 1] == L'.' || name[size - 1] == L' '))
        return "has a name that ends in a dot or a blank, which Windows does not allow";
    if (size > NAME_MAX_UNITS)
        return "has a name too long for Windows";
    return is_device(name) ? "has the name of a device of Windows" : NULL;
}

const char *plat_host_name_problem(const char *name)
{
    wchar_t *wide = windows_wide(name);
    const char *problem =
        wide ? problem_of(wide) : "has a name that is not UTF-8, which Windows does not allow";
    free(wide);
    return problem;
}

/* As NTFS does it: by code unit, letters of either case alike. */
int plat_host_name_compare(const char *a, const char *b)
{
    wchar_t *wide_a = windows_wide(a), *wide_b = windows_wide(b);
    int order = wide_a && wide_b ? CompareStringOrdinal(wide_a, -1, wide_b, -1, TRUE) - CSTR_EQUAL
                                 : strcmp(a, b);
    free(wide_a);
    free(wide_b);
    return order;
}

/* SPDX-License-Identifier: MIT */
/*
 * Symbolic links: reparse points, Windows' own and WSL's, and for file systems without
 * them small system files that begin with "!<symlink>", as Cygwin and MSYS2 make them.
 *
 * Windows' own links are read, but not made: they take a privilege, and are to a file or
 * to a directory, which a link to something that comes later cannot know.
 *
 * Source  [MS-FSCC] 2.1.2; https://learn.microsoft.com/windows/wsl/filesystems;
 *         https://cygwin.com/cygwin-ug-net/using.html, "Symbolic links".
 */

#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <winioctl.h>

#include "lx/errno.h"

#define LX_SYMLINK_VERSION 2u
#define LINK_FILE_MARK "!<symlink>\xff\xfe" /* the target follows in UTF-16, terminated */
#define MARK_SIZE (sizeof LINK_FILE_MARK - 1)
#define LINK_FILE_MAX (MARK_SIZE + 2 * 4096)

/* WSL's fifos, devices and sockets: [MS-FSCC] 2.1.2.1. */
static int is_wsl_special(DWORD tag)
{
    return tag == 0x80000023 /* AF_UNIX */ || tag == 0x80000024 /* LX_FIFO */ ||
           tag == 0x80000025 /* LX_CHR */ || tag == 0x80000026 /* LX_BLK */;
}

enum plat_file_type windows_type_of(DWORD attributes, DWORD tag)
{
    if (attributes & FILE_ATTRIBUTE_REPARSE_POINT && is_wsl_special(tag))
        return PLAT_FILE_OTHER;
    if (attributes & FILE_ATTRIBUTE_REPARSE_POINT &&
        (tag == IO_REPARSE_TAG_SYMLINK || tag == IO_REPARSE_TAG_MOUNT_POINT ||
         tag == WINDOWS_TAG_LX_SYMLINK))
        return PLAT_FILE_SYMLINK;
    return attributes & FILE_ATTRIBUTE_DIRECTORY ? PLAT_FILE_DIRECTORY : PLAT_FILE_REGULAR;
}

/* ---- Reparse points ---- */

static char *target_of(const struct windows_symlink *link, size_t *length)
{
    if (link->tag == WINDOWS_TAG_LX_SYMLINK) {
        size_t size = link->length - sizeof link->lx.version;
        char *copy = link->length >= sizeof link->lx.version ? malloc(size + 1) : NULL;
        *length = size;
        return copy ? memcpy(copy, link->lx.target, size) : NULL;
    }
    /* A mount point has no flags: its paths begin there. */
    const char *paths = link->tag == IO_REPARSE_TAG_SYMLINK ? (const char *)link->nt.paths
                                                            : (const char *)&link->nt.flags;
    const wchar_t *target = (const wchar_t *)(const void *)(paths + link->nt.print_offset);
    if (link->nt.print_offset + link->nt.print_length > link->length)
        return NULL;
    char *utf8 = windows_utf8_of(target, link->nt.print_length / sizeof *target, length);
    for (size_t i = 0; utf8 && i < *length; i++)
        utf8[i] = utf8[i] == '\\' ? '/' : utf8[i];
    return utf8;
}

int64_t windows_readlink_of(HANDLE handle, char *buf, uint64_t size)
{
    union {
        struct windows_symlink link;
        char bytes[MAXIMUM_REPARSE_DATA_BUFFER_SIZE];
    } *reparse = malloc(sizeof *reparse);
    DWORD count;
    int64_t result;
    if (!reparse)
        return -LX_ENOMEM;
    if (!DeviceIoControl(handle, FSCTL_GET_REPARSE_POINT, NULL, 0, reparse, sizeof *reparse, &count,
                         NULL)) {
        result = windows_error();
    } else if (windows_type_of(FILE_ATTRIBUTE_REPARSE_POINT, reparse->link.tag) !=
               PLAT_FILE_SYMLINK) {
        result = -LX_EINVAL;
    } else {
        size_t length;
        char *target = target_of(&reparse->link, &length);
        result = target ? (int64_t)(length < size ? length : size) : -LX_EIO;
        if (target)
            memcpy(buf, target, (size_t)result);
        free(target);
    }
    free(reparse);
    return result;
}

static int set_reparse_point(HANDLE handle, const char *target)
{
    size_t length = strlen(target);
    size_t head = offsetof(struct windows_symlink, nt), version = sizeof(ULONG);
    size_t size = head + version + length;
    if (size > MAXIMUM_REPARSE_DATA_BUFFER_SIZE)
        return -LX_ENAMETOOLONG;
    struct windows_symlink *link = calloc(1, size + sizeof *link);
    DWORD count;
    if (!link)
        return -LX_ENOMEM;
    link->tag = WINDOWS_TAG_LX_SYMLINK;
    link->length = (USHORT)(version + length);
    link->lx.version = LX_SYMLINK_VERSION;
    memcpy(link->lx.target, target, length);
    int ok =
        DeviceIoControl(handle, FSCTL_SET_REPARSE_POINT, link, (DWORD)size, NULL, 0, &count, NULL);
    free(link);
    return ok ? 0 : -LX_EOPNOTSUPP;
}

/* ---- Link files ---- */

static int write_link_file(HANDLE handle, const char *target)
{
    wchar_t *wide = windows_wide(target);
    FILE_BASIC_INFO info = {.FileAttributes = FILE_ATTRIBUTE_SYSTEM};
    DWORD count;
    if (!wide)
        return -LX_EILSEQ;
    DWORD size = (DWORD)((wcslen(wide) + 1) * sizeof *wide);
    int ok = WriteFile(handle, LINK_FILE_MARK, MARK_SIZE, &count, NULL) &&
             WriteFile(handle, wide, size, &count, NULL) &&
             SetFileInformationByHandle(handle, FileBasicInfo, &info, sizeof info);
    free(wide);
    return ok ? 0 : windows_error();
}

int64_t windows_link_file_read(HANDLE handle, char *buf, uint64_t size)
{
    char bytes[LINK_FILE_MAX + sizeof(wchar_t)] = "";
    OVERLAPPED start = {0};
    DWORD count;
    if (!ReadFile(handle, bytes, LINK_FILE_MAX, &count, &start) || count <= MARK_SIZE ||
        memcmp(bytes, LINK_FILE_MARK, MARK_SIZE) != 0)
        return -LX_EINVAL;
    wchar_t target[(LINK_FILE_MAX - MARK_SIZE) / sizeof(wchar_t) + 1];
    memcpy(target, bytes + MARK_SIZE, sizeof target); /* zeros follow what was read */
    char *utf8 = windows_utf8(target);
    if (!utf8)
        return -LX_ENOMEM;
    size_t length = strlen(utf8);
    if (length < size)
        size = length;
    memcpy(buf, utf8, size);
    free(utf8);
    return (int64_t)size;
}

int windows_symlink_set(HANDLE handle, const char *target)
{
    int err = set_reparse_point(handle, target);
    return err == -LX_EOPNOTSUPP ? write_link_file(handle, target) : err;
}

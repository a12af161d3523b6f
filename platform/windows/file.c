/* SPDX-License-Identifier: MIT */
/*
 * Files of the host.  NTFS has no permission bits: directories and files show as
 * 0755, for any file may be a program.
 *
 * Source  CreateFileW, ReadFile, GetFileInformationByHandle, CreateFileMappingW, LockFileEx.
 */

#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <winioctl.h>

#include "lx/errno.h"

#define MODE 0755u
#define TEMPORARY_TRIES 16
#define LOCK_OFFSET_HIGH \
    0x40000000u /* far beyond any content: locks here keep others from reading */

int windows_file_new(HANDLE handle, struct plat_file **out)
{
    struct plat_file *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f) {
        CloseHandle(handle);
        return -LX_ENOMEM;
    }
    f->handle = handle;
    f->is_disk = GetFileType(handle) == FILE_TYPE_DISK;
    *out = f;
    return 0;
}

static DWORD disposition(uint32_t flags)
{
    if (flags & PLAT_FILE_CREATE && flags & PLAT_FILE_EXCLUSIVE)
        return CREATE_NEW;
    if (flags & PLAT_FILE_CREATE)
        return flags & PLAT_FILE_TRUNCATE ? CREATE_ALWAYS : OPEN_ALWAYS;
    return flags & PLAT_FILE_TRUNCATE ? TRUNCATE_EXISTING : OPEN_EXISTING;
}

/* Opening a directory as a file is "access denied" here; Linux says EISDIR. */
static int open_error(const wchar_t *path)
{
    int err = windows_error();
    if (err != -LX_EACCES)
        return err;
    DWORD attributes = GetFileAttributesW(path);
    int is_dir = attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY;
    return is_dir ? -LX_EISDIR : err;
}

int plat_host_file_open(const char *path, uint32_t flags, struct plat_file **out)
{
    *out = NULL;
    wchar_t *wide = windows_path(path);
    if (!wide)
        return windows_error();
    DWORD access =
        (flags & PLAT_FILE_READ ? GENERIC_READ : 0) | (flags & PLAT_FILE_WRITE ? GENERIC_WRITE : 0);
    /* What is only read is an archive or a program, read from its start to its end. */
    DWORD hint = flags & PLAT_FILE_WRITE ? FILE_ATTRIBUTE_NORMAL : FILE_FLAG_SEQUENTIAL_SCAN;
    HANDLE handle =
        CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                    disposition(flags), hint, NULL);
    int err = handle == INVALID_HANDLE_VALUE ? open_error(wide) : windows_file_new(handle, out);
    free(wide);
    return err;
}

int plat_host_file_temporary(struct plat_file **out)
{
    wchar_t folder[MAX_PATH + 2], path[MAX_PATH + 64];
    *out = NULL;
    DWORD length = GetTempPathW(MAX_PATH + 1, folder);
    if (!length || length > MAX_PATH)
        return windows_error();
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        uint64_t name;
        plat_host_random(&name, sizeof name);
        _snwprintf(path, sizeof path / sizeof path[0], L"%lstarbox-%016llx.tmp", folder,
                   (unsigned long long)name);
        HANDLE handle =
            CreateFileW(path, GENERIC_READ | GENERIC_WRITE | DELETE,
                        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, CREATE_NEW,
                        FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
        if (handle != INVALID_HANDLE_VALUE)
            return windows_file_new(handle, out);
        if (GetLastError() != ERROR_FILE_EXISTS)
            break;
    }
    return windows_error();
}

void plat_host_file_close(struct plat_file *f)
{
    if (!f)
        return;
    CloseHandle(f->handle);
    free(f);
}

static DWORD cut(uint64_t size)
{
    return size < 0x40000000 ? (DWORD)size : 0x40000000;
}

int64_t plat_host_file_read(struct plat_file *f, void *buf, uint64_t size)
{
    DWORD count;
    if (f->is_disk) {
        int64_t n = plat_host_file_pread(f, buf, size, f->position);
        f->position += n > 0 ? (uint64_t)n : 0;
        return n;
    }
    if (ReadFile(f->handle, buf, cut(size), &count, NULL))
        return count;
    DWORD error = GetLastError();
    return error == ERROR_HANDLE_EOF || error == ERROR_BROKEN_PIPE ? 0 : windows_error_of(error);
}

int64_t plat_host_file_pread(struct plat_file *f, void *buf, uint64_t size, uint64_t offset)
{
    OVERLAPPED o = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    DWORD count;
    if (ReadFile(f->handle, buf, cut(size), &count, &o))
        return count;
    return GetLastError() == ERROR_HANDLE_EOF ? 0 : windows_error();
}

int64_t plat_host_file_pwrite(struct plat_file *f, const void *buf, uint64_t size, uint64_t offset)
{
    OVERLAPPED o = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    DWORD count;
    return WriteFile(f->handle, buf, cut(size), &count, &o) ? (int64_t)count : windows_error();
}

static int is_symlink(HANDLE handle)
{
    FILE_ATTRIBUTE_TAG_INFO tag;
    return GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof tag) &&
           tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT &&
           (tag.ReparseTag == IO_REPARSE_TAG_SYMLINK ||
            tag.ReparseTag == IO_REPARSE_TAG_MOUNT_POINT);
}

static int stat_handle(HANDLE handle, struct plat_stat *out)
{
    BY_HANDLE_FILE_INFORMATION info;
    *out = (struct plat_stat){0};
    if (GetFileType(handle) != FILE_TYPE_DISK) {
        out->type = PLAT_FILE_OTHER;
        return 0;
    }
    if (!GetFileInformationByHandle(handle, &info))
        return windows_error();
    out->type = is_symlink(handle)                                 ? PLAT_FILE_SYMLINK
                : info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? PLAT_FILE_DIRECTORY
                                                                   : PLAT_FILE_REGULAR;
    out->mode = MODE;
    out->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    out->mtime_ns = windows_unix_ns(&info.ftLastWriteTime);
    out->device = info.dwVolumeSerialNumber;
    out->id = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    out->nlink = info.nNumberOfLinks;
    return 0;
}

int plat_host_file_stat(struct plat_file *f, struct plat_stat *out)
{
    return stat_handle(f->handle, out);
}

/* A handle on the thing itself, a link or a directory, too. */
static HANDLE open_itself(const char *path)
{
    wchar_t *wide = windows_path(path);
    if (!wide)
        return INVALID_HANDLE_VALUE;
    HANDLE handle = CreateFileW(
        wide, FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
        OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    DWORD error = GetLastError();
    free(wide);
    SetLastError(error);
    return handle;
}

int plat_host_path_stat(const char *path, struct plat_stat *out)
{
    *out = (struct plat_stat){0};
    HANDLE handle = open_itself(path);
    if (handle == INVALID_HANDLE_VALUE)
        return windows_error();
    int err = stat_handle(handle, out);
    CloseHandle(handle);
    return err;
}

/* The part of a reparse point that holds a symbolic link; not in every SDK's headers. */
struct symlink_data {
    ULONG tag;
    USHORT length, reserved;
    USHORT substitute_offset, substitute_length, print_offset, print_length;
    ULONG flags; /* of symbolic links; a mount point's paths begin here */
    wchar_t paths[];
};

static int64_t copy_target(const struct symlink_data *data, char *buf, uint64_t size)
{
    const char *paths = (const char *)data->paths;
    if (data->tag == IO_REPARSE_TAG_MOUNT_POINT)
        paths -= sizeof data->flags;
    const wchar_t *target = (const wchar_t *)(paths + data->print_offset);
    size_t length;
    char *utf8 = windows_utf8_of(target, data->print_length / sizeof *target, &length);
    if (!utf8)
        return windows_error();
    size_t copied = 0;
    for (; copied < length && copied < size; copied++)
        buf[copied] = utf8[copied] == '\\' ? '/' : utf8[copied];
    free(utf8);
    return (int64_t)copied;
}

int64_t plat_host_path_readlink(const char *path, char *buf, uint64_t size)
{
    union {
        struct symlink_data data;
        char bytes[MAXIMUM_REPARSE_DATA_BUFFER_SIZE];
    } *reparse = malloc(sizeof *reparse);
    if (!reparse)
        return -LX_ENOMEM;
    HANDLE handle = open_itself(path);
    DWORD count;
    int64_t result;
    if (handle == INVALID_HANDLE_VALUE)
        result = windows_error();
    else if (!DeviceIoControl(handle, FSCTL_GET_REPARSE_POINT, NULL, 0, reparse, sizeof *reparse,
                              &count, NULL))
        result = windows_error();
    else if (reparse->data.tag != IO_REPARSE_TAG_SYMLINK &&
             reparse->data.tag != IO_REPARSE_TAG_MOUNT_POINT)
        result = -LX_EINVAL;
    else
        result = copy_target(&reparse->data, buf, size);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    free(reparse);
    return result;
}

int plat_host_file_map(struct plat_file *f, uint64_t addr, uint64_t size, const void **out)
{
    *out = NULL;
    HANDLE section = CreateFileMappingW(f->handle, NULL, PAGE_READONLY, 0, 0, NULL);
    if (!section)
        return windows_error();
    *out = MapViewOfFileEx(section, FILE_MAP_READ, 0, 0, size, (void *)(uintptr_t)addr);
    int err = *out ? 0 : windows_error();
    CloseHandle(section); /* the view keeps it */
    return err;
}

void plat_host_file_unmap(const void *view, uint64_t size)
{
    (void)size;
    UnmapViewOfFile(view);
}

int plat_host_file_truncate(struct plat_file *f, uint64_t size)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)size};
    return SetFileInformationByHandle(f->handle, FileEndOfFileInfo, &end, sizeof end)
               ? 0
               : windows_error();
}

int plat_host_file_sync(struct plat_file *f)
{
    return FlushFileBuffers(f->handle) ? 0 : windows_error();
}

/* Wait, too, for a lock that is given later: the handle is not for overlapped operations. */
int plat_host_file_lock(struct plat_file *f, uint32_t flags)
{
    OVERLAPPED at = {.OffsetHigh = LOCK_OFFSET_HIGH};
    DWORD how = (flags & PLAT_LOCK_EXCLUSIVE ? LOCKFILE_EXCLUSIVE_LOCK : 0) |
                (flags & PLAT_LOCK_WAIT ? 0 : LOCKFILE_FAIL_IMMEDIATELY);
    if (LockFileEx(f->handle, how, 0, 1, 0, &at))
        return 0;
    DWORD error = GetLastError();
    return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? -LX_EAGAIN
                                                                      : windows_error_of(error);
}

void plat_host_file_unlock(struct plat_file *f)
{
    OVERLAPPED at = {.OffsetHigh = LOCK_OFFSET_HIGH};
    UnlockFileEx(f->handle, 0, 1, 0, &at);
}

/* SPDX-License-Identifier: MIT */
/*
 * Files of the host.  NTFS has no permission bits: see notes.c.
 *
 * Source  CreateFileW, ReadFile, NtReadFile, GetFileInformationByHandle, CreateFileMappingW,
 *         LockFileEx.
 */

#include "internal.h"

#include <ntstatus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define TEMPORARY_TRIES 16
#define LOCK_OFFSET_HIGH \
    0x40000000u /* far beyond any content: locks here keep others from reading */

/* Documented for drivers, and not in every SDK's winternl.h. */
NTSTATUS NTAPI NtReadFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, PVOID context,
                          PIO_STATUS_BLOCK io, PVOID buf, ULONG size, PLARGE_INTEGER offset,
                          PULONG key);
NTSTATUS NTAPI NtWriteFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, PVOID context,
                           PIO_STATUS_BLOCK io, PVOID buf, ULONG size, PLARGE_INTEGER offset,
                           PULONG key);

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
    DWORD access = (flags & PLAT_FILE_READ ? GENERIC_READ : 0) |
                   (flags & PLAT_FILE_WRITE ? GENERIC_WRITE : 0) |
                   (flags & PLAT_FILE_EXECUTE ? GENERIC_EXECUTE : 0);
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

/*
 * ReadFile() and WriteFile() at an offset let a completion port know, which may cost more than the
 * transfer, although there is none.  The calls below them do that only if they are given a context.
 */
static int64_t transferred(NTSTATUS status, const IO_STATUS_BLOCK *io)
{
    if (status == STATUS_END_OF_FILE)
        return 0;
    return status < 0 ? windows_error_of(RtlNtStatusToDosError(status)) : (int64_t)io->Information;
}

int64_t plat_host_file_pread(struct plat_file *f, void *buf, uint64_t size, uint64_t offset)
{
    LARGE_INTEGER at = {.QuadPart = (int64_t)offset};
    IO_STATUS_BLOCK io = {0};
    return transferred(NtReadFile(f->handle, NULL, NULL, NULL, &io, buf, cut(size), &at, NULL),
                       &io);
}

int64_t plat_host_file_pwrite(struct plat_file *f, const void *buf, uint64_t size, uint64_t offset)
{
    LARGE_INTEGER at = {.QuadPart = (int64_t)offset};
    IO_STATUS_BLOCK io = {0};
    return transferred(
        NtWriteFile(f->handle, NULL, NULL, NULL, &io, (void *)buf, cut(size), &at, NULL), &io);
}

static enum plat_file_type type_of(HANDLE handle, DWORD attributes)
{
    FILE_ATTRIBUTE_TAG_INFO tag = {0};
    if (attributes & FILE_ATTRIBUTE_REPARSE_POINT &&
        !GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof tag))
        tag.ReparseTag = 0;
    return windows_type_of(attributes, tag.ReparseTag);
}

int windows_stat_of(HANDLE handle, struct plat_stat *out)
{
    DWORD attributes;
    return windows_stat_with(handle, out, &attributes);
}

int windows_stat_with(HANDLE handle, struct plat_stat *out, DWORD *attributes)
{
    BY_HANDLE_FILE_INFORMATION info;
    FILE_BASIC_INFO basic;
    FILE_STANDARD_INFO standard;
    *out = (struct plat_stat){0};
    *attributes = 0;
    if (GetFileType(handle) != FILE_TYPE_DISK) {
        out->type = PLAT_FILE_OTHER;
        return 0;
    }
    if (!GetFileInformationByHandle(handle, &info))
        return windows_error();
    out->type = type_of(handle, info.dwFileAttributes);
    out->mode = windows_mode_of(out->type, info.dwFileAttributes);
    *attributes = info.dwFileAttributes;
    out->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    out->allocated = out->size;
    out->atime_ns = windows_unix_ns(&info.ftLastAccessTime);
    out->mtime_ns = out->ctime_ns = windows_unix_ns(&info.ftLastWriteTime);
    if (GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) &&
        basic.ChangeTime.QuadPart) {
        const FILETIME changed = {basic.ChangeTime.LowPart, (DWORD)basic.ChangeTime.HighPart};
        out->ctime_ns = windows_unix_ns(&changed);
    }
    out->own = PLAT_OWN_USER | PLAT_OWN_GROUP;
    out->device = info.dwVolumeSerialNumber;
    out->id = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    out->nlink = info.nNumberOfLinks;
    if (GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard)) {
        out->allocated = (uint64_t)standard.AllocationSize.QuadPart;
        if (standard.DeletePending)
            out->nlink = 0;
    }
    return 0;
}

int plat_host_file_stat(struct plat_file *f, struct plat_stat *out)
{
    DWORD attributes;
    return f->volume.notes == WINDOWS_NOTES_NONE
               ? windows_stat_of(f->handle, out)
               : windows_noted_stat(&f->volume, f->handle, out, &attributes);
}

int64_t plat_host_file_size(struct plat_file *f)
{
    LARGE_INTEGER size;
    return GetFileSizeEx(f->handle, &size) ? size.QuadPart : windows_error();
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
    int err = windows_stat_of(handle, out);
    CloseHandle(handle);
    return err;
}

int64_t plat_host_path_readlink(const char *path, char *buf, uint64_t size)
{
    HANDLE handle = open_itself(path);
    if (handle == INVALID_HANDLE_VALUE)
        return windows_error();
    int64_t result = windows_readlink_of(handle, buf, size);
    CloseHandle(handle);
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

#define PAGE_UP(x) (((x) + 4095u) & ~(uint64_t)4095u)

/* A section is as large as its file is then, and a view no larger than its section. */
int plat_host_file_view(struct plat_file *f, uint64_t offset, uint64_t addr, uint64_t size,
                        int writable, uint64_t *there)
{
    *there = 0;
    int64_t end = plat_host_file_size(f);
    if (end < 0)
        return (int)end;
    uint64_t part = offset < (uint64_t)end ? (uint64_t)end - offset : 0;
    if (!part)
        return 0;
    if (part >= size)
        part = size;
    else if (part > PLAT_GRANULE)
        part &= ~(uint64_t)(PLAT_GRANULE - 1);
    HANDLE section =
        CreateFileMappingW(f->handle, NULL, writable ? PAGE_READWRITE : PAGE_READONLY, 0, 0, NULL);
    if (!section)
        return windows_error();
    int err = 0;
    DWORD old;
    void *view =
        MapViewOfFileEx(section, FILE_MAP_READ | (writable ? FILE_MAP_WRITE : 0),
                        (DWORD)(offset >> 32), (DWORD)offset, part, (void *)(uintptr_t)addr);
    if (!view) {
        err = GetLastError() == ERROR_INVALID_ADDRESS ? -LX_EEXIST : -LX_ENOMEM;
    } else if (!VirtualProtect(view, part, PAGE_NOACCESS, &old)) {
        UnmapViewOfFile(view);
        err = -LX_ENOMEM;
    }
    CloseHandle(section); /* the view keeps it */
    if (err == 0)
        *there = PAGE_UP(part);
    return err;
}

int plat_host_file_view_flush(uint64_t addr, uint64_t size)
{
    return FlushViewOfFile((const void *)(uintptr_t)addr, size) ? 0 : windows_error();
}

/* A size that stays is no change to Windows: the time is set then. */
int plat_host_file_truncate(struct plat_file *f, uint64_t size)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)size};
    FILETIME now;
    if (plat_host_file_size(f) == (int64_t)size) {
        GetSystemTimeAsFileTime(&now);
        return SetFileTime(f->handle, NULL, NULL, &now) ? 0 : windows_error();
    }
    return SetFileInformationByHandle(f->handle, FileEndOfFileInfo, &end, sizeof end)
               ? 0
               : windows_error();
}

/* WriteFile: an offset of all ones is the end of the file; the handle's position follows. */
int64_t plat_host_file_append(struct plat_file *f, const void *buf, uint64_t size, uint64_t *end)
{
    OVERLAPPED o = {.Offset = 0xffffffff, .OffsetHigh = 0xffffffff};
    const LARGE_INTEGER here = {0};
    LARGE_INTEGER at;
    DWORD count;
    *end = 0;
    if (!WriteFile(f->handle, buf, cut(size), &count, &o))
        return windows_error();
    if (SetFilePointerEx(f->handle, here, &at, FILE_CURRENT))
        *end = (uint64_t)at.QuadPart;
    return count;
}

/* There is nothing between writing through at once and FlushFileBuffers(). */
void plat_host_file_write_back(struct plat_file *f, uint64_t offset, uint64_t size)
{
    (void)f;
    (void)offset;
    (void)size;
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

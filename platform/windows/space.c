/* SPDX-License-Identifier: MIT */
/*
 * What of a file is on the disk.  Where a file system cannot make holes, zeros are written.
 *
 * Source  FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA, FSCTL_QUERY_ALLOCATED_RANGES,
 *         SetFileInformationByHandle (FileEndOfFileInfo), GetFileInformationByHandleEx.
 */

#include "internal.h"

#include <winioctl.h>

#include "lx/errno.h"

#define ZEROS_SIZE 0x10000u
#define RANGES 64u /* asked for at a time */

void plat_host_file_sparse(struct plat_file *f)
{
    DWORD count;
    DeviceIoControl(f->handle, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &count, NULL);
}

static int write_zeros(struct plat_file *f, uint64_t offset, uint64_t end)
{
    static const uint8_t zeros[ZEROS_SIZE];
    while (offset < end) {
        uint64_t part = end - offset < sizeof zeros ? end - offset : sizeof zeros;
        int64_t n = plat_host_file_pwrite(f, zeros, part, offset);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_EIO;
        offset += (uint64_t)n;
    }
    return 0;
}

static int clear(struct plat_file *f, uint32_t how, uint64_t offset, uint64_t end)
{
    FILE_ZERO_DATA_INFORMATION zero = {.FileOffset.QuadPart = (int64_t)offset,
                                       .BeyondFinalZero.QuadPart = (int64_t)end};
    DWORD count;
    if (offset >= end)
        return 0;
    if (how & PLAT_ALLOCATE_PUNCH)
        plat_host_file_sparse(f);
    if (DeviceIoControl(f->handle, FSCTL_SET_ZERO_DATA, &zero, sizeof zero, NULL, 0, &count, NULL))
        return 0;
    DWORD error = GetLastError();
    return error == ERROR_INVALID_FUNCTION || error == ERROR_NOT_SUPPORTED
               ? write_zeros(f, offset, end)
               : windows_error_of(error);
}

/* Is there so much space? */
static int look_for_space(struct plat_file *f, uint64_t size)
{
    struct plat_space space;
    if (plat_host_folder_space(f, &space) < 0)
        return 0; /* then nobody knows */
    return size > space.usable ? -LX_ENOSPC : 0;
}

int plat_host_file_allocate(struct plat_file *f, uint32_t how, uint64_t offset, uint64_t size)
{
    FILE_STANDARD_INFO info;
    uint64_t end = offset + size, now, held;
    if (!GetFileInformationByHandleEx(f->handle, FileStandardInfo, &info, sizeof info))
        return windows_error();
    int err = 0;
    now = held = (uint64_t)info.EndOfFile.QuadPart;
    if ((uint64_t)info.AllocationSize.QuadPart > held)
        held = (uint64_t)info.AllocationSize.QuadPart;
    if (how & (PLAT_ALLOCATE_PUNCH | PLAT_ALLOCATE_ZERO))
        err = clear(f, how, offset, end < now ? end : now);
    if (err == 0 && !(how & PLAT_ALLOCATE_PUNCH) && end > held)
        err = look_for_space(f, end - held);
    if (err == 0 && !(how & PLAT_ALLOCATE_KEEP_SIZE) && end > now)
        err = plat_host_file_truncate(f, end); /* which takes the space, but for a sparse file */
    return err;
}

/*
 * The file's parts with data.
 *   at       where to look from on; moved behind what was found.
 *   returns  how many, 0 behind the last; -LX_EOPNOTSUPP: the host does not say.
 */
static int next_ranges(struct plat_file *f, uint64_t *at, uint64_t end,
                       FILE_ALLOCATED_RANGE_BUFFER ranges[RANGES])
{
    FILE_ALLOCATED_RANGE_BUFFER from = {.FileOffset.QuadPart = (int64_t)*at,
                                        .Length.QuadPart = (int64_t)(end - *at)};
    DWORD size = 0;
    if (*at >= end)
        return 0;
    if (!DeviceIoControl(f->handle, FSCTL_QUERY_ALLOCATED_RANGES, &from, sizeof from, ranges,
                         RANGES * sizeof *ranges, &size, NULL) &&
        GetLastError() != ERROR_MORE_DATA)
        return -LX_EOPNOTSUPP;
    DWORD count = size / (DWORD)sizeof *ranges;
    *at = end;
    if (count) {
        const FILE_ALLOCATED_RANGE_BUFFER *last = &ranges[count - 1];
        uint64_t behind = (uint64_t)last->FileOffset.QuadPart + (uint64_t)last->Length.QuadPart;
        *at = count == RANGES && behind < end ? behind : end;
    }
    return (int)count;
}

int64_t plat_host_file_seek(struct plat_file *f, uint64_t offset, int hole)
{
    FILE_ALLOCATED_RANGE_BUFFER ranges[RANGES];
    int64_t size = plat_host_file_size(f);
    uint64_t end = (uint64_t)size, at = offset,
             behind = offset; /* data from `offset` up to there */
    int count;
    if (size < 0 || offset >= end)
        return size < 0 ? size : -LX_ENXIO;
    while ((count = next_ranges(f, &at, end, ranges)) > 0) {
        for (int i = 0; i < count; i++) {
            uint64_t start = (uint64_t)ranges[i].FileOffset.QuadPart;
            if (!hole)
                return (int64_t)(start > offset ? start : offset);
            if (start > behind)
                return (int64_t)behind;
            behind = start + (uint64_t)ranges[i].Length.QuadPart;
        }
    }
    if (count < 0)
        return hole ? size : (int64_t)offset;
    return !hole ? -LX_ENXIO : behind < end ? (int64_t)behind : size;
}

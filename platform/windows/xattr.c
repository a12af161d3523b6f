/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of the class "user.", each in one of NTFS' (ea.h).  Whether one is new is
 * looked at before it is set: two who both make it may both be told that they did.
 *
 * Source  NtQueryEaFile, NtSetEaFile, [MS-FSCC] 2.4.15, 2.5.1.
 */

#include "internal.h"

#include <ntstatus.h>
#include <stdlib.h>
#include <string.h>

#include "ea.h"
#include "lx/errno.h"

/* Room for all of a file, with what aligns them: the smallest takes 14 bytes without. */
#define ANSWER_SIZE (2 * (EA_SIZE_MAX + 1))

#define HAS_XATTRS 1u /* of struct windows_volume */
#define HAS_NONE 2u

#define FS_ATTRIBUTE_INFORMATION ((FS_INFORMATION_CLASS)5)
#define SUPPORTS_EXTENDED_ATTRIBUTES 0x00800000u

/* FILE_FS_ATTRIBUTE_INFORMATION; the file system's name is cut off, with STATUS_BUFFER_OVERFLOW. */
struct fs_attributes {
    ULONG attributes;
    LONG longest_name;
    ULONG name_size;
    WCHAR name[2];
};

/* A volume says so itself: a call that fails may do so for want of rights. */
int windows_has_xattrs(struct windows_volume *v, HANDLE handle)
{
    struct fs_attributes info = {0};
    IO_STATUS_BLOCK io;
    if (v->notes == WINDOWS_NOTES_NONE)
        return 0;
    if (!v->xattrs) {
        NTSTATUS status =
            g_windows.nt.query_volume(handle, &io, &info, sizeof info, FS_ATTRIBUTE_INFORMATION);
        int has = (status == STATUS_SUCCESS || status == STATUS_BUFFER_OVERFLOW) &&
                  info.attributes & SUPPORTS_EXTENDED_ATTRIBUTES;
        v->xattrs = has ? HAS_XATTRS : HAS_NONE;
    }
    return v->xattrs == HAS_XATTRS;
}

static int64_t status_error(struct windows_volume *v, NTSTATUS status)
{
    if (windows_notes_refused(v, status))
        return -LX_EOPNOTSUPP;
    switch (status) {
    case STATUS_SUCCESS:
        return 0;
    case STATUS_EA_TOO_LARGE:
    case STATUS_EA_LIST_INCONSISTENT:
        return -LX_ENOSPC;
    default:
        return windows_error_of(RtlNtStatusToDosError(status));
    }
}

/* Ask for the attributes in `names`, or (empty) for all: the size of `answer` used. */
static int64_t query(struct windows_volume *v, HANDLE handle, const struct ea_list *names,
                     uint8_t *answer)
{
    IO_STATUS_BLOCK io = {0};
    NTSTATUS status =
        g_windows.nt.query_ea(handle, &io, answer, ANSWER_SIZE, FALSE,
                              names->size ? names->bytes : NULL, names->size, NULL, TRUE);
    if (status == STATUS_NO_EAS_ON_FILE)
        return 0;
    int64_t err = status_error(v, status);
    return err < 0 ? err : (int64_t)io.Information;
}

/* One attribute's value, without the byte in front, in `answer`: its size; -LX_ENODATA. */
static int64_t find(struct windows_volume *v, HANDLE handle, const char *name, uint32_t name_size,
                    uint8_t *answer, const uint8_t **value)
{
    _Alignas(4) uint8_t bytes[EA_NAME_ENTRY_SIZE(EA_NAME_MAX)] = {0};
    struct ea_list names = {.bytes = bytes};
    struct ea ea;
    uint64_t at = 0;
    ea_add_name(&names, name, name_size);
    int64_t size = query(v, handle, &names, answer);
    if (size < 0)
        return size;
    if (!ea_next(answer, (uint64_t)size, &at, &ea) || !ea.value_size)
        return -LX_ENODATA;
    *value = ea.value + 1;
    return ea.value_size - 1;
}

static int64_t get(struct windows_volume *v, HANDLE handle, const char *name, uint32_t name_size,
                   const struct plat_xattr *x)
{
    const uint8_t *value;
    uint8_t *answer = malloc(ANSWER_SIZE);
    if (!answer)
        return -LX_ENOMEM;
    int64_t size = find(v, handle, name, name_size, answer, &value);
    if (size > 0 && x->size && x->size < (uint64_t)size)
        size = -LX_ERANGE;
    else if (size > 0 && x->size)
        memcpy(x->value, value, (size_t)size);
    free(answer);
    return size;
}

/* Store a value, or (NULL) take it away. */
static int64_t store(struct windows_volume *v, HANDLE handle, const char *name, uint32_t name_size,
                     const void *value, uint64_t size)
{
    IO_STATUS_BLOCK io;
    if (value && size >= EA_SIZE_MAX - EA_ENTRY_SIZE(name_size, 1))
        return -LX_ENOSPC;
    struct ea ea = {.name = name, .name_size = name_size};
    struct ea_list list = {.bytes = calloc(1, EA_ENTRY_SIZE(name_size, 1 + (size_t)size))};
    uint8_t *bytes = malloc(1 + (size_t)size);
    if (!list.bytes || !bytes) {
        free(list.bytes);
        free(bytes);
        return -LX_ENOMEM;
    }
    if (value) {
        bytes[0] = '=';
        memcpy(bytes + 1, value, (size_t)size);
        ea.value = bytes;
        ea.value_size = 1 + (uint32_t)size;
    }
    ea_add(&list, &ea);
    int64_t err = status_error(v, g_windows.nt.set_ea(handle, &io, list.bytes, (ULONG)list.size));
    free(list.bytes);
    free(bytes);
    return err;
}

static int64_t set(struct windows_volume *v, HANDLE handle, const char *name, uint32_t name_size,
                   const struct plat_xattr *x)
{
    const struct plat_xattr none = {.call = PLAT_XATTR_GET};
    if (x->flags) {
        int64_t size = get(v, handle, name, name_size, &none);
        if (size < 0 && size != -LX_ENODATA)
            return size;
        if (size >= 0 && x->flags & PLAT_XATTR_CREATE)
            return -LX_EEXIST;
        if (size < 0 && x->flags & PLAT_XATTR_REPLACE)
            return size;
    }
    return store(v, handle, name, name_size, x->size ? x->value : "", x->size);
}

static int64_t list(struct windows_volume *v, HANDLE handle, const struct plat_xattr *x)
{
    const struct ea_list all = {0};
    uint8_t *answer = malloc(ANSWER_SIZE);
    char name[EA_NAME_MAX];
    struct ea ea;
    uint64_t at = 0, used = 0;
    if (!answer)
        return -LX_ENOMEM;
    int64_t size = query(v, handle, &all, answer);
    while (size > 0 && ea_next(answer, (uint64_t)size, &at, &ea)) {
        uint32_t n = ea_user_of_name(&ea, name);
        if (x->size && used + n > x->size)
            size = -LX_ERANGE;
        else if (x->size)
            memcpy((char *)x->value + used, name, n);
        used += n;
    }
    free(answer);
    return size < 0 ? size : (int64_t)used;
}

int64_t windows_xattr(struct windows_volume *v, HANDLE handle, const struct plat_xattr *x)
{
    char name[EA_NAME_MAX];
    if (!windows_has_xattrs(v, handle))
        return -LX_EOPNOTSUPP;
    if (x->call == PLAT_XATTR_LIST)
        return list(v, handle, x);
    uint32_t size = ea_name_of_user(x->name, name);
    if (!size)
        return -LX_ERANGE;
    if (x->call == PLAT_XATTR_GET)
        return get(v, handle, name, size, x);
    if (x->call == PLAT_XATTR_SET)
        return set(v, handle, name, size, x);
    const struct plat_xattr none = {.call = PLAT_XATTR_GET};
    int64_t was = get(v, handle, name, size, &none);
    return was < 0 ? was : store(v, handle, name, size, NULL, 0);
}

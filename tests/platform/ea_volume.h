/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLATFORM_EA_VOLUME_H
#define TESTS_PLATFORM_EA_VOLUME_H

/*
 * A volume with extended attributes, on Windows.  Wine has none: these calls take the place of the
 * system's and keep them, as NTFS does; what Microsoft's documentation asks of the caller they
 * check.  To be included after a folder's test.h.
 */

#include <ntstatus.h>

#include "windows/internal.h"

#define STAT_LX 70
#define VALUE_MAX 300

struct ea {
    uint64_t file; /* its id; 0: free */
    char name[32];
    uint32_t size;
    uint8_t value[VALUE_MAX];
};

/* A volume, and how often it was asked. */
static struct {
    NTSTATUS no_stat_lx, no_ea; /* what it says instead; 0: it has them */
    ACCESS_MASK denied;         /* with `denial` */
    NTSTATUS denial;
    struct ea eas[64];
    int creates, creates_with_ea, stats, ea_queries, ea_sets, denials;
} g_volume;

static struct windows_nt g_real;
static uint64_t id_of(HANDLE handle)
{
    BY_HANDLE_FILE_INFORMATION info;
    assert_true(GetFileInformationByHandle(handle, &info));
    return (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
}

/* Nobody is to ask for what a handle does not allow, but where access was denied. */
static int may(HANDLE handle, ACCESS_MASK access)
{
    PUBLIC_OBJECT_BASIC_INFORMATION info;
    assert_int_equal(NtQueryObject(handle, ObjectBasicInformation, &info, sizeof info, NULL), 0);
    int is_allowed = (info.GrantedAccess & access) == access;
    g_volume.denials += !is_allowed;
    return is_allowed;
}

static struct ea *find(uint64_t file, const char *name)
{
    for (int i = 0; i < 64; i++) {
        if (g_volume.eas[i].file == file && strcmp(g_volume.eas[i].name, name) == 0)
            return &g_volume.eas[i];
    }
    return NULL;
}

static void put_ea(uint64_t file, const char *name, const void *value, uint32_t size)
{
    struct ea *e = find(file, name);
    for (int i = 0; i < 64 && !e && size; i++)
        e = g_volume.eas[i].file ? NULL : &g_volume.eas[i];
    if (!e)
        return; /* there is nothing to remove */
    *e = (struct ea){.file = size ? file : 0, .size = size};
    strcpy(e->name, name);
    memcpy(e->value, value, size);
}

static uint32_t count_eas(uint64_t file)
{
    uint32_t count = 0;
    for (int i = 0; i < 64; i++)
        count += g_volume.eas[i].file == file;
    return count;
}

static void assert_ea(uint64_t file, const char *name, uint32_t value)
{
    const struct ea *e = find(file, name);
    assert_non_null(e);
    assert_int_equal(e->size, 4);
    assert_memory_equal(e->value, &value, 4);
}

/* The rules of IoCheckEaBufferValidity(). */
static void set_eas(uint64_t file, const uint8_t *bytes, ULONG size)
{
    ULONG next, at = 0;
    assert_int_equal((uintptr_t)bytes % 4, 0);
    do {
        ULONG name_size = bytes[at + 5], value_size = bytes[at + 6] | (ULONG)bytes[at + 7] << 8;
        ULONG end = 8 + name_size + 1 + value_size;
        memcpy(&next, bytes + at, sizeof next);
        assert_true(size - at >= end && name_size > 0);
        assert_int_equal(bytes[at + 4], 0);
        assert_int_equal(bytes[at + 8 + name_size], 0);
        assert_true(next == 0 || next == ((end + 3) & ~3u));
        assert_true(next || size - at == end);
        if (file)
            put_ea(file, (const char *)bytes + at + 8, bytes + at + 8 + name_size + 1, value_size);
        at += next;
    } while (next);
}

static NTSTATUS NTAPI create_file(HANDLE *file, ACCESS_MASK access, OBJECT_ATTRIBUTES *object,
                                  IO_STATUS_BLOCK *io, LARGE_INTEGER *allocation, ULONG attributes,
                                  ULONG share, ULONG disposition, ULONG options, void *ea,
                                  ULONG ea_size)
{
    g_volume.creates++;
    assert_int_equal(ea != NULL, ea_size > 0);
    if (access & g_volume.denied)
        return g_volume.denial;
    if (ea) {
        assert_int_equal(disposition, FILE_CREATE); /* of a file that is there it would be lost */
        g_volume.creates_with_ea++;
        set_eas(0, ea, ea_size);
        if (g_volume.no_ea)
            return g_volume.no_ea;
    }
    NTSTATUS status = g_real.create_file(file, access, object, io, allocation, attributes, share,
                                         disposition, options, NULL, 0);
    if (status == STATUS_SUCCESS && ea)
        set_eas(id_of(*file), ea, ea_size);
    return status;
}

static uint32_t lx(uint64_t file, const char *name, uint32_t bit, uint32_t *flags)
{
    const struct ea *e = find(file, name);
    uint32_t value = 0;
    if (!e || e->size != 4)
        return 0;
    memcpy(&value, e->value, 4);
    *flags |= bit;
    return value;
}

/* FILE_STAT_LX_INFORMATION */
static NTSTATUS stat_lx(HANDLE handle, uint8_t *out, ULONG size)
{
    BY_HANDLE_FILE_INFORMATION info;
    uint32_t flags = 0;
    g_volume.stats++;
    if (g_volume.no_stat_lx)
        return g_volume.no_stat_lx;
    assert_true(size >= 96);
    if (!may(handle, FILE_READ_ATTRIBUTES | FILE_READ_EA))
        return STATUS_ACCESS_DENIED;
    assert_true(GetFileInformationByHandle(handle, &info));
    uint64_t id = id_of(handle), bytes = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    uint32_t uid = lx(id, "$LXUID", 1, &flags), gid = lx(id, "$LXGID", 2, &flags);
    uint32_t mode = lx(id, "$LXMOD", 4, &flags);
    const uint32_t rest[] = {
        info.dwFileAttributes, 0, info.nNumberOfLinks, 0x1f01ff, flags | 0x10, uid, gid, mode};
    memset(out, 0, 96);
    memcpy(out, &id, 8);
    memcpy(out + 16, &info.ftLastAccessTime, 8);
    memcpy(out + 24, &info.ftLastWriteTime, 8);
    memcpy(out + 40, &bytes, 8);
    memcpy(out + 48, &bytes, 8);
    memcpy(out + 56, rest, sizeof rest);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI query_information(HANDLE handle, IO_STATUS_BLOCK *io, void *out, ULONG size,
                                        FILE_INFORMATION_CLASS what)
{
    return (int)what == STAT_LX ? stat_lx(handle, out, size)
                                : g_real.query_information(handle, io, out, size, what);
}

/* With a list of names, those that are not there have values of no bytes. */
static NTSTATUS NTAPI query_ea(HANDLE handle, IO_STATUS_BLOCK *io, void *out, ULONG size,
                               BOOLEAN single, void *names, ULONG names_size, ULONG *index,
                               BOOLEAN restart)
{
    const uint8_t *name = names;
    uint8_t *bytes = out, *entry = out;
    ULONG used = 0, next;
    g_volume.ea_queries++;
    assert_false(single || index || !restart);
    assert_int_equal((uintptr_t)names % 4, 0);
    if (g_volume.no_ea)
        return g_volume.no_ea;
    if (!may(handle, FILE_READ_EA))
        return STATUS_ACCESS_DENIED;
    if (!count_eas(id_of(handle)))
        return STATUS_NO_EAS_ON_FILE;
    memset(out, 0, size);
    do {
        const struct ea *e = find(id_of(handle), (const char *)name + 5);
        ULONG name_size = name[4], value_size = e ? e->size : 0, at = (used + 3) & ~3u;
        memcpy(&next, name, sizeof next);
        assert_true((uintptr_t)(name - (uint8_t *)names) + 5 + name_size < names_size);
        if (size - at < 8 + name_size + 1 + value_size) {
            io->Information = used;
            return used ? STATUS_BUFFER_OVERFLOW : STATUS_BUFFER_TOO_SMALL;
        }
        const uint32_t step = (uint32_t)(bytes + at - entry);
        memcpy(entry, &step, used ? 4 : 0);
        entry = bytes + at;
        entry[5] = (uint8_t)name_size;
        entry[6] = (uint8_t)value_size;
        entry[7] = (uint8_t)(value_size >> 8);
        memcpy(entry + 8, name + 5, name_size + 1);
        if (e)
            memcpy(entry + 9 + name_size, e->value, value_size);
        used = at + 9 + name_size + value_size;
        name += next;
    } while (next);
    io->Information = used;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI set_ea(HANDLE handle, IO_STATUS_BLOCK *io, void *ea, ULONG size)
{
    (void)io;
    g_volume.ea_sets++;
    if (g_volume.no_ea)
        return g_volume.no_ea;
    if (!may(handle, FILE_WRITE_EA))
        return STATUS_ACCESS_DENIED;
    set_eas(id_of(handle), ea, size);
    return STATUS_SUCCESS;
}

static void ea_volume_install(void)
{
    g_real = g_windows.nt;
    g_windows.nt.create_file = create_file;
    g_windows.nt.query_information = query_information;
    g_windows.nt.query_ea = query_ea;
    g_windows.nt.set_ea = set_ea;
}

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLATFORM_EA_VOLUME_H
#define TESTS_PLATFORM_EA_VOLUME_H

/*
 * A volume with extended attributes, on Windows.  Wine has none: these calls take the place of the
 * system's and keep them, as NTFS does; what Microsoft's documentation asks of the caller they
 * check.  To be included after a folder's test.h.
 */

#include <ctype.h>
#include <ntstatus.h>

#include "windows/internal.h"

#define STAT_LX 70
#define VALUE_MAX 65535

struct kept_ea {
    uint64_t file; /* its id; 0: free */
    char name[255];
    uint32_t size;
    uint8_t value[VALUE_MAX];
};

/* A volume, and how often it was asked. */
static struct {
    NTSTATUS no_stat_lx, no_ea; /* what it says instead; 0: it has them */
    ACCESS_MASK denied;         /* with `denial` */
    NTSTATUS denial;
    struct kept_ea eas[64];
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

static struct kept_ea *find(uint64_t file, const char *name)
{
    for (int i = 0; i < 64; i++) {
        if (g_volume.eas[i].file == file && strcmp(g_volume.eas[i].name, name) == 0)
            return &g_volume.eas[i];
    }
    return NULL;
}

static void put_ea(uint64_t file, const char *name, const void *value, uint32_t size)
{
    struct kept_ea *e = find(file, name);
    for (int i = 0; i < 64 && !e && size; i++)
        e = g_volume.eas[i].file ? NULL : &g_volume.eas[i];
    if (!e)
        return; /* there is nothing to remove */
    *e = (struct kept_ea){.file = size ? file : 0, .size = size};
    for (int i = 0; name[i]; i++) /* in capitals, as NTFS has them */
        e->name[i] = (char)toupper((unsigned char)name[i]);
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
    const struct kept_ea *e = find(file, name);
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
    const struct kept_ea *e = find(file, name);
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

/* An answer that grows. */
struct answer {
    uint8_t *bytes;
    ULONG size, used, last;
};

/* 0: there is no more room. */
static int answer_with(struct answer *a, const char *name, const struct kept_ea *e)
{
    ULONG name_size = (ULONG)strlen(name), value_size = e ? e->size : 0, at = (a->used + 3) & ~3u;
    if (a->size < at + 8 + name_size + 1 + value_size)
        return 0;
    const uint32_t step = at - a->last;
    memcpy(a->bytes + a->last, &step, a->used ? 4 : 0);
    uint8_t *entry = a->bytes + at;
    memset(entry, 0, 8);
    entry[5] = (uint8_t)name_size;
    entry[6] = (uint8_t)value_size;
    entry[7] = (uint8_t)(value_size >> 8);
    memcpy(entry + 8, name, name_size + 1);
    if (e)
        memcpy(entry + 9 + name_size, e->value, value_size);
    a->last = at;
    a->used = at + 9 + name_size + value_size;
    return 1;
}

/* With a list of names, those that are not there have values of no bytes. */
static int answer_names(struct answer *a, uint64_t file, const uint8_t *names, ULONG size)
{
    ULONG at = 0, next;
    do {
        const char *name = (const char *)names + at + 5;
        memcpy(&next, names + at, sizeof next);
        assert_true(at + 5 + names[at + 4] < size);
        assert_int_equal(strlen(name), names[at + 4]);
        if (!answer_with(a, name, find(file, name)))
            return 0;
        at += next;
    } while (next);
    return 1;
}

static int answer_all(struct answer *a, uint64_t file)
{
    for (int i = 0; i < 64; i++) {
        if (g_volume.eas[i].file == file && !answer_with(a, g_volume.eas[i].name, &g_volume.eas[i]))
            return 0;
    }
    return 1;
}

static NTSTATUS NTAPI query_ea(HANDLE handle, IO_STATUS_BLOCK *io, void *out, ULONG size,
                               BOOLEAN single, void *names, ULONG names_size, ULONG *index,
                               BOOLEAN restart)
{
    struct answer a = {.bytes = out, .size = size};
    g_volume.ea_queries++;
    assert_false(single || index || !restart);
    assert_int_equal((uintptr_t)names % 4, 0);
    assert_int_equal((uintptr_t)out % 4, 0);
    if (g_volume.no_ea)
        return g_volume.no_ea;
    if (!may(handle, FILE_READ_EA))
        return STATUS_ACCESS_DENIED;
    if (!count_eas(id_of(handle)))
        return STATUS_NO_EAS_ON_FILE;
    int is_whole =
        names ? answer_names(&a, id_of(handle), names, names_size) : answer_all(&a, id_of(handle));
    io->Information = a.used;
    return is_whole ? STATUS_SUCCESS : a.used ? STATUS_BUFFER_OVERFLOW : STATUS_BUFFER_TOO_SMALL;
}

/* What all of a file's attributes take. */
static ULONG packed_size(uint64_t file)
{
    ULONG size = 4;
    for (int i = 0; i < 64; i++) {
        if (g_volume.eas[i].file == file)
            size += 5 + (ULONG)strlen(g_volume.eas[i].name) + g_volume.eas[i].size;
    }
    return size;
}

/* FILE_FS_ATTRIBUTE_INFORMATION: what the volume can; its name does not fit. */
static NTSTATUS NTAPI query_volume(HANDLE handle, IO_STATUS_BLOCK *io, void *out, ULONG size,
                                   FS_INFORMATION_CLASS what)
{
    static const ULONG answer[] = {0x00c700ff, 255, 8};
    if ((int)what != 5)
        return g_real.query_volume(handle, io, out, size, what);
    assert_true(size >= sizeof answer);
    memcpy(out, answer, sizeof answer);
    return STATUS_BUFFER_OVERFLOW;
}

static NTSTATUS NTAPI set_ea(HANDLE handle, IO_STATUS_BLOCK *io, void *ea, ULONG size)
{
    (void)io;
    g_volume.ea_sets++;
    if (g_volume.no_ea)
        return g_volume.no_ea;
    if (!may(handle, FILE_WRITE_EA))
        return STATUS_ACCESS_DENIED;
    if (packed_size(id_of(handle)) + size > 65535)
        return STATUS_EA_TOO_LARGE;
    set_eas(id_of(handle), ea, size);
    return STATUS_SUCCESS;
}

static void ea_volume_install(void)
{
    g_real = g_windows.nt;
    g_windows.nt.create_file = create_file;
    g_windows.nt.query_information = query_information;
    g_windows.nt.query_volume = query_volume;
    g_windows.nt.query_ea = query_ea;
    g_windows.nt.set_ea = set_ea;
}

#endif

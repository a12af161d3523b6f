/* SPDX-License-Identifier: MIT */
/*
 * Folders for guests: paths relative to a handle, of which no part may be a link.  Win32
 * has no such calls, so these are the system's own, as documented for drivers and in winternl.h.
 *
 * Where the system cannot take the name from an open file at once (before Windows 10
 * 1709, and on other file systems than NTFS) the file gets a name that is not listed.
 *
 * Source  NtCreateFile, NtSetInformationFile, NtQueryVolumeInformationFile, [MS-FSCC] 2.4, 2.5.
 */

#include "internal.h"

#include <ntstatus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define CHANGING (FILE_READ_EA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES) /* of an open file */
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

/* Information classes and flags that are not in every SDK's headers. */
#define INTERNAL_INFORMATION ((FILE_INFORMATION_CLASS)6)
#define REPARSE_POINT_ENCOUNTERED ((NTSTATUS)0xc000050b)
#define RENAME_INFORMATION ((FILE_INFORMATION_CLASS)10)
#define LINK_INFORMATION ((FILE_INFORMATION_CLASS)11)
#define RENAME_INFORMATION_EX ((FILE_INFORMATION_CLASS)65)
#define FS_FULL_SIZE_INFORMATION ((FS_INFORMATION_CLASS)7)
#define RENAME_REPLACE 0x1u
#define RENAME_POSIX 0x2u
#define RENAME_IGNORE_READONLY 0x40u

/* FILE_FS_FULL_SIZE_INFORMATION */
struct full_size {
    int64_t total_units, usable_units, free_units;
    ULONG sectors_per_unit, bytes_per_sector;
};

/* ---- Names ---- */

/* Characters that NTFS gives a meaning or refuses; the same as WSL's and Cygwin's. */
static int is_refused(wchar_t c)
{
    return (c > 0 && c < 0x20) || (c < 0x80 && c && strchr("\"*:<>?|\\", c));
}

#define PRIVATE 0xf000

void windows_name_restore(wchar_t *name)
{
    for (; *name; name++) {
        wchar_t c = (wchar_t)(*name - PRIVATE);
        if (*name > PRIVATE && *name < PRIVATE + 0x80 && (is_refused(c) || c == '.' || c == ' '))
            *name = c;
    }
}

/* A relative path as the system takes it, allocated; NULL with GetLastError(). */
static wchar_t *wide_path(const char *path)
{
    wchar_t *wide = windows_wide(path);
    for (wchar_t *c = wide; c && *c; c++) {
        int is_last = c[1] == 0 || c[1] == '/';
        if (*c == '/')
            *c = '\\';
        else if (is_refused(*c) || (is_last && (*c == '.' || *c == ' ')))
            *c = (wchar_t)(*c + PRIVATE);
    }
    return wide;
}

/* ---- Opening ---- */

static int status_error(NTSTATUS status)
{
    switch (status) {
    case STATUS_SUCCESS:
        return 0;
    case STATUS_FILE_IS_A_DIRECTORY:
        return -LX_EISDIR;
    case STATUS_NOT_A_DIRECTORY:
        return -LX_ENOTDIR;
    case REPARSE_POINT_ENCOUNTERED:
        return -LX_ELOOP;
    case STATUS_DELETE_PENDING:
        return -LX_ENOENT;
    case STATUS_NOT_SAME_DEVICE:
        return -LX_EXDEV;
    case STATUS_TOO_MANY_LINKS:
        return -LX_EMLINK;
    default:
        return windows_error_of(RtlNtStatusToDosError(status));
    }
}

struct opening {
    ACCESS_MASK access;
    ULONG disposition; /* FILE_OPEN, FILE_CREATE .. */
    ULONG options;     /* FILE_DIRECTORY_FILE .. */
    ULONG attributes;  /* of a new file */
    ACCESS_MASK wish;  /* access that it can do without */
    void *ea;          /* extended attributes of a new file */
    ULONG ea_size;
};

/* Open it, without what the volume does not have or we may not have. */
static NTSTATUS create(struct plat_file *folder, OBJECT_ATTRIBUTES *object,
                       const struct opening *how, HANDLE *out)
{
    ACCESS_MASK wish = how->wish;
    ULONG ea_size = how->ea_size;
    for (;;) {
        IO_STATUS_BLOCK io;
        NTSTATUS status =
            g_windows.nt.create_file(out, how->access | wish | SYNCHRONIZE, object, &io, NULL,
                                     how->attributes, SHARE_ALL, how->disposition,
                                     how->options | FILE_SYNCHRONOUS_IO_NONALERT |
                                         FILE_OPEN_REPARSE_POINT | FILE_OPEN_FOR_BACKUP_INTENT,
                                     ea_size ? how->ea : NULL, ea_size);
        if (wish && (status == STATUS_ACCESS_DENIED || status == STATUS_MEDIA_WRITE_PROTECTED))
            wish = 0;
        else if (ea_size && windows_notes_refused(NULL, status))
            ea_size = 0;
        else {
            if (status == STATUS_SUCCESS && how->ea_size && !ea_size)
                folder->volume.notes = WINDOWS_NOTES_NONE; /* it was for them that it was refused */
            return status;
        }
    }
}

static int open_at(struct plat_file *folder, const char *path, const struct opening *how,
                   HANDLE *out)
{
    wchar_t *wide = wide_path(path);
    *out = NULL;
    if (!wide)
        return windows_error();
    size_t size = wcslen(wide) * sizeof *wide;
    if (size >= 0xffff) {
        free(wide);
        return -LX_ENAMETOOLONG;
    }
    UNICODE_STRING name = {(USHORT)size, (USHORT)size, wide};
    OBJECT_ATTRIBUTES object;
    InitializeObjectAttributes(&object, &name, OBJ_CASE_INSENSITIVE | OBJ_DONT_REPARSE,
                               folder->handle, NULL);
    NTSTATUS status = create(folder, &object, how, out);
    free(wide);
    return status_error(status);
}

int plat_host_folder_open(const char *path, struct plat_file **out)
{
    wchar_t *wide = windows_path(path);
    struct plat_stat st;
    *out = NULL;
    if (!wide)
        return windows_error();
    const DWORD access = FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES;
    HANDLE handle = CreateFileW(wide, access | FILE_READ_EA, SHARE_ALL, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (handle == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED)
        handle = CreateFileW(wide, access, SHARE_ALL, NULL, OPEN_EXISTING,
                             FILE_FLAG_BACKUP_SEMANTICS, NULL);
    int err = handle == INVALID_HANDLE_VALUE ? windows_error() : windows_stat_of(handle, &st);
    free(wide);
    if (err == 0 && st.type != PLAT_FILE_DIRECTORY)
        err = -LX_ENOTDIR;
    if (err == 0) {
        err = windows_file_new(handle, out);
        if (err == 0)
            (*out)->volume.notes = WINDOWS_NOTES_UNKNOWN;
        return err;
    }
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    return err;
}

static ULONG disposition_of(uint32_t flags)
{
    if (flags & PLAT_FILE_CREATE && flags & PLAT_FILE_EXCLUSIVE)
        return FILE_CREATE;
    if (flags & PLAT_FILE_CREATE)
        return flags & PLAT_FILE_TRUNCATE ? FILE_OVERWRITE_IF : FILE_OPEN_IF;
    return flags & PLAT_FILE_TRUNCATE ? FILE_OVERWRITE : FILE_OPEN;
}

/* The file of a handle, with what the folder knows of their volume. */
static int file_new(const struct plat_file *folder, HANDLE handle, struct plat_file **out)
{
    int err = windows_file_new(handle, out);
    if (err == 0)
        (*out)->volume = folder->volume;
    return err;
}

/* May it be a link, of one of the two kinds? */
static int is_special(DWORD attributes)
{
    return (attributes & (FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_REPARSE_POINT)) != 0;
}

int plat_host_at_open(struct plat_file *folder, const char *path, uint32_t flags, uint32_t mode,
                      struct plat_file **out)
{
    _Alignas(4) uint8_t notes[WSL_EA_SIZE];
    HANDLE handle;
    struct opening how = {
        .access = (flags & PLAT_FILE_READ ? FILE_GENERIC_READ : 0u) |
                  (flags & PLAT_FILE_WRITE ? FILE_GENERIC_WRITE : 0u) | FILE_READ_ATTRIBUTES,
        .disposition = disposition_of(flags),
        .options = FILE_NON_DIRECTORY_FILE,
        .attributes = mode & 0200 ? FILE_ATTRIBUTE_NORMAL : FILE_ATTRIBUTE_READONLY,
        .wish = CHANGING,
        .ea = notes,
    };
    FILE_BASIC_INFO info;
    struct plat_stat st;
    *out = NULL;
    if (flags & PLAT_FILE_CREATE)
        how.ea_size =
            windows_note_new(&folder->volume, PLAT_FILE_REGULAR, mode, how.attributes, notes);
    int err = open_at(folder, path, &how, &handle);
    if (err < 0)
        return err;
    if (GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info) &&
        is_special(info.FileAttributes) && plat_host_at_stat(folder, path, &st) == 0 &&
        st.type == PLAT_FILE_SYMLINK) {
        CloseHandle(handle);
        return -LX_ELOOP;
    }
    return file_new(folder, handle, out);
}

/*
 * Is a system file a link?
 *   returns  -LX_EINVAL: no.
 */
static int64_t read_link_file(struct plat_file *folder, const char *path, char *buf, uint64_t size)
{
    HANDLE handle;
    const struct opening how = {
        .access = FILE_GENERIC_READ, .disposition = FILE_OPEN, .options = FILE_NON_DIRECTORY_FILE};
    int64_t result = open_at(folder, path, &how, &handle);
    if (result < 0)
        return -LX_EINVAL;
    result = windows_link_file_read(handle, buf, size);
    CloseHandle(handle);
    return result;
}

int windows_is_link_file(HANDLE directory, const char *name)
{
    struct plat_file folder = {.handle = directory};
    char first;
    return read_link_file(&folder, name, &first, sizeof first) >= 0;
}

int plat_host_at_list(struct plat_file *folder, const char *path, struct plat_directory **out)
{
    HANDLE handle;
    const struct opening how = {
        .access = FILE_LIST_DIRECTORY, .disposition = FILE_OPEN, .options = FILE_DIRECTORY_FILE};
    *out = NULL;
    int err = open_at(folder, path, &how, &handle);
    return err < 0 ? err : windows_directory_new(handle, 1, out);
}

/* ---- Attributes ---- */

static int open_itself(struct plat_file *folder, const char *path, ACCESS_MASK access,
                       ACCESS_MASK wish, HANDLE *out)
{
    const struct opening how = {.access = access, .disposition = FILE_OPEN, .wish = wish};
    return open_at(folder, path, &how, out);
}

int plat_host_at_stat(struct plat_file *folder, const char *path, struct plat_stat *out)
{
    HANDLE handle;
    DWORD attributes;
    *out = (struct plat_stat){0};
    if (!*path)
        return windows_noted_stat(&folder->volume, folder->handle, out, &attributes);
    ACCESS_MASK wish = folder->volume.notes == WINDOWS_NOTES_NONE ? 0 : FILE_READ_EA;
    int err = open_itself(folder, path, FILE_READ_ATTRIBUTES, wish, &handle);
    if (err < 0)
        return err;
    char first;
    err = windows_noted_stat(&folder->volume, handle, out, &attributes);
    if (err == 0 && out->type == PLAT_FILE_REGULAR && is_special(attributes) &&
        read_link_file(folder, path, &first, sizeof first) >= 0)
        out->type = PLAT_FILE_SYMLINK;
    CloseHandle(handle);
    return err;
}

int64_t plat_host_at_readlink(struct plat_file *folder, const char *path, char *buf, uint64_t size)
{
    HANDLE handle;
    int64_t result = open_itself(folder, path, FILE_READ_ATTRIBUTES, 0, &handle);
    if (result < 0)
        return result;
    result = windows_readlink_of(handle, buf, size);
    CloseHandle(handle);
    return result < 0 ? read_link_file(folder, path, buf, size) : result;
}

/* Units of 100 ns since 1601; 0 and -1 have meanings of their own. */
static int64_t file_time(int64_t unix_ns)
{
    int64_t t = unix_ns / 100 - (unix_ns % 100 < 0) + 116444736000000000;
    return t > 0 ? t : 1;
}

static int change_basic(HANDLE handle, const struct plat_change *c)
{
    FILE_BASIC_INFO info;
    if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info))
        return windows_error();
    info.CreationTime.QuadPart = info.LastAccessTime.QuadPart = info.LastWriteTime.QuadPart =
        info.ChangeTime.QuadPart = 0; /* 0: as it was */
    if (c->what & PLAT_CHANGE_ATIME)
        info.LastAccessTime.QuadPart = file_time(c->atime_ns);
    if (c->what & PLAT_CHANGE_MTIME)
        info.LastWriteTime.QuadPart = file_time(c->mtime_ns);
    if (c->what & PLAT_CHANGE_MODE && !(info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY)) {
        info.FileAttributes &= ~(DWORD)(FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_NORMAL);
        info.FileAttributes |= c->mode & 0200 ? 0 : FILE_ATTRIBUTE_READONLY;
        if (!info.FileAttributes)
            info.FileAttributes = FILE_ATTRIBUTE_NORMAL;
    }
    return SetFileInformationByHandle(handle, FileBasicInfo, &info, sizeof info) ? 0
                                                                                 : windows_error();
}

#define CHANGE_BASIC (PLAT_CHANGE_MODE | PLAT_CHANGE_ATIME | PLAT_CHANGE_MTIME)
#define CHANGE_NOTED (PLAT_CHANGE_MODE | PLAT_CHANGE_OWNER)

static int change(struct windows_volume *v, HANDLE handle, const struct plat_change *c)
{
    int err = c->what & CHANGE_BASIC ? change_basic(handle, c) : 0;
    if (err == 0 && c->what & CHANGE_NOTED)
        windows_note(v, handle, c);
    return err;
}

int plat_host_file_change(struct plat_file *f, const struct plat_change *c)
{
    return change(&f->volume, f->handle, c);
}

static int is_file(HANDLE handle, uint64_t id)
{
    uint64_t number;
    IO_STATUS_BLOCK io;
    return g_windows.nt.query_information(handle, &io, &number, sizeof number,
                                          INTERNAL_INFORMATION) >= 0 &&
           number == id;
}

int plat_host_at_change(struct plat_file *folder, const char *path, const struct plat_change *c)
{
    HANDLE handle;
    if (!(c->what & CHANGE_BASIC) && folder->volume.notes == WINDOWS_NOTES_NONE)
        return 0;
    int err = open_itself(folder, path, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES,
                          FILE_READ_EA | FILE_WRITE_EA, &handle);
    if (err < 0)
        return err;
    err = c->id && !is_file(handle, c->id) ? -LX_ENOENT : change(&folder->volume, handle, c);
    CloseHandle(handle);
    return err;
}

int64_t plat_host_at_xattr(struct plat_file *folder, const char *path,
                           const struct plat_xattr *call)
{
    HANDLE handle;
    int changes = call->call == PLAT_XATTR_SET || call->call == PLAT_XATTR_REMOVE;
    if (!windows_has_xattrs(&folder->volume, folder->handle))
        return -LX_EOPNOTSUPP;
    int64_t result = open_itself(
        folder, path, FILE_READ_ATTRIBUTES | FILE_READ_EA | (changes ? FILE_WRITE_EA : 0u), 0,
        &handle);
    if (result < 0)
        return result;
    result = call->id && !is_file(handle, call->id) ? -LX_ENOENT
                                                    : windows_xattr(&folder->volume, handle, call);
    CloseHandle(handle);
    return result;
}

int64_t plat_host_file_xattr(struct plat_file *f, const struct plat_xattr *call)
{
    return windows_xattr(&f->volume, f->handle, call);
}

/* ---- Names made and removed ---- */

int plat_host_at_make_directory(struct plat_file *folder, const char *path, uint32_t mode)
{
    _Alignas(4) uint8_t notes[WSL_EA_SIZE];
    HANDLE handle;
    const struct opening how = {
        .access = FILE_READ_ATTRIBUTES,
        .disposition = FILE_CREATE,
        .options = FILE_DIRECTORY_FILE,
        .attributes = FILE_ATTRIBUTE_NORMAL,
        .ea = notes,
        .ea_size = windows_note_new(&folder->volume, PLAT_FILE_DIRECTORY, mode, 0, notes),
    };
    int err = open_at(folder, path, &how, &handle);
    if (err == 0)
        CloseHandle(handle);
    return err;
}

int plat_host_at_make_symlink(struct plat_file *folder, const char *path, const char *target)
{
    HANDLE handle;
    const struct opening how = {.access = FILE_WRITE_ATTRIBUTES | FILE_WRITE_DATA | DELETE,
                                .disposition = FILE_CREATE,
                                .options = FILE_NON_DIRECTORY_FILE,
                                .attributes = FILE_ATTRIBUTE_NORMAL};
    int err = open_at(folder, path, &how, &handle);
    if (err < 0)
        return err;
    err = windows_symlink_set(handle, target);
    if (err < 0)
        windows_remove_later(handle);
    CloseHandle(handle);
    return err;
}

/* What rename and link take: FILE_RENAME_INFORMATION, FILE_LINK_INFORMATION. */
struct new_name {
    ULONG flags; /* the older classes read its first byte: 1 replaces */
    HANDLE folder;
    ULONG size;
    wchar_t name[];
};

/* The directory of a path, for a new name in it; `*name` is the last part of `path`. */
static int open_parent(struct plat_file *folder, const char *path, HANDLE *out, const char **name)
{
    const char *slash = strrchr(path, '/');
    const struct opening how = {.access = FILE_TRAVERSE | FILE_READ_ATTRIBUTES,
                                .disposition = FILE_OPEN,
                                .options = FILE_DIRECTORY_FILE};
    *name = slash ? slash + 1 : path;
    *out = NULL;
    if (!slash)
        return 0;
    char *parent = malloc((size_t)(slash - path) + 1);
    if (!parent)
        return -LX_ENOMEM;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = 0;
    int err = open_at(folder, parent, &how, out);
    free(parent);
    return err;
}

struct naming {
    HANDLE handle; /* of what gets the name */
    FILE_INFORMATION_CLASS information;
    ULONG flags;
};

static NTSTATUS set_name(const struct naming *n, HANDLE directory, const wchar_t *name,
                         int *out_of_memory)
{
    size_t size = wcslen(name) * sizeof *name;
    struct new_name *info = calloc(1, sizeof *info + size + sizeof *name);
    IO_STATUS_BLOCK io;
    *out_of_memory = !info;
    if (!info)
        return STATUS_NO_MEMORY;
    info->flags = n->flags;
    info->folder = directory;
    info->size = (ULONG)size;
    memcpy(info->name, name, size);
    NTSTATUS status =
        NtSetInformationFile(n->handle, &io, info, (ULONG)(sizeof *info + size), n->information);
    free(info);
    return status;
}

/* Name `path` in its directory. */
static int give_name(const struct naming *n, struct plat_file *folder, const char *path)
{
    HANDLE parent;
    const char *name;
    int out_of_memory, err = open_parent(folder, path, &parent, &name);
    wchar_t *wide = err == 0 ? wide_path(name) : NULL;
    if (err == 0 && !wide)
        err = windows_error();
    if (err == 0) {
        HANDLE directory = parent ? parent : folder->handle;
        struct naming now = *n;
        NTSTATUS status = set_name(&now, directory, wide, &out_of_memory);
        /* Before Windows 10 1709, and on other file systems: replaces what nobody has open. */
        if (now.information == RENAME_INFORMATION_EX &&
            (status == STATUS_INVALID_INFO_CLASS || status == STATUS_INVALID_PARAMETER ||
             status == STATUS_NOT_IMPLEMENTED || status == STATUS_NOT_SUPPORTED)) {
            now.information = RENAME_INFORMATION;
            now.flags &= RENAME_REPLACE;
            status = set_name(&now, directory, wide, &out_of_memory);
        }
        err = out_of_memory ? -LX_ENOMEM : status_error(status);
    }
    free(wide);
    if (parent)
        CloseHandle(parent);
    return err;
}

/* A name that is not listed, in the directory of a path; allocated, NULL: no memory. */
static char *hidden_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *hidden = malloc(length + sizeof WINDOWS_HIDDEN_NAME + 16);
    uint64_t id;
    plat_host_random(&id, sizeof id);
    if (hidden) {
        memcpy(hidden, path, length);
        sprintf(hidden + length, WINDOWS_HIDDEN_NAME "%016llx", (unsigned long long)id);
    }
    return hidden;
}

/*
 * Remove a name when others have closed the file; until then the file has another, if it may, so that
 * this one is free.
 */
static DWORD remove_later(HANDLE handle, struct plat_file *folder, const char *path, int may_hide)
{
    const struct plat_change writable = {.what = PLAT_CHANGE_MODE, .mode = 0200};
    const struct naming n = {handle, RENAME_INFORMATION, 0};
    char *hidden = may_hide ? hidden_name(path) : NULL;
    int is_hidden = hidden && give_name(&n, folder, hidden) == 0; /* else its own name stays */
    free(hidden);
    DWORD error = windows_remove_later(handle);
    if (error == ERROR_ACCESS_DENIED && change_basic(handle, &writable) == 0)
        error = windows_remove_later(handle);
    int back = error && is_hidden ? give_name(&n, folder, path) : 0;
    (void)back; /* the error that counts is the first */
    return error;
}

int plat_host_at_remove(struct plat_file *folder, const char *path, enum plat_file_type type)
{
    HANDLE handle;
    const struct opening how = {.access = DELETE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES,
                                .disposition = FILE_OPEN,
                                .options = type == PLAT_FILE_DIRECTORY ? FILE_DIRECTORY_FILE : 0u};
    int err = open_at(folder, path, &how, &handle);
    if (err < 0)
        return err;
    DWORD error = windows_remove_now(handle);
    if (error == ERROR_NOT_SUPPORTED)
        error = remove_later(handle, folder, path, type != PLAT_FILE_DIRECTORY);
    CloseHandle(handle);
    return error ? windows_error_of(error) : 0;
}

int plat_host_at_link(struct plat_file *folder, const char *path, uint64_t device, uint64_t id,
                      const char *new_path)
{
    struct naming n = {.information = LINK_INFORMATION};
    (void)device; /* a folder is on one */
    int err = open_itself(folder, path, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, 0, &n.handle);
    if (err < 0)
        return err;
    err = id && !is_file(n.handle, id) ? -LX_ENOENT : give_name(&n, folder, new_path);
    CloseHandle(n.handle);
    return err;
}

int plat_host_file_link(struct plat_file *f, struct plat_file *folder, const char *new_path)
{
    const struct naming n = {.handle = f->handle, .information = LINK_INFORMATION};
    return give_name(&n, folder, new_path);
}

/* Windows has no such step, so it takes three; others may see one of the names missing. */
static int exchange(struct plat_file *folder, const char *path, const char *other)
{
    struct plat_stat st;
    int err = plat_host_at_stat(folder, other, &st);
    char *hidden = hidden_name(path);
    if (err == 0 && !hidden)
        err = -LX_ENOMEM;
    if (err == 0)
        err = plat_host_at_rename(folder, path, hidden, PLAT_RENAME_NOREPLACE);
    if (err == 0) {
        err = plat_host_at_rename(folder, other, path, PLAT_RENAME_NOREPLACE);
        int back =
            plat_host_at_rename(folder, hidden, err < 0 ? path : other, PLAT_RENAME_NOREPLACE);
        err = err < 0 ? err : back;
    }
    free(hidden);
    return err;
}

int plat_host_at_rename(struct plat_file *folder, const char *path, const char *new_path,
                        uint32_t flags)
{
    struct naming n = {.information = RENAME_INFORMATION_EX};
    struct plat_stat st, there;
    if (flags & PLAT_RENAME_EXCHANGE)
        return exchange(folder, path, new_path);
    if (!(flags & PLAT_RENAME_NOREPLACE))
        n.flags = RENAME_REPLACE | RENAME_POSIX | RENAME_IGNORE_READONLY;
    int err = open_itself(folder, path, DELETE | FILE_READ_ATTRIBUTES, 0, &n.handle);
    if (err < 0)
        return err;
    err = give_name(&n, folder, new_path);
    /* Not everything is replaced everywhere (a directory, an open file): make room for it. */
    if ((err == -LX_EACCES || err == -LX_EEXIST) && n.flags &&
        windows_stat_of(n.handle, &st) == 0 && plat_host_at_stat(folder, new_path, &there) == 0 &&
        (st.type == PLAT_FILE_DIRECTORY) == (there.type == PLAT_FILE_DIRECTORY)) {
        err = plat_host_at_remove(folder, new_path, there.type);
        if (err == 0)
            err = give_name(&n, folder, new_path);
    }
    CloseHandle(n.handle);
    return err;
}

int plat_host_folder_space(struct plat_file *folder, struct plat_space *out)
{
    struct full_size full;
    IO_STATUS_BLOCK io;
    *out = (struct plat_space){0};
    NTSTATUS status = NtQueryVolumeInformationFile(folder->handle, &io, &full, sizeof full,
                                                   FS_FULL_SIZE_INFORMATION);
    if (status < 0)
        return status_error(status);
    uint64_t unit = (uint64_t)full.sectors_per_unit * full.bytes_per_sector;
    out->size = (uint64_t)full.total_units * unit;
    out->free = (uint64_t)full.free_units * unit;
    out->usable = (uint64_t)full.usable_units * unit;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Directories of the host: GetFileInformationByHandleEx.  "." and ".." are not given. */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define PART_SIZE 0x10000u

struct plat_directory {
    HANDLE handle;
    int is_folder;                      /* names are those of folder.c */
    char *name;                         /* of the last entry given */
    const FILE_ID_BOTH_DIR_INFO *entry; /* the next one in `part`, or NULL */
    union {
        FILE_ID_BOTH_DIR_INFO first;
        char bytes[PART_SIZE];
    } part;
};

int windows_directory_new(HANDLE handle, int is_folder, struct plat_directory **out)
{
    struct plat_directory *d = calloc(1, sizeof *d);
    *out = d;
    if (!d) {
        CloseHandle(handle);
        return -LX_ENOMEM;
    }
    d->handle = handle;
    d->is_folder = is_folder;
    return 0;
}

int plat_host_directory_open(const char *path, struct plat_directory **out)
{
    *out = NULL;
    wchar_t *wide = windows_path(path);
    if (!wide)
        return windows_error();
    HANDLE handle = CreateFileW(wide, FILE_LIST_DIRECTORY,
                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    int err = handle == INVALID_HANDLE_VALUE ? windows_error() : 0;
    free(wide);
    if (err < 0)
        return err;
    struct plat_stat st;
    err = windows_stat_of(handle, &st);
    if (err == 0 && st.type != PLAT_FILE_DIRECTORY)
        err = -LX_ENOTDIR;
    if (err < 0) {
        CloseHandle(handle);
        return err;
    }
    return windows_directory_new(handle, 0, out);
}

/* 1 with the next entry in `d->entry`, 0 at the end. */
static int read_entry(struct plat_directory *d)
{
    if (d->entry && d->entry->NextEntryOffset) {
        d->entry = (const void *)((const char *)(const void *)d->entry + d->entry->NextEntryOffset);
        return 1;
    }
    d->entry = NULL;
    if (!GetFileInformationByHandleEx(d->handle, FileIdBothDirectoryInfo, &d->part, sizeof d->part))
        return GetLastError() == ERROR_NO_MORE_FILES ? 0 : windows_error();
    d->entry = &d->part.first;
    return 1;
}

static int is_dots(const FILE_ID_BOTH_DIR_INFO *e)
{
    size_t count = e->FileNameLength / sizeof *e->FileName;
    return count <= 2 && e->FileName[0] == '.' && (count == 1 || e->FileName[1] == '.');
}

static int is_hidden(const FILE_ID_BOTH_DIR_INFO *e)
{
    static const wchar_t hidden[] = L"" WINDOWS_HIDDEN_NAME;
    const size_t size = sizeof hidden - sizeof *hidden;
    return e->FileNameLength > size && memcmp(e->FileName, hidden, size) == 0;
}

int plat_host_directory_next(struct plat_directory *d, struct plat_entry *out)
{
    int more;
    *out = (struct plat_entry){0};
    do
        more = read_entry(d);
    while (more == 1 && (is_dots(d->entry) || (d->is_folder && is_hidden(d->entry))));
    if (more != 1)
        return more;
    const FILE_ID_BOTH_DIR_INFO *e = d->entry;
    size_t count = e->FileNameLength / sizeof *e->FileName;
    wchar_t *name = malloc((count + 1) * sizeof *name);
    free(d->name);
    d->name = NULL;
    if (name) {
        memcpy(name, e->FileName, e->FileNameLength);
        name[count] = 0;
        if (d->is_folder)
            windows_name_restore(name);
        d->name = windows_utf8(name);
        free(name);
    }
    /* MS-FSCC 2.4.18: of a reparse point, EaSize is the tag. */
    *out = (struct plat_entry){d->name, windows_type_of(e->FileAttributes, e->EaSize),
                               (uint64_t)e->FileId.QuadPart};
    if (d->is_folder && d->name && out->type == PLAT_FILE_REGULAR &&
        e->FileAttributes & FILE_ATTRIBUTE_SYSTEM && windows_is_link_file(d->handle, d->name))
        out->type = PLAT_FILE_SYMLINK;
    return d->name ? 1 : -LX_ENOMEM;
}

void plat_host_directory_close(struct plat_directory *d)
{
    if (!d)
        return;
    CloseHandle(d->handle);
    free(d->name);
    free(d);
}

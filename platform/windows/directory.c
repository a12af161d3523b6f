/* SPDX-License-Identifier: MIT */
/* Directories of the host: FindFirstFileW.  "." and ".." are not given. */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

struct plat_directory {
    HANDLE find;
    WIN32_FIND_DATAW data;
    int has_data; /* `data` is the next entry */
    char *name;   /* of the last one given */
};

int plat_host_directory_open(const char *path, struct plat_directory **out)
{
    *out = NULL;
    if (!*path)
        return -LX_ENOENT;
    struct plat_directory *d = calloc(1, sizeof *d);
    size_t length = strlen(path);
    char *pattern = malloc(length + 3);
    if (!d || !pattern) {
        free(d);
        free(pattern);
        return -LX_ENOMEM;
    }
    memcpy(pattern, path, length);
    memcpy(pattern + length, "\\*", 3);
    wchar_t *wide = windows_path(pattern);
    free(pattern);
    d->find = wide ? FindFirstFileW(wide, &d->data) : INVALID_HANDLE_VALUE;
    int err = d->find == INVALID_HANDLE_VALUE ? windows_error() : 0;
    free(wide);
    if (err < 0) {
        struct plat_stat st;
        if (plat_host_path_stat(path, &st) == 0 && st.type != PLAT_FILE_DIRECTORY)
            err = -LX_ENOTDIR;
        free(d);
        return err;
    }
    d->has_data = 1;
    *out = d;
    return 0;
}

int plat_host_directory_next(struct plat_directory *d, const char **name)
{
    *name = NULL;
    do {
        if (!d->has_data && !FindNextFileW(d->find, &d->data))
            return GetLastError() == ERROR_NO_MORE_FILES ? 0 : windows_error();
        d->has_data = 0;
    } while (!wcscmp(d->data.cFileName, L".") || !wcscmp(d->data.cFileName, L".."));
    free(d->name);
    d->name = windows_utf8(d->data.cFileName);
    *name = d->name;
    return d->name ? 1 : -LX_ENOMEM;
}

void plat_host_directory_close(struct plat_directory *d)
{
    if (!d)
        return;
    FindClose(d->find);
    free(d->name);
    free(d);
}

/* SPDX-License-Identifier: MIT */
/* Directories of the host: opendir(3), readdir(3).  "." and ".." are not given. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lx/errno.h"

struct plat_directory {
    DIR *dir;
};

int plat_host_directory_open(const char *path, struct plat_directory **out)
{
    *out = NULL;
    struct plat_directory *d = malloc(sizeof *d);
    if (!d)
        return -LX_ENOMEM;
    d->dir = opendir(path);
    if (!d->dir) {
        free(d);
        return linux_error();
    }
    *out = d;
    return 0;
}

int plat_host_directory_next(struct plat_directory *d, const char **name)
{
    const struct dirent *entry;
    do {
        errno = 0; /* readdir() leaves it alone at the end */
        entry = readdir(d->dir);
    } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *name = entry ? entry->d_name : NULL;
    if (!entry)
        return errno ? linux_error() : 0;
    return 1;
}

void plat_host_directory_close(struct plat_directory *d)
{
    if (!d)
        return;
    closedir(d->dir);
    free(d);
}

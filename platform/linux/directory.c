/* SPDX-License-Identifier: MIT */
/* Directories of the host: fdopendir(3), readdir(3). */

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "internal.h"
#include "lx/errno.h"

struct plat_directory {
    DIR *dir;
};

int linux_directory_new(int fd, struct plat_directory **out)
{
    *out = NULL;
    if (fd < 0)
        return linux_error();
    struct plat_directory *d = malloc(sizeof *d);
    DIR *dir = d ? fdopendir(fd) : NULL;
    if (!dir) {
        int err = d ? linux_error() : -LX_ENOMEM;
        close(fd);
        free(d);
        return err;
    }
    d->dir = dir;
    *out = d;
    return 0;
}

int plat_host_directory_open(const char *path, struct plat_directory **out)
{
    return linux_directory_new(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), out);
}

/* Not every file system says the type of an entry. */
static enum plat_file_type type_of(struct plat_directory *d, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return linux_type_of(DTTOIF(entry->d_type));
    if (fstatat(dirfd(d->dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return PLAT_FILE_OTHER;
    return linux_type_of(st.st_mode);
}

int plat_host_directory_next(struct plat_directory *d, struct plat_entry *out)
{
    const struct dirent *entry;
    *out = (struct plat_entry){0};
    do {
        errno = 0; /* readdir() leaves it alone at the end */
        entry = readdir(d->dir);
    } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    if (!entry)
        return errno ? linux_error() : 0;
    *out = (struct plat_entry){entry->d_name, type_of(d, entry), entry->d_ino};
    return 1;
}

void plat_host_directory_close(struct plat_directory *d)
{
    if (!d)
        return;
    closedir(d->dir);
    free(d);
}

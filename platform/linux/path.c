/* SPDX-License-Identifier: MIT */
/* Host paths, which are Unix paths already. */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

int64_t plat_host_path_readlink(const char *path, char *buf, uint64_t size)
{
    return linux_result(readlink(path, buf, size));
}

static int copy_out(const char *text, char *buf, size_t size)
{
    size_t length = strlen(text);
    if (length >= size)
        return -LX_ENAMETOOLONG;
    memcpy(buf, text, length + 1);
    return 0;
}

static int has_parent_component(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2) {
        if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return 1;
    }
    return 0;
}

/* Drop empty and "." components of an absolute path, in place. */
static void clean(char *path)
{
    char *to = path;
    for (const char *from = path; *from;) {
        size_t length = strcspn(from + 1, "/");
        if (length && !(length == 1 && from[1] == '.')) {
            memmove(to, from, length + 1);
            to += length + 1;
        }
        from += length + 1;
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

int plat_host_path_real(const char *path, char *buf, size_t size)
{
    char *resolved = realpath(path, NULL);
    if (!resolved)
        return linux_error();
    int err = copy_out(resolved, buf, size);
    free(resolved);
    return err;
}

/*
 * What ".." means depends on symbolic links, so such paths are resolved by
 * realpath(3) and must exist; others keep their links.
 */
int plat_host_path_absolute(const char *path, char *buf, size_t size)
{
    if (!*path)
        return -LX_ENOENT;
    if (has_parent_component(path))
        return plat_host_path_real(path, buf, size);
    char full[2 * PATH_MAX] = "";
    size_t length = 0;
    if (*path != '/') {
        if (!getcwd(full, PATH_MAX))
            return linux_error();
        length = strlen(full);
        full[length++] = '/';
    }
    int err = copy_out(path, full + length, sizeof full - length);
    if (err)
        return err;
    clean(full);
    return copy_out(full, buf, size);
}

int plat_host_path_to_unix(const char *absolute, char *buf, size_t size)
{
    return copy_out(absolute, buf, size);
}

int plat_host_path_make_directory(const char *path)
{
    return mkdir(path, 0777) < 0 ? linux_error() : 0;
}

/* A name lasts once its folder is on the disk. */
static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash && slash > path ? (size_t)(slash - path) : 1;
    if (length >= sizeof folder)
        return -LX_ENAMETOOLONG;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = 0;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return linux_error();
    int err = fsync(fd) < 0 && errno != EINVAL ? linux_error() : 0;
    close(fd);
    return err;
}

int plat_host_path_rename(const char *from, const char *to)
{
    return rename(from, to) < 0 ? linux_error() : sync_folder_of(to);
}

int plat_host_path_remove(const char *path)
{
    return remove(path) < 0 ? linux_error() : 0;
}

/* XDG Base Directory Specification: a relative path there is to be ignored. */
int plat_host_path_data(char *buf, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length;
    if (data && data[0] == '/')
        length = snprintf(buf, size, "%s", data);
    else if (home && home[0])
        length = snprintf(buf, size, "%s/.local/share", home);
    else
        return -LX_ENOENT;
    return (size_t)length < size ? 0 : -LX_ENAMETOOLONG;
}

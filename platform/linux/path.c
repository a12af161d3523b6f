/* SPDX-License-Identifier: MIT */
/* Host paths, which are Unix paths already. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>
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

/*
 * What ".." means depends on symbolic links, so such paths are resolved by
 * realpath(3) and must exist; others keep their links.
 */
int plat_host_path_absolute(const char *path, char *buf, size_t size)
{
    if (!*path)
        return -LX_ENOENT;
    if (has_parent_component(path)) {
        char *resolved = realpath(path, NULL);
        if (!resolved)
            return linux_error();
        int err = copy_out(resolved, buf, size);
        free(resolved);
        return err;
    }
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

/* SPDX-License-Identifier: MIT */
/* Paths of the host: their ends, and the symbolic links they lead to. */

#include "host.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define LINKS_MAX 40u

/* The size of what must stay of a path: "/", "C:\". */
static size_t root_size(const char *path)
{
    int has_drives = plat_path_is_separator('\\');
    size_t size = has_drives && isalpha((unsigned char)path[0]) && path[1] == ':' ? 2 : 0;
    return size + (path[size] && plat_path_is_separator(path[size]));
}

/* Take separators off the end: 1 if there were any.  "C:" is a folder, too: "C:." says the same. */
static int strip(char *path)
{
    if (root_size(path) == 2 && !path[2]) {
        strcpy(path + 2, ".");
        return 1;
    }
    size_t size = strlen(path), least = root_size(path), before = size;
    while (size > least && plat_path_is_separator(path[size - 1]))
        size--;
    path[size] = 0;
    return size != before || (size && size == least);
}

/* Take a "." off the end that is a part of its own, but leave one that is all: 1 if there was one. */
static int strip_dot(char *path)
{
    size_t size = strlen(path);
    if (!size || path[size - 1] != '.' || (size > 1 && !plat_path_is_separator(path[size - 2])))
        return 0;
    if (size > 1)
        path[size - 1] = 0;
    return 1;
}

/* Replace a link by what it leads to, which counts from the folder that the link is in. */
static int follow_link(char *path)
{
    char target[IMAGE_PATH_MAX + 1];
    int64_t n = plat_path_readlink(path, target, sizeof target - 1);
    if (n < 0)
        return (int)n;
    target[n] = 0;
    size_t size = strlen(path), keep = root_size(target) ? 0 : size;
    while (keep && !plat_path_is_separator(path[keep - 1]))
        keep--;
    if (keep + (size_t)n >= HOST_PATH_MAX)
        return -LX_ENAMETOOLONG;
    memcpy(path + keep, target, (size_t)n + 1);
    strip(path);
    return 0;
}

int host_path_read(const char *path, int follow, struct host_path *out)
{
    memset(out, 0, sizeof *out);
    if (!*path)
        return -LX_ENOENT;
    if (strlen(path) >= sizeof out->text)
        return -LX_ENAMETOOLONG;
    strcpy(out->text, path);
    out->is_contents = strip_dot(out->text);
    out->is_directory = strip(out->text) || out->is_contents;
    int err;
    for (uint32_t links = 0;; links++) {
        err = plat_path_stat(out->text, &out->st);
        if (err < 0 || out->st.type != PLAT_FILE_SYMLINK || !(follow || out->is_directory))
            break;
        if (links == LINKS_MAX)
            return -LX_ELOOP;
        err = follow_link(out->text);
        if (err < 0)
            return err;
    }
    out->exists = err == 0;
    return err == -LX_ENOENT ? 0 : err;
}

int host_path_has_parent(const struct host_path *path)
{
    struct host_path *parent = malloc(sizeof *parent);
    size_t size = strlen(path->text);
    char *text = malloc(size + 2);
    int has = 0;
    if (parent && text) {
        memcpy(text, path->text, size + 1);
        while (size && !plat_path_is_separator(text[size - 1]))
            size--;
        strcpy(text + size, "."); /* "." or "FOLDER/." */
        has = host_path_read(text, 1, parent) == 0 && parent->exists &&
              parent->st.type == PLAT_FILE_DIRECTORY;
    }
    free(text);
    free(parent);
    return has;
}

int host_path_name(const char *path, char *buf, struct image_bytes *name)
{
    char *absolute = malloc(HOST_PATH_MAX);
    *name = (struct image_bytes){0};
    if (!absolute)
        return -LX_ENOMEM;
    int err = plat_path_absolute(path, absolute, HOST_PATH_MAX);
    if (err == 0)
        err = plat_path_to_unix(absolute, buf, HOST_PATH_MAX);
    int is_root = err == 0 && root_size(absolute) == strlen(absolute);
    free(absolute);
    if (err < 0 || is_root)
        return err;
    size_t end = strlen(buf), start;
    while (end && buf[end - 1] == '/')
        end--;
    for (start = end; start && buf[start - 1] != '/';)
        start--;
    *name = (struct image_bytes){(uint8_t *)buf + start, end - start};
    return 0;
}

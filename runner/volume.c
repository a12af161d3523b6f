/* SPDX-License-Identifier: MIT */
/* Volumes: reading what the user wrote, and opening what it means. */

#include "volume.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/plat.h"

#define HOST_PATH_MAX 4096u

/* ---- Reading ---- */

/*
 * The colon between host and guest: not the one of a drive, as in C:\data:/data or
 * \\?\C:\data:/data; NULL if there is none.
 */
static const char *find_colon(const char *spec)
{
    const char *at = spec;
    if (isalpha((unsigned char)spec[0]) && spec[1] == ':' &&
        (spec[2] == '\\' || (spec[2] == '/' && strchr(spec + 2, ':'))))
        at = spec + 2;
    do
        at = strchr(at, ':');
    while (at && at[1] == '\\' && *++at);
    return at;
}

/* Copy an absolute guest path without what does not change its meaning: 0 or -LX_E*. */
static int clean(const char *path, size_t length, char *out, size_t size)
{
    size_t used = 0;
    const char *end = path + length;
    while (path < end) {
        while (path < end && *path == '/')
            path++;
        size_t part = 0;
        while (path + part < end && path[part] != '/')
            part++;
        if (part == 2 && !memcmp(path, "..", 2)) {
            while (used && out[--used] != '/')
                ;
        } else if (part && !(part == 1 && *path == '.')) {
            if (used + part + 2 > size)
                return -LX_ENAMETOOLONG;
            out[used++] = '/';
            memcpy(out + used, path, part);
            used += part;
        }
        path += part;
    }
    if (!used)
        out[used++] = '/';
    out[used] = 0;
    return 0;
}

/* One of the comma-separated options; those that say how docker is to share change nothing here. */
static int read_option(const char *option, size_t length, uint32_t *flags)
{
    static const char *const ignored[] = {"rw",      "z",      "Z",        "cached",    "delegated",
                                          "private", "shared", "rprivate", "consistent"};
    if (length == 2 && !memcmp(option, "ro", 2)) {
        *flags |= VFS_MOUNT_READ_ONLY;
        return 0;
    }
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        if (strlen(ignored[i]) == length && !memcmp(option, ignored[i], length))
            return 0;
    }
    return -LX_EINVAL;
}

static int is_path(const char *host)
{
    return strchr(host, '/') || strchr(host, '\\') || host[0] == '.' || host[0] == '~';
}

int volume_parse(const char *spec, char *host, size_t size, struct volume *out,
                 struct core_diag *diag)
{
    const char *colon = find_colon(spec);
    *out = (struct volume){0};
    if (!colon || colon == spec || colon[1] != '/')
        return core_diag_set(diag, -LX_EINVAL,
                             "'%s' is not a volume: give HOST:GUEST[:ro], with an absolute GUEST",
                             spec);
    if ((size_t)(colon - spec) >= size)
        return core_diag_set(diag, -LX_ENAMETOOLONG, "the path in '%s' is too long", spec);
    memcpy(host, spec, (size_t)(colon - spec));
    host[colon - spec] = 0;
    if (!is_path(host))
        return core_diag_set(diag, -LX_EINVAL,
                             "there are no named volumes; for a folder write './%s'", host);
    const char *guest = colon + 1, *options = guest + strcspn(guest, ":");
    if (clean(guest, (size_t)(options - guest), out->at, sizeof out->at) < 0)
        return core_diag_set(diag, -LX_ENAMETOOLONG, "the guest path in '%s' is too long", spec);
    if (!out->at[1])
        return core_diag_set(diag, -LX_EINVAL, "a volume cannot be mounted on '/'");
    while (*options) {
        size_t length = strcspn(++options, ",");
        if (read_option(options, length, &out->flags) < 0)
            return core_diag_set(diag, -LX_EINVAL, "'%.*s' in '%s' is not an option of volumes: ro",
                                 (int)length, options, spec);
        options += length;
    }
    return 0;
}

/* ---- Opening ---- */

/* As mkdir -p. */
static int make_folders(char *path)
{
    for (char *c = path + 1; *c; c++) {
        if (*c != '/' && *c != '\\')
            continue;
        char separator = *c;
        *c = 0;
        int err = plat_path_make_directory(path);
        (void)err; /* the last one's counts */
        *c = separator;
    }
    int err = plat_path_make_directory(path);
    return err == -LX_EEXIST ? 0 : err;
}

/* A file is mounted as a name in its folder, so that one that replaces it shows. */
static int open_file(const char *host, struct volume *out)
{
    char path[HOST_PATH_MAX];
    int err = plat_path_real(host, path, sizeof path);
    if (err < 0)
        return err;
    char *name = path;
    for (char *c = path; *c; c++)
        name = *c == '/' || *c == '\\' ? c + 1 : name;
    size_t length = strlen(name);
    if (!length || length >= sizeof out->name)
        return -LX_ENAMETOOLONG;
    memcpy(out->name, name, length + 1);
    *name = 0;
    return plat_folder_open(path, &out->folder);
}

static int open_volume(const char *spec, struct volume *out, struct core_diag *diag)
{
    char host[HOST_PATH_MAX];
    int err = volume_parse(spec, host, sizeof host, out, diag);
    if (err < 0)
        return err;
    err = plat_folder_open(host, &out->folder);
    if (err == -LX_ENOENT) {
        err = make_folders(host);
        if (err == 0)
            err = plat_folder_open(host, &out->folder);
    } else if (err == -LX_ENOTDIR) {
        err = open_file(host, out);
    }
    return err < 0 ? core_diag_set(diag, err, "cannot open %s, which is to be mounted: %s", host,
                                   core_diag_strerror(err))
                   : 0;
}

static int compare(const void *a, const void *b)
{
    size_t one = strlen(((const struct volume *)a)->at),
           other = strlen(((const struct volume *)b)->at);
    return one < other ? -1 : one > other;
}

int volumes_open(const char *const *specs, struct volumes *out, struct core_diag *diag)
{
    size_t count = 0;
    *out = (struct volumes){0};
    while (specs[count])
        count++;
    if (count > VFS_MOUNTS_MAX)
        return core_diag_set(diag, -LX_EINVAL, "more than %u volumes", VFS_MOUNTS_MAX);
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return core_diag_set(diag, -LX_ENOMEM, "no memory for volumes");
    for (; out->count < count; out->count++) {
        struct volume *v = &out->items[out->count];
        int err = open_volume(specs[out->count], v, diag);
        if (err < 0)
            return err;
        for (uint32_t i = 0; i < out->count; i++) {
            if (!strcmp(out->items[i].at, v->at)) {
                plat_file_close(v->folder);
                return core_diag_set(diag, -LX_EINVAL, "two volumes for %s", v->at);
            }
        }
    }
    qsort(out->items, count, sizeof *out->items, compare);
    return 0;
}

void volumes_close(struct volumes *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        plat_file_close(v->items[i].folder);
    free(v->items);
    *v = (struct volumes){0};
}

/* SPDX-License-Identifier: MIT */
/* Mounts: opening what the user wants to have mounted. */

#include "mount.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/plat.h"
#include "vfs/mount.h"

#define HOST_PATH_MAX 4096u

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
static int open_file(const char *host, struct mount *out)
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

static int open_folder(struct mount *m, struct core_diag *diag)
{
    char *host = m->spec.host;
    int err = plat_folder_open(host, &m->folder);
    if (err == -LX_ENOENT && !m->spec.must_exist) {
        err = make_folders(host);
        if (err == 0)
            err = plat_folder_open(host, &m->folder);
    } else if (err == -LX_ENOTDIR) {
        err = open_file(host, m);
    }
    return err < 0 ? core_diag_set(diag, err, "cannot open %s, which is to be mounted: %s", host,
                                   core_diag_strerror(err))
                   : 0;
}

/* Read and open one more; it is counted once it holds anything. */
static int add(struct mounts *mounts,
               int (*read)(const char *, struct mount_spec *, struct core_diag *), const char *text,
               struct core_diag *diag)
{
    struct mount *m = &mounts->items[mounts->count];
    int err = read(text, &m->spec, diag);
    for (uint32_t i = 0; err == 0 && i < mounts->count; i++) {
        if (!strcmp(mounts->items[i].spec.at, m->spec.at))
            err = core_diag_set(diag, -LX_EINVAL, "two mounts on %s", m->spec.at);
    }
    if (err == 0 && m->spec.kind == MOUNT_FOLDER)
        err = open_folder(m, diag);
    if (err == 0)
        mounts->count++;
    return err;
}

/* What is mounted in another mount comes after it. */
static int compare(const void *a, const void *b)
{
    size_t one = strlen(((const struct mount *)a)->spec.at),
           other = strlen(((const struct mount *)b)->spec.at);
    return one < other ? -1 : one > other;
}

int mounts_open(const struct mount_texts *texts, struct mounts *out, struct core_diag *diag)
{
    const struct {
        const char *const *texts;
        int (*read)(const char *, struct mount_spec *, struct core_diag *);
    } lists[] = {
        {texts->volumes, mount_spec_volume},
        {texts->tmpfs, mount_spec_tmpfs},
        {texts->mounts, mount_spec_mount},
    };
    size_t count = 0;
    int err = 0;
    *out = (struct mounts){0};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const char *const *t = lists[i].texts; *t; t++)
            count++;
    }
    if (count > VFS_MOUNTS_MAX)
        return core_diag_set(diag, -LX_EINVAL, "more than %u mounts", VFS_MOUNTS_MAX);
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return core_diag_set(diag, -LX_ENOMEM, "no memory for mounts");
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const char *const *t = lists[i].texts; err == 0 && *t; t++)
            err = add(out, lists[i].read, *t, diag);
    }
    qsort(out->items, out->count, sizeof *out->items, compare);
    return err;
}

void mounts_close(struct mounts *mounts)
{
    for (uint32_t i = 0; i < mounts->count; i++)
        plat_file_close(mounts->items[i].folder);
    free(mounts->items);
    *mounts = (struct mounts){0};
}

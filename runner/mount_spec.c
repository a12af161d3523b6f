/* SPDX-License-Identifier: MIT */
/* Reading what the user writes to have something mounted. */

#include "mount_spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/size.h"
#include "lx/errno.h"
#include "vfs/mount.h"

/* A part of a text: an option, or the key or value of one. */
struct part {
    const char *at;
    size_t length;
};

static int is(struct part p, const char *word)
{
    return strlen(word) == p.length && !memcmp(p.at, word, p.length);
}

static int is_one_of(struct part p, const char *const *words)
{
    while (*words && !is(p, *words))
        words++;
    return *words != NULL;
}

/* Cut the next of some parts with commas between them off a text; 0: there is none left. */
static int next_part(const char **text, struct part *out)
{
    if (!*text)
        return 0;
    *out = (struct part){*text, strcspn(*text, ",")};
    *text += out->length;
    *text = **text ? *text + 1 : NULL;
    return 1;
}

/* Cut KEY=VALUE in two; without a value that is empty. */
static void split(struct part option, struct part *key, struct part *value)
{
    const char *equals = memchr(option.at, '=', option.length);
    *key = option;
    *value = (struct part){option.at + option.length, 0};
    if (equals) {
        key->length = (size_t)(equals - option.at);
        *value = (struct part){equals + 1, option.length - key->length - 1};
    }
}

/* Copy a part as a text of its own; -LX_ENAMETOOLONG. */
static int copy_part(struct part p, char *out, size_t size)
{
    if (p.length >= size)
        return -LX_ENAMETOOLONG;
    memcpy(out, p.at, p.length);
    out[p.length] = 0;
    return 0;
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

static int read_place(struct part path, const char *text, struct mount_spec *out,
                      struct core_diag *diag)
{
    if (!path.length || *path.at != '/')
        return core_diag_set(diag, -LX_EINVAL,
                             "'%s' names no place in the container: give an absolute path", text);
    if (clean(path.at, path.length, out->at, sizeof out->at) < 0)
        return core_diag_set(diag, -LX_ENAMETOOLONG, "the guest path in '%s' is too long", text);
    if (!out->at[1])
        return core_diag_set(diag, -LX_EINVAL, "nothing can be mounted on '/'");
    return 0;
}

/* ---- Volumes ---- */

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

static int is_path(const char *host)
{
    return strchr(host, '/') || strchr(host, '\\') || host[0] == '.' || host[0] == '~';
}

/* One of a volume's options; those that say how docker is to share change nothing here. */
static int volume_option(struct part option, uint32_t *flags)
{
    static const char *const ignored[] = {
        "rw",         "z",       "Z",     "cached", "delegated", "shared", "rprivate",
        "consistent", "private", "slave", "rslave", "rshared",   "nocopy", NULL};
    if (is(option, "ro"))
        *flags |= VFS_MOUNT_READ_ONLY;
    else if (!is_one_of(option, ignored))
        return -LX_EINVAL;
    return 0;
}

int mount_spec_volume(const char *text, struct mount_spec *out, struct core_diag *diag)
{
    const char *colon = find_colon(text);
    *out = (struct mount_spec){.kind = MOUNT_FOLDER};
    if (!colon || colon == text || colon[1] != '/')
        return core_diag_set(diag, -LX_EINVAL,
                             "'%s' is not a volume: give HOST:GUEST[:ro], with an absolute GUEST",
                             text);
    if (copy_part((struct part){text, (size_t)(colon - text)}, out->host, sizeof out->host) < 0)
        return core_diag_set(diag, -LX_ENAMETOOLONG, "the path in '%s' is too long", text);
    if (!is_path(out->host))
        return core_diag_set(diag, -LX_EINVAL,
                             "there are no named volumes; for a folder write './%s'", out->host);
    struct part place = {colon + 1, strcspn(colon + 1, ":")}, option;
    int err = read_place(place, text, out, diag);
    const char *options = place.at[place.length] ? place.at + place.length + 1 : NULL;
    while (err == 0 && next_part(&options, &option)) {
        if (volume_option(option, &out->flags) < 0)
            err = core_diag_set(diag, -LX_EINVAL, "'%.*s' in '%s' is not an option of volumes: ro",
                                (int)option.length, option.at, text);
    }
    return err;
}

/* ---- Memory ---- */

static int read_number(struct part p, int base, uint64_t limit, uint32_t *out)
{
    char text[16], *end;
    if (copy_part(p, text, sizeof text) < 0 || !isdigit((unsigned char)text[0]))
        return -LX_EINVAL;
    unsigned long long value = strtoull(text, &end, base);
    if (*end || value > limit)
        return -LX_EINVAL;
    *out = (uint32_t)value;
    return 0;
}

static int read_size(struct part p, uint64_t *out)
{
    char text[32];
    int err = copy_part(p, text, sizeof text);
    if (err == 0)
        err = core_size_parse(text, out);
    if (err == 0 && *out == 0) /* tmpfs(5) */
        *out = UINT64_MAX;
    return err;
}

static int tmpfs_option(struct part option, struct mount_spec *out)
{
    static const char *const ignored[] = {"async",       "sync",     "noatime",    "relatime",
                                          "strictatime", "diratime", "nodiratime", "rprivate",
                                          "private",     NULL};
    static const struct {
        const char *set, *clear;
        uint32_t flag;
    } flags[] = {
        {"ro", "rw", VFS_MOUNT_READ_ONLY},
        {"nosuid", "suid", VFS_MOUNT_NOSUID},
        {"nodev", "dev", VFS_MOUNT_NODEV},
        {"noexec", "exec", VFS_MOUNT_NOEXEC},
    };
    struct part key, value;
    split(option, &key, &value);
    if (is(key, "size"))
        return read_size(value, &out->size);
    if (is(key, "nr_inodes"))
        return read_size(value, &out->inodes);
    if (is(key, "mode"))
        return read_number(value, 8, 07777, &out->mode);
    if (is(key, "uid"))
        return read_number(value, 10, UINT32_MAX - 1, &out->uid);
    if (is(key, "gid"))
        return read_number(value, 10, UINT32_MAX - 1, &out->gid);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (is(option, flags[i].set))
            out->flags |= flags[i].flag;
        else if (is(option, flags[i].clear))
            out->flags &= ~flags[i].flag;
        else
            continue;
        return 0;
    }
    return is_one_of(option, ignored) ? 0 : -LX_EINVAL;
}

static void begin_tmpfs(struct mount_spec *out)
{
    *out = (struct mount_spec){.kind = MOUNT_TMPFS,
                               .flags = VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV | VFS_MOUNT_NOEXEC,
                               .size = UINT64_MAX,
                               .inodes = UINT64_MAX,
                               .mode = 01777};
}

int mount_spec_tmpfs(const char *text, struct mount_spec *out, struct core_diag *diag)
{
    struct part place = {text, strcspn(text, ":")}, option;
    begin_tmpfs(out);
    int err = read_place(place, text, out, diag);
    const char *options = text[place.length] ? text + place.length + 1 : NULL;
    while (err == 0 && next_part(&options, &option)) {
        if (tmpfs_option(option, out) < 0)
            err = core_diag_set(diag, -LX_EINVAL,
                                "'%.*s' in '%s' is not an option of a tmpfs: size=64m, mode=755, "
                                "uid=, gid=, nr_inodes=, ro, exec, suid, dev",
                                (int)option.length, option.at, text);
    }
    return err;
}

/* ---- Both ---- */

static int mount_option(struct part option, struct mount_spec *out, struct part *place,
                        struct part *source)
{
    static const char *const places[] = {"target", "destination", "dst", NULL};
    static const char *const sources[] = {"source", "src", NULL};
    static const char *const read_only[] = {"readonly", "ro", NULL};
    static const char *const ignored[] = {"bind-propagation", "consistency", "bind-nonrecursive",
                                          NULL};
    struct part key, value;
    split(option, &key, &value);
    if (is_one_of(key, places))
        *place = value;
    else if (out->kind == MOUNT_FOLDER && is_one_of(key, sources))
        *source = value;
    else if (out->kind == MOUNT_TMPFS && is(key, "tmpfs-size"))
        return read_size(value, &out->size);
    else if (out->kind == MOUNT_TMPFS && is(key, "tmpfs-mode"))
        return read_number(value, 8, 07777, &out->mode);
    else if (is_one_of(key, read_only) && (is(value, "false") || is(value, "0")))
        out->flags &= ~VFS_MOUNT_READ_ONLY;
    else if (is_one_of(key, read_only) && (!value.length || is(value, "true") || is(value, "1")))
        out->flags |= VFS_MOUNT_READ_ONLY;
    else if (!is(key, "type") && !(out->kind == MOUNT_FOLDER && is_one_of(key, ignored)))
        return -LX_EINVAL;
    return 0;
}

/* What type= says: volumes, if it is not there. */
static int mount_type(const char *text, struct mount_spec *out, struct core_diag *diag)
{
    struct part option, key, value, type = {"volume", 6};
    for (const char *rest = text; next_part(&rest, &option);) {
        split(option, &key, &value);
        if (is(key, "type"))
            type = value;
    }
    if (is(type, "tmpfs"))
        begin_tmpfs(out);
    else if (is(type, "bind"))
        *out = (struct mount_spec){.kind = MOUNT_FOLDER, .must_exist = 1};
    else
        return core_diag_set(diag, -LX_EINVAL,
                             "'%s' must say type=bind or type=tmpfs: there are no named volumes",
                             text);
    return 0;
}

int mount_spec_mount(const char *text, struct mount_spec *out, struct core_diag *diag)
{
    struct part option, place = {text, 0}, source = {text, 0};
    int err = mount_type(text, out, diag);
    for (const char *rest = text; err == 0 && next_part(&rest, &option);) {
        if (mount_option(option, out, &place, &source) < 0)
            err = core_diag_set(
                diag, -LX_EINVAL, "'%.*s' in '%s' is not an option of such a mount: %s",
                (int)option.length, option.at, text,
                out->kind == MOUNT_TMPFS ? "target=, tmpfs-size=, tmpfs-mode=, readonly"
                                         : "source=, target=, readonly");
    }
    if (err == 0)
        err = read_place(place, text, out, diag);
    if (err == 0 && out->kind == MOUNT_FOLDER && !source.length)
        err = core_diag_set(diag, -LX_EINVAL, "'%s' names no source", text);
    if (err == 0 && out->kind == MOUNT_FOLDER && copy_part(source, out->host, sizeof out->host) < 0)
        err = core_diag_set(diag, -LX_ENAMETOOLONG, "the path in '%s' is too long", text);
    return err;
}

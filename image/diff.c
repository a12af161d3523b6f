/* SPDX-License-Identifier: MIT */
/* Two images' trees side by side; a directory whose key is the same is the same in all its depth. */

#include "image/diff.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "lx/stat.h"

#define PATH_MAX_SIZE (1u << 16) /* of a path in an image */

/* A directory that is being compared; in one image alone if the other is NULL. */
struct level {
    const struct vfs_image_inode *before, *after;
    uint32_t before_at, after_at; /* entries that come next */
    size_t path_size;
};

struct diff {
    const struct vfs_image *before, *after;
    int (*each)(void *arg, enum image_difference what, const char *path);
    void *arg;
    struct level *levels;
    size_t depth, capacity;
    char *path;
    size_t path_size;
};

static int is_directory(const struct vfs_image_inode *inode)
{
    return inode && (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

static int same_target(const struct diff *d, const struct vfs_image_inode *a,
                       const struct vfs_image_inode *b)
{
    const char *one = vfs_image_target(d->before, a), *other = vfs_image_target(d->after, b);
    return one && other && a->size == b->size && !memcmp(one, other, a->size);
}

static int same_xattrs(const struct diff *d, const struct vfs_image_inode *a,
                       const struct vfs_image_inode *b)
{
    for (uint32_t n = 0;; n++) {
        const char *name, *other_name;
        const void *value, *other_value;
        const struct vfs_image_xattr *one = vfs_image_xattr(d->before, a, n, &name, &value),
                                     *other =
                                         vfs_image_xattr(d->after, b, n, &other_name, &other_value);
        if (!one || !other)
            return one == other;
        if (one->name_size != other->name_size || one->value_size != other->value_size ||
            memcmp(name, other_name, one->name_size) != 0 ||
            memcmp(value, other_value, one->value_size) != 0)
            return 0;
    }
}

static int same(const struct diff *d, const struct vfs_image_inode *a,
                const struct vfs_image_inode *b)
{
    return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
           a->mtime_ns == b->mtime_ns && a->size == b->size && a->rdev == b->rdev &&
           vfs_image_same_key(a->key, b->key) && same_xattrs(d, a, b) &&
           ((a->mode & LX_S_IFMT) != LX_S_IFLNK || same_target(d, a, b));
}

/* ---- The walk ------------------------------------------------------------ */

static int enter(struct diff *d, const struct vfs_image_inode *before,
                 const struct vfs_image_inode *after)
{
    if (d->depth == d->capacity) {
        size_t capacity = d->capacity * 2 + 32;
        struct level *larger = realloc(d->levels, capacity * sizeof *larger);
        if (!larger)
            return -LX_ENOMEM;
        d->levels = larger;
        d->capacity = capacity;
    }
    d->levels[d->depth++] = (struct level){before, after, 0, 0, d->path_size};
    return 0;
}

/* The next entry of a directory, its inode and its name; NULL after the last. */
static const struct vfs_image_entry *entry_at(const struct vfs_image *image,
                                              const struct vfs_image_inode *dir, uint32_t n,
                                              const char **name)
{
    return dir && n < dir->count ? vfs_image_entry(image, dir, n, name) : NULL;
}

static int order(const struct vfs_image_entry *a, const char *name, const struct vfs_image_entry *b,
                 const char *other)
{
    if (!a || !b)
        return a ? -1 : 1;
    int by_bytes = memcmp(name, other, a->name_size < b->name_size ? a->name_size : b->name_size);
    return by_bytes ? by_bytes : (int)a->name_size - (int)b->name_size;
}

static int set_path(struct diff *d, size_t parent, const char *name, size_t size)
{
    if (parent + 1 + size >= PATH_MAX_SIZE)
        return -LX_EIO;
    d->path[parent] = '/';
    memcpy(d->path + parent + 1, name, size);
    d->path_size = parent + 1 + size;
    d->path[d->path_size] = 0;
    return 0;
}

/* One name, in one or both. */
static int compare(struct diff *d, const struct vfs_image_inode *before,
                   const struct vfs_image_inode *after)
{
    if (!after)
        return d->each(d->arg, IMAGE_DELETED, d->path);
    int result = 0;
    if (!before)
        result = d->each(d->arg, IMAGE_ADDED, d->path);
    else if (!same(d, before, after))
        result = d->each(d->arg, IMAGE_CHANGED, d->path);
    if (result || !is_directory(after) ||
        (is_directory(before) && vfs_image_same_key(before->key, after->key)))
        return result;
    return enter(d, is_directory(before) ? before : NULL, after);
}

static int step(struct diff *d)
{
    struct level *l = &d->levels[d->depth - 1];
    const char *name = NULL, *other = NULL;
    const struct vfs_image_entry *a = entry_at(d->before, l->before, l->before_at, &name),
                                 *b = entry_at(d->after, l->after, l->after_at, &other);
    if (!a && !b) {
        int whole =
            (!l->before || l->before_at == l->before->count) && l->after_at == l->after->count;
        d->depth--;
        return whole ? 0 : -LX_EIO;
    }
    int which = order(a, name, b, other);
    const struct vfs_image_inode *before = NULL, *after = NULL;
    int err = which <= 0 ? set_path(d, l->path_size, name, a->name_size)
                         : set_path(d, l->path_size, other, b->name_size);
    if (which <= 0) {
        before = vfs_image_inode(d->before, a->inode);
        l->before_at++;
    }
    if (which >= 0) {
        after = vfs_image_inode(d->after, b->inode);
        l->after_at++;
    }
    if (err < 0 || (which <= 0 && !before) || (which >= 0 && !after))
        return -LX_EIO;
    return compare(d, before, after);
}

int image_diff(const struct image *before, const struct image *after,
               int (*each)(void *arg, enum image_difference what, const char *path), void *arg)
{
    struct diff d = {.before = &before->view, .after = &after->view, .each = each, .arg = arg};
    d.path = malloc(PATH_MAX_SIZE);
    const struct vfs_image_inode *root = vfs_image_inode(d.before, 0),
                                 *now = vfs_image_inode(d.after, 0);
    int result = !d.path ? -LX_ENOMEM : root && now ? 0 : -LX_EIO;
    if (result == 0)
        result = enter(&d, root, now);
    while (result == 0 && d.depth)
        result = step(&d);
    free(d.levels);
    free(d.path);
    return result;
}

/* SPDX-License-Identifier: MIT */
/* An image's tree as a tar, in the order of the index. */

#include "image/export.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "parts.h"
#include "tar.h"
#include "tree.h"

struct export
{
    const struct vfs_image *image;
    struct core_diag *diag;
    struct image_tar tar;
    char **links; /* by inode: the first path of a file with several names, or NULL */
    char path[IMAGE_PATH_MAX + 2];
};

/* A directory being written; those below it in the stack wait for it. */
struct level {
    uint32_t inode, next; /* next entry to write */
    size_t path_size;
};

static int failed(struct export *x, int err)
{
    return core_diag_set(x->diag, err, "cannot write the archive: %s", core_diag_strerror(err));
}

static int damaged(struct export *x)
{
    return core_diag_set(x->diag, -LX_EIO, "%s is damaged in the store; see 'tarbox verify'",
                         x->path);
}

static int no_memory(struct export *x)
{
    return core_diag_set(x->diag, -LX_ENOMEM, "no memory to write the archive");
}

/* ---- One entry ----------------------------------------------------------- */

static struct image_bytes text_bytes(const char *text)
{
    return (struct image_bytes){(const uint8_t *)text, strlen(text)};
}

static int add_xattrs(struct export *x, const struct vfs_image_inode *inode)
{
    const struct vfs_image_xattr *head;
    const char *name;
    const void *value;
    for (uint32_t n = 0; (head = vfs_image_xattr(x->image, inode, n, &name, &value)); n++) {
        struct image_bytes key = {(const uint8_t *)name, head->name_size};
        int err = image_tar_xattr(&x->tar, key, (struct image_bytes){value, head->value_size});
        if (err < 0)
            return failed(x, err);
    }
    return 0;
}

/* Write [at, at + size) of a file, which the image holds. */
static int write_part(struct export *x, const struct vfs_image_inode *inode, uint64_t at,
                      uint64_t size)
{
    for (uint64_t part; size; at += part, size -= part) {
        const void *bytes = vfs_image_content(x->image, inode, at, &part);
        if (!bytes)
            return damaged(x);
        if (part > size)
            part = size;
        int err = image_tar_data(&x->tar, bytes, part);
        if (err < 0)
            return failed(x, err);
    }
    return 0;
}

static int write_file(struct export *x, const struct vfs_image_inode *inode,
                      struct image_tar_member *m)
{
    struct image_tar_part *parts;
    m->size = inode->size;
    if (vfs_image_check(x->image, inode) < 0)
        return damaged(x);
    int err = image_parts(x->image, inode, &parts, &m->part_count);
    if (err < 0)
        return err == -LX_ENOMEM ? no_memory(x) : damaged(x);
    m->parts = parts;
    err = image_tar_add(&x->tar, m);
    if (err < 0)
        failed(x, err);
    if (err == 0 && !parts)
        err = write_part(x, inode, 0, inode->size);
    for (uint32_t i = 0; err == 0 && i < m->part_count; i++)
        err = write_part(x, inode, parts[i].at, parts[i].size);
    free(parts);
    return err;
}

/* A further name of a file: a hard link to the first; 0 if this is the first. */
static int is_link(struct export *x, uint32_t number, struct image_tar_member *m)
{
    if (!x->links[number])
        return 0;
    m->type = '1';
    m->link = text_bytes(x->links[number]);
    return 1;
}

static int write_entry(struct export *x, uint32_t number)
{
    static const char types[16] = {
        [1] = '6', [2] = '3', [4] = '5', [6] = '4', [8] = '0', [10] = '2'};
    const struct vfs_image_inode *inode = vfs_image_inode(x->image, number);
    char type = inode ? types[inode->mode >> 12 & 15] : 0;
    if (!type)
        return damaged(x);
    struct image_tar_member m = {.path = text_bytes(x->path),
                                 .type = type,
                                 .mode = inode->mode,
                                 .uid = inode->uid,
                                 .gid = inode->gid,
                                 .mtime_ns = inode->mtime_ns};
    if (type == '3' || type == '4') {
        m.major = inode->rdev >> 8 & 0xfff;
        m.minor = (inode->rdev & 0xff) | (inode->rdev >> 12 & 0xfff00);
    }
    if (type == '2') {
        const char *target = vfs_image_target(x->image, inode);
        if (!target)
            return damaged(x);
        m.link = (struct image_bytes){(const uint8_t *)target, inode->size};
    }
    if (type != '5' && is_link(x, number, &m)) {
        int err = image_tar_add(&x->tar, &m);
        return err < 0 ? failed(x, err) : 0;
    }
    if (type != '5' && inode->nlink > 1 && !(x->links[number] = strdup(x->path)))
        return no_memory(x);
    int err = add_xattrs(x, inode);
    if (err < 0 || type == '0')
        return err < 0 ? err : write_file(x, inode, &m);
    err = image_tar_add(&x->tar, &m);
    return err < 0 ? failed(x, err) : 0;
}

/* ---- The tree ------------------------------------------------------------ */

/* Append "/NAME" to the path; directories end in a slash. */
static int append_name(struct export *x, size_t *size, const char *name, uint32_t name_size,
                       int is_directory)
{
    if (*size + name_size + 2 > sizeof x->path)
        return core_diag_set(x->diag, -LX_ENAMETOOLONG,
                             "%s: a path below this is too long for an archive", x->path);
    memcpy(x->path + *size, name, name_size);
    *size += name_size;
    if (is_directory)
        x->path[(*size)++] = '/';
    x->path[*size] = 0;
    return 0;
}

/* An inode as `top_name`, and what is below it. */
static int write_tree(struct export *x, uint32_t top, struct image_bytes top_name)
{
    uint32_t depth = 0, capacity = 64;
    const struct vfs_image_inode *first = vfs_image_inode(x->image, top);
    int is_tree = first && (first->mode & LX_S_IFMT) == LX_S_IFDIR;
    size_t top_size = 0;
    struct level *levels = malloc(capacity * sizeof *levels);
    if (!levels)
        return no_memory(x);
    int err =
        append_name(x, &top_size, (const char *)top_name.data, (uint32_t)top_name.size, is_tree);
    if (err == 0)
        err = write_entry(x, top);
    if (is_tree)
        levels[depth++] = (struct level){.inode = top, .path_size = top_size};
    while (err == 0 && depth) {
        struct level *l = &levels[depth - 1];
        const char *name;
        const struct vfs_image_inode *dir = vfs_image_inode(x->image, l->inode);
        const struct vfs_image_entry *e = vfs_image_entry(x->image, dir, l->next++, &name);
        size_t size = l->path_size;
        if (!e) {
            depth--;
            continue;
        }
        const struct vfs_image_inode *inode = vfs_image_inode(x->image, e->inode);
        int is_directory = inode && (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
        err = append_name(x, &size, name, e->name_size, is_directory);
        if (err == 0)
            err = write_entry(x, e->inode);
        if (err < 0 || !is_directory)
            continue;
        if (depth == capacity) {
            struct level *more = realloc(levels, 2 * (size_t)capacity * sizeof *levels);
            if (!more) {
                err = no_memory(x);
                break;
            }
            levels = more;
            capacity *= 2;
        }
        levels[depth++] = (struct level){.inode = e->inode, .path_size = size};
    }
    free(levels);
    return err;
}

int image_export(const struct image *image, struct image_sink *sink, struct core_diag *diag)
{
    return image_export_part(image, 0, text_bytes("."), sink, diag);
}

int image_export_part(const struct image *image, uint32_t inode, struct image_bytes name,
                      struct image_sink *sink, struct core_diag *diag)
{
    struct export *x = calloc(1, sizeof *x);
    uint32_t count = vfs_image_inode_count(&image->view);
    if (!x)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to write the archive");
    x->image = &image->view;
    x->diag = diag;
    image_tar_init(&x->tar, sink);
    x->links = calloc(count, sizeof *x->links);
    int err = x->links ? write_tree(x, inode, name) : no_memory(x);
    if (err == 0) {
        err = image_tar_end(&x->tar);
        if (err < 0)
            failed(x, err);
    }
    for (uint32_t i = 0; x->links && i < count; i++)
        free(x->links[i]);
    free(x->links);
    image_tar_fini(&x->tar);
    free(x);
    return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * Copying out of an image.  The image may be anybody's: a name must be one that the host
 * can have, everything is made new under the folder it belongs in, and a link that is
 * there is replaced or refused, never followed.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "image/copy.h"
#include "locate.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "parts.h"

/* A directory being copied; those below it in the stack wait for it. */
struct level {
    uint32_t inode, next; /* next entry to copy */
    size_t path_size;
    uint8_t *clashes;     /* by entry: its name is another's here; NULL: none is */
    int keeps_attributes; /* it was there, and only its contents are copied */
};

struct copy_out {
    const struct vfs_image *view;
    struct image_copy *copy;
    struct core_diag *diag;
    struct image_wanted wanted;
    struct image_place place; /* that `wanted` leads to */
    struct host_path host;    /* where the copy goes */
    char path[HOST_PATH_MAX]; /* of the entry being copied */
    size_t path_size;
    char **links;     /* by inode: where a file with several names has its first, or NULL */
    uint8_t *entered; /* by inode: this directory has been copied */
    struct level *levels;
    uint32_t depth, capacity;
};

/* ---- What is said -------------------------------------------------------- */

static int no_memory(struct copy_out *x)
{
    return core_diag_set(x->diag, -LX_ENOMEM, "no memory to copy");
}

static int damaged(struct copy_out *x)
{
    return core_diag_set(x->diag, -LX_EIO,
                         "the image is damaged in the store; see 'tarbox verify'");
}

/* Go on without the entry at x->path; `format` says why.  Returns 1, as do its callers then. */
static int leave_out(struct copy_out *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int leave_out(struct copy_out *x, const char *format, ...)
{
    struct core_diag sentence;
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    core_diag_set(&sentence, 0, "%.480s is not copied: %s", x->path, why);
    x->copy->failed++;
    if (x->copy->problem)
        x->copy->problem(x->copy->arg, sentence.text);
    return 1;
}

/* The host refuses: for this entry, or for all that would follow. */
static int host_failed(struct copy_out *x, int err)
{
    if (err == -LX_ENOSPC || err == -LX_EDQUOT || err == -LX_ENOMEM)
        return core_diag_set(x->diag, err, "cannot write %s: %s", x->path, core_diag_strerror(err));
    return leave_out(x, "%s", core_diag_strerror(err));
}

/* ---- One entry ----------------------------------------------------------- */

/* Owner, mode and time, in this order: an owner takes setuid away. */
static void set_attributes(struct copy_out *x, const struct vfs_image_inode *inode)
{
    int err = x->copy->keep_owner ? plat_path_set_owner(x->path, inode->uid, inode->gid) : 0;
    int mode = plat_path_set_mode(x->path, inode->mode & 07777);
    int mtime = plat_path_set_mtime(x->path, inode->mtime_ns);
    x->copy->attributes_missing += err < 0 || mode < 0 || mtime < 0;
}

/* Until the contents are there.  A host that refuses does so again at the end, where that counts. */
static void set_mode_meanwhile(struct copy_out *x, uint32_t mode)
{
    int err = plat_path_set_mode(x->path, mode);
    (void)err;
}

/* Make room for something that is no folder. */
static int remove_old(struct copy_out *x)
{
    struct plat_stat st;
    int err = plat_path_stat(x->path, &st);
    if (err == 0 && st.type == PLAT_FILE_DIRECTORY)
        return leave_out(x, "a folder is there");
    if (err == 0)
        err = plat_path_remove(x->path);
    return err == 0 || err == -LX_ENOENT ? 0 : host_failed(x, err);
}

static int write_all(struct plat_file *file, const uint8_t *data, uint64_t size, uint64_t at)
{
    while (size) {
        int64_t n = plat_file_pwrite(file, data, size, at);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_ENOSPC;
        data += n;
        at += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

/* Write [at, at + size) of a file, which the image holds. */
static int write_part(struct copy_out *x, const struct vfs_image_inode *inode, uint64_t at,
                      uint64_t size, struct plat_file *file)
{
    int err = 0;
    for (uint64_t part; err == 0 && size; at += part, size -= part) {
        const uint8_t *bytes = vfs_image_content(x->view, inode, at, &part);
        part = part > size ? size : part;
        err = bytes ? write_all(file, bytes, part, at) : -LX_EIO;
    }
    return err;
}

static int write_content(struct copy_out *x, const struct vfs_image_inode *inode,
                         struct plat_file *file)
{
    struct image_tar_part *parts;
    uint32_t count;
    int err = image_parts(x->view, inode, &parts, &count);
    if (err == 0 && !parts)
        err = write_part(x, inode, 0, inode->size, file);
    for (uint32_t i = 0; err == 0 && i < count; i++)
        err = write_part(x, inode, parts[i].at, parts[i].size, file);
    if (err == 0 && parts)
        err = plat_file_truncate(file, inode->size);
    free(parts);
    return err;
}

static int copy_file(struct copy_out *x, const struct vfs_image_inode *inode)
{
    struct plat_file *file;
    if (vfs_image_check(x->view, inode) < 0)
        return leave_out(x, "it is damaged in the store; see 'tarbox verify'");
    int err = remove_old(x);
    if (err)
        return err;
    err = plat_file_open(x->path, PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE, &file);
    if (err < 0)
        return host_failed(x, err);
    if ((inode->mode & 044) != 044) /* not all may read it */
        set_mode_meanwhile(x, 0600);
    err = write_content(x, inode, file);
    plat_file_close(file);
    if (err < 0 && plat_path_remove(x->path) < 0)
        return leave_out(x, "%s; a part of it is there", core_diag_strerror(err));
    if (err < 0)
        return host_failed(x, err);
    set_attributes(x, inode);
    x->copy->files++;
    x->copy->bytes += inode->size;
    return 0;
}

static int leads_to_directory(struct copy_out *x, uint32_t dir, struct image_bytes target)
{
    struct image_place *place = malloc(sizeof *place);
    uint32_t start = target.size && target.data[0] == '/' ? 0 : dir;
    int is = 0;
    if (place && image_locate(x->view, start, target, 1, place) == 0) {
        const struct vfs_image_inode *inode = vfs_image_inode(x->view, place->inode);
        is = inode && (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
    }
    free(place);
    return is;
}

static int copy_symlink(struct copy_out *x, uint32_t dir, const struct vfs_image_inode *inode)
{
    char target[IMAGE_PATH_MAX];
    const char *bytes = vfs_image_target(x->view, inode);
    if (!bytes || inode->size >= sizeof target)
        return damaged(x);
    memcpy(target, bytes, inode->size);
    target[inode->size] = 0;
    int err = remove_old(x);
    if (err)
        return err;
    struct image_bytes text = {(const uint8_t *)bytes, inode->size};
    struct plat_stat st;
    err = plat_path_symlink(target, x->path, leads_to_directory(x, dir, text));
    if (err == 0)
        err = plat_path_stat(x->path, &st);
    if (err == -LX_EPERM || err == -LX_ENOENT) { /* refused, or said to be made and not there */
        x->copy->links_missing++;
        return 1;
    }
    if (err < 0)
        return host_failed(x, err);
    set_attributes(x, inode);
    x->copy->files++;
    return 0;
}

/* A file or symbolic link; where it has other names, a hard link to the first that was made. */
static int copy_plain(struct copy_out *x, uint32_t dir, uint32_t number,
                      const struct vfs_image_inode *inode)
{
    const char *first = x->links[number];
    int err = first ? remove_old(x) : 0;
    if (err)
        return err;
    if (first && plat_path_link(first, x->path) == 0) {
        x->copy->files++;
        return 0;
    }
    err =
        (inode->mode & LX_S_IFMT) == LX_S_IFREG ? copy_file(x, inode) : copy_symlink(x, dir, inode);
    if (err || first || inode->nlink < 2)
        return err;
    x->links[number] = strdup(x->path);
    return x->links[number] ? 0 : no_memory(x);
}

/* ---- Directories --------------------------------------------------------- */

struct named {
    char name[IMAGE_NAME_MAX + 1];
    uint32_t entry;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = plat_name_compare(x->name, y->name);
    return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

/* An entry's name as a string; NULL: no name at all, for the image is damaged. */
static const char *entry_name(const struct vfs_image *v, const struct vfs_image_inode *dir,
                              uint32_t n, char buf[IMAGE_NAME_MAX + 1])
{
    const char *name;
    const struct vfs_image_entry *e = vfs_image_entry(v, dir, n, &name);
    if (!e || e->name_size == 0 || e->name_size > IMAGE_NAME_MAX ||
        memchr(name, '/', e->name_size) || memchr(name, 0, e->name_size))
        return NULL;
    memcpy(buf, name, e->name_size);
    buf[e->name_size] = 0;
    return strcmp(buf, ".") && strcmp(buf, "..") ? buf : NULL;
}

/* Are the names in the host's order, too, each after the one before?  Then all of them differ. */
static int all_differ(const struct vfs_image *v, const struct vfs_image_inode *dir)
{
    char names[2][IMAGE_NAME_MAX + 1];
    for (uint32_t n = 0; n < dir->count; n++) {
        if (!entry_name(v, dir, n, names[n & 1]) ||
            (n && plat_name_compare(names[(n - 1) & 1], names[n & 1]) >= 0))
            return 0;
    }
    return 1;
}

/*
 * Find entries that the host takes for an earlier one.
 *   out      the caller's to free(); NULL: there is none.
 */
static int find_clashes(struct copy_out *x, const struct vfs_image_inode *dir, uint8_t **out)
{
    *out = NULL;
    if (all_differ(x->view, dir))
        return 0;
    struct named *names = malloc(((size_t)dir->count + 1) * sizeof *names);
    uint8_t *clashes = calloc(dir->count, 1);
    uint32_t count = 0;
    int err = names && clashes ? 0 : no_memory(x);
    for (uint32_t n = 0; err == 0 && n < dir->count; n++) {
        names[count].entry = n;
        if (!entry_name(x->view, dir, n, names[count].name))
            err = damaged(x);
        else if (!plat_name_problem(names[count].name))
            count++;
    }
    if (err == 0 && count)
        qsort(names, count, sizeof *names, compare_named);
    for (uint32_t i = 1; err == 0 && i < count; i++)
        clashes[names[i].entry] = plat_name_compare(names[i - 1].name, names[i].name) == 0;
    free(names);
    if (err == 0)
        *out = clashes;
    else
        free(clashes);
    return err;
}

/* Copy what is in a directory next. */
static int open_level(struct copy_out *x, uint32_t number, int keeps_attributes)
{
    if (x->depth == x->capacity) {
        uint32_t capacity = 2 * x->capacity + 32;
        struct level *levels = realloc(x->levels, capacity * sizeof *levels);
        if (!levels)
            return no_memory(x);
        x->levels = levels;
        x->capacity = capacity;
    }
    struct level *l = &x->levels[x->depth];
    *l = (struct level){
        .inode = number, .path_size = x->path_size, .keeps_attributes = keeps_attributes};
    int err = find_clashes(x, vfs_image_inode(x->view, number), &l->clashes);
    if (err == 0)
        x->depth++;
    return err;
}

static int copy_directory(struct copy_out *x, uint32_t number, const struct vfs_image_inode *inode)
{
    struct plat_stat st;
    if (x->entered[number]) /* a tree that turns back on itself is none */
        return damaged(x);
    x->entered[number] = 1;
    int err = plat_path_make_directory(x->path);
    if (err == 0)
        set_mode_meanwhile(x, (inode->mode & 0777) | 0700);
    else if (plat_path_stat(x->path, &st) == 0)
        err = st.type == PLAT_FILE_DIRECTORY ? 0 : -LX_ENOTDIR;
    if (err == -LX_ENOTDIR)
        return leave_out(x, "something that is no folder is there");
    return err < 0 ? host_failed(x, err) : open_level(x, number, 0);
}

static void close_level(struct copy_out *x)
{
    struct level *l = &x->levels[--x->depth];
    if (!l->keeps_attributes)
        set_attributes(x, vfs_image_inode(x->view, l->inode));
    free(l->clashes);
}

static int copy_entry(struct copy_out *x, uint32_t dir, uint32_t number)
{
    const struct vfs_image_inode *inode = vfs_image_inode(x->view, number);
    switch (inode ? inode->mode & LX_S_IFMT : 0) {
    case LX_S_IFDIR:
        return copy_directory(x, number, inode);
    case LX_S_IFREG:
    case LX_S_IFLNK:
        return copy_plain(x, dir, number, inode);
    case 0:
        return damaged(x);
    default:
        x->copy->skipped++;
        return 0;
    }
}

/* Append a name to the path. */
static int append_name(struct copy_out *x, const char *name)
{
    size_t size = strlen(name);
    if (x->path_size + 1 + size >= sizeof x->path)
        return leave_out(x, "a name in it makes a path too long for this computer");
    if (!plat_path_is_separator(x->path[x->path_size - 1]))
        x->path[x->path_size++] = '/';
    memcpy(x->path + x->path_size, name, size + 1);
    x->path_size += size;
    const char *problem = plat_name_problem(name);
    return problem ? leave_out(x, "it %s", problem) : 0;
}

/* Copy one entry of the innermost directory, or leave it at its end. */
static int step(struct copy_out *x)
{
    struct level *l = &x->levels[x->depth - 1];
    char name[IMAGE_NAME_MAX + 1];
    const char *unused;
    const struct vfs_image_inode *dir = vfs_image_inode(x->view, l->inode);
    x->path_size = l->path_size;
    x->path[x->path_size] = 0;
    if (l->next == dir->count) {
        close_level(x);
        return 0;
    }
    uint32_t n = l->next++, parent = l->inode;
    if (!entry_name(x->view, dir, n, name))
        return damaged(x);
    if (append_name(x, name))
        return 1;
    if (l->clashes && l->clashes[n])
        return leave_out(x, "the folder has a name already that differs only in case");
    return copy_entry(x, parent, vfs_image_entry(x->view, dir, n, &unused)->inode);
}

/* ---- All of it ----------------------------------------------------------- */

static int is_directory(const struct copy_out *x)
{
    const struct vfs_image_inode *inode = vfs_image_inode(x->view, x->place.inode);
    return inode && (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* What the path leads to. */
static int find_source(struct copy_out *x, const char *path, struct core_diag *diag)
{
    int follow = 0, err = image_wanted_read(path, &x->wanted);
    if (err == 0) {
        follow = x->wanted.is_directory || x->copy->follow_link;
        err = image_locate(x->view, 0, x->wanted.path, follow, &x->place);
    }
    if (err == 0 && x->place.inode == IMAGE_NONE)
        err = -LX_ENOENT;
    if (err == -LX_ENOENT)
        return core_diag_set(diag, err, "there is no %s in the image", path);
    if (err < 0)
        return core_diag_set(diag, err, "cannot copy %s of the image: %s", path,
                             core_diag_strerror(err));
    if (x->wanted.is_directory && !is_directory(x))
        return core_diag_set(diag, -LX_ENOTDIR, "%s is no directory in the image", path);
    return 0;
}

/* docker cp's rules: x->path becomes what the source is copied to. */
static int find_dest(struct copy_out *x, const char *dest, int *into)
{
    int from_directory = is_directory(x);
    *into = 0;
    int err = host_path_read(dest, 1, &x->host);
    if (err < 0)
        return core_diag_set(x->diag, err, "cannot copy to %s: %s", dest, core_diag_strerror(err));
    int to_directory = x->host.exists && x->host.st.type == PLAT_FILE_DIRECTORY;
    if (x->host.exists && !to_directory && (from_directory || x->host.is_directory))
        return core_diag_set(x->diag, -LX_ENOTDIR,
                             from_directory ? "cannot copy a directory over %s, which is no folder"
                                            : "%s is no folder",
                             dest);
    if (x->host.exists && x->host.st.type == PLAT_FILE_OTHER)
        return core_diag_set(x->diag, -LX_EINVAL,
                             "%s is a device, fifo or socket, which is not replaced", dest);
    if (!x->host.exists && !from_directory && x->host.is_directory)
        return core_diag_set(x->diag, -LX_ENOENT, "there is no folder %s; make it first", dest);
    if (!x->host.exists && !host_path_has_parent(&x->host))
        return core_diag_set(x->diag, -LX_ENOENT,
                             "the folder that %s would be in is not there; make it first", dest);
    strcpy(x->path, x->host.text);
    x->path_size = strlen(x->path);
    if (to_directory && x->wanted.is_contents)
        *into = 1;
    return 0;
}

static int copy_all(struct copy_out *x, const char *path, const char *dest)
{
    char name[IMAGE_NAME_MAX + 1];
    int into, err = find_dest(x, dest, &into);
    if (err < 0)
        return err;
    int below = x->host.exists && x->host.st.type == PLAT_FILE_DIRECTORY && !into;
    memcpy(name, x->wanted.name.data, x->wanted.name.size);
    name[x->wanted.name.size] = 0;
    if (below && append_name(x, name))
        return 0;
    err = into ? open_level(x, x->place.inode, 1) : copy_entry(x, x->place.dir, x->place.inode);
    if (err >= 0 && x->copy->skipped) /* the source itself */
        return core_diag_set(x->diag, -LX_EINVAL,
                             "%s is a device, fifo or socket, which is not copied", path);
    while (err >= 0 && x->depth)
        err = step(x);
    return err < 0 ? err : 0;
}

int image_copy_out(const struct image *image, const char *path, const char *dest,
                   struct image_copy *copy, struct core_diag *diag)
{
    struct copy_out *x = calloc(1, sizeof *x);
    uint32_t count = vfs_image_inode_count(&image->view);
    if (!x)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to copy");
    x->view = &image->view;
    x->copy = copy;
    x->diag = diag;
    x->links = calloc(count, sizeof *x->links);
    x->entered = calloc(count, sizeof *x->entered);
    int err = x->links && x->entered ? find_source(x, path, diag) : no_memory(x);
    if (err == 0)
        err = copy_all(x, path, dest);
    while (x->depth)
        free(x->levels[--x->depth].clashes);
    for (uint32_t i = 0; x->links && i < count; i++)
        free(x->links[i]);
    free(x->levels);
    free(x->entered);
    free(x->links);
    free(x);
    return err;
}

int image_copy_out_tar(const struct image *image, const char *path, const struct image_copy *copy,
                       struct image_sink *sink, struct core_diag *diag)
{
    static const struct image_bytes dot = {(const uint8_t *)".", 1};
    struct image_copy how = *copy;
    struct copy_out *x = calloc(1, sizeof *x);
    if (!x)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to copy");
    x->view = &image->view;
    x->copy = &how;
    int err = find_source(x, path, diag);
    if (err == 0)
        err = image_export_part(image, x->place.inode, x->wanted.is_contents ? dot : x->wanted.name,
                                sink, diag);
    free(x);
    return err;
}

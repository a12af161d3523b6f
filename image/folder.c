/* SPDX-License-Identifier: MIT */
/* Folders and files of the host, into an image that is being built. */

#include "folder.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "plat/plat.h"

#define READ_SIZE (256u << 10)

/* A file of the host that has more than one name, and its inode. */
struct linked {
    uint64_t device, id;
    uint32_t node, next; /* next in its bucket: index plus 1, or 0 */
};

#define BUCKETS 4096u

/* A folder being read; those below it in the stack wait for it. */
struct level {
    struct plat_directory *directory;
    size_t path_size; /* of the folder's path */
    uint32_t node;
};

struct walk {
    struct image_build *b;
    int no_owner;     /* all belongs to root */
    uint64_t skipped; /* devices, fifos, sockets */
    char *path;       /* HOST_PATH_MAX: the entry being read */
    size_t path_size, root_size;
    uint8_t *buffer; /* READ_SIZE */
    struct level *levels;
    uint32_t depth, capacity;
    struct linked *linked;
    uint32_t linked_count, linked_capacity;
    uint32_t buckets[BUCKETS];
};

static struct image_bytes member(const struct walk *w)
{
    return (struct image_bytes){(const uint8_t *)w->path, w->path_size};
}

static int host_failed(struct walk *w, int err)
{
    return image_build_refuse(w->b, err, member(w), "cannot be read: %s", core_diag_strerror(err));
}

static struct image_node attributes(const struct walk *w, const struct plat_stat *st, uint32_t type)
{
    return (struct image_node){.mode = type | (st->mode & 07777),
                               .uid = w->no_owner ? 0 : st->uid,
                               .gid = w->no_owner ? 0 : st->gid,
                               .mtime_ns = st->mtime_ns};
}

/* Copy the file at w->path into the pack; it must keep its size meanwhile. */
static int add_content(struct walk *w, uint64_t size, struct image_node *node)
{
    struct plat_file *file;
    int err = image_build_count_file(w->b, member(w), size);
    if (err < 0)
        return err;
    err = plat_file_open(w->path, PLAT_FILE_READ, &file);
    if (err < 0)
        return host_failed(w, err);
    err = image_pack_begin(w->b->pack, size);
    uint64_t left = size;
    while (err == 0 && left) {
        int64_t n = plat_file_read(file, w->buffer, left < READ_SIZE ? left : READ_SIZE);
        if (n <= 0) {
            plat_file_close(file);
            return n < 0 ? host_failed(w, (int)n)
                         : image_build_refuse(w->b, -LX_EIO, member(w),
                                              "became shorter; leave it alone during the import");
        }
        err = image_pack_append(w->b->pack, w->buffer, (uint64_t)n);
        left -= (uint64_t)n;
    }
    plat_file_close(file);
    if (err == 0)
        err = image_build_content(w->b, node);
    return err < 0 ? image_build_failed(w->b, err) : 0;
}

static uint32_t *find_linked(struct walk *w, const struct plat_stat *st, uint32_t **bucket)
{
    *bucket = &w->buckets[(st->id ^ st->device) % BUCKETS];
    for (uint32_t i = **bucket; i; i = w->linked[i - 1].next)
        if (w->linked[i - 1].id == st->id && w->linked[i - 1].device == st->device)
            return &w->linked[i - 1].node;
    return NULL;
}

static int remember_linked(struct walk *w, const struct plat_stat *st, uint32_t node,
                           uint32_t *bucket)
{
    if (w->linked_count == w->linked_capacity) {
        uint32_t capacity = w->linked_capacity * 2 + 64;
        struct linked *larger = realloc(w->linked, capacity * sizeof *larger);
        if (!larger)
            return -LX_ENOMEM;
        w->linked = larger;
        w->linked_capacity = capacity;
    }
    w->linked[w->linked_count] = (struct linked){st->device, st->id, node, *bucket};
    *bucket = ++w->linked_count;
    return 0;
}

static int add_regular(struct walk *w, const struct plat_stat *st, uint32_t *node)
{
    uint32_t *bucket = NULL;
    if (st->nlink > 1) {
        uint32_t *known = find_linked(w, st, &bucket);
        if (known) {
            *node = *known;
            return 0;
        }
    }
    struct image_node n = attributes(w, st, LX_S_IFREG);
    int err = add_content(w, st->size, &n);
    if (err < 0)
        return err;
    err = image_tree_add(&w->b->tree, &n, node);
    if (err == 0 && bucket)
        err = remember_linked(w, st, *node, bucket);
    return err < 0 ? image_build_failed(w->b, err) : 0;
}

static int add_symlink(struct walk *w, const struct plat_stat *st, uint32_t *node)
{
    char target[IMAGE_PATH_MAX];
    int64_t size = plat_path_readlink(w->path, target, sizeof target);
    if (size < 0)
        return host_failed(w, (int)size);
    struct image_node n = attributes(w, st, LX_S_IFLNK);
    n.mode = LX_S_IFLNK | 0777;
    int err = image_build_target(w->b, (struct image_bytes){(uint8_t *)target, (size_t)size}, &n);
    if (err == 0)
        err = image_tree_add(&w->b->tree, &n, node);
    return err < 0 ? image_build_member_failed(w->b, err, member(w)) : 0;
}

static int open_level(struct walk *w, uint32_t node)
{
    if (w->depth == w->capacity) {
        uint32_t capacity = w->capacity * 2 + 16;
        struct level *larger = realloc(w->levels, capacity * sizeof *larger);
        if (!larger)
            return image_build_failed(w->b, -LX_ENOMEM);
        w->levels = larger;
        w->capacity = capacity;
    }
    struct plat_directory *directory;
    int err = plat_directory_open(w->path, &directory);
    if (err < 0)
        return host_failed(w, err);
    w->levels[w->depth++] = (struct level){directory, w->path_size, node};
    return 0;
}

/* Add the host's file at w->path under `name`; a folder is opened as the next level. */
static int add_entry(struct walk *w, uint32_t dir, struct image_bytes name)
{
    struct plat_stat st;
    uint32_t node = IMAGE_NONE;
    int err = plat_path_stat(w->path, &st);
    if (err < 0)
        return host_failed(w, err);
    if (st.type == PLAT_FILE_OTHER) { /* a device, fifo or socket */
        w->skipped++;
        return 0;
    }
    err = image_build_check_kind(w->b, dir, name, st.type == PLAT_FILE_DIRECTORY, member(w));
    if (err < 0)
        return err;
    switch (st.type) {
    case PLAT_FILE_DIRECTORY: {
        struct image_node n = attributes(w, &st, LX_S_IFDIR);
        err = image_tree_directory(&w->b->tree, dir, name, &n, &node);
        return err < 0 ? image_build_failed(w->b, err) : open_level(w, node);
    }
    case PLAT_FILE_REGULAR:
        err = add_regular(w, &st, &node);
        break;
    default:
        err = add_symlink(w, &st, &node);
        break;
    }
    if (err < 0)
        return err;
    err = image_tree_link(&w->b->tree, dir, name, node);
    return err < 0 ? image_build_failed(w->b, err) : 0;
}

/* Read one entry of the innermost folder, or leave it at its end. */
static int step(struct walk *w)
{
    struct level *level = &w->levels[w->depth - 1];
    struct plat_entry entry;
    w->path_size = level->path_size;
    w->path[w->path_size] = 0;
    int more = plat_directory_next(level->directory, &entry);
    if (more < 0)
        return host_failed(w, more);
    if (more == 0) {
        plat_directory_close(level->directory);
        w->depth--;
        return 0;
    }
    const char *name = entry.name;
    size_t size = strlen(name);
    if (size > IMAGE_NAME_MAX || w->path_size + 1 + size >= HOST_PATH_MAX ||
        w->path_size + size - w->root_size >= IMAGE_PATH_MAX)
        return image_build_member_failed(w->b, -LX_ENAMETOOLONG,
                                         (struct image_bytes){(const uint8_t *)name, size});
    w->path[w->path_size++] = '/';
    memcpy(w->path + w->path_size, name, size + 1);
    w->path_size += size;
    struct image_bytes bytes = {(const uint8_t *)w->path + w->path_size - size, size};
    return add_entry(w, level->node, bytes);
}

static int start(struct image_build *b, const char *path, struct walk **out)
{
    struct walk *w = calloc(1, sizeof *w);
    *out = w;
    if (w) {
        w->b = b;
        w->path = malloc(HOST_PATH_MAX);
        w->buffer = malloc(READ_SIZE);
    }
    if (!w || !w->path || !w->buffer)
        return image_build_failed(b, -LX_ENOMEM);
    w->path_size = w->root_size = strlen(path);
    if (w->path_size >= HOST_PATH_MAX)
        return image_build_failed(b, -LX_ENAMETOOLONG);
    memcpy(w->path, path, w->path_size + 1);
    return 0;
}

static void end(struct walk *w)
{
    if (!w)
        return;
    while (w->depth)
        plat_directory_close(w->levels[--w->depth].directory);
    free(w->levels);
    free(w->linked);
    free(w->buffer);
    free(w->path);
    free(w);
}

/* The folder itself; if its path is a symbolic link, the root keeps its default attributes. */
static int add_root(struct walk *w)
{
    struct plat_stat st;
    if (plat_path_stat(w->path, &st) == 0 && st.type == PLAT_FILE_DIRECTORY) {
        struct image_node n = attributes(w, &st, LX_S_IFDIR);
        uint32_t node;
        int err = image_tree_directory(&w->b->tree, 0, (struct image_bytes){0}, &n, &node);
        if (err < 0)
            return image_build_failed(w->b, err);
    }
    return open_level(w, 0);
}

static int fill_from_folder(struct image_build *b, void *path)
{
    struct walk *w;
    int err = start(b, path, &w);
    if (err == 0)
        err = add_root(w);
    while (err == 0 && w->depth)
        err = step(w);
    end(w);
    return err;
}

int image_folder_add(struct image_build *b, const char *path, uint32_t dir, struct image_bytes name,
                     int keep_owner, uint64_t *skipped)
{
    struct walk *w;
    *skipped = 0;
    int err = start(b, path, &w);
    if (err == 0) {
        w->no_owner = !keep_owner;
        err = name.size ? add_entry(w, dir, name) : open_level(w, dir);
    }
    while (err == 0 && w->depth)
        err = step(w);
    if (w)
        *skipped = w->skipped;
    end(w);
    return err;
}

int image_import_folder(const char *path, const struct image_options *options, struct image *out,
                        struct core_diag *diag)
{
    return image_build_run(path, options, fill_from_folder, (void *)(uintptr_t)path, out, diag);
}

struct one_file {
    const char *path, *guest_path;
};

static int add_one(struct walk *w, const char *guest_path)
{
    struct image_tree *t = &w->b->tree;
    struct image_bytes path = {(const uint8_t *)guest_path, strlen(guest_path)}, name;
    const struct image_node tmp = {.mode = LX_S_IFDIR | 01777};
    uint8_t buf[IMAGE_PATH_MAX];
    uint32_t dir, node = IMAGE_NONE;
    int err =
        image_tree_directory(t, 0, (struct image_bytes){(const uint8_t *)"tmp", 3}, &tmp, &node);
    if (err == 0)
        err = image_tree_resolve(t, path, buf, &dir, &name);
    if (err == 0 && name.size == 0)
        err = -LX_EISDIR;
    if (err < 0)
        return image_build_member_failed(w->b, err, path);

    /* As open(2) does, follow a symbolic link: its name is the program's. */
    struct plat_file *file;
    struct plat_stat st = {0};
    err = plat_file_open(w->path, PLAT_FILE_READ, &file);
    if (err == 0) {
        err = plat_file_stat(file, &st);
        plat_file_close(file);
    }
    if (err < 0)
        return host_failed(w, err);
    if (st.type != PLAT_FILE_REGULAR)
        return host_failed(w, -LX_EISDIR);
    struct image_node n = attributes(w, &st, LX_S_IFREG);
    n.mode = LX_S_IFREG | 0755;
    err = add_content(w, st.size, &n);
    if (err < 0)
        return err;
    err = image_tree_add(t, &n, &node);
    if (err == 0)
        err = image_tree_link(t, dir, name, node);
    return err < 0 ? image_build_failed(w->b, err) : 0;
}

static int fill_from_file(struct image_build *b, void *arg)
{
    const struct one_file *one = arg;
    struct walk *w;
    int err = start(b, one->path, &w);
    if (err == 0)
        err = add_one(w, one->guest_path);
    end(w);
    return err;
}

int image_import_file(const char *path, const char *guest_path, const struct image_options *options,
                      struct image *out, struct core_diag *diag)
{
    struct one_file one = {path, guest_path};
    return image_build_run(path, options, fill_from_file, &one, out, diag);
}

/* SPDX-License-Identifier: MIT */
/* What all imports share: set-up, limits, messages, the end. */

#include "build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "index.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "seal.h"
#include "storage.h"

#define GIB (1ull << 30)

void image_limits_default(struct image_limits *limits)
{
    *limits = (struct image_limits){
        .entries = 10000000,
        .metadata = 2 * GIB,
        .file_size = 64 * GIB,
        .total_size = 256 * GIB,
        .ratio = 1100,
    };
}

void image_build_quote(char *to, size_t size, struct image_bytes name)
{
    size_t used = 0, i = 0;
    for (; i < name.size && used + 8 < size; i++) {
        uint8_t c = name.data[i];
        if (c >= ' ' && c < 0x7f && c != '\\')
            to[used++] = (char)c;
        else
            used += (size_t)snprintf(to + used, size - used, "\\x%02x", c);
    }
    memcpy(to + used, i < name.size ? "..." : "", i < name.size ? 4 : 1);
}

static int limit_failed(struct image_build *b)
{
    char name[IMAGE_QUOTED_SIZE];
    image_build_quote(name, sizeof name, b->member);
    return core_diag_set(b->diag, -LX_EFBIG,
                         "%s: the import stops%s%s%s at the limit on %s; if the archive is what it "
                         "should be, raise it with --max-files or --max-size, or split it",
                         b->name, *name ? " in member '" : "", name, *name ? "'" : "",
                         b->tree.limit);
}

int image_build_failed(struct image_build *b, int err)
{
    if (err == -LX_EFBIG && b->tree.limit)
        return limit_failed(b);
    if (err == -LX_ENOMEM)
        return core_diag_set(b->diag, err, "%s: the import is out of memory; close other programs",
                             b->name);
    if (err == -LX_ENOSPC)
        return core_diag_set(b->diag, err, "%s: no space for the unpacked files; free some%s",
                             b->name,
                             b->options.store ? " with 'tarbox prune', or choose another folder "
                                                "for the store with --root or TARBOX_ROOT"
                                              : " where the host keeps temporary files");
    return core_diag_set(b->diag, err, "%s: the import fails: %s", b->name,
                         core_diag_strerror(err));
}

int image_build_refuse(struct image_build *b, int err, struct image_bytes member,
                       const char *format, ...)
{
    char name[IMAGE_QUOTED_SIZE], text[400];
    image_build_quote(name, sizeof name, member);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return core_diag_set(b->diag, err, "%s: member '%s' %s", b->name, name, text);
}

int image_build_member_failed(struct image_build *b, int err, struct image_bytes member)
{
    switch (err) {
    case -LX_EINVAL:
        return image_build_refuse(b, err, member,
                                  "has a name that leaves the root or holds a zero byte; "
                                  "pack the archive without it");
    case -LX_ENAMETOOLONG:
        return image_build_refuse(b, err, member,
                                  "has a name or target longer than %u bytes, or a part of more "
                                  "than %u; rename it",
                                  IMAGE_PATH_MAX - 1, IMAGE_NAME_MAX);
    case -LX_ENOTDIR:
        return image_build_refuse(b, err, member,
                                  "lies below something that is no directory; pack the archive "
                                  "without it");
    case -LX_ELOOP:
        return image_build_refuse(b, err, member,
                                  "lies below symbolic links that never end; pack the archive "
                                  "without it");
    default:
        return image_build_failed(b, err);
    }
}

int image_build_check_kind(struct image_build *b, uint32_t dir, struct image_bytes name,
                           int is_directory, struct image_bytes member)
{
    uint32_t node = b->is_copy ? image_tree_find(&b->tree, dir, name) : IMAGE_NONE;
    if (node == IMAGE_NONE)
        return 0;
    int was_directory = (b->tree.nodes[node].mode & LX_S_IFMT) == LX_S_IFDIR;
    if (is_directory && !was_directory)
        return image_build_refuse(b, -LX_ENOTDIR, member,
                                  "is a directory, and cannot replace what the image has there");
    if (!is_directory && was_directory)
        return image_build_refuse(b, -LX_EISDIR, member,
                                  "cannot replace the directory that the image has there");
    return 0;
}

int image_build_count_file(struct image_build *b, struct image_bytes member, uint64_t size)
{
    const struct image_limits *limits = &b->options.limits;
    if (size > limits->file_size)
        return image_build_refuse(
            b, -LX_EFBIG, member,
            "has %llu bytes, over the limit on the size of a file of %llu; raise "
            "it with --max-size",
            (unsigned long long)size, (unsigned long long)limits->file_size);
    b->file_bytes += size;
    if (b->file_bytes > limits->total_size)
        return image_build_refuse(
            b, -LX_EFBIG, member,
            "exceeds the limit on the size of all files of %llu bytes; raise it "
            "with --max-size",
            (unsigned long long)limits->total_size);
    return 0;
}

int image_build_target(struct image_build *b, struct image_bytes target, struct image_node *node)
{
    if (target.size == 0 || memchr(target.data, 0, target.size))
        return -LX_EINVAL;
    if (target.size >= IMAGE_PATH_MAX)
        return -LX_ENAMETOOLONG;
    node->size = target.size;
    return image_tree_keep(&b->tree, target, &node->data);
}

int image_build_content(struct image_build *b, struct image_node *node)
{
    struct image_content content;
    int shared, err = image_pack_end(b->pack, &content, &shared);
    if (err < 0)
        return err;
    node->size = content.size;
    node->data = content.data;
    node->count = content.count;
    node->pack = content.pack;
    node->key = content.key;
    if (shared)
        b->shared_bytes += content.size;
    return 0;
}

/* ---- The files ----------------------------------------------------------- */

/* A file being written: of the store's tmp/, or one that nobody sees. */
struct output {
    struct plat_file *file;
    char path[STORAGE_PATH]; /* in tmp/ */
};

static int open_output(struct image_build *b, struct output *o)
{
    if (b->options.store)
        return storage_create(b->options.store, &o->file, o->path, b->diag);
    int err = plat_file_temporary(&o->file);
    return err < 0 ? image_build_failed(b, err) : 0;
}

/* Let go of a file that was not published. */
static void close_output(struct image_build *b, struct output *o)
{
    if (!o->file)
        return;
    plat_file_close(o->file);
    o->file = NULL;
    if (b->options.store && plat_path_remove(o->path) < 0)
        o->path[0] = 0; /* whoever locks the store next removes it */
}

/* Move a file into the store under its name. */
static int publish(struct image_build *b, struct output *o, const char *path)
{
    struct plat_file *file = o->file;
    o->file = NULL;
    return storage_publish(file, o->path, path, b->diag);
}

static void fill_stats(struct image_build *b, const struct vfs_image_header *h, struct image *out)
{
    out->stats.file_count = h->file_count;
    out->stats.directory_count = h->directory_count;
    out->stats.file_size = b->file_bytes;
    out->stats.shared_size = b->shared_bytes;
}

static int is_sound(const struct image *image)
{
    for (int i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        if (!image_section_is_sound(image, (enum vfs_image_section)i))
            return 0;
    }
    return 1;
}

/* Put the files into the store, the index last; one that is there already stays. */
static int finish_in_store(struct image_build *b, const struct image_draft *d, struct output *pack,
                           struct output *index, struct image *out)
{
    struct image_store *s = b->options.store;
    const struct image_pack_use *use = d->use;
    struct core_diag unused;
    char path[STORAGE_PATH];
    uint64_t stored = 0;
    if (use->own == UINT32_MAX && image_store_get(s, d->id, out, &unused) == 0) {
        if (is_sound(out))
            goto there;
        image_close(out);
    }
    if (use->own != UINT32_MAX) {
        storage_pack_path(s, use->packs[use->own].id, path);
        struct plat_stat st;
        int err = publish(b, pack, path);
        if (err < 0)
            return err;
        if (plat_path_stat(path, &st) == 0)
            seal_put(s, use->packs[use->own].id, &st);
        stored = use->size;
    }
    storage_image_path(s, d->id, path);
    int err = publish(b, index, path);
    if (err == 0)
        err = image_store_get(s, d->id, out, b->diag);
    if (err < 0)
        return err;
    stored += d->header.index_size;
there:
    fill_stats(b, &d->header, out);
    out->stats.stored_size = stored;
    return 0;
}

/* The image is the two files themselves. */
static int finish_in_files(struct image_build *b, const struct image_draft *d, struct output *pack,
                           struct output *index, struct image *out)
{
    int err = image_map_index(out, index->file);
    if (err < 0)
        return image_build_failed(b, err);
    index->file = NULL;
    if (d->use->own != UINT32_MAX) {
        out->packs[0] = pack->file;
        out->view.whole_packs = 1;
        pack->file = NULL;
    }
    out->id = d->id;
    fill_stats(b, &d->header, out);
    out->stats.stored_size = d->header.index_size + d->use->size;
    return 0;
}

static int finish(struct image_build *b, struct output *pack, struct image *out)
{
    struct image_pack_use use;
    struct image_draft draft = {.tree = &b->tree, .use = &use, .config = b->config};
    struct output index = {0};
    int err = image_pack_finish(b->pack, &use);
    if (err < 0)
        return image_build_failed(b, err);
    err = open_output(b, &index);
    if (err < 0)
        return err;
    err = image_index_write(&draft, index.file);
    if (err < 0)
        image_build_failed(b, err);
    else if (b->options.store)
        err = finish_in_store(b, &draft, pack, &index, out);
    else
        err = finish_in_files(b, &draft, pack, &index, out);
    close_output(b, &index);
    return err;
}

static int build(struct image_build *b, int (*fill)(struct image_build *b, void *arg), void *arg,
                 struct image *out)
{
    struct image_blobs known = {0};
    struct output pack = {0};
    int err = b->options.store ? storage_packs(b->options.store, &known, b->diag) : 0;
    if (err == 0)
        err = open_output(b, &pack);
    if (err < 0)
        goto out;
    err = image_tree_init(&b->tree, &b->options.limits);
    if (err == 0)
        err = image_pack_new(pack.file, b->options.store ? &known : NULL, &b->pack);
    if (err < 0)
        image_build_failed(b, err);
    if (err == 0)
        err = fill(b, arg);
    if (err == 0)
        err = finish(b, &pack, out);
out:
    image_pack_free(b->pack);
    image_tree_fini(&b->tree);
    close_output(b, &pack);
    image_blobs_fini(&known);
    return err;
}

int image_build_run(const char *name, const struct image_options *options,
                    int (*fill)(struct image_build *b, void *arg), void *arg, struct image *out,
                    struct core_diag *diag)
{
    struct image_build b = {.name = name, .diag = diag};
    *out = (struct image){0};
    if (options)
        b.options = *options;
    else
        image_limits_default(&b.options.limits);
    b.config = b.options.config ? b.options.config : "{}";

    struct image_store *s = b.options.store;
    int err = s ? storage_lock(s, b.options.waiting, b.options.arg, diag) : 0;
    if (err < 0)
        return err;
    err = build(&b, fill, arg, out);
    if (s)
        storage_unlock(s);
    if (err < 0)
        image_close(out);
    else if (b.options.done)
        b.options.done(b.options.arg, &out->stats);
    return err;
}

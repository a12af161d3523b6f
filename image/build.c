/* SPDX-License-Identifier: MIT */
/* What all imports share: set-up, limits, messages, the end. */

#include "build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "index.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define GIB (1ull << 30)

void image_limits_default(struct image_limits *limits)
{
    *limits = (struct image_limits){
        .entries = 4000000,
        .metadata = 2 * GIB,
        .file_size = 64 * GIB,
        .total_size = 256 * GIB,
        .ratio = 1100,
    };
}

int image_build_failed(struct image_build *b, int err)
{
    if (err == -LX_EFBIG && b->tree.limit)
        return core_diag_set(b->diag, err,
                             "%s: the import stops at the limit on %s; if the archive is what it "
                             "should be, split it",
                             b->name, b->tree.limit);
    if (err == -LX_ENOMEM)
        return core_diag_set(b->diag, err, "%s: the import is out of memory; close other programs",
                             b->name);
    if (err == -LX_ENOSPC)
        return core_diag_set(b->diag, err,
                             "%s: no space for the unpacked files; free some where the host keeps "
                             "temporary files",
                             b->name);
    return core_diag_set(b->diag, err, "%s: the import fails: %s", b->name,
                         core_diag_strerror(err));
}

/* A member's name for a message, cut to fit: what is no printable ASCII appears as \xNN. */
static void quote(char *to, size_t size, struct image_bytes name)
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

int image_build_refuse(struct image_build *b, int err, struct image_bytes member,
                       const char *format, ...)
{
    char name[400], text[400];
    quote(name, sizeof name, member);
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

int image_build_count_file(struct image_build *b, struct image_bytes member, uint64_t size)
{
    const struct image_limits *limits = &b->options.limits;
    if (size > limits->file_size)
        return image_build_refuse(b, -LX_EFBIG, member,
                                  "has %llu bytes, over the limit on the size of a file of %llu",
                                  (unsigned long long)size, (unsigned long long)limits->file_size);
    b->file_bytes += size;
    if (b->file_bytes > limits->total_size)
        return image_build_refuse(b, -LX_EFBIG, member,
                                  "exceeds the limit on the size of all files of %llu bytes",
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
    node->data = content.offset;
    node->key = content.key;
    if (shared)
        b->shared_bytes += content.size;
    return 0;
}

static int finish(struct image_build *b, struct image *out)
{
    int err = image_pack_finish(b->pack, &out->pack, &out->pack_size);
    if (err == 0)
        err = image_index_write(&b->tree, out);
    if (err < 0)
        return image_build_failed(b, err);
    out->stats.bytes = b->file_bytes;
    out->stats.shared_bytes = b->shared_bytes;
    return 0;
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

    int err = image_tree_init(&b.tree, &b.options.limits);
    if (err == 0)
        err = image_pack_new(&b.pack);
    if (err < 0)
        image_build_failed(&b, err);
    if (err == 0)
        err = fill(&b, arg);
    if (err == 0)
        err = finish(&b, out);
    if (err < 0)
        image_free(out);
    image_pack_free(b.pack);
    image_tree_fini(&b.tree);
    return err;
}

void image_free(struct image *image)
{
    if (image->pack)
        plat_file_close(image->pack);
    if (image->index)
        plat_file_close(image->index);
    *image = (struct image){0};
}

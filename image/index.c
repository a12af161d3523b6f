/* SPDX-License-Identifier: MIT */
/*
 * Inodes are numbered breadth first from the root, names in byte order, so that an
 * index does not depend on the order of the archive.  Read backwards, the same
 * order has every directory after all that is in it, which gives the keys without
 * recursion.
 */

#include "index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "pack.h"
#include "plat/plat.h"

#define BUFFER_SIZE (256u << 10)
#define SECTION_ALIGN 64u

struct index {
    struct image_tree *tree;
    struct image *out;
    uint32_t *order;   /* nodes by inode number */
    uint32_t *entries; /* the tree's entries in the order of the index */
    uint32_t inode_count, entry_count;
    XXH3_state_t *hash, *checksum;

    struct plat_file *file;
    uint8_t *buffer;
    uint64_t flushed;
    size_t used;
};

static int is_directory(const struct image_node *n)
{
    return (n->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* ---- Numbers and order --------------------------------------------------- */

struct sorted {
    const uint8_t *name;
    uint32_t name_size, entry;
};

static int compare_names(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    size_t size = x->name_size < y->name_size ? x->name_size : y->name_size;
    int order = memcmp(x->name, y->name, size);
    return order ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static void number(struct index *x, uint32_t node)
{
    struct image_node *n = &x->tree->nodes[node];
    n->number = x->inode_count;
    n->nlink = is_directory(n) ? 2 : 0;
    x->order[x->inode_count++] = node;
}

/* Number what the entry names, if it has no number yet, and count it. */
static void count_entry(struct index *x, uint32_t dir, uint32_t entry)
{
    struct image_node *parent = &x->tree->nodes[dir];
    uint32_t node = x->tree->entries[entry].node;
    struct image_node *n = &x->tree->nodes[node];
    x->entries[x->entry_count++] = entry;
    if (n->number == IMAGE_NONE)
        number(x, node);
    if (is_directory(n)) {
        parent->nlink++;
        x->out->stats.directories++;
        return;
    }
    n->nlink++;
    x->out->stats.files++;
}

/* Sort a directory's entries and number what they name; `names` has room for all entries. */
static void add_directory(struct index *x, uint32_t dir, struct sorted *names)
{
    struct image_tree *t = x->tree;
    uint32_t count = 0;
    for (uint32_t i = t->nodes[dir].children; i != IMAGE_NONE; i = t->entries[i].sibling) {
        const struct image_entry *e = &t->entries[i];
        names[count++] = (struct sorted){t->names + e->name, e->name_size, i};
    }
    if (count)
        qsort(names, count, sizeof *names, compare_names);
    t->nodes[dir].first = x->entry_count;
    t->nodes[dir].count = count;
    for (uint32_t i = 0; i < count; i++)
        count_entry(x, dir, names[i].entry);
}

static int sort_tree(struct index *x)
{
    struct image_tree *t = x->tree;
    x->order = malloc(t->node_count * sizeof *x->order);
    x->entries = malloc((t->entry_count + 1) * sizeof *x->entries);
    struct sorted *names = malloc((t->entry_count + 1) * sizeof *names);
    if (x->order && x->entries && names) {
        number(x, 0);
        for (uint32_t i = 0; i < x->inode_count; i++)
            if (is_directory(&t->nodes[x->order[i]]))
                add_directory(x, x->order[i], names);
    }
    free(names);
    return x->order && x->entries && names ? 0 : -LX_ENOMEM;
}

/* ---- Keys ---------------------------------------------------------------- */

static void hash_bytes(struct index *x, const void *data, size_t size)
{
    XXH3_128bits_update(x->hash, data, size);
}

static struct vfs_image_key digest(struct index *x)
{
    XXH128_hash_t h = XXH3_128bits_digest(x->hash);
    return (struct vfs_image_key){h.low64, h.high64};
}

/* Bytes of all of an inode's records of extended attributes. */
static size_t xattrs_size(const struct image_tree *t, const struct image_node *n)
{
    if (!n->xattrs)
        return 0;
    const uint8_t *records = t->xattrs + n->xattrs - 1;
    size_t size = 0;
    struct vfs_image_xattr head;
    do {
        memcpy(&head, records + size, sizeof head);
        size += (sizeof head + head.name_size + head.value_size + 7) & ~(size_t)7;
    } while (head.more);
    return size;
}

/* One record of a canonical listing; see docs/store-format.md. */
static void hash_record(struct index *x, struct image_bytes name, const struct image_node *n)
{
    struct {
        uint32_t name_size, mode, uid, gid;
        int64_t mtime_ns;
        uint64_t size;
        struct vfs_image_key key;
        uint32_t rdev, xattrs_size;
    } record = {.name_size = (uint32_t)name.size,
                .mode = n->mode,
                .uid = n->uid,
                .gid = n->gid,
                .mtime_ns = n->mtime_ns,
                .size = n->size,
                .key = n->key,
                .rdev = n->rdev,
                .xattrs_size = (uint32_t)xattrs_size(x->tree, n)};
    _Static_assert(sizeof record == 56, "the record has no padding");
    hash_bytes(x, &record, sizeof record);
    hash_bytes(x, name.data, name.size);
    if (record.xattrs_size)
        hash_bytes(x, x->tree->xattrs + n->xattrs - 1, record.xattrs_size);
    if ((n->mode & LX_S_IFMT) == LX_S_IFLNK)
        hash_bytes(x, x->tree->names + n->data, n->size);
}

static void hash_directory(struct index *x, struct image_node *dir)
{
    struct image_tree *t = x->tree;
    XXH3_128bits_reset(x->hash);
    for (uint32_t i = 0; i < dir->count; i++) {
        const struct image_entry *e = &t->entries[x->entries[dir->first + i]];
        hash_record(x, (struct image_bytes){t->names + e->name, e->name_size}, &t->nodes[e->node]);
    }
    dir->key = digest(x);
}

/* Keys of all directories, deepest first, and the tree's: the root and who shares an inode. */
static void hash_tree(struct index *x)
{
    struct image_tree *t = x->tree;
    for (uint32_t i = x->inode_count; i-- > 0;)
        if (is_directory(&t->nodes[x->order[i]]))
            hash_directory(x, &t->nodes[x->order[i]]);

    XXH3_128bits_reset(x->hash);
    hash_record(x, (struct image_bytes){(const uint8_t *)"", 0}, &t->nodes[0]);
    for (uint32_t i = 0; i < x->entry_count; i++) {
        const struct image_node *n = &t->nodes[t->entries[x->entries[i]].node];
        if (is_directory(n) || n->nlink == 1)
            continue;
        uint32_t link[2] = {i, n->number};
        hash_bytes(x, link, sizeof link);
    }
    struct vfs_image_key key = digest(x);
    x->out->tree[0] = key.low;
    x->out->tree[1] = key.high;
}

/* ---- Writing ------------------------------------------------------------- */

static int flush(struct index *x)
{
    int err = image_file_write(x->file, x->buffer, x->used, x->flushed);
    x->flushed += x->used;
    x->used = 0;
    return err;
}

static int put(struct index *x, const void *data, uint64_t size)
{
    const uint8_t *from = data;
    while (size) {
        if (x->used == BUFFER_SIZE) {
            int err = flush(x);
            if (err < 0)
                return err;
        }
        size_t room = BUFFER_SIZE - x->used, part = size < room ? (size_t)size : room;
        XXH3_64bits_update(x->checksum, from, part);
        memcpy(x->buffer + x->used, from, part);
        x->used += part;
        from += part;
        size -= part;
    }
    return 0;
}

static int put_align(struct index *x)
{
    static const uint8_t zeros[SECTION_ALIGN];
    return put(x, zeros, -(x->flushed + x->used) & (SECTION_ALIGN - 1));
}

static int put_inodes(struct index *x)
{
    const struct image_tree *t = x->tree;
    for (uint32_t i = 0; i < x->inode_count; i++) {
        const struct image_node *n = &t->nodes[x->order[i]];
        struct vfs_image_inode inode = {
            .mode = n->mode,
            .uid = n->uid,
            .gid = n->gid,
            .nlink = n->nlink,
            .mtime_ns = n->mtime_ns,
            .size = n->size,
            .data = is_directory(n) ? n->first : n->data,
            .count = n->count,
            .parent = is_directory(n) ? t->nodes[n->parent].number : 0,
            .rdev = n->rdev,
            .xattrs = n->xattrs,
            .key = n->key,
        };
        int err = put(x, &inode, sizeof inode);
        if (err < 0)
            return err;
    }
    return 0;
}

static int put_entries(struct index *x)
{
    const struct image_tree *t = x->tree;
    for (uint32_t i = 0; i < x->entry_count; i++) {
        const struct image_entry *e = &t->entries[x->entries[i]];
        const struct image_node *n = &t->nodes[e->node];
        struct vfs_image_entry entry = {
            .name = e->name,
            .name_size = (uint16_t)e->name_size,
            .type = (uint8_t)((n->mode & LX_S_IFMT) >> 12),
            .inode = n->number,
        };
        int err = put(x, &entry, sizeof entry);
        if (err < 0)
            return err;
    }
    return 0;
}

static int put_section(struct index *x, enum vfs_image_section which, struct vfs_image_range *range)
{
    int err = put_align(x);
    if (err < 0)
        return err;
    range->offset = x->flushed + x->used;
    XXH3_64bits_reset(x->checksum);
    switch (which) {
    case VFS_IMAGE_INODES:
        err = put_inodes(x);
        break;
    case VFS_IMAGE_ENTRIES:
        err = put_entries(x);
        break;
    case VFS_IMAGE_NAMES:
        err = put(x, x->tree->names, x->tree->names_size);
        break;
    default:
        err = put(x, x->tree->xattrs, x->tree->xattrs_size);
        break;
    }
    range->size = x->flushed + x->used - range->offset;
    range->checksum = XXH3_64bits_digest(x->checksum);
    return err;
}

static int write_index(struct index *x)
{
    struct vfs_image_header header = {
        .magic = VFS_IMAGE_MAGIC,
        .version = VFS_IMAGE_VERSION,
        .header_size = sizeof header,
        .pack_size = x->out->pack_size,
        .tree = {x->out->tree[0], x->out->tree[1]},
    };
    XXH3_64bits_reset(x->checksum);
    int err = put(x, &header, sizeof header); /* its place; the real one comes last */
    for (int i = 0; i < VFS_IMAGE_SECTIONS && err == 0; i++)
        err = put_section(x, (enum vfs_image_section)i, &header.sections[i]);
    if (err == 0)
        err = flush(x);
    if (err < 0)
        return err;
    header.index_size = x->flushed;
    header.checksum = XXH3_64bits(&header, offsetof(struct vfs_image_header, checksum));
    return image_file_write(x->file, &header, sizeof header, 0);
}

int image_index_write(struct image_tree *tree, struct image *out)
{
    struct index x = {.tree = tree, .out = out};
    x.buffer = malloc(BUFFER_SIZE);
    x.hash = XXH3_createState();
    x.checksum = XXH3_createState();
    int err = -LX_ENOMEM;
    if (x.buffer && x.hash && x.checksum)
        err = sort_tree(&x);
    if (err == 0) {
        out->stats.directories++; /* the root, which has no entry */
        hash_tree(&x);
        err = plat_file_temporary(&x.file);
    }
    if (err == 0)
        err = write_index(&x);
    if (err == 0) {
        out->index = x.file;
        out->index_size = x.flushed;
    } else if (x.file) {
        plat_file_close(x.file);
    }
    XXH3_freeState(x.checksum);
    XXH3_freeState(x.hash);
    free(x.buffer);
    free(x.entries);
    free(x.order);
    return err;
}
